import inspect
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import korus_mcp.api as api
from korus_mcp.api import (
    Catalog,
    Offer,
    OfferAvailability,
    OfferPrice,
    OfferTicketSession,
    Order,
    OrderBulkResult,
    OrderDocument,
    OrderDocumentLink,
    OrderItemTicket,
    ProductBase,
    Reservation,
    ReservationBulkResult,
    Row,
    Seat,
    SeatMap,
    Venue,
)
from korus_mcp.api.jsonld import json_object
from korus_mcp.api.models.base import ApiModel, BulkResult, Resource
from korus_mcp.api.models.values import read_money
from korus_mcp.foundation.unread import UNREAD, DayMoment, ToldDay
from tests.api.wire import example

MODELS = [
    each for each in vars(api).values() if isinstance(each, type) and issubclass(each, BaseModel)
]


def test_the_documented_catalog_is_read() -> None:
    member = example("catalogs.list.json")["response"]["member"][0]
    catalog = Catalog.model_validate(member)
    assert catalog.id == "0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
    assert catalog.iri == member["@id"]
    assert catalog.name == "Catalogue Puy du Fou - CSE"
    assert catalog.created_at == datetime(2025, 1, 28, 7, 42, 4, tzinfo=UTC)
    assert catalog.last_synced_at is None
    assert catalog.model_extra == {"@type": "TicketingCatalog"}


def test_the_documented_product_bases_are_read() -> None:
    members = example("product_bases.list.json")["response"]["member"]
    bases = [ProductBase.model_validate(member) for member in members]
    assert [base.name for base in bases] == [member["name"] for member in members]
    assert [base.disabled for base in bases] == [False, False]
    assert bases[0].description is None
    assert "description" not in bases[0].model_fields_set


def test_the_documented_availability_is_read() -> None:
    body = example("offer.availability.json")["response"]
    availability = OfferAvailability.model_validate(body)
    assert availability.available_quantity == 41301
    session = availability.sessions_availability[0]
    assert session.session == body["sessionsAvailability"][0]["session"]
    assert session.available_quantity == 4000
    assert availability.unread == session.unread == {}


def test_the_documented_price_is_read() -> None:
    price = OfferPrice.model_validate(example("offer.price.json")["response"])
    assert (price.amount_incl_tax, price.amount_excl_tax) == (Decimal("100.00"), Decimal("80.00"))
    assert str(price.amount_incl_tax) == "100.00"
    assert price.currency == "EUR"


def test_a_resource_needs_only_its_id() -> None:
    for model in MODELS:
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        if issubclass(model, Resource):
            assert needed == ["id"], model
        else:
            assert needed == (["temporary_url"] if model is OrderDocumentLink else []), model


def test_everything_exported_with_fields_is_frozen_and_open() -> None:
    for model in MODELS:
        assert issubclass(model, ApiModel)
        assert model.model_config["frozen"]
        assert model.model_config["extra"] == "allow"
        assert inspect.getdoc(model)


def test_unknown_keys_are_kept_and_unknown_enum_values_are_text() -> None:
    base = ProductBase.model_validate({"id": "b", "universe": "esports", "brandNew": {"a": 1}})
    assert base.universe == "esports"
    assert base.model_extra == {"brandNew": {"a": 1}}


def test_one_field_of_a_wrong_type_costs_only_itself() -> None:
    raw = {
        "id": "b",
        "name": "Match",
        "maxAmountPerOrder": "many",
        "venue": "Lyon",
        "useSession": 3.7,
    }
    base = ProductBase.model_validate(raw)
    assert base.name == "Match"
    assert (base.max_amount_per_order, base.venue, base.use_session) == (UNREAD, None, None)
    assert base.unread == {"maxAmountPerOrder": "many", "venue": "Lyon", "useSession": 3.7}


def test_one_unreadable_member_costs_only_itself() -> None:
    raw = {"id": "r", "items": [{"amountInclTax": "1.00"}, 4, {"date": "2026-02-30"}]}
    reservation = Reservation.model_validate(raw)
    assert [item.amount_incl_tax for item in reservation.items] == [Decimal("1.00"), None]
    assert reservation.items[1].unread == {"date": "2026-02-30"}
    assert reservation.unread == {"items": raw["items"]}
    assert reservation.lacks("items")
    assert not reservation.lacks("order")


def test_a_field_given_by_its_own_name_can_be_wrong_too() -> None:
    base = ProductBase.model_validate({"id": "b", "max_amount_per_order": "many"})
    assert base.max_amount_per_order is UNREAD
    assert base.lacks("max_amount_per_order")


@pytest.mark.parametrize(
    "body", [{}, {"id": ""}, {"id": None}, {"id": "a/b"}, {"id": True}, [], 5, None]
)
def test_a_resource_without_an_id_is_none(body: object) -> None:
    with pytest.raises(ValidationError):
        Catalog.model_validate(body)


@pytest.mark.parametrize(
    "given",
    [
        "0194ad2c-491c-7c9e-b842-10ee940ed6a3",
        "7522b8de-37a2-458d-b099-6d515b0739be",
        "0193afd5-2ae2-78a9-866a-e4592fe5eba",
        12,
    ],
)
def test_ids_are_opaque(given: object) -> None:
    assert Catalog.model_validate({"id": given}).id == str(given)


@pytest.mark.parametrize(
    "iri",
    [
        "/v1/ticketing/catalogs/{catalogId}/offers/o",
        "/.well-known/genid/6c8d",
        "https://evil.example/v1/booking/orders/o",
        "string",
        "/v1/" + "a" * 600,
    ],
)
def test_an_address_that_is_none_is_not_offered(iri: str) -> None:
    offer = Offer.model_validate({"id": "o", "@id": iri})
    assert offer.iri is None
    assert offer.at_id == iri


def test_a_bare_iri_is_a_resource_that_knows_only_its_id() -> None:
    result = OrderBulkResult.model_validate(
        {"orders": ["/v1/booking/orders/o1"], "failedOrders": []}
    )
    assert [(order.id, order.iri) for order in result.orders] == [("o1", "/v1/booking/orders/o1")]
    assert Order.model_validate({"@id": "/v1/booking/orders/o2"}).id == "o2"


def test_links_may_come_embedded() -> None:
    raw = {"id": "r", "order": {"@id": "/v1/booking/orders/o", "id": "o"}}
    reservation = Reservation.model_validate(raw)
    assert reservation.order == "/v1/booking/orders/o"
    assert reservation.may_have_order


@pytest.mark.parametrize("order", [5, 0, True, ["x"], {"@id": 5}, {"@id": None}])
def test_an_order_that_cannot_be_read_may_be_one(order: object) -> None:
    reservation = Reservation.model_validate({"id": "r", "order": order})
    assert reservation.order is UNREAD
    assert reservation.may_have_order


NOTHING: tuple[object, ...] = (None, "", [], {}, False)


@pytest.mark.parametrize(
    "raw", [{"id": "r"}, *({"id": "r", "order": nothing} for nothing in NOTHING)]
)
def test_a_hold_without_order_has_none(raw: dict[str, object]) -> None:
    assert not Reservation.model_validate(raw).may_have_order


@pytest.mark.parametrize("nothing", NOTHING)
def test_what_is_empty_of_an_order_is_absent(nothing: object) -> None:
    ticket = {
        "id": "t",
        "occursAt": nothing,
        "beneficiaryDesignationDeadline": nothing,
        "requiredBeneficiaryFields": nothing,
        "seating": nothing,
    }
    item = {"id": "i", "date": nothing, "tickets": [ticket]}
    raw = {"id": "o", "cancelledAt": nothing, "currency": nothing, "items": [item]}
    order = Order.model_validate(raw)
    (line,) = order.items
    (admission,) = line.tickets
    assert (order.cancelled_at, order.currency, line.date) == (None, None, None)
    assert (admission.occurs_at, admission.beneficiary_designation_deadline) == (None, None)
    assert (admission.required_beneficiary_fields, admission.seating) == ((), None)
    document = OrderDocument.model_validate({"id": "d", "downloadableAt": nothing})
    assert document.downloadable_at is None


@pytest.mark.parametrize(
    ("told", "read"), [("", None), ({}, None), (False, False), (["x"], UNREAD)]
)
def test_no_is_a_value_where_yes_is_one(told: object, read: object) -> None:
    ticket = OrderItemTicket.model_validate({"id": "t", "beneficiaryAmendable": told})
    assert ticket.beneficiary_amendable is read


@pytest.mark.parametrize("odd", [0, True, "yesterday", ["x"], {"at": 1}])
def test_a_cancellation_that_cannot_be_read_may_be_one(odd: object) -> None:
    assert Order.model_validate({"id": "o", "cancelledAt": odd, "items": []}).cancelled_at is UNREAD


def test_lists_with_gaps_and_nulls_are_lists() -> None:
    offer = Offer.model_validate({"id": "o", "tickets": {"0": {"dateAccess": True}, "2": {}}})
    assert [ticket.date_access for ticket in offer.tickets] == [True, None]
    assert Offer.model_validate({"id": "o", "tickets": None}).tickets == ()


def test_local_times_keep_their_offset() -> None:
    raw = {"id": "s", "startsAt": "2025-06-07T20:00:00+02:00"}
    starts_at = OfferTicketSession.model_validate(raw).starts_at
    assert isinstance(starts_at, datetime)
    assert starts_at.utcoffset() == timedelta(hours=2)
    assert starts_at.hour == 20


@pytest.mark.parametrize(
    "when", ["2025-06-07T20:00:00", 1749319200, "1749319200", "-12.5", "soon", "", ["x"]]
)
def test_a_moment_without_offset_is_no_moment(when: object) -> None:
    session = OfferTicketSession.model_validate({"id": "s", "startsAt": when})
    assert session.starts_at is UNREAD
    assert session.unread == {"startsAt": when}


@pytest.mark.parametrize(
    ("day", "read"),
    [
        ("2025-01-27", date(2025, 1, 27)),
        ("2025-01-27T00:00:00", date(2025, 1, 27)),
        (None, None),
        (20250127, UNREAD),
        ("20250127", UNREAD),
        ("27/01/2025", UNREAD),
        ("2025-01-27T99", UNREAD),
        ({"day": "2025-01-27"}, UNREAD),
    ],
)
def test_days_are_plain(day: object, read: ToldDay) -> None:
    assert Offer.model_validate({"id": "o", "date": day}).date == read


def test_a_day_that_came_as_a_moment_waits_for_its_zone() -> None:
    told = Offer.model_validate({"id": "o", "date": "2026-12-04T23:00:00+00:00"}).date
    assert told == DayMoment(datetime(2026, 12, 4, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("35.1", Decimal("35.1")),
        ("35", Decimal(35)),
        ("3.5e1", Decimal(35)),
        ("-1.5", Decimal("-1.5")),
        ("NaN", UNREAD),
        ("Infinity", UNREAD),
        ("1e999", UNREAD),
        ("1e12", UNREAD),
        ("0.30000000000000004", UNREAD),
        ("true", UNREAD),
        ('{"amount": 35}', UNREAD),
        ("null", None),
    ],
)
def test_a_price_may_come_as_a_number(number: str, read: object) -> None:
    body = json_object(f'{{"amountInclTax": {number}}}'.encode())
    assert OfferPrice.model_validate(body).amount_incl_tax == read


@pytest.mark.parametrize(
    "stock", ['{"value": 0}', '"sold_out"', "0.5", "true", "false", "NaN", "[]", "1e300", '""']
)
def test_a_stock_that_cannot_be_read_is_not_without_limit(stock: str) -> None:
    body = json_object(f'{{"availableQuantity": {stock}}}'.encode())
    assert OfferAvailability.model_validate(body).available_quantity is UNREAD


@given(st.decimals(-(10**11), 10**11, allow_nan=False, allow_infinity=False, places=2))
def test_every_amount_of_cents_survives(amount: Decimal) -> None:
    assert read_money(f"{amount:f}") == amount
    assert read_money(amount) is amount


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.binary()))
def test_money_is_exact_or_refused(value: object) -> None:
    try:
        amount = read_money(value)
    except ValueError:
        return
    assert not isinstance(value, bool)
    assert isinstance(amount, Decimal)
    assert amount.is_finite()
    assert abs(amount) < 10**12


@pytest.mark.parametrize(
    "text", ["NaN", "inf", "1e9", "1E+999999", "1,00", "", " 1", "٣", "1" * 13, "+1"]
)
def test_odd_money_is_not_read(text: str) -> None:
    price = OfferPrice.model_validate({"amountInclTax": text})
    assert price.amount_incl_tax is UNREAD
    assert price.unread == {"amountInclTax": text}


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "2200-01-01T00:00:00Z",
        "1899-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_moment_that_arithmetic_could_leave_the_calendar_with_is_not_read(text: str) -> None:
    hold = Reservation.model_validate({"id": "r1", "expiresAt": text})
    assert hold.expires_at is UNREAD
    assert hold.unread == {"expiresAt": text}


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("45.7653", "4.9820", (45.7653, 4.982)),
        (45.7653, 4, (45.7653, 4.0)),
        ("", "4.9", None),
        (None, "4.9", None),
        ("north", "4.9", None),
        ("nan", "4.9", None),
        ("95", "4.9", None),
        ("45", "inf", None),
    ],
)
def test_coordinates_are_numbers_or_nothing(
    latitude: object, longitude: object, place: tuple[float, float] | None
) -> None:
    venue = Venue.model_validate({"latitude": latitude, "longitude": longitude})
    assert venue.coordinates == place


def test_a_seat_map_is_read_with_its_gaps() -> None:
    raw = {
        "id": "m",
        "zones": [
            {"id": "z", "name": "Nord", "polygon": [[0, 0], [1.5, 2]], "rows": None},
            {"id": "y", "rows": [{"name": "A", "seats": [{"name": "1", "x": 1, "y": "far"}]}]},
            {"name": "no id", "polygon": [[0, 0, 0]]},
        ],
        "seatingCategories": [{"id": "k", "name": "Or", "color": "#ffcc00"}],
    }
    seat_map = SeatMap.model_validate(raw)
    standing, seated, odd = seat_map.zones
    assert standing.rows is None
    assert standing.polygon == ((0.0, 0.0), (1.5, 2.0))
    assert seated.rows is not None
    assert (seated.rows[0].seats[0].x, seated.rows[0].seats[0].y) == (1.0, None)
    assert (odd.id, odd.polygon) == (None, None)


SEATS: list[dict[str, object]] = [
    {"name": "1", "x": 0, "y": 2.5},
    {"name": "2", "x": 10.5, "y": -1},
]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"angle": 30},
        {"name": 3, "x": 1, "y": 1},
        {"name": "3"},
        {"name": "3", "x": 1, "angle": 30},
        {"name": "3", "x": 1, "y": float("nan")},
        {"name": "a\0b", "x": 1, "y": 1},
        {"name": "3", "x": True, "y": 1},
        {"name": "3", "x": 10**400, "y": 1},
        {"name": None, "x": 1, "y": 1},
    ],
    ids=str,
)
def test_plain_seats_are_the_same_beside_an_odd_one(odd: dict[str, object]) -> None:
    plain = Row.model_validate({"seats": SEATS}).seats
    mixed = Row.model_validate({"seats": [*SEATS, odd]}).seats
    assert (type(plain).__name__, len(plain), len(mixed)) == ("PlainSeats", 2, 3)
    assert list(plain) == list(mixed[:2]) == [Seat.model_validate(seat) for seat in SEATS]
    assert (plain[1], plain[-1:]) == (mixed[1], mixed[1:2])
    last = Seat.model_validate(odd)
    assert mixed[2] == last
    assert mixed[2].unread == last.unread


def test_seats_so_far_away_that_their_sum_is_endless_are_plain_ones() -> None:
    far = Row.model_validate({"seats": [{"x": 1e308, "y": 1}, {"x": 1e308, "y": 2}]}).seats
    assert (type(far).__name__, far[1].x) == ("PlainSeats", 1e308)


def test_seats_without_names_have_none() -> None:
    nameless = Row.model_validate({"seats": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}).seats
    assert [(seat.name, seat.x, seat.y) for seat in nameless] == [(None, 1, 2), (None, 3, 4)]
    assert list(Row.model_validate({"seats": None}).seats) == []
    assert len(Row.model_validate({"seats": {"0": SEATS[0], "2": SEATS[1]}}).seats) == 2


def test_failures_are_read_in_any_shape() -> None:
    raw = {
        "failedReservations": [
            {"offer": "/v1/ticketing/catalogs/c/offers/o", "quantity": 2, "message": "sold out"},
            "/v1/ticketing/catalogs/c/offers/o",
            "complet",
            7,
        ]
    }
    failures = ReservationBulkResult.model_validate(raw).failed_reservations
    assert [(each.offer is not None, each.message) for each in failures] == [
        (True, "sold out"),
        (True, None),
        (False, "complet"),
        (False, "7"),
    ]


def test_what_is_told_twice_was_booked_once() -> None:
    told = [{"id": "a", "status": "reserved"}, "/v1/booking/reservations/b", {"id": "a"}]
    result = ReservationBulkResult.model_validate({"reservations": told})
    assert [(r.id, r.status) for r in result.reservations] == [("a", "reserved"), ("b", None)]
    orders = OrderBulkResult.model_validate({"orders": [{"id": "o"}, {"id": "o"}]}).orders
    assert [order.id for order in orders] == ["o"]


@pytest.mark.parametrize("model", [ReservationBulkResult, OrderBulkResult])
@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"@type": "x"},
        dict.fromkeys(("reservations", "failedReservations", "orders", "failedOrders")),
        {"reservations": 5, "orders": 5},
        {"reservations": [5], "orders": [5]},
        {"reservations": [{}], "orders": [{}]},
        {"reservations": ["/v1/booking/customers/c"], "orders": ["x"]},
        {"failedReservations": "x", "failedOrders": "x", "orders": [], "reservations": []},
    ],
)
def test_the_outcome_of_a_booking_is_read_strictly(
    model: type[BulkResult], raw: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(raw)


def test_no_representation_shows_content() -> None:
    raw = {"id": "visible"} | dict.fromkeys(("name", "notes", "at_id"), "canary")
    for model in MODELS:
        if issubclass(model, BulkResult):
            continue
        known = {name: "canary" for name in model.model_fields if name != "id"}
        shown = model.model_validate(raw | known)
        assert "canary" not in f"{shown}{shown!r}"


def test_errors_of_reading_show_no_input() -> None:
    with pytest.raises(ValidationError) as refused:
        OrderBulkResult.model_validate({"orders": [{"customer": {"email": "canary"}}]})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("body", [{}, {"id": None}])
def test_a_missing_id_is_taken_from_the_address(body: dict[str, object]) -> None:
    assert Order.model_validate(body | {"@id": "/v1/booking/orders/o1"}).id == "o1"
