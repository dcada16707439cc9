"""What a calendar file says of tickets whose texts are odd, and of sessions that move."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from korus_mcp.answers.calendar_file import calendar_file
from korus_mcp.api.models.order import Order
from korus_mcp.booking.hold import Seat
from korus_mcp.booking.tickets import Ticket
from korus_mcp.booking.visits import Visit
from tests.tools.test_calendar_file import entries

STARTS = datetime(2026, 12, 19, 20, 45, tzinfo=UTC)
ODD = (
    "Comma, semicolon; back\\slash",
    "An end\r\nEND:VEVENT\r\nBEGIN:VEVENT\nSUMMARY:x",
    "«\u00a0Marées\u00a0» – 東京公演 🎻 " * 12,
)


def ticket(**changes: Any) -> Ticket:
    given: dict[str, Any] = {
        "id": "t-1",
        "item_id": "i-1",
        "product": "Concert",
        "when": None,
        "seat": None,
        "is_waiting": False,
        "status": "validated",
        "beneficiary": None,
        "needed": (),
        "deadline": None,
        "amendable": False,
        "voucher": "SECRET-1",
        "starts": STARTS,
    }
    return Ticket(**(given | changes))


def visit(**changes: Any) -> Visit:
    given: dict[str, Any] = {"tickets": (ticket(),), "starts": STARTS}
    return Visit(**(given | changes))


def order(**changes: Any) -> Order:
    told = {"id": "o-1", "reference": "KT-ORD-1", "createdAt": "2026-11-01T08:00:00+00:00"}
    return Order.model_validate(told | changes)


def entry_of(one: Visit, of: Order | None = None, language: str = "en") -> Any:
    (found,) = entries(calendar_file(of or order(), [one], language).decode())
    return found


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_stays_a_text(text: str) -> None:
    seat = Seat((("zone", text), ("restricted view", "")))
    odd = ticket(product=text, seat=seat)
    found = entry_of(visit(tickets=(odd,), place=text))
    as_lines = text.replace("\r\n", "\n")
    assert found.summary.value == found.location.value == as_lines
    assert f"Zone {as_lines}, restricted view" in found.description.value


def test_a_voucher_number_is_never_in_it() -> None:
    assert b"SECRET" not in calendar_file(order(), [visit()], "en")


def test_a_session_that_moved_is_the_same_entry() -> None:
    later = visit(starts=STARTS + timedelta(hours=1))
    assert entry_of(visit()).uid.value == entry_of(later).uid.value
    assert entry_of(visit()).uid.value != entry_of(visit(), order(id="o-2")).uid.value
    two = (ticket(id="t-2"), ticket(id="t-1"))
    assert entry_of(visit(tickets=two)).uid.value == entry_of(visit()).uid.value


def test_an_order_of_unknown_age_has_a_stamp_all_the_same() -> None:
    old = order(createdAt=None)
    assert entry_of(visit(), old).dtstamp.value == STARTS
    day = replace(visit(), starts=date(2026, 12, 19))
    assert entry_of(day, old).dtstamp.value == datetime(2026, 12, 19, tzinfo=UTC)


def test_a_moment_is_told_in_utc_whatever_its_offset() -> None:
    at_place = datetime.fromisoformat("2026-12-19T21:45+01:00")
    content = calendar_file(order(), [visit(starts=at_place)], "en").decode()
    assert "DTSTART:20261219T204500Z\r\n" in content
