"""Base classes of answers, and how they show money, times and lines."""

from datetime import date, datetime, tzinfo
from functools import cache
from typing import Annotated, Final, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from korus_mcp.foundation.money import UNKNOWN, Money
from korus_mcp.foundation.unread import UNREADABLE, Unread, by_clock, moment


class Shown(BaseModel):
    """What is shown of something: an answer, or a part of one."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def read(cls, source: object, **told: object) -> Self:
        """Read each field from the attribute of `source` with its name; `told` are the others.

        Raises:
            AttributeError: A field is neither told nor an attribute: its default would hide a fact.
        """
        named = (name for name in _fields_of(cls) if name not in told)
        return cls.model_validate({**{name: getattr(source, name) for name in named}, **told})


@cache
def _fields_of(shown: type[Shown]) -> tuple[str, ...]:
    return tuple(shown.model_fields)


class Part(Shown):
    """A part of an answer."""

    def shorter(self, most: int) -> Self:
        """This part with lists of at most so many, for a reply that is too long."""
        del most
        return self


def text_of(amount: Money | Unread | None) -> str | None:
    """An amount as text; None without one, or if it cannot be read."""
    is_shown = isinstance(amount, Money) and amount.currency != UNKNOWN
    return str(amount) if is_shown else None


def total_told(amount: Money | Unread | None) -> str | None:
    """The total of an order as text: None without one, in words if it cannot be read."""
    return None if amount is None else text_of(amount) or UNREADABLE


def moment_told(at: datetime | Unread | None) -> str | None:
    """A moment as text: None without one, in words if it cannot be read."""
    if at is None:
        return None
    return UNREADABLE if isinstance(at, Unread) else moment(at)


def minute(at: datetime | None, zone: tzinfo | None = None) -> str | None:
    """A moment as text, to the minute: exact enough for the age of a catalog. In UTC where it is
    not of venues in one zone.
    """
    if at is None:
        return None
    return moment(by_clock(at, zone).replace(second=0, microsecond=0))


def day_text(day: date | None) -> str | None:
    """A day as text; None for an undated offer."""
    return None if day is None else day.isoformat()


def lines_of(*parts: str | None) -> str:
    """Join lines of text; None and empty ones are left out."""
    return "\n".join(part for part in parts if part)


Price: TypeAlias = Annotated[
    str | None, BeforeValidator(lambda given: given if isinstance(given, str) else text_of(given))
]
"""A field that shows an amount."""
Moment: TypeAlias = Annotated[
    str | None, BeforeValidator(lambda at: at if isinstance(at, str) else moment_told(at))
]
"""A field that shows a moment."""


CUT_SHORT: Final = "Not all of it is shown: get_reservation with one reservation_id shows the rest."
"""Put before the next step of an answer whose rows had to be shortened."""


IN_SHORT: Final = WithJsonSchema({"type": "array", "items": {"type": "object"}})
"""Added to lists whose parts get no schema of their fields: it costs tokens, and their names, which
are those of the arguments, explain them."""


class View(Shown):
    """The structure of an answer. What is None, False or empty by default is left out.

    Text and structure say the same: a host shows a model one of them. What must not be lost comes
    first in the structure and last in the text, since hosts cut the middle of what is long.
    """

    next: str
    note: str | None = None
    """What else there is to know of the answer, beside what to do next."""

    def text(self) -> str:
        """The answer as text: short, with every value that decides and every id."""
        raise NotImplementedError

    def noted(self, note: str) -> Self:
        """This answer with one more sentence."""
        return self.model_copy(update={"note": " ".join(filter(None, (self.note, note)))})

    @property
    def end(self) -> str:
        """The last lines of the text."""
        return lines_of(self.note, self.next)

    def shorter(self, most: int) -> Self:
        """This answer, whose rows have lists of at most so many."""
        # Each row shortens its own lists.
        rows = {
            name: [row.shorter(most) if isinstance(row, Part) else row for row in value]
            for name, value in self
            if isinstance(value, list)
        }
        cut = self.model_copy(update=rows)
        # In front: a person agrees only after they were shown the rest.
        return self if cut == self else cut.model_copy(update={"next": f"{CUT_SHORT} {self.next}"})


class PagedView(View):
    """An answer that may have further pages."""

    next_cursor: str | None = None

    @property
    def end(self) -> str:
        """The last lines of the text."""
        return lines_of(
            f"More: cursor {self.next_cursor}" if self.next_cursor else None, super().end
        )
