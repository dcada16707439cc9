"""A hold is usable when four conditions are met; its lines are counted units."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from korus_mcp.api import Reservation
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.booking.hold import BookedNames, Hold, HoldState, hold_of, seat_of
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
EXACT = SimpleNamespace(
    now=lambda: NOW, is_known=True, unknown_skew=timedelta(0), skew_bound_seconds=0.0
)
NAMES = BookedNames({"p1": "Adult", "p2": "Child"}, {"s1": NOW + timedelta(hours=11)})


def item(**changes: Any) -> dict[str, Any]:
    given = {
        "id": "i",
        "offer": "/v1/ticketing/catalogs/c/offers/o1",
        "product": "/v1/ticketing/catalogs/c/products/p1",
        "date": "2026-06-02",
        "amountInclTax": "45.00",
        "offerTickets": [],
    }
    return given | changes


def hold(**changes: Any) -> Hold:
    given = {
        "id": "r1",
        "status": "reserved",
        "expired": False,
        "expiresAt": (NOW + timedelta(seconds=900)).isoformat(),
        "order": None,
        "totalAmountInclTax": "45.00",
        "catalog": "/v1/ticketing/catalogs/c",
        "items": [item()],
    }
    return hold_of(Reservation.model_validate(given | changes), NAMES, EXACT)


def test_a_hold_that_meets_all_four_conditions_is_held() -> None:
    assert hold().state is HoldState.HELD
    assert hold().seconds_left == 900
    assert hold().can_be_ordered(EXACT)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status": "released"}, HoldState.RELEASED),
        ({"status": "RELEASED"}, HoldState.RELEASED),
        ({"status": "cancelled"}, HoldState.RELEASED),
        ({"status": "Expired"}, HoldState.EXPIRED),
        ({"status": "ordered"}, HoldState.ORDERED),
        ({"expired": True}, HoldState.EXPIRED),
        ({"expiresAt": NOW.isoformat()}, HoldState.EXPIRED),
        ({"expiresAt": (NOW - timedelta(seconds=1)).isoformat()}, HoldState.EXPIRED),
        ({"order": "/v1/booking/orders/o"}, HoldState.ORDERED),
        ({"order": 7, "status": "ordered"}, HoldState.ORDERED),
        ({"order": "/v1/booking/orders/o", "expired": True}, HoldState.ORDERED),
    ],
)
def test_one_condition_missed_and_it_cannot_be_ordered(
    changes: dict[str, Any], state: HoldState
) -> None:
    found = hold(**changes)
    assert found.state is state
    assert found.seconds_left == 0
    assert not found.can_be_ordered(EXACT)


@pytest.mark.parametrize("order", [7, True, ["x"], {"@id": None}, " ", "/v1/booking/orders/"])
@pytest.mark.parametrize("changes", [{}, {"expired": True}, {"expiresAt": NOW.isoformat()}])
def test_an_order_that_cannot_be_read_is_neither_an_order_nor_none(
    order: object, changes: dict[str, Any]
) -> None:
    found = hold(order=order, **changes)
    assert found.state is HoldState.HELD, "neither ordered nor over: both would mislead"
    assert found.may_have_been_ordered
    obstacle = found.obstacle()
    assert obstacle is not None
    assert obstacle.reason == "whether it was ordered cannot be read"


@pytest.mark.parametrize("nothing", [None, "", [], {}, False])
def test_an_empty_order_is_none(nothing: object) -> None:
    found = hold(order=nothing)
    assert (found.state, found.may_have_been_ordered, found.obstacle()) == (
        HoldState.HELD,
        False,
        None,
    )


@pytest.mark.parametrize("changes", [{}, {"expired": True}, {"expiresAt": NOW.isoformat()}])
@pytest.mark.parametrize(
    "status", ["something new", "paid", "confirmed", "Validated", "booked", 3, ["reserved"], {}]
)
def test_a_status_that_nobody_knows_may_say_that_it_was_ordered(
    status: object, changes: dict[str, Any]
) -> None:
    found = hold(status=status, **changes)
    assert found.state is HoldState.HELD, "it is not over: one would buy the same again"
    assert found.may_have_been_ordered
    obstacle = found.obstacle()
    assert obstacle is not None
    assert obstacle.reason == "its state cannot be read"


@pytest.mark.parametrize("status", ["", " ", None])
def test_without_a_status_nobody_agrees_to_a_hold_and_its_end_ends_it(status: object) -> None:
    found = hold(status=status)
    assert (found.state, found.may_have_been_ordered) == (HoldState.HELD, False)
    obstacle = found.obstacle()
    assert obstacle is not None
    assert obstacle.reason == "its state cannot be read"
    assert hold(status=status, expired=True).state is HoldState.EXPIRED


@pytest.mark.parametrize(
    "changes",
    [
        {"expiresAt": "1780000000"},
        {"expiresAt": "0"},
        {"expiresAt": "20260601"},
        {"expiresAt": None},
        {"expiresAt": "soon"},
        {"expiresAt": 1780000000},
        {"expiresAt": {}},
    ],
)
def test_a_hold_whose_end_nobody_knows_is_not_over(changes: dict[str, Any]) -> None:
    found = hold(**changes)
    assert (found.state, found.seconds_left, found.expires_at) == (HoldState.HELD, None, None)
    assert found.can_be_ordered(EXACT)
    assert found.obstacle() is None
    assert hold(**changes, expired=True).state is HoldState.EXPIRED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": None}, "its state"),
        ({"status": {"value": "reserved"}}, "its state"),
        ({"totalAmountInclTax": "45,00"}, "its total"),
        ({"totalAmountInclTax": {"amount": "45.00"}}, "its total"),
        ({"items": "two"}, "what it holds"),
        ({"items": [item(), 7]}, "what it holds"),
        ({"items": [item(date="2026-02-30")]}, "the day of a line"),
        ({"items": [item(date="2026-06-01T22:00:00+00:00")]}, "the day of a line"),
        ({"items": [item(amountInclTax=True)]}, "the price of a line"),
        ({"items": [item(offerTickets="one")]}, "a ticket in it"),
        ({"items": [item(offerTickets=[{"session": {}}])]}, "the session of a ticket"),
        ({"items": [item(offerTickets=[{"seating": 7}])]}, "a seat"),
    ],
)
def test_nobody_agrees_to_what_cannot_be_read(changes: dict[str, Any], words: str) -> None:
    found = hold(**changes)
    obstacle = found.obstacle()
    assert obstacle is not None
    assert (obstacle.code, obstacle.reason) == (Code.NOT_BOOKABLE, f"{words} cannot be read")
    assert found.state is HoldState.HELD, "it is not over for that"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"totalAmountInclTax": "-45.00"}, "it states an amount below zero"),
        ({"items": [item(amountInclTax="-0.01")]}, "it states an amount below zero"),
        ({"totalAmountInclTax": None}, "it states no total"),
        ({"items": []}, "it names nothing that is held"),
        ({"items": None}, "it names nothing that is held"),
        ({"items": [item(), item(id="j")]}, "its lines cost more than its total"),
        ({"items": [item(amountInclTax="45.01")]}, "its lines cost more than its total"),
    ],
)
def test_amounts_that_cannot_be_right_are_not_agreed_to(
    changes: dict[str, Any], reason: str
) -> None:
    obstacle = hold(**changes).obstacle()
    assert obstacle is not None
    assert (obstacle.code, obstacle.reason) == (Code.NOT_BOOKABLE, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "CHF"},
        {"currency": "€"},
        {"currency": {"code": "EUR"}},
        {"currencyCode": "XPF"},
        {"items": [item(currency="CHF")]},
        {"items": [item(), item(id="j", amountInclTax=None, currency="usd")]},
        {"currency": "CHF", "totalAmountInclTax": None},
    ],
)
def test_a_hold_in_another_currency_is_not_euro(changes: dict[str, Any]) -> None:
    obstacle = hold(**changes).obstacle()
    assert obstacle is not None
    assert obstacle.code is Code.UNSUPPORTED_CURRENCY


@pytest.mark.parametrize("currency", ["eur", "EUR", " Eur ", "", None])
def test_euro_is_euro(currency: str | None) -> None:
    assert hold(currency=currency).obstacle() is None


def test_what_a_hold_may_cost_is_the_larger_of_total_and_lines() -> None:
    dear = hold(items=[item(amountInclTax="60.00")])
    assert (dear.total, dear.worth) == (Money(Decimal("45.00")), Money(Decimal("60.00")))
    assert hold().worth == Money(Decimal("45.00"))
    assert hold(items=[item(amountInclTax=None)]).worth == Money(Decimal("45.00"))


def test_a_line_of_a_moment_is_on_the_day_of_its_venue() -> None:
    zones = {"p1": ZoneInfo("Europe/Paris")}
    late = item(date="2026-06-01T22:00:00+00:00")
    raw = {"id": "r1", "status": "reserved", "totalAmountInclTax": 45.0, "items": [late]}
    found = hold_of(Reservation.model_validate(raw), BookedNames({}, {}, zones), EXACT)
    assert [line.day for line in found.lines] == [date(2026, 6, 2)]
    assert found.obstacle() is None


@pytest.mark.parametrize(("left", "orderable"), [(20, False), (21, True)])
def test_twenty_seconds_are_the_margin(left: int, orderable: bool) -> None:
    found = hold(expiresAt=(NOW + timedelta(seconds=left)).isoformat())
    assert found.can_be_ordered(EXACT) == orderable


def test_the_order_of_a_hold_is_told() -> None:
    assert hold(order="/v1/booking/orders/o7").order_id == "o7"
    assert hold().order_id is None
    assert hold().catalog_id == "c"


def test_equal_units_are_one_line() -> None:
    child = "/v1/ticketing/catalogs/c/products/p2"
    found = hold(items=[item(), item(product=child, amountInclTax="30.00"), item(id="j")])
    assert [(ln.product, ln.quantity, ln.amount) for ln in found.lines] == [
        ("Adult", 2, Money(Decimal("90.00"))),
        ("Child", 1, Money(Decimal("30.00"))),
    ]
    assert found.quantity == 3


def test_units_of_two_sessions_are_two_lines() -> None:
    def at(session: str) -> dict[str, Any]:
        return item(offerTickets=[{"session": f"/v1/ticketing/events/e/sessions/{session}"}])

    found = hold(items=[at("s1"), at("s2"), at("s1")])
    assert [(ln.quantity, ln.starts_at) for ln in found.lines] == [
        (2, (NOW + timedelta(hours=11),)),
        (1, ()),
    ]


def test_a_line_without_facts_is_a_line_all_the_same() -> None:
    bare = {"id": "i"}
    found = hold(items=[bare], totalAmountInclTax=None)
    (line,) = found.lines
    assert (line.product, line.amount, line.day, line.offer_id) == (
        "(unnamed product)",
        None,
        None,
        None,
    )
    assert found.total is None


@pytest.mark.parametrize(
    ("arrangement", "together"),
    [("ADJACENT", True), ("NON_ADJACENT", False), ("UNKNOWN", None), (None, None)],
)
def test_seats_say_whether_they_are_together(
    arrangement: str | None, together: bool | None
) -> None:
    seated = item(offerTickets=[{"seating": {"row": "A", "seat": "1"}}])
    found = hold(items=[seated, seated], seatsArrangement=arrangement)
    assert [str(seat) for seat in found.seats] == ["row A, seat 1"] * 2
    assert found.seats_together is together
    assert hold(seatsArrangement=arrangement).seats_together is None, "no seats"


@pytest.mark.parametrize(
    ("seating", "text"),
    [
        (None, None),
        ({}, None),
        ({"zone": "Nord", "row": "A", "seat": "12", "entrance": "B"},
         "zone Nord, row A, seat 12, entrance B"),
        ({"zone": "N\u202eord\n"}, "zone Nord"),
    ],
)  # fmt: skip
def test_a_place_reads_as_printed(seating: dict[str, str] | None, text: str | None) -> None:
    found = Seating.model_validate(seating) if seating is not None else None
    seat = seat_of(found)
    assert (None if seat is None else str(seat)) == text


@pytest.mark.parametrize("depth", [40, 400])
def test_a_place_told_in_however_many_layers_is_read_in_no_time(depth: int) -> None:
    """Each layer must not double the work: forty of them would never end."""
    deep: Any = "limited view"
    for _ in range(depth):
        deep = [deep]
    named: Any = "limited view"
    for _ in range(depth):
        named = {"name": named}
    held = hold(items=[item(offerTickets=[{"ticket": "/t/1", "seating": {"a": deep, "b": named}}])])
    assert "limited view" in held.units[0]
    assert [str(seat) for seat in held.seats] == ["a ?, b ?"]


def test_a_status_without_end_is_a_word_nobody_knows() -> None:
    found = hold(status="reserved" + " " * 100_000)
    assert found.may_have_been_ordered
    assert found.obstacle() is not None
