"""Two servers of one journal, as behind a balancer: what one began, the other goes on with."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult, InputResponses

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Answer, Assistant, Json, handle_of
from tests.fixtures.hosts import child_environment, serving_http
from tests.fixtures.person import YES, Person
from tests.fixtures.postgres import Cluster

pytestmark = pytest.mark.anyio
READING_SECONDS = 1.1
"""An answer that comes sooner is taken for the host's own."""


@dataclass
class Replicas:
    """Two servers, each at its address, of one account and one journal."""

    world: ServedSandbox
    addresses: tuple[str, str]

    async def wish(self, assistant: Assistant) -> Json:
        """The arguments of an order of something that is held now."""
        offer = handle_of(self.world.sandbox, "park_offer")
        held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
        ids = [held["reservations"][0]["reservation_id"]]
        return {"reservation_ids": ids, "customer": CUSTOMER}


@asynccontextmanager
async def replicas(folder: Path, database: str, **given: str) -> AsyncIterator[Replicas]:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world, AsyncExitStack() as stack:
        only = alias_of(world.sandbox.landmarks["park_catalog"])
        own = child_environment(folder, DATABASE_URL=database, CATALOGS=only, **given)
        environment = {**own, **world.environment}
        one, other = [await stack.enter_async_context(serving_http(environment)) for _ in range(2)]
        yield Replicas(world, (one, other))


async def _repeated(
    client: Client, *, wish: Json, answers: InputResponses, state: str | None
) -> Answer:
    """What the call is answered once it is repeated with the answers to its question."""
    call = client.session.call_tool
    return Answer(await call("place_order", wish, input_responses=answers, request_state=state))


async def asked_at_one_and_answered_at_the_other(folder: Path, database: str) -> None:
    async with replicas(folder, database) as pair:
        where, other = pair.addresses
        nobody = Person(answers=[YES])
        async with (
            Client(where, elicitation_callback=nobody) as at_one,
            Client(other, elicitation_callback=nobody) as at_other,
        ):
            wish = await pair.wish(Assistant(at_one))
            asked = await at_one.session.call_tool("place_order", wish, allow_input_required=True)
            assert isinstance(asked, InputRequiredResult)
            await anyio.sleep(READING_SECONDS)
            (key,) = list(asked.input_requests or {})
            repeated = partial(_repeated, wish=wish, answers={key: YES}, state=asked.request_state)
            ordered = await repeated(at_other)
            assert ordered.data["state"] == "ordered"
            again = await repeated(at_one)
            assert again.data["state"] == "ordered"
            assert again.data["replayed"]
            assert again.data["orders"] == ordered.data["orders"]
        assert len(pair.world.sandbox.orders()) == 1
        assert not nobody.questions


async def test_a_question_of_one_replica_is_answered_at_another(
    tmp_path: Path, postgres: Cluster
) -> None:
    await asked_at_one_and_answered_at_the_other(tmp_path, postgres.new_database())


async def test_so_it_is_with_servers_of_one_file(tmp_path: Path) -> None:
    await asked_at_one_and_answered_at_the_other(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}")


async def test_a_confirmation_of_one_replica_is_used_at_another_in_both_eras(
    tmp_path: Path, postgres: Cluster
) -> None:
    async with replicas(tmp_path, postgres.new_database()) as pair:
        one, other = pair.addresses
        async with Client(one, mode="legacy") as at_one, Client(other) as at_other:
            for first, second in ((at_one, at_other), (at_other, at_one)):
                wish = await pair.wish(Assistant(first))
                summary = await Assistant(first).call("place_order", **wish)
                confirmed = {**wish, "confirmation": summary["confirmation"]}
                made = await Assistant(second).call("place_order", **confirmed)
                assert made["state"] == "ordered"
                again = await Assistant(first).call("place_order", **confirmed)
                assert again["orders"] == made["orders"]
        assert len(pair.world.sandbox.orders()) == 2


async def test_a_question_within_a_session_orders_once_for_both_replicas(
    tmp_path: Path, postgres: Cluster
) -> None:
    async def agrees(context: object, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep(READING_SECONDS)
        return YES

    async with replicas(tmp_path, postgres.new_database()) as pair:
        one, other = pair.addresses
        async with (
            Client(one, mode="legacy", elicitation_callback=agrees) as at_one,
            Client(other, mode="legacy") as at_other,
        ):
            wish = await pair.wish(Assistant(at_one))
            made = await Assistant(at_one).call("place_order", **wish)
            again = await Assistant(at_other).call("place_order", **wish)
            assert made["state"] == "ordered"
            assert (again["orders"], again["replayed"]) == (made["orders"], True)
        assert len(pair.world.sandbox.orders()) == 1
