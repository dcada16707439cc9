"""A hall as it is: its seats, who sits beside whom, where people look.

This is what a drawing is judged by. Nothing here knows how halls are drawn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Chair:
    """A seat: its name, and its place in the hall's own units."""

    name: str
    at: Point


Run: TypeAlias = tuple[Chair, ...]
"""Chairs side by side, from one end to the other, with nothing between two of them."""


@dataclass(frozen=True)
class Row:
    """A row as the issuer lists it. Between two of its runs lies an aisle, a table or a pillar.

    `order` is the order in which its chairs are listed, by their places in all runs together.
    """

    name: str
    runs: tuple[Run, ...]
    order: tuple[int, ...] | None = None

    @property
    def chairs(self) -> list[Chair]:
        """All chairs, run after run."""
        return [chair for run in self.runs for chair in run]

    @property
    def listed(self) -> list[Chair]:
        """All chairs in the issuer's order."""
        chairs = self.chairs
        return chairs if self.order is None else [chairs[place] for place in self.order]


@dataclass(frozen=True, kw_only=True)
class Zone:
    """An area that is sold at a price of its own, or the stage.

    `level` is the floor or deck on which it lies. `left` None: no limit is stated. `stray` is a
    chair that was never placed, so that it stands at (0, 0).
    """

    name: str
    rows: tuple[Row, ...] = ()
    polygon: tuple[Point, ...] = ()
    capacity: int | None = None
    level: str = ""
    left: int | None = None
    stray: Chair | None = None
    is_stage: bool = False

    @property
    def chairs(self) -> list[Chair]:
        """All chairs that have a place."""
        return [chair for row in self.rows for chair in row.chairs]

    @property
    def longest(self) -> int | None:
        """How many people can sit side by side; None where there are no chairs."""
        return max((len(run) for row in self.rows for run in row.runs), default=None)


@dataclass(frozen=True)
class Side:
    """The front is beyond the seats, in this direction (of length 1)."""

    towards: Point


@dataclass(frozen=True)
class Spot:
    """The front is a place: a stage, a pitch. It reaches so far."""

    at: Point
    reach: float


UP: Final = Side((0.0, -1.0))
"""The front of a hall that was not turned yet."""

Front: TypeAlias = Side | Spot | None
"""Where people look. None: nowhere, or nothing in the map can tell."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A hall as its kind lays it out. `fronts` are by level; `notes` say what is special about it.

    `has_holes`: single chairs may be missing, as where a pillar stands.
    """

    zones: tuple[Zone, ...]
    fronts: Mapping[str, Front]
    notes: tuple[str, ...] = ()
    has_holes: bool = True


@dataclass(frozen=True, kw_only=True)
class Hall(Plan):
    """A hall of a kind as an issuer sends it; its seed makes the same one again."""

    kind: str
    seed: int

    @property
    def sold(self) -> list[int]:
        """The numbers of the zones that can be bought, in the issuer's order."""
        return [number for number, zone in enumerate(self.zones) if not zone.is_stage]

    def of_level(self, level: str) -> Iterator[tuple[int, Zone]]:
        """The zones of a level with their numbers."""
        return ((n, zone) for n, zone in enumerate(self.zones) if zone.level == level)

    def wire(self) -> dict[str, Any]:
        """The map as the API sends it."""
        return {"id": f"hall-{self.seed}", "zones": [_zone(zone) for zone in self.zones]}


def _zone(zone: Zone) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": zone.name}
    if zone.capacity is not None:
        wire["capacity"] = zone.capacity
    if zone.polygon:
        wire["polygon"] = [list(corner) for corner in zone.polygon]
    if zone.rows:
        wire["rows"] = [{"name": r.name, "seats": [_seat(c) for c in r.listed]} for r in zone.rows]
        if zone.stray is not None:
            wire["rows"].append({"name": "", "seats": [_seat(zone.stray)]})
    return wire


def _seat(chair: Chair) -> dict[str, Any]:
    return {"name": chair.name, "x": chair.at[0], "y": chair.at[1]}
