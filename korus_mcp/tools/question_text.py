"""What a person reads before they agree to an order, and say who places it.

The first three lines hold the whole matter, since some hosts show no more of it: goods and day,
total and buyer, and that it is for real. Nothing in them changes by itself (no countdown): the SDK
drops an answer to a question that reads otherwise by then. Where no host asks, the assistant shows
`place_order.OrderView.text` instead: both must name the same facts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from korus_mcp.answers.conditions import NO_MAIL, conditions_text
from korus_mcp.answers.holds import TOGETHER, LineView
from korus_mcp.answers.seats import counted
from korus_mcp.answers.views import lines_of
from korus_mcp.booking.approval import Question
from korus_mcp.booking.customers import Customer, PartOfCustomer, described
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.goods import goods_line
from korus_mcp.booking.hold import Hold
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.text import inert_line, without_middle
from korus_mcp.foundation.unread import moment
from korus_mcp.settings import Environment

LINE: Final = 80
"""The longest of the first three lines: hosts cut each at the width of a window."""
SHOWN_SEATS: Final = 12
_NUMBERS: Final = re.compile("([0-9]{1,9})")


def order_question(question: Question, environment: str) -> str:
    """The question whether to order exactly this."""
    total = f"Total: {question.total} for "
    buyer = described(question.customer)
    return lines_of(
        goods_line(question.holds, LINE, moment),
        f"{total}{_buyer(question.customer, LINE - len(total))}",
        _for_real(question.doubts, environment),
        *map(doubt_text, question.doubts),
        *(line for hold in question.holds for line in _lines_of(hold)),
        f"Buyer: {buyer}" if buyer else None,
        f"Held until: {_end_of(question)}.",
        f"Note for the issuer: {quoted_text(question.notes)}" if question.notes else None,
        conditions_text(question.holds, question.conditions, NO_MAIL),
        f"(Question {question.code})",
    )


def page_question(holds: Sequence[Hold], total: Money | None, environment: str) -> str:
    """What a host says of the page on which a person answers; agreeing to open it is no yes."""
    return lines_of(
        goods_line(holds, LINE, moment),
        f"Total: {total}. Open the page that asks whether to order it?",
        f"Only yes on the page orders, {_how_real(environment)}; it cannot be cancelled here.",
    )


def _buyer(customer: Customer, most: int) -> str:
    if isinstance(customer, PartOfCustomer):
        known = described(customer)
        told = "the rest as you fill in below" if known else "whom you fill in below"
        return f"{_within(known, most - len(told) - 2)}, {told}" if known else told
    name, email = inert_line(f"{customer.firstname} {customer.lastname}"), customer.email
    # Half of the place for each where there is not enough for both.
    is_long = len(name) + len(email) > most - 2
    return _within(f"{_within(name, most // 2) if is_long else name}, {email}", most)


def _for_real(doubts: Sequence[Doubt], environment: str) -> str:
    how = _how_real(environment)
    if not doubts:
        return f"Order {how}? It cannot be cancelled here."
    is_known = all(doubt.order_id is not None and doubt.is_alike for doubt in doubts)
    what = "One more order of the same!" if is_known else "May be a second order of the same!"
    return f"{what} {how[0].upper()}{how[1:]}, cannot be cancelled."


def _how_real(environment: str) -> str:
    """Whether an order costs money in this environment; one that is not known may well."""
    is_trial = environment in (Environment.SANDBOX, Environment.DEMO)
    return f"{'as a trial' if is_trial else 'for real'} ({environment})"


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
        named = list(dict.fromkeys(seats))[:SHOWN_SEATS]
        rest = sum(each not in named for each in seats)
        more = f"; {rest} more" if rest > 0 else ""
        shown = "; ".join(map(inert_line, counted(each for each in seats if each in named)))
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


def quoted_text(text: str) -> str:
    """A caller's text, in quotes and on one line, so that it cannot look like text of ours."""
    return f'"{inert_line(text)}"'
