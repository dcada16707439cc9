"""Finds seats that somebody holds or has ordered on a seat map: by zone, row and number.

Tickets and maps write them differently: "Row F" and "F", "012" and "12". A seat that could be
several of the map is not found: nobody should go to the wrong one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

from korus_mcp.api.models.seat_map import Row, Seat, SeatMap, Zone
from korus_mcp.foundation.folding import fold, words
from korus_mcp.seating.geometry import Point
from korus_mcp.seating.layout import Drawing, DrawnZone

_Named = TypeVar("_Named")
_SLACK: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A seat as a ticket names it; a part is None where the ticket does not."""

    zone: str | None = None
    row: str | None = None
    seat: str | None = None
    is_ordered: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where a place is: the number of its zone and the point of its seat, in the drawing's units.

    `at` is None where the ticket names no seat, or the map does not tell its place. `is_found`: it
    is on the map, be it only as a zone without seats.
    """

    place: Place
    zone: int | None = None
    at: Point | None = None
    is_found: bool = False


def marks_of(seat_map: SeatMap, drawing: Drawing, places: Iterable[Place]) -> tuple[Mark, ...]:
    """The mark of each place, in their order."""
    if not (asked := tuple(places)):
        return ()
    finder = _Finder(seat_map, drawing)
    return tuple(finder.mark(place) for place in asked)


def marked_rows(marks: Iterable[Mark]) -> dict[tuple[str, str], list[str]]:
    """The seats of marks by zone and row, as tickets name them; "" where they name none."""
    rows: dict[tuple[str, str], list[str]] = {}
    for mark in marks:
        place = mark.place
        rows.setdefault((place.zone or "", place.row or ""), []).append(place.seat or "")
    return rows


def seat_names(zone: Zone, drawn: DrawnZone) -> list[list[str]]:
    """What the seats of each drawn row are called, in the order in which they are drawn."""
    rows, fit = list(drawn.rows), drawn.fit
    named: list[list[str]] = []
    if fit is None:
        return named
    for row in zone.rows or ():
        if len(named) == len(rows):
            break
        # Seats without a place are not drawn, and neither are rows without a seat.
        points, names = rows[len(named)], list[str]()
        for seat in row.seats:
            is_placed = seat.x is not None and seat.y is not None
            if not is_placed or len(names) == len(points):
                continue
            if fit.place((seat.x or 0.0, seat.y or 0.0)) == points[len(names)]:
                names.append(seat.name or "")
        if len(names) == len(points):
            named.append(names)
    return named


@dataclass(frozen=True)
class _Finder:
    seat_map: SeatMap
    drawing: Drawing

    def mark(self, place: Place) -> Mark:
        zones = self._zones(place.zone)
        if place.row is None and place.seat is None:
            number = zones[0] if place.zone is not None and len(zones) == 1 else None
            return Mark(place=place, zone=number, is_found=number is not None)
        found = [(n, seat) for n in zones for seat in self._seats(self.seat_map.zones[n], place)]
        if len(found) == 1:
            ((number, seat),) = found
            return Mark(place=place, zone=number, at=self._point(number, seat), is_found=True)
        return Mark(place=place)

    def _zones(self, name: str | None) -> Sequence[int]:
        """The numbers of the zones that a name may mean; all where a ticket names none."""
        if name is None:
            return range(len(self.seat_map.zones))
        return [n for n, _ in _called(name, self._named_zones)]

    @cached_property
    def _named_zones(self) -> list[tuple[int, str]]:
        return [(n, zone.name or "") for n, zone in enumerate(self.seat_map.zones)]

    def _seats(self, zone: Zone, place: Place) -> Iterator[Seat]:
        rows = zone.rows or ()
        asked: Iterable[Row] = rows
        if place.row is not None:
            asked = [row for row, _ in _called(place.row, [(row, row.name or "") for row in rows])]
        elif place.zone is None:
            return
        if place.seat is not None:
            for row in asked:
                named = [(seat, seat.name or "") for seat in row.seats]
                yield from (seat for seat, _ in _called(place.seat, named))

    def _point(self, number: int, seat: Seat) -> Point | None:
        fit = self.drawing.zones[number].fit
        if fit is None or seat.x is None or seat.y is None:
            return None
        x, y = fit.place((seat.x, seat.y))
        # One that was never placed is not drawn either.
        is_drawn = -_SLACK <= x <= self.drawing.width + _SLACK
        return (x, y) if is_drawn and -_SLACK <= y <= self.drawing.height + _SLACK else None


def _called(name: str, among: Sequence[tuple[_Named, str]]) -> list[tuple[_Named, str]]:
    """Those that are called so; only where none is, those whose last word is the same."""
    forms: tuple[Callable[[str], str], ...] = (fold, _number)
    for form in forms:
        wanted = form(name)
        found = [each for each in among if wanted and form(each[1]) == wanted]
        if found:
            return found
    return []


def _number(name: str) -> str:
    """The last word of a name, a number without zeros before it."""
    last = (words(name) or [""])[-1]
    return last.lstrip("0") or last
