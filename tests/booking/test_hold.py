"""A hold is usable when four conditions are met; its lines are counted units."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.api import Reservation
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.booking.hold import Hold, HoldState, Names, hold_of, seat_text
from korus_mcp.money import Money

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
NAMES = Names({"p1": "Adult", "p2": "Child"}, {"s1": NOW + timedelta(hours=11)})


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
    return hold_of(Reservation.model_validate(given | changes), NAMES, NOW)


def test_a_hold_that_meets_all_four_conditions_is_held() -> None:
    assert hold().state is HoldState.HELD
    assert hold().seconds_left == 900
    assert hold().can_be_ordered()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status": "released"}, HoldState.RELEASED),
        ({"status": "something new"}, HoldState.RELEASED),
        ({"status": None}, HoldState.RELEASED),
        ({"expired": True}, HoldState.EXPIRED),
        ({"expiresAt": NOW.isoformat()}, HoldState.EXPIRED),
        ({"expiresAt": (NOW - timedelta(seconds=1)).isoformat()}, HoldState.EXPIRED),
        ({"expiresAt": None}, HoldState.EXPIRED),
        ({"order": "/v1/booking/orders/o"}, HoldState.ORDERED),
        ({"order": 7}, HoldState.ORDERED),
        ({"order": "/v1/booking/orders/o", "expired": True}, HoldState.ORDERED),
    ],
)
def test_one_condition_missed_and_it_cannot_be_ordered(
    changes: dict[str, Any], state: HoldState
) -> None:
    found = hold(**changes)
    assert found.state is state
    assert found.seconds_left == 0
    assert not found.can_be_ordered(0)


@pytest.mark.parametrize(("left", "orderable"), [(20, False), (21, True)])
def test_twenty_seconds_are_the_margin(left: int, orderable: bool) -> None:
    found = hold(expiresAt=(NOW + timedelta(seconds=left)).isoformat())
    assert found.can_be_ordered() == orderable


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
    assert found.seats == ("row A, seat 1",) * 2
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
    assert seat_text(found) == text
