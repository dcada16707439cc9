"""Local times of European venues, without a time zone database on the machine."""

from datetime import date, datetime, time, timedelta, timezone

_WINTER_HOURS = {"Europe/London": 0, "Europe/Lisbon": 0}
"""Hours ahead of UTC in winter; every other zone of this world keeps Paris time."""


def local_moment(day: date, start: time, zone: str | None) -> datetime:
    """A local time of a venue as an aware moment with its offset."""
    hours = _WINTER_HOURS.get(zone or "", 1) + (1 if _is_summer(day) else 0)
    return datetime.combine(day, start, tzinfo=timezone(timedelta(hours=hours)))


def _is_summer(day: date) -> bool:
    return _last_sunday(day.year, 3) <= day < _last_sunday(day.year, 10)


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
