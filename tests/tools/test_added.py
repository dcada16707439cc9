"""What hosts add to a call is no argument; what a model adds is refused, with the nearest name."""

import pytest

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.tools.added import ADDED, without_added
from tests.fixtures.assistant import Desk, Json, desk, settings_of
from tests.tools.samples import AN_ID, ARGUMENTS

pytestmark = pytest.mark.anyio
BY_N8N = {"toolCallId": "call_1", "sessionId": "s1", "action": "sendMessage", "chatInput": "hi"}
SENT: dict[str, Json] = {
    "Gemini CLI": {"wait_for_previous": True},
    "n8n, MCP Client Tool": BY_N8N,
}
"""Host -> what it adds to a call, as its own models' calls were seen."""


def test_the_table_names_what_each_host_adds_and_where_that_can_be_read() -> None:
    assert {each.host: each.names for each in ADDED} == {
        host: frozenset(added) for host, added in SENT.items()
    }
    for each in ADDED:
        assert each.versions
        assert each.source
        assert not any(each.names & set(ARGUMENTS[tool]) for tool in ALL_TOOLS)


@pytest.mark.parametrize("host", SENT)
@pytest.mark.parametrize("tool", ALL_TOOLS)
async def test_what_a_host_adds_changes_no_answer(tool: str, host: str, cold: Desk) -> None:
    wrong = {**ARGUMENTS[tool], "no_such": 1}
    plain = await cold.ask(tool, wrong)
    added = await cold.ask(tool, {**wrong, **SENT[host]})
    assert "no_such" in plain.fields
    assert added.error == plain.error


async def test_a_host_that_adds_to_every_call_books_once(desk: Desk) -> None:
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    held = []
    for number, added in enumerate(SENT.values()):
        call = {**added, "toolCallId": f"call_{number}"}
        held.append(await desk.call("reserve", items=items, **call))
    first, second = (each["reservations"][0]["reservation_id"] for each in held)
    assert first == second
    assert desk.sent("createReservations") == 1


async def test_a_call_that_is_repeated_with_another_number_is_the_same_call() -> None:
    """Hosts repeat a call they gave up; it does not count against the calls of a minute."""
    async with desk(settings_of(CALLS_PER_MINUTE="1"), only=("park",)) as each:
        items = [{"offer_id": each.handle("park_offer"), "quantity": 1}]
        for number in range(8):
            await each.call("reserve", items=items, toolCallId=f"call_{number}")
            each.clock.advance(5)
        assert each.sent("createReservations") == 1
        assert (await each.ask("search_products", {"toolCallId": "call_8"})).code == "SERVER_BUSY"


@pytest.mark.parametrize("name", sorted(name for added in SENT.values() for name in added))
async def test_within_an_object_nothing_is_dropped(name: str, cold: Desk) -> None:
    item = {**ARGUMENTS["reserve"]["items"][0], name: "x"}
    assert set((await cold.ask("reserve", {"items": [item]})).fields) == {f"items.0.{name}"}


def test_a_session_that_a_model_misspells_is_not_the_hosts() -> None:
    """A map for the whole day would answer a question that was not asked."""
    own = set(ARGUMENTS["get_seat_map"])
    asked = {"product_base_id": "k3f7qa.1", "sessionId": AN_ID}
    assert without_added(asked, own) == asked
    assert without_added({**asked, **BY_N8N}, own) == {"product_base_id": "k3f7qa.1"}
    assert without_added(asked, {"query"}) == {"product_base_id": "k3f7qa.1"}


async def test_a_misspelled_argument_is_told_its_nearest_name(cold: Desk) -> None:
    for tool, wrong, near in (
        ("get_seat_map", "sessionId", "session_id"),
        ("get_offers", "productBaseId", "product_base_id"),
        ("place_order", "reservation_id", "reservation_ids"),
        ("search_products", "querry", "query"),
    ):
        answer = await cold.ask(tool, {**ARGUMENTS[tool], wrong: "x"})
        assert answer.fields[wrong] == f"unknown argument; did you mean {near}?"
