"""Holds as answers show them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, Final, Self, TypeAlias

from korus_mcp.answers.seats import SeatsInShort, seats_of
from korus_mcp.answers.views import IN_SHORT, Moment, Part, Price, day_text, lines_of
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.foundation.text import without_middle
from korus_mcp.foundation.unread import moment

IF_WANTED: Final = (
    "If the person wants it: place_order answers the words to show them. Otherwise the hold "
    "lapses, at no cost."
)
"""The one next step while something is held."""
TOGETHER: Final = {True: " (together)", False: " (not together)", None: ""}
"""What is said behind seats; nothing if the issuer does not state it."""
_ENDING: Final = {HoldState.HELD, HoldState.EXPIRED, HoldState.IN_DOUBT}
SHORT_NAME: Final = 40
"""Of a product, in an answer that is too long even without any seat."""


class LineView(Part):
    """So many of one product."""

    product: str
    quantity: int
    amount: Price = None
    when: list[str] = []
    """When its sessions begin, else its day."""

    @classmethod
    def of(cls, line: Line) -> "LineView":
        """The line as shown."""
        times = [moment(t) for t in line.starts_at]
        return cls.read(line, when=times or [day for day in (day_text(line.day),) if day])

    def text(self) -> str:
        """One line of text."""
        parts = (f"{self.quantity} x {self.product}", *self.when, self.amount)
        return ", ".join(p for p in parts if p)


class HoldView(Part):
    """A reservation as shown."""

    reservation_id: str
    state: str
    lines: list[LineView] = []
    total: Price = None
    expires_at: Moment = None
    seconds_left: int | None = None
    order_id: str | None = None
    seats: SeatsInShort = []
    more_seats: int = 0
    seats_together: bool | None = None
    not_shown_yet: bool = False
    """It was just made: the doubt is about the hold, not about an order."""
    problem: str | None = None
    """Why it cannot be ordered, in our words."""

    @classmethod
    def of(cls, hold: Hold) -> "HoldView":
        """The hold as shown."""
        # Only for a hold in force: one that is over or ordered needs no further reason.
        obstacle = hold.obstacle() if hold.state is HoldState.HELD else None
        return cls.read(
            hold,
            reservation_id=hold.id,
            lines=[LineView.of(line) for line in hold.lines],
            # Of what was ordered or given back nobody asks when the hold would have ended.
            expires_at=hold.expires_at if hold.state in _ENDING else None,
            # 0 seconds are left out: they would stand at every hold that ended.
            seconds_left=hold.seconds_left or None,
            seats=seats_of(hold.seats),
            more_seats=0,
            not_shown_yet=False,
            problem=obstacle.reason if obstacle is not None else None,
        )

    def shorter(self, most: int) -> Self:
        """This hold with at most so many seats; the rest are counted. With none, names are cut."""
        before = accumulate((group.count for group in self.seats), initial=0)
        kept = [
            group.first(most - n) for n, group in zip(before, self.seats, strict=False) if n < most
        ]
        rest = sum(g.count for g in self.seats) - sum(g.count for g in kept)
        lines = self.lines
        if most == 0:
            # A name's end is often what decides: the day, the tariff.
            lines = [
                line.model_copy(update={"product": without_middle(line.product, SHORT_NAME)})
                for line in lines
            ]
        return self.model_copy(update={"seats": kept, "more_seats": rest, "lines": lines})

    def text(self) -> str:
        """A few lines of text."""
        state = self.state
        if self.seconds_left is not None:
            state += f" until {self.expires_at} ({self.seconds_left} s left)"
        # An unknown end is stated as such: nobody should hurry, or believe that there is time.
        elif self.state == HoldState.HELD and self.expires_at is None:
            state += " until a time not stated"
        elif self.state == HoldState.HELD:
            state += f" until {self.expires_at} by the issuer's clock (how long is not known)"
        elif self.expires_at is not None:
            state += f", was held until {self.expires_at}"
        if self.order_id is not None:
            state += f", order_id {self.order_id}"
        if self.not_shown_yet:
            state += " (just made, not shown yet)"
        seats = [group.text() for group in self.seats]
        seats += [f"+{self.more_seats} more"] * bool(self.more_seats)
        placed = "; ".join(seats) + TOGETHER[self.seats_together]
        return lines_of(
            f"reservation_id {self.reservation_id}: {state}",
            *(f"  {line.text()}" for line in self.lines),
            f"  seats: {placed}" if seats else None,
            f"  total {self.total}" if self.total else None,
            f"  cannot be ordered: {self.problem}" if self.problem else None,
        )


def total_text(total: Price, holds: Sequence[HoldView]) -> str | None:
    """The line with the total of an answer; None where its only hold says the same."""
    is_said = [hold.total for hold in holds] == [total]
    return None if total is None or is_said else f"Total {total}"


HoldsInShort: TypeAlias = Annotated[list[HoldView], IN_SHORT]
"""Holds without a schema of their fields, which costs tokens: the one of `reserve` has it."""
