"""What each tool answers beside the straight way: pages, filters, corners of the catalog."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.server.mcpserver.exceptions import ToolError

from korus_mcp.answers.views import View
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import parse_handle
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import Delay
from korus_mcp.server.composition import KorusServer
from korus_mcp.settings import Content
from korus_mcp.tools.declare import Reply, tool
from tests.docs.listing import build
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk, settings_of
from tests.fixtures.hosts import server_of
from tests.tools.samples import AN_ID

pytestmark = pytest.mark.anyio


async def all_pages(desk: Desk, name: str, rows: str, **arguments: Any) -> list[Json]:
    """The rows of all pages of an answer."""
    found: list[Json] = []
    cursor: Json = {}
    while True:
        page = await desk.call(name, **arguments, **cursor)
        assert page["shown"] <= arguments["limit"]
        found += page[rows]
        if "next_cursor" not in page:
            return found
        assert page["next_cursor"] in (await desk.ask(name, {**arguments, **cursor})).text
        cursor = {"cursor": page["next_cursor"]}


async def a_session(desk: Desk, landmark: str) -> str:
    """The first session of an offer that has room."""
    live = await desk.call("check_availability", offer_id=desk.handle(landmark))
    return next(str(s["session_id"]) for s in live["sessions"] if s["enough"])


# search_products


async def test_all_pages_of_a_search_show_each_product_base_once(shared: Desk) -> None:
    found = await all_pages(shared, "search_products", "products", limit=4)
    ids = [p["product_base_id"] for p in found]
    assert len(set(ids)) == len(ids)
    first = await shared.call("search_products", limit=4)
    assert first["total"] == len(ids) > 20


async def test_a_search_in_days_shows_prices_and_first_dates(shared: Desk) -> None:
    found = await shared.ask(
        "search_products", {"query": "park", "date_from": "2026-06-10", "date_to": "2026-06-12"}
    )
    dated = [p for p in found.data["products"] if "dates" in p]
    assert dated
    for product in dated:
        assert product["from_price"].endswith(" EUR")
        assert product["from_price"] in found.text
        assert all("2026-06-10" <= day <= "2026-06-12" for day in product["dates"])


async def test_a_search_in_days_without_offers_finds_nothing_dated(shared: Desk) -> None:
    found = await shared.call(
        "search_products", query="herons derby", date_from="2031-01-01", date_to="2031-01-02"
    )
    assert "products" not in found
    assert found["note"]


async def test_a_search_narrows_to_a_catalog_and_a_city(shared: Desk) -> None:
    museum = shared.handle("museum_base").partition(".")[0]
    by_name = await shared.call("search_products", catalog="museum", limit=20)
    by_alias = await shared.call("search_products", catalog=museum, limit=20)
    assert by_name == by_alias
    assert {p["product_base_id"].partition(".")[0] for p in by_alias["products"]} == {museum}
    city = by_alias["products"][0]["city"]
    there = await shared.call("search_products", city=city.upper(), limit=20)
    assert {p["city"] for p in there["products"]} == {city}


async def test_what_could_not_be_looked_at_in_a_search_is_counted(shared: Desk) -> None:
    shared.sandbox.faults.add(Fault(status=403), "listOffers", times=None, issuer="museum")
    found = await shared.call("search_products", date_from="2026-07-01", limit=20)
    shared.sandbox.faults.clear()
    museum = shared.handle("museum_base").partition(".")[0]
    shown = {p["product_base_id"].partition(".")[0] for p in found["products"]}
    assert shown
    assert museum not in shown
    assert any(character.isdigit() for character in found["note"])


async def test_answers_come_in_the_language_asked_for(shared: Desk) -> None:
    base = shared.handle("museum_base")
    names = {
        language: (await shared.call("get_offers", product_base_id=base, language=language))["name"]
        for language in ("fr", "en")
    }
    assert names["fr"] != names["en"]


# get_offers


async def test_all_pages_of_offers_are_in_order_and_each_once(shared: Desk) -> None:
    asked = {
        "product_base_id": shared.handle("stadium_base"),
        "price_type": "Full price, child",
        "limit": 40,
    }
    days = await all_pages(shared, "get_offers", "days", **asked)
    offers = [offer for day in days for offer in day["offers"]]
    assert len({o["offer_id"] for o in offers}) == len(offers) > 40
    assert [d["date"] for d in days] == sorted(d["date"] for d in days)
    assert not any("Reduced" in o["product"] for o in offers)


async def test_days_without_offers_say_so(shared: Desk) -> None:
    answer = await shared.call(
        "get_offers", product_base_id=shared.handle("stadium_base"), date_from="2031-01-01"
    )
    assert answer["total"] == 0
    assert "2031-01-01" in answer["note"]


async def test_an_undated_offer_is_shown_without_a_day(shared: Desk) -> None:
    answer = await shared.ask("get_offers", {"product_base_id": shared.handle("undated_base")})
    (day,) = answer.data["days"]
    assert "date" not in day
    assert "undated" in answer.text


async def test_a_choice_made_of_commas_is_none(shared: Desk) -> None:
    asked = {"product_base_id": shared.handle("stadium_base"), "zone": " , "}
    answer = await shared.ask("get_offers", asked)
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) == {"zone"}


# check_availability


async def test_a_sold_out_offer_says_why_it_cannot_be_booked(shared: Desk) -> None:
    answer = await shared.ask(
        "check_availability", {"offer_id": shared.handle("sold_out_offer"), "quantity": 2}
    )
    assert answer.data["bookable"] is False
    assert answer.data["reason"] in answer.text
    assert answer.data["left"] == 0


async def test_too_many_for_every_session_is_not_bookable(shared: Desk) -> None:
    offer = shared.handle("timed_offer")
    answer = await shared.call("check_availability", offer_id=offer, quantity=50)
    assert not any(session["enough"] for session in answer["sessions"])
    assert answer["left"] > 50  # in all sessions together
    assert answer["bookable"] is False


async def test_an_offer_of_a_day_ticket_and_a_show_needs_one_session(shared: Desk) -> None:
    offer = shared.handle("two_ticket_offer")
    answer = await shared.ask("check_availability", {"offer_id": offer})
    sessions = answer.data["sessions"]
    assert len(sessions) > 1
    assert not any("ticket" in session for session in sessions)
    for session in sessions:
        assert session["session_id"] in answer.text
    one = {"offer_id": offer, "quantity": 1, "session_ids": [sessions[0]["session_id"]]}
    assert (await shared.call("reserve", items=[one]))["state"] == "held"


# get_seat_map


async def test_a_session_and_another_day_contradict_each_other(shared: Desk) -> None:
    base = shared.handle("stadium_base")
    session = await a_session(shared, "stadium_offer")
    asked = {"product_base_id": base, "session_id": session}
    by_session = await shared.call("get_seat_map", **asked)
    same = await shared.call("get_seat_map", **asked, date=by_session["date"])
    assert same["zones"] == by_session["zones"]
    wrong = await shared.ask("get_seat_map", {**asked, "date": "2027-01-01"})
    assert wrong.code == "INVALID_ARGUMENTS"
    assert set(wrong.fields) == {"date"}


async def test_the_best_zone_of_a_seat_map_fits_the_wish(shared: Desk) -> None:
    asked = {"product_base_id": shared.handle("stadium_base"), "quantity": 3, "max_price": 40}
    answer = await shared.ask("get_seat_map", asked)
    best = answer.data["zones"][0]
    assert best["enough"]
    assert Decimal(best["from_price"].split()[0]) <= 40
    for offer in best["offers"]:
        assert offer["offer_id"] in answer.text
    assert "allocates" in answer.data["note"]


async def test_a_seat_map_of_rows_tells_standing_and_seated_places_apart(shared: Desk) -> None:
    answer = await shared.call("get_seat_map", product_base_id=shared.handle("hall_base"))
    assert len({zone["zone"] for zone in answer["zones"]}) == len(answer["zones"]) > 1


# reserve


async def test_a_hold_of_numbered_seats_names_them(shared: Desk) -> None:
    session = await a_session(shared, "seated_offer")
    wished = [{"offer_id": shared.handle("seated_offer"), "quantity": 2, "session_ids": [session]}]
    held = await shared.ask("reserve", {"items": wished, "again": True})
    (hold,) = held.data["reservations"]
    (row,) = hold["seats"]
    assert len(row["seats"]) == 2
    assert f"zone {row['zone']}, row {row['row']}, seats {', '.join(row['seats'])}" in held.text
    assert isinstance(hold["seats_together"], bool)
    (line,) = hold["lines"]
    assert line["quantity"] == 2
    (when,) = line["when"]
    assert when in held.text


class GateClock(ManualClock):
    """A long sleep lasts until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = anyio.Event()
        self.opened = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait at the gate, or not at all."""
        if seconds < 1000:
            await super().sleep(seconds)
            return
        self.reached.set()
        await self.opened.wait()


async def test_a_hold_that_became_dearer_than_max_total_on_its_way_is_told() -> None:
    clock = GateClock()
    answers: list[Answer] = []
    async with desk(clock=clock, only=("park",)) as each:
        asked = {
            "items": [{"offer_id": each.handle("park_offer"), "quantity": 1}],
            "max_total": 100,
        }
        each.sandbox.faults.add(Delay(seconds=1000), "createReservations")

        async def reserve() -> None:
            answers.append(await each.ask("reserve", asked))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(reserve)
                await clock.reached.wait()
                each.sandbox.set_price(each.sandbox.landmarks["park_offer"], Decimal(150))
                clock.opened.set()
    (answer,) = answers
    assert answer.data["total"] == "150.00 EUR"
    assert "max_total" in answer.text
    assert "max_total" in str(answer.data)


# tickets


async def test_voucher_numbers_are_shown_only_on_request(shared: Desk) -> None:
    order = await shared.booked(shared.handle("unlimited_offer"))
    asked = {"order_id": order["order_id"]}
    without = await shared.ask("get_tickets", asked)
    with_them = await shared.ask("get_tickets", {**asked, "vouchers": True})
    (voucher,) = {t["voucher"] for t in with_them.data["tickets"]}
    assert voucher in with_them.text
    assert voucher not in without.wire


async def test_tickets_are_found_by_the_callers_own_reference(shared: Desk) -> None:
    items = [{"offer_id": shared.handle("unlimited_offer"), "quantity": 1}]
    held = await shared.call("reserve", items=items, again=True)
    made = await shared.order(held["reservations"][0]["reservation_id"], reference="DESK-9")
    found = await shared.call("get_tickets", order_id="DESK-9")
    assert found["order_id"] == made["orders"][0]["order_id"]


async def test_one_ticket_is_named_once_in_a_call(shared: Desk) -> None:
    person = {"ticket_id": AN_ID, "firstname": "Ada", "lastname": "Byron"}
    before = shared.sent()
    answer = await shared.ask(
        "name_beneficiaries", {"order_id": AN_ID, "beneficiaries": [person, person]}
    )
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) == {"beneficiaries"}
    assert shared.sent() == before


async def test_an_unknown_ticket_and_a_locked_name_have_outcomes_of_their_own(shared: Desk) -> None:
    order = await shared.booked(shared.handle("locked_beneficiary_offer"))
    tickets = (await shared.call("get_tickets", order_id=order["order_id"]))["tickets"]
    person = {"firstname": "Ada", "lastname": "Byron", "date_of_birth": "1990-12-10"}

    async def named(ticket_id: str) -> str:
        people = [{"ticket_id": ticket_id, **person}]
        answer = await shared.call(
            "name_beneficiaries", order_id=order["order_id"], beneficiaries=people
        )
        assert answer["next"]
        return str(answer["tickets"][0]["outcome"])

    first = tickets[0]["ticket_id"]
    assert await named(AN_ID) == "unknown_ticket"
    assert await named(first) == "locked"


async def test_an_expired_hold_is_shown_as_such_with_the_way_on(shared: Desk) -> None:
    items = [{"offer_id": shared.handle("unlimited_offer"), "quantity": 1}]
    hold = (await shared.call("reserve", items=items, again=True))["reservations"][0]
    ids = [hold["reservation_id"]]
    assert (await shared.call("get_reservation", reservation_ids=ids))["reservations"][0][
        "seconds_left"
    ] > 0
    shared.clock.advance(3600)
    seen = await shared.ask("get_reservation", {"reservation_ids": ids})
    (shown,) = seen.data["reservations"]
    assert shown["state"] == "expired"
    assert "seconds_left" not in shown
    assert "reserve" in seen.data["next"]


# find_orders


async def test_a_service_desk_pages_through_the_orders_of_some_days() -> None:
    async with desk(only=("park",)) as each:
        ids = [(await each.booked(each.handle("park_offer")))["order_id"] for _ in range(3)]
        today = each.clock.now().date().isoformat()
        found = await all_pages(each, "find_orders", "orders", created_from=today, limit=2)
        assert sorted(o["order_id"] for o in found) == sorted(ids)
        page = await each.ask("find_orders", {"created_from": today, "limit": 2})
        assert (page.data["shown"], page.data["total"]) == (2, 3)
        for order in page.data["orders"]:
            assert order["order_id"] in page.text
            assert date.fromisoformat(order["created_at"][:10]) == each.clock.now().date()
        for secret in (CUSTOMER["email"], "example.org"):
            assert secret not in page.wire


@pytest.mark.parametrize("scope", ["own", "account"])
async def test_pages_of_orders_survive_an_order_that_comes_between(scope: str) -> None:
    async with desk(settings_of(SCOPE=scope), only=("park",)) as each:
        offer = each.handle("park_offer")
        made = [(await each.booked(offer))["order_id"] for _ in range(3)]
        asked = {"created_from": each.clock.now().date().isoformat(), "limit": 2}
        first = await each.call("find_orders", **asked)
        assert "Days are UTC." in first["note"]
        await each.booked(offer)
        rest = await each.call("find_orders", **asked, cursor=first["next_cursor"])
        shown = [o["order_id"] for page in (first, rest) for o in page["orders"]]
        assert shown == made[::-1]
        assert "next_cursor" not in rest


async def test_an_order_is_found_by_each_of_its_references() -> None:
    async with desk(only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        today = each.clock.now().date().isoformat()
        (record,) = each.sandbox.orders()
        for reference in (order["reference"], record.external_reference):
            found = await each.call("find_orders", reference=reference, created_from=today)
            assert [o["order_id"] for o in found["orders"]] == [order["order_id"]]
        none = await each.call("find_orders", reference="nobody's", created_from=today)
        assert none["total"] == 0


async def test_in_scope_own_only_orders_made_here_are_found() -> None:
    async with desk(settings_of(SCOPE="own"), only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        found = await each.call("find_orders")
        assert [o["order_id"] for o in found["orders"]] == [order["order_id"]]


# the boundary


@tool(title="Refuse", read_only=True, destructive=False, idempotent=True)
async def refuse() -> Reply[View]:
    """Raise the SDK's own error, as it does where a host answers a question wrongly."""
    raise ToolError("Resolver 'agreed' received a response of the wrong kind")


@pytest.mark.parametrize("mode", ERAS)
async def test_an_error_of_the_sdk_is_told_in_our_words(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(server_of(build(refuse, Content.BOTH)), mode=mode) as client:
        answer = Answer(await client.call_tool("refuse", {}))
        assert answer.code == "APPROVAL_UNAVAILABLE"
        assert answer.error["effect"] == "none"
        assert "Resolver" not in answer.wire
        assert "refuse could not read the host's answer" in caplog.text
        assert "Resolver" not in caplog.text, "its cause may hold what a person filled in"


@tool(title="Protocol", read_only=True, destructive=False, idempotent=True)
async def protocol() -> Reply[View]:
    """Raise an error of the protocol."""
    raise MCPError(code=-32042, message="a question must be answered first")


async def test_an_error_of_the_protocol_stays_one() -> None:
    async with Client(server_of(build(protocol, Content.BOTH))) as client:
        with pytest.raises(MCPError, match="must be answered first") as refused:
            await client.call_tool("protocol", {})
        assert refused.value.code == -32042


async def test_a_seat_map_that_was_replaced_is_found_behind_its_base() -> None:
    async with desk(only=("stadium",)) as each:
        asked = {"product_base_id": each.handle("stadium_base")}
        await each.call("search_products", query="herons")
        assert isinstance(each.client.server, KorusServer)
        mirror, handle = (
            each.client.server.running.app.mirror,
            parse_handle(asked["product_base_id"]),
        )
        assert handle is not None
        record = await mirror.base(handle, "en")
        store = (await mirror.ready("en")).store
        store.put_records([replace(record, seat_map_id="an-older-map")], 1)
        before = each.sent("getProductBase")
        assert (await each.call("get_seat_map", **asked))["zones"]
        assert each.sent("getProductBase") == before + 1
        assert (await each.call("get_seat_map", **asked))["zones"]
        assert each.sent("getProductBase") == before + 1, "the new map is known now"
