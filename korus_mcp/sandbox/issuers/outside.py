"""The hall out of its walls: three other venues, whose seat maps differ as those of issuers do.

An open-air theatre of seats alone, a theatre drawn in part, a club that is not drawn at all.
"""

from datetime import time
from math import cos, pi, sin

from korus_mcp.sandbox.issuers.parts import FULL, REDUCED, option, priced
from korus_mcp.sandbox.model import (
    Base,
    Fixed,
    Option,
    Product,
    Row,
    Seat,
    SeatingCategory,
    SeatMap,
    Slot,
    Text,
    Ticket,
    Venue,
    Zone,
)

_WEDGES = (
    Text("Gradin Jardin", "Garden side"),
    Text("Gradin Central Jardin", "Centre garden side"),
    Text("Gradin Central Cour", "Centre court side"),
    Text("Gradin Cour", "Court side"),
)
_TIERS = (
    Text("Orchestre", "Stalls"),
    Text("Corbeille", "Dress circle"),
    Text("Galerie", "Gallery"),
)
_PLACES = (
    Text("Fosse", "Pit"),
    Text("Mezzanine", "Mezzanine"),
    Text("Tables du bar", "Bar tables"),
    Text("Coulisses", "Backstage"),
)


_TABLES = 60
_UNTOLD = 120
"""Places of a part whose capacity the map does not tell."""
_NOT_FOR_SALE = 99


def bases() -> tuple[Base, ...]:
    """The three evenings."""
    return (_open_air(), _theatre(), _club())


def _open_air() -> Base:
    """Seats without polygons in bent rows; zones are linked to their option values."""
    options = (option("zone", *_WEDGES), option("price_type", FULL, REDUCED))
    zones = tuple(_wedge(rank) for rank in range(len(_WEDGES)))
    return _evening(
        "open-air",
        Text("Opéra aux étoiles", "Opera under the stars"),
        _venue("Théâtre de verdure des Ormes"),
        options,
        SeatMap(zones=zones, categories=()),
        {
            (wedge, kind): f"{_open_air_price(wedge, kind)}.00"
            for wedge in range(4)
            for kind in (0, 1)
        },
        Fixed(offsets=(7, 8, 21)),
    )


def _open_air_price(wedge: int, kind: int) -> int:
    return (44 if wedge in {1, 2} else 32) - 6 * kind


def _wedge(rank: int) -> Zone:
    rows = tuple(
        Row(name=str(row + 1), seats=_bent_row(rank, 120 + 16 * row, 9 + row)) for row in range(8)
    )
    capacity = sum(len(row.seats) for row in rows)
    return Zone(name=_WEDGES[rank], capacity=capacity, pool=rank, value=rank, rows=rows)


def _bent_row(wedge: int, radius: float, count: int) -> tuple[Seat, ...]:
    """Seats around a stage at (0, 0), from a quarter past nine to a quarter to three."""
    turns = [
        pi * (wedge + 0.08 + 0.84 * seat / (count - 1)) / len(_WEDGES) for seat in range(count)
    ]
    return tuple(
        Seat(name=str(n + 1), x=round(-radius * cos(turn), 1), y=round(radius * sin(turn), 1))
        for n, turn in enumerate(turns)
    )


def _theatre() -> Base:
    """Drawn in part; categories are not linked, so only their names tie them to what is sold."""
    options = (option("seating_category", *_TIERS), option("price_type", FULL, REDUCED))
    stalls = (
        *((0.0, 0.0), (300.0, 0.0), (300.0, 150.0), (180.0, 150.0)),
        *((180.0, 120.0), (120.0, 120.0), (120.0, 150.0), (0.0, 150.0)),
    )
    circle = ((-20.0, 190.0), (320.0, 190.0), (320.0, 250.0), (-20.0, 250.0))
    zones = (
        Zone(name=Text("Fauteuils", "Armchairs"), capacity=180, pool=0, category=0, polygon=stalls),
        Zone(name=_TIERS[1], capacity=90, pool=1, category=1, polygon=circle),
        Zone(name=Text("Galerie paire", "Even gallery"), capacity=40, pool=2, category=2),
        Zone(name=Text("Galerie impaire", "Odd gallery"), capacity=40, pool=2, category=2),
    )
    categories = tuple(SeatingCategory(name=name, color=None) for name in _TIERS)
    return _evening(
        "theatre",
        Text("Les Brumes, comédie", "The Mists, a comedy"),
        _venue("Théâtre des Brumes"),
        options,
        SeatMap(zones=zones, categories=categories),
        {
            (rank, kind): f"{price - 5 * kind}.50"
            for rank, price in enumerate((39, 29, 17))
            for kind in (0, 1)
        },
        Fixed(offsets=(11, 12, 13)),
    )


def _club() -> Base:
    """No geometry, no categories, no links; nobody sells the backstage, nor draws the balcony."""
    sold = (*_PLACES[:3], Text("Balcon", "Balcony"))
    options = (option("zone", *sold), option("price_type", FULL))
    zones = tuple(
        Zone(
            name=_shouted(name),
            capacity=_TABLES if rank == 2 else None,
            pool=rank if rank < 3 else _NOT_FOR_SALE,
        )
        for rank, name in enumerate(_PLACES)
    )
    return _evening(
        "club",
        Text("Cuivres à l'aube", "Brass at dawn"),
        _venue("Le Hangar à sel"),
        options,
        SeatMap(zones=zones, categories=()),
        {(rank, 0): f"{price}.00" for rank, price in enumerate((18, 26, 35, 22))},
        Fixed(offsets=(6, 20)),
    )


def _shouted(name: Text) -> Text:
    return Text(name.fr.upper(), name.en.upper())


def _venue(name: str) -> Venue:
    """Another house of the same town."""
    line1 = "Place des Souffleurs"
    return Venue(name=name, line1=line1, postal_code="69998", city="Confluent-sur-Rhône")


def _evening(
    key: str,
    name: Text,
    venue: Venue,
    options: tuple[Option, ...],
    seat_map: SeatMap,
    prices: dict[tuple[int, ...], str],
    calendar: Fixed,
) -> Base:
    pools = len(options[0].values)
    capacities = tuple(
        sum(zone.capacity or 0 for zone in seat_map.zones if zone.pool == pool) or _UNTOLD
        for pool in range(pools)
    )
    products = tuple(
        Product(name=each.name, price=each.price, choices=each.choices, pool=each.choices[0])
        for each in priced(options, prices)
    )
    slot = Slot(start=time(20), minutes=100, capacities=capacities, seat_map=0)
    return Base(
        key=key,
        name=name,
        universe="show",
        venue=venue,
        options=options,
        products=products,
        tickets=(Ticket(name=Text("Spectacle", "Show"), slots=(slot,)),),
        calendar=calendar,
        seat_maps=(seat_map,),
        demand=0.6,
    )
