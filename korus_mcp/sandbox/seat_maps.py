"""Classes for the seat maps of venues: what is drawn, and how it is tied to what is sold.

As with real issuers, any part of a map may be missing, and zones and categories may name an option
value or not (A10).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from korus_mcp.sandbox.texts import Text

Quantity = int | None
"""A stock figure; None means not limited."""
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """One seat of a row with its place in the drawing."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of seats, in seating order."""

    name: str
    seats: tuple[Seat, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatingCategory:
    """A class of seats; `value` is the rank of the seating_category option value it stands for."""

    name: Text
    color: str | None = None
    value: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """An area of a venue; `value` is the rank of the zone option value it stands for.

    A product sells the places of the zones in its pool. The API knows nothing of pools.
    """

    name: Text
    # None if the map does not state it; the stock is stated all the same.
    capacity: Quantity
    # Which products sell it. In the API only option values or names tell that, if anything.
    pool: int
    category: int | None = None
    value: int | None = None
    polygon: tuple[Point, ...] | None = None
    rows: tuple[Row, ...] | None = None
    entrance: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatMap:
    """The layout of a venue."""

    zones: tuple[Zone, ...]
    categories: tuple[SeatingCategory, ...] = ()

    def capacities(self, pools: int) -> tuple[int, ...]:
        """How many places each pool has, in zones with a stated capacity."""
        return tuple(
            sum(zone.capacity or 0 for zone in self.zones if zone.pool == pool)
            for pool in range(pools)
        )


def numbered_row(name: str, points: Iterable[Point]) -> Row:
    """A row whose seats are numbered from 1, each at its point."""
    numbered = enumerate(points, start=1)
    return Row(name=name, seats=tuple(Seat(name=str(n), x=x, y=y) for n, (x, y) in numbered))
