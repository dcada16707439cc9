"""Every refusal of the trade: its code, and nothing asked of KorusTicket that is known here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.settings import Approval
from tests.fixtures.assistant import CUSTOMER, HOLDER, Desk, desk, settings_of
from tests.fixtures.wording import MOST_TOKENS, tokens_of
from tests.tools.samples import A_HANDLE, AN_ID

pytestmark = pytest.mark.anyio


@contextmanager
def no_request(desk: Desk) -> Iterator[None]:
    """What is decided here, without a request upstream."""
    before = desk.sent()
    yield
    assert desk.sent() == before


@contextmanager
def nothing_booked(desk: Desk) -> Iterator[None]:
    """What never reaches a booking call upstream."""
    before = desk.sent("createReservations"), desk.sent("createOrders")
    yield
    assert before == (desk.sent("createReservations"), desk.sent("createOrders"))


def item(desk: Desk, landmark: str, quantity: int = 1, *sessions: str) -> dict[str, Any]:
    made: dict[str, Any] = {"offer_id": desk.handle(landmark), "quantity": quantity}
    return made | ({"session_ids": list(sessions)} if sessions else {})


async def held(desk: Desk, landmark: str = "park_offer", quantity: int = 1) -> str:
    wished = [item(desk, landmark, quantity)]
    answer = await desk.call("reserve", items=wished, again=True)
    return str(answer["reservations"][0]["reservation_id"])


async def warm(desk: Desk) -> None:
    """Let the catalog be read to its end."""
    await desk.call("search_products", query="museum")


# days


@pytest.mark.parametrize("tool", ["search_products", "get_offers"])
@pytest.mark.parametrize("name", ["date_from", "date_to"])
async def test_a_past_day_is_refused_with_today(tool: str, name: str, shared: Desk) -> None:
    await warm(shared)
    base = {"product_base_id": shared.handle("park_base")} if tool == "get_offers" else {}
    with no_request(shared):
        answer = await shared.ask(tool, {**base, name: "2026-05-30"})
    assert answer.code == "PAST_DATE"
    assert set(answer.fields) == {name}
    assert "2026-06-01" in answer.text or "2026-05-31" in answer.text  # today there


async def test_a_past_day_of_a_search_is_refused_before_anything_is_read(cold: Desk) -> None:
    assert (await cold.ask("search_products", {"date_from": "2020-01-01"})).code == "PAST_DATE"
    reversed_range = {"date_from": "2026-06-20", "date_to": "2026-06-19"}
    assert (await cold.ask("search_products", reversed_range)).code == "INVALID_ARGUMENTS"
    assert cold.sent() == 0


@pytest.mark.parametrize("tool", ["search_products", "get_offers"])
async def test_a_reversed_or_endless_range_is_refused(tool: str, shared: Desk) -> None:
    await warm(shared)
    base = {"product_base_id": shared.handle("park_base")} if tool == "get_offers" else {}
    for first, last in (("2026-06-20", "2026-06-19"), ("2026-06-20", "2026-09-21")):
        with no_request(shared):
            answer = await shared.ask(tool, {**base, "date_from": first, "date_to": last})
        assert answer.code == "INVALID_ARGUMENTS"
        assert set(answer.fields) == {"date_to"}


async def test_orders_are_looked_for_in_a_sensible_range(cold: Desk) -> None:
    for first, last in (("2026-06-02", "2026-06-01"), ("2026-04-01", "2026-05-31")):
        answer = await cold.ask("find_orders", {"created_from": first, "created_to": last})
        assert answer.code == "INVALID_ARGUMENTS"
        assert set(answer.fields) == {"created_to"}
    for asked in ({}, {"reference": ""}, {"created_to": "2026-06-01"}):
        assert (await cold.ask("find_orders", asked)).code == "INVALID_ARGUMENTS"
    assert cold.sent() == 0


async def test_the_day_of_a_seat_map_is_not_over(shared: Desk) -> None:
    await warm(shared)
    asked = {"product_base_id": shared.handle("stadium_base"), "date": "2026-05-01"}
    with no_request(shared):
        assert (await shared.ask("get_seat_map", asked)).code == "PAST_DATE"


# ids


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_offers", {"product_base_id": A_HANDLE}),
        ("get_seat_map", {"product_base_id": A_HANDLE}),
        ("check_availability", {"offer_id": A_HANDLE}),
        ("reserve", {"items": [{"offer_id": A_HANDLE, "quantity": 1}]}),
    ],
)
async def test_an_alias_that_no_catalog_has_is_unknown(
    tool: str, arguments: dict[str, Any], desk: Desk
) -> None:
    answer = await desk.ask(tool, arguments)
    assert answer.code == "UNKNOWN_ID"
    assert answer.error["effect"] == "none"
    assert set(desk.sent_by_operation()) <= {"getToken", "listCatalogs", "listProductBases", *CRAWL}


CRAWL = (
    "getProductBase",
    "listProductBaseOptions",
    "listProductBaseOptionValues",
    "listProductBaseProducts",
)


@pytest.mark.parametrize(
    ("tool", "name", "landmark"),
    [
        ("get_offers", "product_base_id", "park_base"),
        ("get_seat_map", "product_base_id", "park_base"),
        ("check_availability", "offer_id", "park_offer"),
    ],
)
async def test_an_id_the_catalog_does_not_have_is_not_found(
    tool: str, name: str, landmark: str, shared: Desk
) -> None:
    alias = shared.handle(landmark).partition(".")[0]
    answer = await shared.ask(tool, {name: f"{alias}.{AN_ID}"})
    assert answer.code == "NOT_FOUND"
    assert AN_ID not in answer.wire


async def test_an_unknown_reservation_or_order_is_decided_here(cold: Desk) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("get_reservation", {"reservation_ids": [AN_ID]}),
        ("place_order", {"reservation_ids": [AN_ID], "customer": CUSTOMER}),
    ]
    for tool, arguments in asked:
        assert (await cold.ask(tool, arguments)).code == "NOT_FOUND", tool
    assert cold.sent() == 0


async def test_a_buyer_learns_nothing_of_orders_made_elsewhere() -> None:
    async with desk(settings_of(PROFILE="buyer"), only=("park",)) as each:
        for tool, arguments in (
            ("get_tickets", {"order_id": AN_ID}),
            ("get_tickets", {"order_id": "no id at all!"}),
            ("name_beneficiaries", {"order_id": AN_ID, "beneficiaries": [HOLDER_OF_NOTHING]}),
        ):
            answer = await each.ask(tool, arguments)
            assert answer.code == "NOT_FOUND", tool
        assert each.sent() == 0


HOLDER_OF_NOTHING = {**HOLDER, "ticket_id": AN_ID}


async def test_a_service_desk_asks_the_account_for_an_unknown_order(desk: Desk) -> None:
    assert (await desk.ask("get_tickets", {"order_id": AN_ID})).code == "NOT_FOUND"
    assert desk.sent("getOrder") == 1


async def test_one_foreign_reservation_among_own_ones_refuses_them_all(shared: Desk) -> None:
    await warm(shared)
    mine = await held(shared)
    with no_request(shared):
        answer = await shared.ask("get_reservation", {"reservation_ids": [mine, AN_ID]})
    assert answer.code == "NOT_FOUND"


# choices and sessions


async def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(shared: Desk) -> None:
    await warm(shared)
    base = shared.handle("stadium_base")
    with no_request(shared):
        answer = await shared.ask("get_offers", {"product_base_id": base, "price_type": "Senior"})
    assert answer.code == "NO_SUCH_CHOICE"
    assert "Full price" in answer.fields["price_type"]
    none = await shared.ask("get_offers", {"product_base_id": base, "days_count": "2 days"})
    assert none.code == "NO_SUCH_CHOICE"
    assert set(none.fields) == {"days_count"}


async def test_a_catalog_that_does_not_exist_is_refused_with_those_that_do(shared: Desk) -> None:
    answer = await shared.ask("search_products", {"catalog": "opera"})
    assert answer.code == "NO_SUCH_CHOICE"
    assert "Museum" in answer.fields["catalog"]


@pytest.mark.parametrize(
    ("tool", "argument", "wrong", "near"),
    [
        ("get_offers", "zone", "est 1O2", "East 102"),
        ("get_offers", "price_type", "FULL PRIZE", "Full price"),
        ("search_products", "catalog", "musem of tides", "Museum of Tides - Resellers"),
        ("search_products", "city", "port aux heron s", "Port-aux-Hérons"),
    ],
)
async def test_a_name_that_is_nearly_right_is_told_the_nearest_which_is_then_understood(
    tool: str, argument: str, wrong: str, near: str, shared: Desk
) -> None:
    await warm(shared)
    # What one language does not know is looked for in the others: their catalogs are read, too.
    await shared.call("search_products", query="zzzzqqq")
    asked = {"product_base_id": shared.handle("stadium_base")} if tool == "get_offers" else {}
    with no_request(shared):
        answer = await shared.ask(tool, {**asked, argument: wrong})
    assert answer.code == "NO_SUCH_CHOICE"
    assert answer.fields[argument].startswith(f'did you mean "{near}"')
    assert wrong not in answer.wire
    assert tokens_of(answer.error, answer.text) <= MOST_TOKENS
    assert not (await shared.ask(tool, {**asked, argument: near})).result.is_error


async def test_a_city_in_which_nothing_is_on_sale_is_refused_with_those_that_have_something(
    shared: Desk,
) -> None:
    for more in ({}, {"query": "museum"}, {"date_from": "2026-06-02"}):
        answer = await shared.ask("search_products", {"city": "Reykjavik", **more})
        assert answer.code == "NO_SUCH_CHOICE"
        assert '"Saint-Malouen"' in answer.fields["city"]


async def test_a_missing_session_is_refused_with_sessions_to_choose_from(shared: Desk) -> None:
    with nothing_booked(shared):
        answer = await shared.ask("reserve", {"items": [item(shared, "timed_offer")]})
    assert answer.code == "SESSION_REQUIRED"
    offer = shared.handle("timed_offer")
    sessions = (await shared.call("check_availability", offer_id=offer))["sessions"]
    assert sessions[0]["session_id"] in answer.fields["items.0.session_ids"]


@pytest.mark.parametrize(
    ("landmark", "sessions"),
    [
        ("timed_offer", (AN_ID,)),
        ("park_offer", (AN_ID,)),
        ("timed_offer", ("free_session", "free_session")),
    ],
)
async def test_a_foreign_superfluous_or_doubled_session_is_refused(
    landmark: str, sessions: tuple[str, ...], shared: Desk
) -> None:
    ids = [shared.sandbox.landmarks.get(s, s) for s in sessions]
    with nothing_booked(shared):
        answer = await shared.ask("reserve", {"items": [item(shared, landmark, 1, *ids)]})
    assert answer.code == "SESSION_REQUIRED"
    assert set(answer.fields) == {"items.0.session_ids"}


async def test_a_full_session_is_sold_out(shared: Desk) -> None:
    session = shared.sandbox.landmarks["sold_out_session"]
    with nothing_booked(shared):
        answer = await shared.ask("reserve", {"items": [item(shared, "timed_offer", 1, session)]})
    assert answer.code == "SOLD_OUT"


async def test_a_session_no_offer_of_the_base_has_gives_no_seat_map(shared: Desk) -> None:
    asked = {"product_base_id": shared.handle("stadium_base"), "session_id": AN_ID}
    assert (await shared.ask("get_seat_map", asked)).code == "UNKNOWN_ID"


async def test_a_base_without_a_plan_or_a_day_without_offers_has_no_seat_map(shared: Desk) -> None:
    park = {"product_base_id": shared.handle("park_base")}
    assert (await shared.ask("get_seat_map", park)).code == "NOT_FOUND"
    late = {"product_base_id": shared.handle("stadium_base"), "date": "2031-01-01"}
    assert (await shared.ask("get_seat_map", late)).code == "NOT_FOUND"


# stock, prices, limits


async def test_a_sold_out_offer_is_not_tried(desk: Desk) -> None:
    desk.sandbox.set_stock(desk.sandbox.landmarks["park_offer"], 1)
    answer = await desk.ask("reserve", {"items": [item(desk, "park_offer", 2)]})
    assert answer.code == "SOLD_OUT"
    assert "1 left" in answer.fields["items.0.quantity"]
    twice = [item(desk, "park_offer"), item(desk, "park_offer")]
    assert (await desk.ask("reserve", {"items": twice})).code == "SOLD_OUT"
    assert desk.sent("createReservations") == 0


async def test_a_max_total_of_nothing_is_no_limit_and_the_answer_says_so(desk: Desk) -> None:
    """A model that has to fill in every number sends 0; a person may have meant "for free"."""
    for nothing in (0, "0", 0.0):
        answer = await desk.ask(
            "reserve", {"items": [item(desk, "park_offer")], "max_total": nothing}
        )
        assert answer.data["state"] == "held"
        assert answer.data["next"].startswith("No price limit was given")
        assert "No price limit was given" in answer.text
    for left_out in (None, ""):
        answer = await desk.ask(
            "reserve", {"items": [item(desk, "park_offer")], "max_total": left_out}
        )
        assert "limit" not in answer.text
    assert desk.sent("createReservations") == 1


async def test_nothing_is_held_above_max_total(shared: Desk) -> None:
    asked = {"items": [item(shared, "park_offer", 2)], "max_total": 1}
    with nothing_booked(shared):
        answer = await shared.ask("reserve", asked)
    assert answer.code == "PRICE_CHANGED"
    assert answer.error["effect"] == "none"


async def test_the_issuers_limit_in_one_order_holds(shared: Desk) -> None:
    offer = shared.handle("max_six_offer")
    sessions = (await shared.call("check_availability", offer_id=offer))["sessions"]
    seven = item(shared, "max_six_offer", 7, sessions[0]["session_id"])
    with nothing_booked(shared):
        answer = await shared.ask("reserve", {"items": [seven]})
    assert answer.code == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("limit", [{"MAX_ORDER_AMOUNT": "5"}, {"MAX_TICKETS": "1"}])
async def test_the_operators_limits_hold_whatever_the_model_says(limit: dict[str, str]) -> None:
    async with desk(settings_of(**limit), only=("park",)) as each:
        items = [{"offer_id": each.handle("park_offer"), "quantity": 2}]
        refused = await each.ask("reserve", {"items": items})
        assert refused.code == "LIMIT_EXCEEDED", "it could be held, and never ordered"
        assert list(refused.fields) == ["items.0.quantity"]
        assert not each.sandbox.reservations()


async def test_the_operators_limit_of_a_day_holds() -> None:
    async with desk(settings_of(MAX_DAY_AMOUNT="150"), only=("park",)) as each:
        for landmark in ("park_offer", "unlimited_offer"):
            each.sandbox.set_price(each.sandbox.landmarks[landmark], Decimal(100))
        await each.order(await held(each))
        asked = {"reservation_ids": [await held(each, "unlimited_offer")], "customer": CUSTOMER}
        summary = await each.call("place_order", **asked)
        answer = await each.ask("place_order", {**asked, "confirmation": summary["confirmation"]})
        assert answer.code == "LIMIT_EXCEEDED"
        assert len(each.sandbox.orders()) == 1


# holds and approvals


async def test_an_expired_hold_is_not_ordered(shared: Desk) -> None:
    hold = await held(shared)
    ends = shared.sandbox.reservations()[-1].expires_at
    shared.clock.advance((ends - shared.clock.now()).total_seconds() + 1)
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    with nothing_booked(shared):
        answer = await shared.ask("place_order", asked)
    assert answer.code == "HOLD_EXPIRED"
    state = await shared.call("get_reservation", reservation_ids=[hold])
    assert state["reservations"][0]["state"] == "expired"


async def test_a_hold_that_ends_in_seconds_is_too_late_to_order(shared: Desk) -> None:
    hold = await held(shared)
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    summary = await shared.call("place_order", **asked)
    ends = shared.sandbox.reservations()[-1].expires_at
    shared.clock.advance((ends - shared.clock.now() - timedelta(seconds=10)).total_seconds())
    confirmed = {**asked, "confirmation": summary["confirmation"]}
    with nothing_booked(shared):
        answer = await shared.ask("place_order", confirmed)
    assert answer.code == "HOLD_EXPIRED"


async def test_a_hold_the_issuer_released_is_not_ordered(shared: Desk) -> None:
    hold = await held(shared)
    shared.sandbox.release_reservation(hold)
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    assert (await shared.ask("place_order", asked)).code == "HOLD_EXPIRED"


@pytest.mark.parametrize("changed", ["customer", "notes", "price", "invented", "used"])
async def test_a_confirmation_is_good_for_exactly_what_was_shown_and_once(
    changed: str, shared: Desk
) -> None:
    hold = await held(shared)
    asked: dict[str, Any] = {"reservation_ids": [hold], "customer": CUSTOMER}
    summary = await shared.call("place_order", **asked)
    confirmed = {**asked, "confirmation": summary["confirmation"]}
    match changed:
        case "customer":
            confirmed["customer"] = {**CUSTOMER, "email": "eve@example.org"}
        case "notes":
            confirmed["notes"] = "and a drink"
        case "invented":
            confirmed["confirmation"] = "made-up"
        case "price":
            other = await held(shared, "unlimited_offer")
            confirmed["reservation_ids"] = [hold, other]
        case "used":
            await shared.call("place_order", **confirmed)
            confirmed["reservation_ids"] = [await held(shared, "unlimited_offer")]
    with nothing_booked(shared):
        answer = await shared.ask("place_order", confirmed)
    assert answer.code == "APPROVAL_REQUIRED"


async def test_a_confirmation_is_open_for_ten_minutes(shared: Desk) -> None:
    hold = await held(shared, "unlimited_offer")
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    summary = await shared.call("place_order", **asked)
    shared.clock.advance(601)
    confirmed = {**asked, "confirmation": summary["confirmation"]}
    with nothing_booked(shared):
        answer = await shared.ask("place_order", confirmed)
    assert answer.code == "APPROVAL_EXPIRED"


async def test_where_only_a_person_may_agree_a_host_that_cannot_ask_orders_nothing() -> None:
    async with desk(settings_of(APPROVAL=Approval.HUMAN), only=("park",)) as each:
        asked = {"reservation_ids": [await held(each)], "customer": CUSTOMER}
        answer = await each.ask("place_order", asked)
        assert answer.code == "APPROVAL_UNAVAILABLE"
        assert "confirmation" not in answer.structure
        assert not each.sandbox.orders()


async def test_what_was_ordered_is_not_ordered_with_other_data(shared: Desk) -> None:
    hold = await held(shared)
    await shared.order(hold)
    other = {"reservation_ids": [hold], "customer": {**CUSTOMER, "firstname": "Eve"}}
    with nothing_booked(shared):
        answer = await shared.ask("place_order", other)
    assert answer.code == "ALREADY_ORDERED"
    assert answer.error["effect"] == "ordered"


# tickets


async def test_a_reference_with_several_orders_names_one_of_them(shared: Desk) -> None:
    first = await held(shared)
    second = await held(shared, "unlimited_offer")
    await shared.order(first, reference="WEB-7")
    await shared.order(second, reference="WEB-7")
    answer = await shared.ask("get_tickets", {"order_id": "WEB-7"})
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) == {"order_id"}


async def test_a_download_folder_that_cannot_be_written_is_the_operators_matter(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("folder") / "a-file"
    file.write_text("in the way")
    async with desk(settings_of(DOWNLOAD_DIR=str(file)), only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        each.clock.advance(600)
        answer = await each.ask("get_tickets", {"order_id": order["order_id"], "save": True})
        assert answer.code == "MISCONFIGURED"


async def test_a_forbidden_call_is_the_operators_matter(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault(status=403, body="problem"), "getOfferAvailability")
    answer = await desk.ask("check_availability", {"offer_id": desk.handle("park_offer")})
    assert answer.code == "NOT_ALLOWED"
