"""Days on sale, their numbers in identifiers, and local times without a time zone database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

# Days are numbered from 2020, so that two decades of them fit into the 13 bits of an identifier.
UNDATED = 0
LAST_DAY = (1 << 13) - 1
_WINTER_HOURS = {"Europe/London": 0, "Europe/Lisbon": 0}
"""Hours ahead of UTC in winter; all other zones in the sandbox have Paris time."""
_FIRST_DAY = date(2020, 1, 1).toordinal() - 1
_SEASON_DAYS = 182
"""Whole weeks, and longer than what any issuer has planned."""


def day_number(day: date | None) -> int:
    """The number of a day in identifiers; an undated offer has 0."""
    return UNDATED if day is None else day.toordinal() - _FIRST_DAY


def day_of(number: int) -> date | None:
    """The day with a number; None for undated."""
    return None if number == UNDATED else date.fromordinal(number + _FIRST_DAY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rolling:
    """Offers for every day (or some weekdays) in a window that moves with the present day."""

    first: int = 1
    last: int = 120
    weekdays: frozenset[int] = frozenset(range(7))

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The days on sale today."""
        window = (today + timedelta(days=offset) for offset in range(self.first, self.last + 1))
        return (day for day in window if day.weekday() in self.weekdays)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """Offers on fixed days, counted from the day on which the world began; a day that is past comes
    again a season later, since a world may live for longer than what it began with.
    """

    offsets: tuple[int, ...]

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The next of each day, the nearest first."""
        first, now = origin.toordinal(), today.toordinal()
        return map(date.fromordinal, sorted(coming(first + each, now) for each in self.offsets))


@dataclass(frozen=True, kw_only=True, slots=True)
class Undated:
    """One offer without a day."""

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """One entry, None: an offer without a day."""
        return (None,)


Calendar = Rolling | Fixed | Undated


def coming(day: int, today: int) -> int:
    """The number of a planned day, or of the first of those a season apart that is not past."""
    return day + _SEASON_DAYS * max(0, -((day - today) // _SEASON_DAYS))


def local_moment(day: date, start: time, zone: str | None) -> datetime:
    """A venue's local time as an aware datetime."""
    is_summer = _last_sunday(day.year, 3) <= day < _last_sunday(day.year, 10)
    hours = _WINTER_HOURS.get(zone or "", 1) + (1 if is_summer else 0)
    return datetime.combine(day, start, tzinfo=timezone(timedelta(hours=hours)))


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
