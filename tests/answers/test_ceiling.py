"""No result is longer than hosts show whole, text and structure together; the rest can be seen."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from korus_mcp.answers.ceiling import CEILING, characters, most_that_fit
from korus_mcp.answers.views import CUT_SHORT
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import build_server
from korus_mcp.tools.get_tickets import DOCUMENTED_PAGE
from tests.fixtures.assistant import (
    CUSTOMER,
    ERAS,
    SEED,
    Answer,
    Desk,
    Json,
    compact,
    settings_of,
)
from tests.fixtures.tokens import counted
from tests.test_outputs import Change, Planted, in_prose

pytestmark = pytest.mark.anyio
RICH: Final = {
    "MAX_ORDER_AMOUNT": "1000000",
    "MAX_DAY_AMOUNT": "1000000",
    "MAX_TICKETS": "500",
}
MOST_TOKENS: Final = 4_000
"""Of a half: a reply is a small part of what a model can read."""
LONG_NAMES: Final = (
    "- tribune présidentielle côté Rhône, accès par l'escalier d'honneur",
    "with a view of the whole pitch and a drink at the interval",
    "ВОСТОЧНАЯ ТРИБУНА, вход со двора",
    "東側スタンド二階指定席",
    "qzx Wvkj 🎟️🏟️",
)


@asynccontextmanager
async def desk_where(
    change: Change, *only: str, mode: str = "auto", **given: str
) -> AsyncIterator[Desk]:
    """A desk in a world whose answers are changed on their way; `only` names who sells there."""
    clock = ManualClock()
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=clock)
    sandbox.app = Planted(sandbox.app, change)
    catalogs = ",".join(alias_of(sandbox.landmarks[f"{each}_catalog"]) for each in only)
    settings = settings_of(**RICH, CATALOGS=catalogs, **given)
    server = build_server(settings, clock=clock, sandbox=sandbox)
    async with Client(server, mode=mode) as client:
        yield Desk(client, sandbox=sandbox, clock=clock)


def assert_small(answer: Answer) -> None:
    """The result is shown whole, and a cut reply says how to go on in both halves."""
    assert not answer.result.is_error, answer.text
    whole = answer.result.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert characters(whole) < CEILING
    for half in (answer.text, compact(answer.structure)):
        assert counted(half) <= MOST_TOKENS
    assert answer.data["next"] in answer.text
    assert next(iter(answer.data)) == "next"
    if "next_cursor" in answer.data:
        assert answer.data["next_cursor"] in answer.text


async def paged(desk: Desk, tool: str, rows: str, **arguments: Any) -> list[list[Json]]:
    """The rows of each page of an answer."""
    pages: list[list[Json]] = []
    cursor: Json = {}
    while True:
        answer = await desk.ask(tool, {**arguments, **cursor})
        assert_small(answer)
        pages.append(answer.data.get(rows, []))
        if "next_cursor" not in answer.data:
            return pages
        cursor = {"cursor": answer.data["next_cursor"]}


def ids(rows: Iterable[Json], name: str) -> list[str]:
    return [row[name] for row in rows]


async def ten_offers(desk: Desk, landmark: str) -> list[str]:
    """The first ten offers of a base."""
    table = await desk.call("get_offers", product_base_id=desk.handle(landmark), limit=40)
    found = [offer["offer_id"] for day in table["days"] for offer in day["offers"]]
    return found[:10]


async def seats(desk: Desk, quantity: int) -> list[Json]:
    """Items for numbered seats at ten different offers."""
    items: list[Json] = []
    base = desk.handle("hall_base")
    asked = {"product_base_id": base, "date_to": "2026-08-30", "limit": 40}
    offers = [
        offer
        for page in await paged(desk, "get_offers", "days", **asked)
        for day in page
        for offer in day["offers"]
        if offer.get("left", 0) >= quantity and "Full price" in offer["product"]
    ]
    for offer in offers:
        live = await desk.call("check_availability", offer_id=offer["offer_id"], quantity=quantity)
        session = next((s["session_id"] for s in live["sessions"] if s["enough"]), None)
        if session is not None and len(items) < 10:
            items.append(
                {"offer_id": offer["offer_id"], "quantity": quantity, "session_ids": [session]}
            )
    assert len(items) == 10
    return items


@pytest.mark.parametrize(
    ("issuer", "landmark"), [("park", "park_offer"), ("ski", "beneficiary_offer")]
)
@pytest.mark.parametrize("mode", ERAS)
async def test_fifty_tickets_with_vouchers_and_long_names_come_in_pages(
    issuer: str, landmark: str, mode: str
) -> None:
    async with desk_where(in_prose(LONG_NAMES), issuer, mode=mode) as desk:
        order = await desk.booked(desk.handle(landmark), 50)
        asked = {"order_id": order["order_id"], "vouchers": True}
        pages = await paged(desk, "get_tickets", "tickets", **asked)
        shown = ids((ticket for page in pages for ticket in page), "ticket_id")
        assert len(pages) > 1
        assert len(set(shown)) == len(shown) == 50
        first = await desk.ask("get_tickets", asked)
        assert first.data["tickets_total"] == 50
        assert f"{len(first.data['tickets'])} of 50 tickets" in first.text


async def test_an_order_with_a_document_for_each_ticket_shows_and_saves_each_once(
    tmp_path: Path,
) -> None:
    async with desk_where(in_prose([""]), "hall", DOWNLOAD_DIR=str(tmp_path)) as desk:
        (item, *_) = await seats(desk, 40)
        held = await desk.call("reserve", items=[item])
        made = await desk.order(held["reservations"][0]["reservation_id"])
        desk.clock.advance(120)
        asked = {"order_id": made["orders"][0]["order_id"], "save": True, "vouchers": True}
        pages = await paged(desk, "get_tickets", "documents", **asked)
        shown = ids((document for page in pages for document in page), "saved_to")
        (order,) = desk.sandbox.orders()
        assert len(order.document_ids) == 40
        assert len(set(shown)) == len(shown) == 40
        assert {len(page) for page in pages[:-1]} == {DOCUMENTED_PAGE}


@pytest.mark.parametrize("issuer", ["stadium", "park", "museum", "hall"])
async def test_a_full_page_of_offers_with_long_names_is_cut_and_goes_on(issuer: str) -> None:
    async with desk_where(in_prose(LONG_NAMES), issuer) as desk:
        asked = {"product_base_id": desk.handle(f"{issuer}_base"), "limit": 40}
        pages = await paged(desk, "get_offers", "days", **asked)
        shown = [o["offer_id"] for page in pages for day in page for o in day["offers"]]
        assert len(set(shown)) == len(shown)
        plain = [
            o["offer_id"]
            for page in await paged(desk, "get_offers", "days", **{**asked, "limit": 9})
            for day in page
            for o in day["offers"]
        ]
        assert shown == plain
        assert sum(len(day["offers"]) for day in pages[0]) < 40


@pytest.mark.parametrize("days", [{}, {"date_from": "2026-06-03", "date_to": "2026-07-03"}])
async def test_twenty_product_bases_with_many_choices_are_cut_and_go_on(days: Json) -> None:
    async with desk_where(in_prose(LONG_NAMES)) as desk:
        pages = await paged(desk, "search_products", "products", limit=20, **days)
        shown = ids((base for page in pages for base in page), "product_base_id")
        small = await paged(desk, "search_products", "products", limit=2, **days)
        assert len(pages[0]) < 20
        assert len(set(shown)) == len(shown)
        assert shown == ids((base for page in small for base in page), "product_base_id")


async def test_a_stadium_of_fifty_zones_with_long_names_is_cut_to_the_best() -> None:
    async with desk_where(in_prose(LONG_NAMES), "stadium") as desk:
        answer = await desk.ask("get_seat_map", {"product_base_id": desk.handle("stadium_base")})
        assert_small(answer)
        shown = len(answer.data["zones"])
        assert 1 < shown < 50
        assert answer.data["counts"]["zones_hidden"] == 50 - shown
        fit = answer.data["counts"]["fit"]
        assert f"{fit - shown} more zones fit" in answer.data["note"]
        assert "get_offers" in answer.data["note"]
        assert answer.data["note"] in answer.text
        assert answer.data["zones"][0]["offers"]


async def test_a_stadium_of_fifty_zones_fits_as_it_is() -> None:
    async with desk_where(in_prose([""]), "stadium") as desk:
        answer = await desk.ask("get_seat_map", {"product_base_id": desk.handle("stadium_base")})
        assert_small(answer)
        assert answer.data["counts"]["zones"] == 50
        assert len(answer.data["zones"]) + answer.data["counts"]["zones_hidden"] == 50


def every_session_five_times(content: Any) -> None:
    """Sessions of an offer ticket, each with four more of the same time."""
    members = content.get("member") if isinstance(content, dict) else None
    if members and "startsAt" in members[0]:
        content["member"] = [
            {**each, "id": f"{each['id']}{mark}"} for mark in ("", *"abcd") for each in members
        ]
        content["totalItems"] = len(content["member"])


@pytest.mark.parametrize("names", [[""], LONG_NAMES])
async def test_eighty_sessions_come_in_pages(names: list[str]) -> None:
    lengthen = in_prose(names)

    def change(content: Any) -> None:
        lengthen(content)
        every_session_five_times(content)

    async with desk_where(change, "museum") as desk:
        offer = desk.handle("timed_offer")
        first = await desk.ask("check_availability", {"offer_id": offer})
        pages = await paged(desk, "check_availability", "sessions", offer_id=offer)
        shown = ids((session for page in pages for session in page), "session_id")
        assert len(set(shown)) == len(shown) > 60
        assert len(pages) > 2
        assert f"{len(shown) - len(pages[0])} later sessions" in first.data["next"]


async def test_fifty_orders_with_long_names_come_in_pages() -> None:
    async with desk_where(in_prose(LONG_NAMES), "park") as desk:
        offers = await ten_offers(desk, "park_base")
        for _ in range(5):
            items = [{"offer_id": offer, "quantity": 1} for offer in offers]
            held = await desk.call("reserve", items=items)
            await desk.order(*ids(held["reservations"], "reservation_id"))
        made = {order.id for order in desk.sandbox.orders()}
        assert len(made) == 50
        pages = await paged(desk, "find_orders", "orders", created_from="2026-06-01", limit=50)
        shown = ids((order for page in pages for order in page), "order_id")
        assert len(pages) > 1
        assert len(shown) == 50
        assert set(shown) == made


def every_field_is_required(content: Any) -> None:
    """Tickets whose issuer wants to know all there is to know of a beneficiary."""
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == "requiredBeneficiaryFields":
            value[:] = ["title", "dateOfBirth", "placeOfBirth", "nationality", "email", "phone"]
        every_field_is_required(value)
    for each in content if isinstance(content, list) else ():
        every_field_is_required(each)


async def test_what_fifty_beneficiaries_lack_is_told_at_once() -> None:
    async with desk_where(every_field_is_required, "ski") as desk:
        order = await desk.booked(desk.handle("beneficiary_offer"), 50)
        asked: Json = {"order_id": order["order_id"]}
        pages = await paged(desk, "get_tickets", "tickets", **asked)
        tickets = ids((ticket for page in pages for ticket in page), "ticket_id")
        people = [{"ticket_id": t, "firstname": "A", "lastname": "L"} for t in tickets]
        answer = await desk.ask("name_beneficiaries", {**asked, "beneficiaries": people})
        assert_small(answer)
        (lacking,) = answer.data["tickets"]
        assert lacking["ticket_ids"] == tickets
        assert lacking["outcome"] == "missing_fields"


@pytest.mark.parametrize("names", [[""], LONG_NAMES])
async def test_ten_holds_of_fifty_seats_show_totals_and_some_seats_of_each(
    names: list[str],
) -> None:
    async with desk_where(in_prose(names), "hall") as desk:
        items = await seats(desk, 50)
        held = await desk.ask("reserve", {"items": items})
        reserved = ids(held.data["reservations"], "reservation_id")
        summary = await desk.ask("place_order", {"reservation_ids": reserved, "customer": CUSTOMER})
        looked = await desk.ask("get_reservation", {"reservation_ids": reserved})
        for answer, rows in (
            (held, "reservations"),
            (summary, "summary"),
            (looked, "reservations"),
        ):
            assert_small(answer)
            assert len(answer.data[rows]) == 10
            assert answer.data["next"].startswith(CUT_SHORT), "before anybody agrees"
            for hold in answer.data[rows]:
                assert hold["total"] in answer.text
                assert hold["lines"]
                assert places_of(hold) + hold.get("more_seats", 0) == 50
        # First, where no cut of the middle takes it.
        assert summary.data["confirmation"] in summary.text.splitlines()[1]
        alone = await desk.ask("get_reservation", {"reservation_ids": reserved[:1]})
        assert_small(alone)
        (hold,) = alone.data["reservations"]
        assert places_of(hold) == 50
        assert "more_seats" not in hold


def places_of(hold: Json) -> int:
    """How many places of a hold are named."""
    return sum(row.get("places", len(row.get("seats", ()))) for row in hold.get("seats", ()))


# the bound itself


async def test_a_full_page_is_as_long_as_hosts_show() -> None:
    """A bound far below would cost calls."""
    async with desk_where(in_prose([""])) as desk:
        base = desk.handle("stadium_base")
        asked = {"product_base_id": base, "limit": 40}
        pages = [len(page) for page in await paged(desk, "get_offers", "days", **asked)]
        whole = (await desk.ask("get_offers", asked)).result
        wire = whole.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert len(pages) > 1
        assert characters(wire) > 0.85 * CEILING


@given(st.text())
def test_characters_are_counted_as_in_javascript(text: str) -> None:
    wire = compact(text)
    beyond = sum(ord(each) > 0xFFFF for each in wire)
    assert characters(text) == len(wire) + beyond


@given(st.integers(1, 60), st.integers(0, 70))
def test_as_many_rows_as_fit_are_shown_and_one_where_none_does(count: int, room: int) -> None:
    fits: Callable[[int], bool] = lambda rows: rows <= room  # noqa: E731 - a limit, as it is
    assert most_that_fit(count, fits) == max(1, min(count, room))
