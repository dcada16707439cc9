"""Holds as answers show them."""

from typing import Annotated, Final, Self, TypeAlias

from pydantic import PrivateAttr, WithJsonSchema

from korus_mcp.answers.views import Moment, Part, Price, day_text, lines_of, moment
from korus_mcp.booking.hold import Hold, HoldState, Line

IF_AGREED: Final = (
    "Only if the person agreed: place_order. Otherwise it lapses by itself, at no cost."
)
"""The one next step after a hold."""
TOGETHER: Final = {True: " (together)", False: " (not together)", None: ""}
"""What is said behind seats; nothing if the issuer does not state it."""


class LineView(Part):
    """So many of one product."""

    product: str
    quantity: int
    amount: Price = None
    when: str | None = None

    @classmethod
    def of(cls, line: Line) -> "LineView":
        """The line as shown."""
        times = ", ".join(moment(t) for t in line.starts_at)
        return cls.read(line, when=times or day_text(line.day))

    def text(self) -> str:
        """One line of text."""
        parts = (f"{self.quantity} x {self.product}", self.when, self.amount)
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
    seats: list[str] = []
    seats_together: bool | None = None
    _problem: str | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, hold: Hold) -> "HoldView":
        """The hold as shown."""
        lines = [LineView.of(line) for line in hold.lines]
        # 0 seconds are left out: they would stand at every hold that ended.
        left = hold.seconds_left or None
        view = cls.read(hold, reservation_id=hold.id, lines=lines, seconds_left=left)
        # Only for a hold in force: one that is over or ordered needs no further reason.
        obstacle = hold.obstacle() if hold.state is HoldState.HELD else None
        view._problem = obstacle.reason if obstacle is not None else None
        return view

    def shorter(self, most: int) -> Self:
        """This hold with at most so many seats; the rest are counted."""
        rest = len(self.seats) - most
        if rest <= 0:
            return self
        said = f"+{rest} more: get_reservation with this reservation_id alone shows them"
        return self.model_copy(update={"seats": [*self.seats[:most], said]})

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
        if self.order_id is not None:
            state += f", order_id {self.order_id}"
        seats = "; ".join(self.seats) + TOGETHER[self.seats_together]
        return lines_of(
            f"reservation_id {self.reservation_id}: {state}",
            *(f"  {line.text()}" for line in self.lines),
            f"  seats: {seats}" if self.seats else None,
            f"  total {self.total}" if self.total else None,
            f"  cannot be ordered: {self._problem}" if self._problem else None,
        )


HoldsInShort: TypeAlias = Annotated[
    list[HoldView], WithJsonSchema({"type": "array", "items": {"type": "object"}})
]
"""Holds without a schema of their fields, which costs tokens: the one of `reserve` has it."""
