"""Holding, ordering and naming as issuers do it (traps T10, T14 to T19, T22 to T28, T34)."""

import json
from decimal import Decimal

import pytest

from korus_mcp.sandbox import Sandbox
from tests.sandbox.caller import (
    CUSTOMER,
    HOLDER,
    LD_JSON,
    ORDERS,
    RESERVATIONS,
    Caller,
    Json,
    calling,
)

pytestmark = pytest.mark.anyio


async def refused(caller: Caller, *items: Json) -> list[str]:
    """The paths a reservation call is refused for."""
    answer = await caller.send("POST", f"{RESERVATIONS}/_bulk", {"items": list(items)})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert not caller.sandbox.reservations()
    return [each["propertyPath"] for each in answer.json()["violations"]]


async def test_t10_reservations_of_the_hall_answer_with_the_older_session_address(
    caller: Caller,
) -> None:
    item = await caller.item(caller.iri("seated_offer"))
    sent = item["ticketSessions"][0]["session"]
    hold = (await caller.reserve(item))["reservations"][0]
    given = hold["items"][0]["offerTickets"][0]["session"]
    assert "/events/" in given
    assert given.rpartition("/")[2] == sent.rpartition("/")[2]
    item["ticketSessions"][0]["session"] = given
    assert (await caller.reserve(item))["reservations"]


async def test_t11_more_than_the_limit_of_an_order_is_refused(caller: Caller) -> None:
    item = await caller.item(caller.iri("max_six_offer"), 7)
    assert await refused(caller, item) == ["items[0].quantity"]
    assert (await caller.reserve({**item, "quantity": 6}))["reservations"]


async def test_t14_items_fail_one_by_one_under_status_200(caller: Caller) -> None:
    never = await caller.item(caller.iri("always_fails_offer"))
    five = await caller.item(caller.iri("fails_above_four_offer"), 5)
    outcome = await caller.reserve(never, {**five, "quantity": 4}, five)
    assert [each["items"][0]["offer"] for each in outcome["reservations"]] == [five["offer"]]
    assert [each["offer"] for each in outcome["failedReservations"]] == [
        never["offer"],
        five["offer"],
    ]
    assert outcome["failedReservations"][1]["quantity"] == 5


async def test_t14_a_call_in_which_all_items_fail_is_still_200(caller: Caller) -> None:
    outcome = await caller.reserve(await caller.item(caller.iri("always_fails_offer")))
    assert outcome["reservations"] == []
    assert len(outcome["failedReservations"]) == 1


async def test_t14_one_offer_can_be_held_and_never_ordered(caller: Caller) -> None:
    good, bad = await caller.hold("park_offer"), await caller.hold("fails_at_ordering_offer")
    outcome = await caller.order(good, bad)
    assert [each["reservation"] for each in outcome["orders"]] == [good["@id"]]
    assert [each["reservation"] for each in outcome["failedOrders"]] == [bad["@id"]]
    assert (await caller.read(bad["@id"]))["order"] is None


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_t15_a_post_under_another_body_type_is_refused(
    caller: Caller, media_type: str
) -> None:
    for path in (RESERVATIONS, ORDERS):
        answer = await caller.send(
            "POST", f"{path}/_bulk", {}, headers={"Content-Type": media_type}
        )
        assert answer.status_code == 415


async def test_t16_a_patch_takes_merge_patch_and_nothing_else(caller: Caller) -> None:
    order = await caller.booked("park_offer")
    document = (await caller.members(f"{order['@id']}/documents"))[0]
    ticket = order["items"][0]["tickets"][0]
    for path in (document["@id"], ticket["@id"]):
        assert (await caller.send("PATCH", path, {}, headers=LD_JSON)).status_code == 415
    assert (await caller.send("PATCH", document["@id"], {})).status_code == 200


async def test_t17_orders_are_found_by_external_reference_in_snake_case_only(
    caller: Caller,
) -> None:
    first = await caller.booked("park_offer", reference="REF-A")
    await caller.booked("park_offer", reference="REF-B")
    found = await caller.members(ORDERS, {"external_reference": "REF-A"})
    assert [each["id"] for each in found] == [first["id"]]
    assert len(await caller.members(ORDERS, {"externalReference": "REF-A"})) == 2
    assert await caller.members(ORDERS, {"external_reference": "REF"}) == []


async def test_t18_anonymous_addresses_differ_on_every_read(caller: Caller) -> None:
    order = await caller.booked("park_offer")
    again = await caller.read(order["@id"])
    for reading in (order, again):
        assert reading["customer"]["@id"].startswith("/.well-known/genid/")
    assert order["customer"]["@id"] != again["customer"]["@id"]
    assert order["items"][0]["@id"] != again["items"][0]["@id"]
    assert order["items"][0]["id"] == again["items"][0]["id"]


async def test_t19_bodies_take_addresses_and_bare_ids_are_refused(caller: Caller) -> None:
    item = await caller.item(caller.iri("park_offer"))
    bare = {**item, "offer": caller.places["park_offer"]}
    assert await refused(caller, bare) == ["items[0].offer"]
    ticket = {"ticket": item["ticketSessions"][0]["ticket"].rpartition("/")[2]}
    assert "items[0].ticketSessions[0].ticket" in await refused(
        caller, {**item, "ticketSessions": [ticket]}
    )
    hold = await caller.hold("park_offer")
    body = {"reservations": [hold["id"]], "customer": CUSTOMER, "externalReference": "X"}
    answer = await caller.send("POST", f"{ORDERS}/_bulk", body)
    assert answer.status_code == 422
    assert answer.json()["violations"][0]["propertyPath"] == "reservations[0]"


async def test_t22_holds_of_one_call_end_at_different_moments(caller: Caller) -> None:
    outcome = await caller.reserve(
        await caller.item(caller.iri("stadium_offer")),
        await caller.item(caller.iri("timed_offer")),
    )
    assert [each["expiresAt"] for each in outcome["reservations"]] == [
        "2026-06-01T09:05:00+00:00",
        "2026-06-01T09:20:00+00:00",
    ]


async def test_t23_an_expired_hold_stays_reserved_and_cannot_be_ordered(caller: Caller) -> None:
    hold = await caller.hold("stadium_offer")
    caller.sandbox.clock.advance(300)
    late = await caller.read(hold["@id"])
    assert (late["status"], late["expired"], late["order"]) == ("reserved", True, None)
    outcome = await caller.order(hold)
    assert outcome["orders"] == []
    assert outcome["failedOrders"][0]["code"] == "EXPIRED"


async def test_t23_an_ordered_hold_stays_reserved_and_names_its_order(caller: Caller) -> None:
    order = await caller.booked("park_offer")
    hold = await caller.read(order["reservation"])
    assert (hold["status"], hold["expired"], hold["order"]) == ("reserved", False, order["@id"])


async def test_t24_a_session_must_be_given_exactly_where_it_is_needed(caller: Caller) -> None:
    item = await caller.item(caller.iri("two_ticket_offer"))
    day, show = item["ticketSessions"]
    other = await caller.item(caller.iri("timed_offer"))
    foreign = other["ticketSessions"][0]["session"]
    wrong: list[tuple[list[Json], str]] = [
        ([day, {"ticket": show["ticket"]}], "[1].session"),
        ([{**day, "session": show["session"]}, show], "[0].session"),
        ([day, {**show, "session": foreign}], "[1].session"),
        ([day, {**show, "ticket": other["ticketSessions"][0]["ticket"]}], "[1].ticket"),
        ([day], ""),
        ([], ""),
        ([day, day, show], "[1].ticket"),
    ]
    for choices, path in wrong:
        paths = await refused(caller, {**item, "ticketSessions": choices})
        assert f"items[0].ticketSessions{path}" in paths


async def test_t25_units_become_items_of_a_hold_and_the_quantity_of_an_order(
    caller: Caller,
) -> None:
    hold = await caller.hold("two_ticket_offer", 3)
    assert len(hold["items"]) == 3
    assert all("quantity" not in item for item in hold["items"])
    assert hold["totalAmountInclTax"] == "117.00"
    order = (await caller.order(hold))["orders"][0]
    assert [item["quantity"] for item in order["items"]] == [3]
    assert len(order["items"][0]["tickets"]) == 6
    line = order["items"][0]
    assert (line["unitAmountInclTax"], line["totalAmountInclTax"]) == ("39.00", "117.00")


@pytest.mark.parametrize("phone", ["0610203040", "+33 6 10 20 30 40", "+33(0)610203040"])
async def test_t28_telephone_numbers_come_in_any_form(caller: Caller, phone: str) -> None:
    hold = await caller.hold("park_offer")
    body = {
        "reservations": [hold["@id"]],
        "customer": {**CUSTOMER, "phone": phone},
        "externalReference": "X",
    }
    answer = await caller.send("POST", f"{ORDERS}/_bulk", body)
    assert answer.json()["orders"][0]["customer"]["phone"] == phone


async def test_t34_a_second_order_of_the_same_hold_fails(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    both = await caller.order(hold, hold)
    assert (len(both["orders"]), len(both["failedOrders"])) == (1, 1)
    again = await caller.order(hold)
    assert (again["orders"], again["failedOrders"][0]["code"]) == ([], "ALREADY_ORDERED")


async def test_stock_falls_with_a_hold_and_comes_back_after_its_end(caller: Caller) -> None:
    availability = f"{caller.iri('stadium_offer')}/availability"
    before = (await caller.read(availability))["availableQuantity"]
    await caller.hold("stadium_offer", 4)
    held = await caller.read(availability)
    assert held["availableQuantity"] == before - 4
    assert held["sessionsAvailability"][0]["availableQuantity"] == before - 4
    caller.sandbox.clock.advance(301)
    assert (await caller.read(availability))["availableQuantity"] == before


async def test_stock_stays_taken_after_an_order_until_it_is_cancelled(caller: Caller) -> None:
    availability = f"{caller.iri('stadium_offer')}/availability"
    before = (await caller.read(availability))["availableQuantity"]
    order = await caller.booked("stadium_offer", 2)
    caller.sandbox.clock.advance(3600)
    await caller.log_in()
    assert (await caller.read(availability))["availableQuantity"] == before - 2
    caller.sandbox.cancel_order(order["id"])
    assert (await caller.read(availability))["availableQuantity"] == before
    cancelled = await caller.read(order["@id"])
    assert (cancelled["status"], cancelled["cancelledAt"]) == (
        "cancelled",
        "2026-06-01T10:00:00+00:00",
    )


async def test_products_of_one_zone_share_its_places_and_other_zones_do_not(
    caller: Caller,
) -> None:
    catalog = caller.iri("stadium_catalog")
    query = {"productBaseId": caller.places["stadium_base"]}
    full, reduced, _, elsewhere = (await caller.members(f"{catalog}/offers", query))[:4]
    left = [each["availableQuantity"] for each in (reduced, elsewhere)]
    await caller.reserve(await caller.item(full["@id"], 5))
    live = [
        (await caller.read(f"{each['@id']}/availability"))["availableQuantity"]
        for each in (reduced, elsewhere)
    ]
    assert live == [left[0] - 5, left[1]]


async def test_a_sold_out_session_and_a_sold_out_offer_cannot_be_held(caller: Caller) -> None:
    item = await caller.item(caller.iri("timed_offer"))
    sessions = await caller.members(f"{item['ticketSessions'][0]['ticket']}/sessions")
    full = next(s for s in sessions if s["id"] == caller.places["sold_out_session"])
    item["ticketSessions"][0]["session"] = full["@id"]
    sold_out = await caller.item(caller.iri("sold_out_offer"))
    outcome = await caller.reserve(item, sold_out)
    assert [each["code"] for each in outcome["failedReservations"]] == ["INSUFFICIENT_STOCK"] * 2


async def test_seats_of_one_hold_are_side_by_side_when_a_row_has_room(caller: Caller) -> None:
    hold = await caller.hold("seated_offer", 3)
    seats = [each["offerTickets"][0]["seating"] for each in hold["items"]]
    assert hold["seatsArrangement"] == "ADJACENT"
    assert len({seat["row"] for seat in seats}) == 1
    numbers = [int(seat["seat"]) for seat in seats]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert {seat["seatingCategory"] for seat in seats} == {"Carré Or"}
    assert {seat["zone"] for seat in seats} == {"Parterre avant"}


async def test_two_holds_never_share_a_seat(caller: Caller) -> None:
    holds = [await caller.hold("seated_offer", 4, slot=1) for _ in range(5)]
    seats = [item["offerTickets"][0]["seating"] for hold in holds for item in hold["items"]]
    assert len({(seat["zone"], seat["row"], seat["seat"]) for seat in seats}) == 20


async def test_a_large_party_is_spread_over_rows(caller: Caller) -> None:
    hold = await caller.hold("seated_offer", 22)
    assert hold["seatsArrangement"] == "NON_ADJACENT"


async def test_standing_places_have_a_zone_but_no_seat(caller: Caller) -> None:
    hold = await caller.hold("standing_offer", 2)
    seating = hold["items"][0]["offerTickets"][0]["seating"]
    assert hold["seatsArrangement"] == "UNKNOWN"
    assert (seating["zone"], seating["row"], seating["seat"]) == ("Fosse", None, None)


async def test_a_changed_price_is_what_the_next_hold_costs(caller: Caller) -> None:
    first = await caller.hold("park_offer")
    caller.sandbox.set_price(caller.places["park_offer"], first_price(first) + 7)
    assert (await caller.hold("park_offer"))["totalAmountInclTax"] == "52.00"
    assert (await caller.read(first["@id"]))["totalAmountInclTax"] == "45.00"
    offer = caller.iri("park_offer")
    assert (await caller.read(f"{offer}/price"))["amountInclTax"] == "52.00"
    assert (await caller.read(offer))["price"]["amountInclTax"] == "45.00"
    caller.sandbox.clock.advance(60)
    assert (await caller.read(offer))["price"]["amountInclTax"] == "52.00"


def first_price(hold: Json) -> Decimal:
    return Decimal(hold["totalAmountInclTax"])


async def test_stock_can_be_switched_for_an_offer_and_a_session(caller: Caller) -> None:
    sandbox, places = caller.sandbox, caller.places
    sandbox.set_stock(places["park_offer"], 2)
    item = await caller.item(caller.iri("park_offer"), 2)
    outcome = await caller.reserve(item, {**item, "quantity": 1})
    assert (len(outcome["reservations"]), len(outcome["failedReservations"])) == (1, 1)
    sandbox.set_stock(places["park_offer"], None)
    live = await caller.read(f"{caller.iri('park_offer')}/availability")
    assert live["availableQuantity"] is None
    sandbox.set_session_stock(places["sold_out_session"], 9)
    stock = await caller.read(f"{caller.iri('timed_offer')}/availability")
    left = {
        each["session"].rpartition("/")[2]: each["availableQuantity"]
        for each in stock["sessionsAvailability"]
    }
    assert left[places["sold_out_session"]] == 9


async def test_a_released_hold_cannot_be_ordered(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    caller.sandbox.release_reservation(hold["id"])
    assert (await caller.read(hold["@id"]))["status"] == "released"
    assert (await caller.order(hold))["failedOrders"][0]["code"] == "RELEASED"


async def test_an_unknown_reservation_refuses_the_whole_order_call(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    body = {
        "reservations": [hold["@id"], f"{RESERVATIONS}/{caller.places['park_offer']}"],
        "externalReference": "X",
    }
    answer = await caller.send("POST", f"{ORDERS}/_bulk", body)
    assert answer.status_code == 422
    assert not caller.sandbox.orders()


async def test_an_unknown_or_past_offer_refuses_the_whole_reservation_call(
    caller: Caller,
) -> None:
    item, today = await caller.item(caller.iri("stadium_offer")), caller.iri("park_offer")
    unknown = {**item, "offer": f"{today}0"}
    assert await refused(caller, item, unknown) == ["items[1].offer"]
    caller.sandbox.clock.advance(30 * 86_400)
    await caller.log_in()
    assert "items[0].offer" in await refused(caller, item)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", True, None])
async def test_a_quantity_is_a_whole_number_from_one_on(caller: Caller, quantity: object) -> None:
    item = await caller.item(caller.iri("park_offer"))
    assert await refused(caller, {**item, "quantity": quantity}) == ["items[0].quantity"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"externalReference": None}, "externalReference"),
        ({"externalReference": "x" * 51}, "externalReference"),
        ({"reservations": []}, "reservations"),
        ({"notes": 5}, "notes"),
        ({"customer": "Ada"}, "customer"),
        ({"customer": {**CUSTOMER, "email": "ada"}}, "customer.email"),
        ({"customer": {**CUSTOMER, "firstname": " "}}, "customer.firstname"),
        ({"customer": {**CUSTOMER, "title": ["mr"]}}, "customer.title"),
        ({"customer": {**CUSTOMER, "country": "FRA"}}, "customer.country"),
        ({"customer": {**CUSTOMER, "optin": "no"}}, "customer.optin"),
        ({"customer": {**CUSTOMER, "phone": 33}}, "customer.phone"),
    ],
)
async def test_an_order_call_names_what_is_wrong_with_it(
    caller: Caller, change: Json, path: str
) -> None:
    hold = await caller.hold("park_offer")
    body = {"reservations": [hold["@id"]], "customer": CUSTOMER, "externalReference": "X"}
    answer = await caller.send("POST", f"{ORDERS}/_bulk", {**body, **change})
    assert answer.status_code == 422
    assert path in [each["propertyPath"] for each in answer.json()["violations"]]


async def test_an_order_needs_no_customer(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    body = {"reservations": [hold["@id"]], "externalReference": "X"}
    answer = await caller.send("POST", f"{ORDERS}/_bulk", body)
    assert "firstname" not in answer.json()["orders"][0]["customer"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"items": "\\ud800"}']
)
async def test_a_body_that_is_no_json_object_cannot_be_read(caller: Caller, body: bytes) -> None:
    answer = await caller.client.post(f"{RESERVATIONS}/_bulk", content=body, headers=LD_JSON)
    assert answer.status_code == 400
    assert json.loads(answer.text).keys() >= {"status", "detail"}


async def test_orders_are_filtered_and_sorted_by_creation(caller: Caller) -> None:
    first = await caller.booked("park_offer")
    caller.sandbox.clock.advance(86_400)
    await caller.log_in()
    second = await caller.booked("undated_offer")
    days = {"createdAt[after]": "2026-06-02"}
    assert [each["id"] for each in await caller.members(ORDERS, days)] == [second["id"]]
    days = {"createdAt[strictly_before]": "2026-06-02"}
    assert [each["id"] for each in await caller.members(ORDERS, days)] == [first["id"]]
    newest = await caller.members(ORDERS, {"order[createdAt]": "desc"})
    assert [each["id"] for each in newest] == [second["id"], first["id"]]
    assert (await caller.get(ORDERS, {"createdAt[after]": "today"})).status_code == 400
    assert (await caller.get(ORDERS, {"external_reference": "x" * 51})).status_code == 400
    holds = await caller.members(RESERVATIONS, {"order[createdAt]": "desc"})
    assert holds[0]["order"] == second["@id"]


async def test_another_organisation_sees_and_orders_nothing_of_ours(sandbox: Sandbox) -> None:
    async with calling(sandbox) as caller, calling(sandbox, as_newcomer=True) as newcomer:
        hold = await caller.hold("park_offer")
        order = (await caller.order(await caller.hold("park_offer")))["orders"][0]
        item = await caller.item(caller.iri("park_offer"))
        for path in (hold["@id"], order["@id"], f"{order['@id']}/documents"):
            assert (await newcomer.get(path)).status_code == 404
        assert await newcomer.members(ORDERS) == []
        body = {"reservations": [hold["@id"]], "externalReference": "X"}
        assert (await newcomer.send("POST", f"{ORDERS}/_bulk", body)).status_code == 422
        items = {"items": [item]}
        assert (await newcomer.send("POST", f"{RESERVATIONS}/_bulk", items)).status_code == 422


async def test_a_named_pass_waits_for_its_holder_and_then_becomes_valid(caller: Caller) -> None:
    order = await caller.booked("beneficiary_offer", 2)
    first, second = order["items"][0]["tickets"]
    assert first["status"] == "waiting_beneficiary_data"
    assert first["requiredBeneficiaryFields"] == ["firstname", "lastname", "dateOfBirth"]
    assert (first["voucher"], first["beneficiary"]) == (None, None)
    assert first["beneficiaryDesignationDeadline"] == "2026-06-02T08:30:00+02:00"
    half = {key: HOLDER[key] for key in ("firstname", "lastname")}
    incomplete = await caller.send("PATCH", first["@id"], {"beneficiary": half})
    assert incomplete.json()["status"] == "waiting_beneficiary_data"
    for ticket in (first, second):
        assert await caller.members(f"{order['@id']}/documents") == []
        named = await caller.send("PATCH", ticket["@id"], {"beneficiary": HOLDER})
        assert named.json()["status"] == "validated"
        assert named.json()["voucher"]
    assert len(await caller.members(f"{order['@id']}/documents")) == 2


async def test_a_holder_cannot_be_changed_on_a_locked_ticket_or_too_late(caller: Caller) -> None:
    locked = (await caller.booked("locked_beneficiary_offer"))["items"][0]["tickets"][0]
    assert (locked["beneficiaryAmendable"], locked["status"]) == (False, "validated")
    named = (await caller.booked("beneficiary_offer"))["items"][0]["tickets"][0]
    caller.sandbox.clock.advance(86_400)
    await caller.log_in()
    for ticket in (locked, named):
        answer = await caller.send("PATCH", ticket["@id"], {"beneficiary": HOLDER})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("beneficiary", "path"),
    [
        (None, "beneficiary"),
        ({}, "beneficiary.firstname"),
        ({**HOLDER, "dateOfBirth": "10/12/1990"}, "beneficiary.dateOfBirth"),
        ({**HOLDER, "title": "dr"}, "beneficiary.title"),
        ({**HOLDER, "email": 5}, "beneficiary.email"),
    ],
)
async def test_a_holder_that_cannot_be_is_refused(
    caller: Caller, beneficiary: object, path: str
) -> None:
    ticket = (await caller.booked("beneficiary_offer"))["items"][0]["tickets"][0]
    answer = await caller.send("PATCH", ticket["@id"], {"beneficiary": beneficiary})
    assert answer.status_code == 422
    assert path in [each["propertyPath"] for each in answer.json()["violations"]]


async def test_the_oracles_tell_what_was_booked(caller: Caller) -> None:
    order = await caller.booked("park_offer", 2, reference="REF-9")
    (record,) = caller.sandbox.orders()
    assert (record.id, record.external_reference, record.quantity) == (order["id"], "REF-9", 2)
    assert record.customer == CUSTOMER
    (held,) = caller.sandbox.reservations()
    assert record.reservation_ids == (held.id,)
    assert (held.order_id, held.offer_id) == (record.id, caller.places["park_offer"])
    assert caller.sandbox.requests[-1].operation == "createOrders"
