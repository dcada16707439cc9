"""The keys of a provider: read once for all who wait, renewed, and kept while it is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from korus_mcp.access import keys
from korus_mcp.access.keys import KeySet, ProviderDown, SigningKeys, UnknownKey
from korus_mcp.foundation.clock import ManualClock
from tests.fixtures.provider import FakeProvider, listed

pytestmark = pytest.mark.anyio


class World:
    """A provider that answers when it is let, and the keys as a server keeps them."""

    def __init__(self, provider: FakeProvider, kept: SigningKeys, clock: ManualClock) -> None:
        self.provider, self.kept, self.clock = provider, kept, clock

    async def knows(self, name: str | None, algorithm: str = "RS256") -> bool:
        try:
            return (await self.kept.of(name, algorithm)).algorithm_name == algorithm
        except UnknownKey:
            return False


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    provider, clock = FakeProvider(), ManualClock()

    async def read() -> KeySet:
        provider.looks += 1
        await anyio.lowlevel.checkpoint()
        if provider.is_down:
            raise ProviderDown("away")
        return provider.key_set()

    async with anyio.create_task_group() as tasks:
        yield World(provider, SigningKeys(read, clock, tasks), clock)
        tasks.cancel_scope.cancel()


async def test_a_thousand_calls_at_once_ask_once() -> None:
    async with world() as here, anyio.create_task_group() as calls:
        for _ in range(1000):
            calls.start_soon(here.knows, "one")
    assert here.provider.looks == 1


async def test_a_thousand_calls_with_a_new_key_ask_once_more() -> None:
    async with world() as here:
        assert await here.knows("one")
        here.provider.names = ["two"]
        async with anyio.create_task_group() as calls:
            for _ in range(1000):
                calls.start_soon(here.knows, "two")
        assert await here.knows("two")
        assert here.provider.looks == 2
        assert not await here.knows("one")  # the provider took it back


async def test_tokens_that_name_keys_by_the_hundred_do_not_reach_the_provider() -> None:
    async with world() as here:
        assert await here.knows("one")
        for number in range(300):
            assert not await here.knows(f"made-up-{number}")
        assert here.provider.looks == keys.MOST_LOOKS
        here.clock.advance(keys.LOOKS_SECONDS)
        here.provider.names = ["one", "two"]
        assert await here.knows("two")


async def test_a_caller_who_leaves_stops_the_look_for_nobody() -> None:
    async with world() as here, anyio.create_task_group() as calls:
        with anyio.CancelScope() as leaver:
            leaver.cancel()
            await here.knows("one")
        calls.start_soon(here.knows, "one")
    assert here.provider.looks == 1


async def test_known_keys_are_good_while_the_provider_is_away() -> None:
    async with world() as here:
        assert await here.knows("one")
        here.provider.is_down = True
        for _ in range(20):
            here.clock.advance(keys.FRESH_SECONDS)
            assert await here.knows("one")
            await anyio.wait_all_tasks_blocked()
        assert here.provider.looks > 2


async def test_old_keys_are_renewed_beside_the_calls() -> None:
    async with world() as here:
        assert await here.knows("one")
        here.provider.names = ["two"]
        here.clock.advance(keys.FRESH_SECONDS + 1)
        assert await here.knows("one")  # nobody waits for the look
        await anyio.wait_all_tasks_blocked()
        assert here.provider.looks == 2
        assert not await here.knows("one")


async def test_a_provider_that_was_never_reached_is_no_fault_of_a_token() -> None:
    async with world() as here:
        here.provider.is_down = True
        for _ in range(50):
            with pytest.raises(ProviderDown):
                await here.kept.of("one", "RS256")
        assert here.provider.looks == keys.MOST_LOOKS
        here.provider.is_down = False
        here.clock.advance(keys.LOOKS_SECONDS)
        assert await here.knows("one")


async def test_a_token_without_a_name_means_the_only_key_for_signing() -> None:
    async with world() as here:
        here.provider.extra = [listed("box", use="enc")]
        assert await here.knows(None)
        here.provider.names = ["one", "two"]
        here.clock.advance(keys.FRESH_SECONDS + 1)
        await here.knows("two")
        await anyio.wait_all_tasks_blocked()
        assert not await here.knows(None)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (listed("named", alg="RS256"), "RS384"),
        (listed("named"), "ES256"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "named"}, "RS256"),
        ({"kty": "RSA", "kid": "named", "n": "@"}, "RS256"),
        ({"kid": "named"}, "RS256"),
    ],
)
async def test_a_key_is_for_its_own_algorithm(key: dict[str, str], algorithm: str) -> None:
    async with world() as here:
        here.provider.extra = [key]
        assert not await here.knows("named", algorithm)
        assert await here.knows("one")
