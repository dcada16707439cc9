"""`UNREAD`: the value of a field that the API sent in a form we cannot parse.

An absent field often means something: no date is "undated", no figure is "no limit". A field that
is there but cannot be parsed does not mean that. So it is `UNREAD`, which is neither None nor a
value, and the type checker makes all code handle it. Days are here, too, since a date-time can only
be made a day if the time zone is known.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

T = TypeVar("T")


class Unread(Enum):
    """The type of `UNREAD`."""

    UNREAD = object()
    """Equal to no value of an answer."""


UNREAD: Final = Unread.UNREAD
"""The value of a field that is there and cannot be parsed."""


WRITTEN_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""The form of a day, and of the beginning of a date-time."""
_DAY_LENGTH: Final = len("2026-12-04")
_NO_OFFSET: Final = "+00:00"
UNREADABLE: Final = "not readable"
"""Shown to people and models in place of such a value."""


class Reading:
    """Takes values from an answer, and notes in words for a person which ones are UNREAD."""

    def __init__(self) -> None:
        self._unread: dict[str, None] = {}

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be parsed, e.g. "its day", each once."""
        return tuple(self._unread)

    def of(self, what: str, value: T | Unread | None) -> T | None:
        """Return the value; None if it is absent or UNREAD, which is noted as `what`."""
        if isinstance(value, Unread):
            self.note(what)
            return None
        return value

    def note(self, what: str) -> None:
        """Note something that could not be parsed."""
        self._unread[what] = None


def value_of(value: T | Unread | None) -> T | None:
    """The value, or None for UNREAD: only for showing."""
    return None if isinstance(value, Unread) else value


@dataclass(frozen=True)
class DayMoment:
    """A day that the API sent as a date-time with an offset."""

    at: datetime

    def day(self, zone: tzinfo | None) -> date | Unread:
        """The day in a time zone; without one, only a midnight is taken for the day it begins."""
        try:
            there = self.at if zone is None else self.at.astimezone(zone)
        except (OverflowError, ValueError):  # at either end of the calendar
            return UNREAD
        # Servers that store a day as a moment send it as a midnight with an offset.
        is_midnight = there.timetz().replace(tzinfo=None) == there.min.time()
        return there.date() if zone is not None or is_midnight else UNREAD


ToldDay: TypeAlias = date | DayMoment | Unread | None
"""A day as the API sent it; None is undated."""


def day_of(told: ToldDay, zone: tzinfo | None) -> date | Unread | None:
    """The calendar day at a venue; `zone` is None where it is not known."""
    return told.day(zone) if isinstance(told, DayMoment) else told


def at_place(at: datetime, zone: tzinfo | None) -> datetime:
    """A moment in the local time of a venue; without a known zone it keeps its own offset.

    The result has a fixed offset and not the zone: Python compares two datetimes of one zone by
    their local time, so that those of the hour that comes twice in autumn would be equal.
    """
    try:
        offset = None if zone is None else at.astimezone(zone).utcoffset()
        return at if offset in (None, at.utcoffset()) else at.astimezone(timezone(offset))
    except (OverflowError, ValueError):  # at either end of the calendar
        return at


def by_clock(at: datetime, zone: tzinfo | None) -> datetime:
    """A moment that is no session's, such as the end of a hold: in the local time of the venues it
    concerns, if they have one (`zone_of_all`), else in UTC, whatever its own offset.
    """
    return at_place(at, UTC if zone is None else zone)


def zone_of_all(zones: Iterable[tzinfo | None]) -> tzinfo | None:
    """The zone that venues are in, of those whose zone is known; None where they are in several."""
    known = {zone for zone in zones if zone is not None}
    return known.pop() if len(known) == 1 else None


def moment(at: datetime) -> str:
    """A moment as text, the same form in every answer: "2026-12-04T13:20+01:00", in UTC
    "2026-12-04T12:20Z". Seconds only if they are not 0.
    """
    text = at.isoformat(timespec="seconds" if at.second else "minutes")
    return text.removesuffix(_NO_OFFSET) + "Z" if text.endswith(_NO_OFFSET) else text


LATEST_ZONE: Final = timezone(timedelta(hours=-12))
"""When a day is over in this zone, it is over everywhere."""
_EARLIEST_ZONE: Final = timezone(timedelta(hours=14))
"""As long as a day is not over in this zone, it is over nowhere."""


def today_in(zone: tzinfo | None, now: datetime) -> date:
    """Today at a venue; without a known zone, the earliest day that is not over everywhere."""
    return now.astimezone(zone or LATEST_ZONE).date()


def is_past(day: date | None, zone: tzinfo | None, now: datetime) -> bool:
    """Whether a day is over at a venue; an undated offer (None) never is."""
    return day is not None and day < today_in(zone, now)


def takes_zone(day: date | None, now: datetime) -> bool:
    """Whether the zone is needed to know if a day is over: it is over in some zones only."""
    return is_past(day, _EARLIEST_ZONE, now) and not is_past(day, LATEST_ZONE, now)


def read_day(value: object) -> date | DayMoment | None:
    """Parse a day from `YYYY-MM-DD` or an ISO date-time.

    Raises:
        ValueError: It is anything else but null.
    """
    if value is None or isinstance(value, DayMoment):
        return value
    # In Python a datetime is also a date.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and WRITTEN_DAY.match(value):
        # Longer texts must be date-times: "2026-12-04garbage" is no day.
        if len(value) == _DAY_LENGTH:
            return date.fromisoformat(value)
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.date() if value.tzinfo is None else DayMoment(value)
    raise ValueError("not a day")


_ZONE_LENGTH: Final = 64
"""A longer name is no time zone; the longest real one has half of it."""
_NO_PLACES: Final = frozenset({"localtime", "posixrules", "factory"})
"""Zone files of a machine (by the last part of their name) that do not name a place: the machine's
own zone, default rules, and a zone that was never set.
"""


def zone_of(name: str | None) -> ZoneInfo | None:
    """The time zone with this name; None if it is unknown, or is not the zone of a place."""
    if name is None or len(name) > _ZONE_LENGTH:
        return None
    if name.rpartition("/")[2].casefold() in _NO_PLACES:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
