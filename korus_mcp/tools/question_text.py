"""What a person reads before they agree to an order, or say who places it.

The first three lines hold the whole matter, since some hosts show no more of it: goods and day,
total and buyer, and that it is for real. Nothing in them changes by itself (no countdown): the SDK
drops an answer to a question that reads otherwise by then. Where no host asks, the assistant shows
`place_order.OrderView.text` instead: both must name the same facts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from korus_mcp.answers import addresses
from korus_mcp.answers.holds import TOGETHER, LineView
from korus_mcp.answers.views import day_text, lines_of, moment
from korus_mcp.api import CustomerInput
from korus_mcp.booking.approval import Question
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold, Line
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.text import inert_line, without_middle

LINE: Final = 80
"""The longest of the first three lines: hosts cut each at the width of a window."""
SHOWN_SEATS: Final = 12
_NUMBERS: Final = re.compile("([0-9]{1,9})")


def order_question(question: Question, environment: str) -> str:
    """The question whether to order exactly this."""
    # Terms of sale by their addresses: their text would fill a dialog.
    terms = ", ".join(addresses.product_base(base) for base in question.terms)
    total = f"Total: {question.total} for "
    return lines_of(
        _goods(question.holds),
        f"{total}{_buyer(question.customer, LINE - len(total))}",
        _for_real(question.doubts, environment),
        *map(doubt_text, question.doubts),
        *(line for hold in question.holds for line in _lines_of(hold)),
        f"For: {described(question.customer)}",
        f"Held until: {_end_of(question)}. No mail is promised.",
        f"Note for the issuer: {quoted_text(question.notes)}" if question.notes else None,
        f"Terms of sale: {terms}" if terms else None,
        f"(Question {question.code})",
    )


def customer_question(holds: Sequence[Hold], total: Money, environment: str) -> str:
    """The question who places the order, which comes before the one above."""
    return lines_of(
        _goods(holds),
        f"Total: {total}. Who places the order?",
        f"For real ({environment}), cannot be cancelled here; you are asked for a yes next.",
    )


def page_question(holds: Sequence[Hold], total: Money | None, environment: str) -> str:
    """What a host says of the page on which a person answers; agreeing to open it is no yes."""
    return lines_of(
        _goods(holds),
        f"Total: {total}. Open the page that asks whether to order it?",
        f"Only yes on the page orders, for real ({environment}); it cannot be cancelled here.",
    )


def _goods(holds: Sequence[Hold]) -> str:
    """What is first on, with its day; of the rest how many lines there are."""
    lines = sorted((line for hold in holds for line in hold.lines), key=_by_day)
    if not lines:
        return "Tickets whose names could not be read"
    first, *others = lines
    when, more = _when(first), f" + {len(others)} more" if others else ""
    behind = f", {when}{more}" if when else more
    return _within(f"{first.quantity} x {first.product}", LINE - len(behind)) + behind


def _by_day(line: Line) -> tuple[bool, str, str]:
    when = _when(line)
    return when is None, when or "", LineView.of(line).text()


def _when(line: Line) -> str | None:
    """The day of a line, or its first time, and of how many that is the first."""
    if not line.starts_at:
        return day_text(line.day)
    count = len(line.starts_at)
    return moment(min(line.starts_at)) + (f", first of {count} times" if count > 1 else "")


def _buyer(customer: CustomerInput, most: int) -> str:
    name, email = inert_line(f"{customer.firstname} {customer.lastname}"), customer.email
    # Half of the place for each where there is not enough for both.
    is_long = len(name) + len(email) > most - 2
    return _within(f"{_within(name, most // 2) if is_long else name}, {email}", most)


def _for_real(doubts: Sequence[Doubt], environment: str) -> str:
    if not doubts:
        return f"Order for real ({environment})? It cannot be cancelled here."
    is_known = all(doubt.order_id is not None and doubt.is_alike for doubt in doubts)
    what = "One more order of the same!" if is_known else "May be a second order of the same!"
    return f"{what} For real ({environment}), cannot be cancelled."


def _within(text: str, most: int) -> str:
    """A text of others on a line, cut where it is longer than that."""
    return without_middle(inert_line(text), most)


def _end_of(question: Question) -> str:
    """When the first hold ends, in words; a hold without a known end may be the first."""
    known = moment(question.ends_at) if question.ends_at else None
    is_told = all(hold.expires_at is not None for hold in question.holds)
    return " or ".join(part for part in (known, None if is_told else "a time not stated") if part)


def _lines_of(hold: Hold) -> Iterator[str]:
    """Lines and seats of a hold, sorted: an answer in another order must give the same question."""
    yield from sorted(f"- {inert_line(LineView.of(line).text())}" for line in hold.lines)
    if hold.seats:
        seats = sorted(map(str, hold.seats), key=_by_number)
        rest = len(seats) - SHOWN_SEATS
        more = f"; {rest} more" if rest > 0 else ""
        shown = "; ".join(map(inert_line, seats[:SHOWN_SEATS]))
        yield f"  seats: {shown}{more}{TOGETHER[hold.seats_together]}"


def _by_number(seat: str) -> list[tuple[int, str]]:
    """A sorting key that puts seat 9 before seat 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(seat)]


def doubt_text(doubt: Doubt) -> str:
    """The sentence about an earlier order that a person must read before they agree to another."""
    what = "of the same offer" if doubt.is_alike else "which may be of the same offer,"
    if doubt.order_id is not None:
        return (
            f"An order {what} was made before (order_id {doubt.order_id}; its answer was missing "
            "for a while): this would be one more."
        )
    return (
        f"An order {what} is in doubt and may have been made already (reservation_id "
        f"{doubt.reservation_id}): this may be a second one."
    )


def described(customer: CustomerInput) -> str:
    """All data of a customer, on one line."""
    name = f"{customer.firstname} {customer.lastname}"
    title = f"title {customer.title}" if customer.title else None
    language = f"language {customer.language}" if customer.language else None
    # Every field that is sent: a person cannot agree to what they did not see.
    facts = (name, customer.email, customer.phone, customer.country, title, language)
    return ", ".join(inert_line(fact) for fact in facts if fact)


def quoted_text(text: str) -> str:
    """A caller's text, in quotes and on one line, so that it cannot look like text of ours."""
    return f'"{inert_line(text)}"'
