"""What the API tells, and what it tells in a form nobody can read.

A field that is absent often means something: no date is undated, no figure is no limit. One that is
there and cannot be read means nothing of the kind. So such a field is `UNREAD`, which is neither
None nor a value, and the type checker asks everybody who reads it what to do then. Days are here,
too: a date-time is a day only where one knows the zone.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

T = TypeVar("T")


class Unread(Enum):
    """The type of `UNREAD`."""

    UNREAD = object()
    """Equal to nothing that can come over the wire."""


UNREAD: Final = Unread.UNREAD
"""Stands for what is there and cannot be read."""


WRITTEN_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""How a day is written, and how a date-time begins."""
_DAY_LENGTH: Final = len("2026-12-04")
UNREADABLE: Final = "not readable"
"""What is shown in the place of such a fact."""


class Reading:
    """Takes values out of an answer and notes what could not be read, in words for a person."""

    def __init__(self) -> None:
        self._unread: dict[str, None] = {}

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read, e.g. "its day", each once."""
        return tuple(self._unread)

    def of(self, what: str, value: T | Unread | None) -> T | None:
        """The value; None where it is absent, and where it cannot be read, which is noted."""
        if isinstance(value, Unread):
            self.note(what)
            return None
        return value

    def note(self, what: str) -> None:
        """Note something that cannot be read."""
        self._unread[what] = None


def value_of(value: T | Unread | None) -> T | None:
    """The value, for showing only: what cannot be read is left out."""
    return None if isinstance(value, Unread) else value


@dataclass(frozen=True)
class DayMoment:
    """A day that came as a date-time with an offset."""

    at: datetime

    def day(self, zone: tzinfo | None) -> date | Unread:
        """The day it is in a zone; without one, only a midnight tells the day it begins."""
        try:
            there = self.at if zone is None else self.at.astimezone(zone)
        except (OverflowError, ValueError):  # at either end of the calendar
            return UNREAD
        # Midnight with an offset is how a server writes a day that it keeps as a moment.
        is_midnight = there.timetz().replace(tzinfo=None) == there.min.time()
        return there.date() if zone is not None or is_midnight else UNREAD


ToldDay: TypeAlias = date | DayMoment | Unread | None
"""A day as it came; None is undated."""


def day_of(told: ToldDay, zone: tzinfo | None) -> date | Unread | None:
    """The calendar day at a place whose zone may be known."""
    return told.day(zone) if isinstance(told, DayMoment) else told


def at_place(at: datetime, zone: tzinfo | None) -> datetime:
    """A moment by the clock of a place; with the offset it came with where no zone is known.

    The offset is a fixed one: moments of one zone are compared by their digits, and those of the
    hour that comes twice in a year would pass for each other.
    """
    offset = None if zone is None else at.astimezone(zone).utcoffset()
    if offset is None or offset == at.utcoffset():
        return at
    return at.astimezone(timezone(offset))


LATEST_ZONE: Final = timezone(timedelta(hours=-12))
"""A day that is over here is over everywhere."""
_EARLIEST_ZONE: Final = timezone(timedelta(hours=14))
"""A day that is not over here is over nowhere."""


def today_in(zone: tzinfo | None, now: datetime) -> date:
    """The day at a place; without a zone, the last day that is not over everywhere."""
    return now.astimezone(zone or LATEST_ZONE).date()


def is_past(day: date | None, zone: tzinfo | None, now: datetime) -> bool:
    """Whether a day is over at a place; one that is undated never is."""
    return day is not None and day < today_in(zone, now)


def takes_zone(day: date | None, now: datetime) -> bool:
    """Whether one has to know the zone to tell if a day is over: it is so in some only."""
    return is_past(day, _EARLIEST_ZONE, now) and not is_past(day, LATEST_ZONE, now)


def read_day(value: object) -> date | DayMoment | None:
    """A day from `YYYY-MM-DD` or an ISO date-time.

    Raises:
        ValueError: Anything else but null.
    """
    if value is None or isinstance(value, DayMoment):
        return value
    # A datetime is a date to Python.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and WRITTEN_DAY.match(value):
        # Longer ones must be date-times: "2026-12-04garbage" is no day.
        if len(value) == _DAY_LENGTH:
            return date.fromisoformat(value)
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.date() if value.tzinfo is None else DayMoment(value)
    raise ValueError("not a day")


_ZONE_LENGTH: Final = 64
"""Twice as long as the longest name of a zone."""
_NO_PLACES: Final = frozenset({"localtime", "posixrules", "factory"})
"""Names that a machine's zone files may have, by their last part, and that say nothing of a venue:
its own zone, its default rules, and that nobody has set one.
"""


def zone_of(name: str | None) -> ZoneInfo | None:
    """The time zone of this name; one that nobody knows, or that names no place, is none."""
    if name is None or len(name) > _ZONE_LENGTH:
        return None
    if name.rpartition("/")[2].casefold() in _NO_PLACES:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
