"""What has to work behind each proxy, in both eras; a cell that does not says why."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

import anyio
import httpx
from mcp_types import ElicitRequestParams, ElicitResult

from korus_mcp.sandbox import Delay
from tests.fixtures.assistant import Assistant, Json
from tests.fixtures.hosts import INITIALIZE
from tests.fixtures.person import YES
from tests.fixtures.replicas import Replica
from tests.proxies.recipes import NAME
from tests.proxies.stage import Stage

READING_SECONDS: Final = 1.2
"""An answer that comes sooner is taken for the host's own."""
UNDER_WAY_SECONDS: Final = 4.0
"""How long an issuer takes while a client leaves or a server is killed."""
CLIENTS: Final = 4
CALLS: Final = 5
PATIENCE_SECONDS: Final = 90
_OPENING = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
_BODY_TOO_LARGE: Final = b" " * (5 * 2**20)


async def public_name(stage: Stage, mode: str, slow: float) -> None:
    """The listed name is answered and another one is not; a body of 5 MiB is too large."""
    del slow
    async with stage.client(mode) as assistant:
        assert (await assistant.client.list_tools()).tools
    accepted = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(timeout=20) as raw:
        foreign = {**accepted, "Host": "evil.example"}
        refused = await raw.post(stage.address, json=_OPENING, headers=foreign)
        # Caddy serves only the site it was given: an empty answer.
        assert refused.status_code in (404, 421) or not refused.content, refused.status_code
        ours = {**accepted, "Host": NAME, "Content-Type": "application/json"}
        large = await raw.post(stage.address, content=_BODY_TOO_LARGE, headers=ours)
        assert large.status_code == 413, large.status_code


async def two_servers(stage: Stage, mode: str, slow: float) -> None:
    """Several clients at once, on both servers; what one held another one orders."""
    del slow
    used: set[int] = set()
    # They are all one person's: of two equal calls at once the second gets what the first holds,
    # and an order of the same that is under way stands in the way of another one.
    in_turn = anyio.Lock()

    async def look() -> None:
        # A proxy may open a connection for each request, so it takes more than one look.
        while len(used) < len(stage.replicas):
            used.update(replica.port for replica in stage.replicas if replica.callers)
            await anyio.sleep(0.002)

    async def one() -> None:
        async with stage.client(mode) as assistant:
            async with in_turn:
                wish = await stage.wish(assistant)
            for _ in range(CALLS):
                assert (await assistant.call("search_products"))["shown"]
            async with in_turn, stage.client(mode) as other:
                await _ordered(stage, other, wish)

    async with anyio.create_task_group() as looking:
        looking.start_soon(look)
        async with anyio.create_task_group() as clients:
            for _ in range(CLIENTS):
                clients.start_soon(one)
        looking.cancel_scope.cancel()
    assert len(used) == len(stage.replicas), "one server does it all"


async def question(stage: Stage, mode: str, slow: float) -> None:
    """A person is asked through the proxy, and their yes orders, whichever server has it."""
    del slow
    asked = 0

    async def agrees(context: object, params: ElicitRequestParams) -> ElicitResult:
        nonlocal asked
        asked += 1
        await anyio.sleep(READING_SECONDS)
        return YES

    for _ in range(CLIENTS):
        async with stage.client(mode, elicitation_callback=agrees) as assistant:
            wish = await stage.wish(assistant, confirmed=False)
            assert stage.heard(wish, await assistant.call("place_order", **wish)) == "ordered"
    assert asked == CLIENTS


async def slow_order(stage: Stage, mode: str, slow: float) -> None:
    """An issuer that takes long: progress comes while the call waits, then an answer."""
    told: list[str | None] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        told.append(message)

    async with stage.client(mode) as assistant:
        wish = await stage.wish(assistant)
        stage.world.sandbox.faults.add(Delay(seconds=slow), "createOrders")
        is_answered = False

        async def order() -> None:
            nonlocal is_answered
            answer = await assistant.ask("place_order", wish, progress_callback=hear)
            is_answered = True
            assert stage.heard(wish, answer.data) in ("ordered", "in_doubt")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(order)
            await _struck(stage)
            assert told, "no progress while the issuer works"
            assert not is_answered
        await _ordered(stage, assistant, wish)


async def client_that_leaves(stage: Stage, mode: str, slow: float) -> None:
    """Who asks again after leaving in the middle of an order is told of that order."""
    del slow
    async with stage.client(mode) as assistant:
        wish = await stage.wish(assistant)
        stage.world.sandbox.faults.add(Delay(seconds=UNDER_WAY_SECONDS), "createOrders")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_given_up, assistant, wish)
            await _struck(stage)
            tasks.cancel_scope.cancel()
    async with stage.client(mode) as again:
        await _ordered(stage, again, wish)


async def server_killed(stage: Stage, mode: str, slow: float) -> None:
    """A server is killed in the middle of an order: the same call at the other one finds it."""
    del slow
    port = int(stage.world.api_url.rsplit(":", 1)[1])
    async with stage.client(mode) as assistant:
        wish = await stage.wish(assistant)
    before = [replica.connections_to(port) for replica in stage.replicas]
    stage.world.sandbox.faults.add(Delay(seconds=UNDER_WAY_SECONDS), "createOrders")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_whatever_comes, stage, mode, wish)
        await _struck(stage)
        fresh = [
            len(replica.connections_to(port) - had)
            for replica, had in zip(stage.replicas, before, strict=True)
        ]
        victim: Replica = stage.replicas[0 if fresh[0] > fresh[1] else 1]
        await victim.kill()
        with anyio.move_on_after(2 * UNDER_WAY_SECONDS):
            await anyio.sleep_forever()
        tasks.cancel_scope.cancel()  # a client of 2025 may wait for ever for a stream that was cut
    try:
        await _found(stage, mode, wish)
    finally:
        await victim.start()
    await _both_answer(stage, mode)


async def sent_once(stage: Stage, mode: str, slow: float) -> None:
    """A server takes a request and breaks: the other one is not sent it, and nobody twice."""
    del slow
    names = [f"call-{number}" for number in range(3 * CLIENTS)]
    answered = 0
    async with stage.breaking() as taken, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as raw:
        for name in names:
            headers = {"Host": NAME, "X-Name": name, "Accept": "application/json"}
            if mode == "auto":
                headers["MCP-Protocol-Version"] = "2026-07-28"
            with suppress(httpx.TransportError):
                answer = await raw.post(stage.address, json=_OPENING, headers=headers)
                answered += answer.status_code == 200
    await _both_answer(stage, mode)
    assert 0 < answered < len(names), f"{answered} of {len(names)} were answered"
    assert not [name for name, times in taken.items() if times > 1], taken


async def _struck(stage: Stage) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while stage.world.sandbox.faults.rules:  # noqa: ASYNC110 - the sandbox tells nobody
            await anyio.sleep(0.01)


async def _ordered(stage: Stage, assistant: Assistant, wish: Json) -> None:
    """Make the same call until the order is there."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while True:
            if stage.heard(wish, await assistant.call("place_order", **wish)) == "ordered":
                return
            await anyio.sleep(1)


async def _given_up(assistant: Assistant, wish: Json) -> None:
    await assistant.ask("place_order", wish)


async def _whatever_comes(stage: Stage, mode: str, wish: Json) -> None:
    """The call whose server dies: an error of some kind, or an answer."""
    try:
        async with stage.client(mode) as assistant:
            await assistant.ask("place_order", wish)
    except Exception:  # noqa: BLE001 - which one differs by client and proxy; what counts comes after
        return


async def _found(stage: Stage, mode: str, wish: Json) -> None:
    """Ask as a client that begins anew each time, until the order is there."""
    last: Exception | None = None
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            try:
                async with stage.client(mode) as assistant:
                    told = await assistant.call("place_order", **wish)
                if stage.heard(wish, told) == "ordered":
                    return
            except Exception as error:  # noqa: BLE001 - kept, and told if it stays so
                last = error
            await anyio.sleep(1)
    raise AssertionError("the order was not found again") from last


async def _both_answer(stage: Stage, mode: str) -> None:
    """Wait until the proxy sends to the server that is back."""
    with anyio.fail_after(PATIENCE_SECONDS):
        successes = 0
        while successes < CLIENTS:
            try:
                async with stage.client(mode) as assistant:
                    await assistant.client.list_tools()
                successes += 1
            except Exception:  # noqa: BLE001 - it may still count as down
                successes = 0
                await anyio.sleep(0.5)


Cell: TypeAlias = Callable[[Stage, str, float], Awaitable[None]]
CELLS: Final[Mapping[str, Cell]] = {
    "public name, 413": public_name,
    "two servers": two_servers,
    "question to a person": question,
    "slow order with progress": slow_order,
    "client that leaves": client_that_leaves,
    "server killed in the call": server_killed,
    "a call is sent once": sent_once,
}
