"""Links as blocks of their own: for hosts with pages, and where the operator wants them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fixtures.assistant import APPS, ERAS, Answer, Desk, compact, desk, settings_of

pytestmark = pytest.mark.anyio
SHOWS_PAGES: dict[str, Any] = {"extensions": [APPS]}


def kinds(answer: Answer) -> list[str]:
    return [block.type for block in answer.result.content]


async def both(shop: Desk) -> tuple[Answer, Answer]:
    """A seat map and tickets: all answers that know of files."""
    order = await shop.booked(shop.handle("park_offer"))
    tickets = await shop.ask("get_tickets", {"order_id": order["order_id"]})
    wish = {"product_base_id": shop.handle("hall_base"), "picture": True}
    drawn = await shop.ask("get_seat_map", wish)
    assert drawn.data["zones"]
    assert tickets.data["documents"]
    return drawn, tickets


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(mode=request.param, only=("park", "hall")) as opened:
        yield opened


async def test_a_map_without_a_picture_does_not_pay_for_its_address(shop: Desk) -> None:
    wish = {"product_base_id": shop.handle("hall_base")}
    assert "korus://" not in (await shop.ask("get_seat_map", wish)).wire


async def test_a_host_that_does_not_say_that_it_shows_pages_is_sent_no_link(shop: Desk) -> None:
    drawn, tickets = await both(shop)
    assert (kinds(drawn), kinds(tickets)) == (["text", "image"], ["text"])
    for half in (drawn.text, compact(drawn.structure)):
        assert drawn.drawn_at in half
    (document,) = tickets.data["documents"]
    assert document["uri"] in tickets.text
    # To save is named first: most hosts let no model read an address.
    offered = tickets.data["next"]
    assert 0 < offered.index("save: true") < offered.index("address")


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("links", "client", "is_sent"),
    [
        ("auto", SHOWS_PAGES, True),
        ("on", SHOWS_PAGES, True),
        ("on", {}, True),
        ("off", SHOWS_PAGES, False),
    ],
)
async def test_a_link_is_for_hosts_with_pages_and_as_the_operator_says(
    links: str, client: dict[str, Any], is_sent: bool, mode: str
) -> None:
    settings = settings_of(MCP_LINKS=links)
    async with desk(settings, mode=mode, only=("park", "hall"), **client) as shop:
        drawn, tickets = await both(shop)
    sent = ["text", *["resource_link"] * is_sent]
    assert (kinds(drawn), kinds(tickets)) == ([*sent, "image"], sent)
    assert ("As SVG" in drawn.text) == (not is_sent)
    if is_sent:
        (link, file) = (answer.result.content[1].model_dump() for answer in (drawn, tickets))
        assert (link["name"], link["mime_type"]) == ("seat-map.svg", "image/svg+xml")
        assert file["uri"] == tickets.data["documents"][0]["uri"]
