"""Days on sale: which ones, and how an identifier carries them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

UNDATED = 0
LAST_DAY = (1 << 13) - 1
_FIRST_DAY = date(2020, 1, 1).toordinal() - 1


def day_number(day: date | None) -> int:
    """A day as the small number identifiers carry; an undated offer has the number 0."""
    return UNDATED if day is None else day.toordinal() - _FIRST_DAY


def day_of(number: int) -> date | None:
    """The day behind a number; None for undated."""
    return None if number == UNDATED else date.fromordinal(number + _FIRST_DAY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rolling:
    """Offers for every day (or some weekdays) of a window that moves with today."""

    first: int = 1
    last: int = 120
    weekdays: frozenset[int] = frozenset(range(7))

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The days on sale today."""
        window = (today + timedelta(days=offset) for offset in range(self.first, self.last + 1))
        return (day for day in window if day.weekday() in self.weekdays)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """Offers on fixed days, counted from the day the world was made."""

    offsets: tuple[int, ...]

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The days still ahead."""
        planned = (origin + timedelta(days=offset) for offset in self.offsets)
        return (day for day in planned if day >= today)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undated:
    """One offer without a day."""

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """No day at all, once."""
        return (None,)


Calendar = Rolling | Fixed | Undated
