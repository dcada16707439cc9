"""Events of the concert hall's issuer at three other venues, with incomplete seat maps.

The maps are: an open-air theatre with seats but no zone outlines, a theatre of which only a part is
drawn, and a club without any drawing.
"""

from datetime import time
from math import cos, pi, sin

from korus_mcp.sandbox.calendars import Fixed
from korus_mcp.sandbox.issuers.parts import FULL, REDUCED, PriceList, option, price_list
from korus_mcp.sandbox.model import Base, Slot, Ticket, Venue
from korus_mcp.sandbox.seat_maps import SeatingCategory, SeatMap, Zone, numbered_row
from korus_mcp.sandbox.texts import Text, texts

_WEDGES = texts("""
    Gradin Jardin / Garden side; Gradin Central Jardin / Centre garden side;
    Gradin Central Cour / Centre court side; Gradin Cour / Court side
    """)
_TIERS = texts("Orchestre / Stalls; Corbeille / Dress circle; Galerie / Gallery")
_TOWN = "Confluent-sur-Rhône"
_UNTOLD = 120
"""Places of a zone whose capacity the map does not state."""
_NOT_FOR_SALE = 99
"""A pool that no product sells from."""


def bases() -> tuple[Base, ...]:
    """The product bases of the three venues."""
    return (_open_air(), _theatre(), _club())


def _open_air() -> Base:
    """A map with curved rows of seats, without polygons; zones are linked to option values."""
    return _evening(
        "open-air",
        Text("Opéra aux étoiles", "Opera under the stars"),
        "Théâtre de verdure des Ormes",
        price_list(
            option("zone", *_WEDGES),
            option("price_type", FULL, REDUCED),
            prices=("32.00", "26.00", "44.00", "38.00", "44.00", "38.00", "32.00", "26.00"),
        ),
        SeatMap(zones=tuple(_wedge(rank) for rank in range(len(_WEDGES)))),
        (7, 8, 21),
    )


def _wedge(rank: int) -> Zone:
    bent = [_bent_row(rank, 120 + 16 * row, 9 + row) for row in range(8)]
    rows = tuple(numbered_row(str(number), row) for number, row in enumerate(bent, start=1))
    capacity = sum(len(row.seats) for row in rows)
    return Zone(name=_WEDGES[rank], capacity=capacity, pool=rank, value=rank, rows=rows)


def _bent_row(wedge: int, radius: float, count: int) -> list[tuple[float, float]]:
    """Seats on an arc below a stage at (0, 0).

    `y` grows downwards (A10), so the audience is below the stage.
    """
    # Seats keep off the edges of their wedge, or neighbouring wedges would touch.
    turns = [
        pi * (wedge + 0.08 + 0.84 * seat / (count - 1)) / len(_WEDGES) for seat in range(count)
    ]
    return [(round(-radius * cos(turn), 1), round(radius * sin(turn), 1)) for turn in turns]


def _theatre() -> Base:
    """A map drawn in part; categories have no links, so only names tie them to offers."""
    # The stalls have a notch, so that their middle is no place for a label.
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
    return _evening(
        "theatre",
        Text("Les Brumes, comédie", "The Mists, a comedy"),
        "Théâtre des Brumes",
        price_list(
            option("seating_category", *_TIERS),
            option("price_type", FULL, REDUCED),
            prices=("39.50", "34.50", "29.50", "24.50", "17.50", "12.50"),
        ),
        SeatMap(zones=zones, categories=tuple(SeatingCategory(name=name) for name in _TIERS)),
        (11, 12, 13),
    )


def _club() -> Base:
    """A map without geometry, categories or links; the backstage area is not for sale."""
    sold = texts("Fosse / Pit; Mezzanine / Mezzanine; Tables du bar / Bar tables; Balcon / Balcony")
    pit, mezzanine, tables, _ = sold
    zones = (
        Zone(name=_shouted(pit), capacity=None, pool=0),
        Zone(name=_shouted(mezzanine), capacity=None, pool=1),
        Zone(name=_shouted(tables), capacity=60, pool=2),
        Zone(name=Text("COULISSES", "BACKSTAGE"), capacity=None, pool=_NOT_FOR_SALE),
    )
    return _evening(
        "club",
        Text("Cuivres à l'aube", "Brass at dawn"),
        "Le Hangar à sel",
        price_list(
            option("zone", *sold),
            option("price_type", FULL),
            prices=("18.00", "26.00", "35.00", "22.00"),
        ),
        SeatMap(zones=zones),
        (6, 20),
    )


def _shouted(name: Text) -> Text:
    """A name in another case than in the offers, as some maps have it."""
    return Text(name.fr.upper(), name.en.upper())


def _evening(
    key: str, name: Text, venue: str, prices: PriceList, seat_map: SeatMap, days: tuple[int, ...]
) -> Base:
    # The API states stock even where the map states no capacity.
    capacities = seat_map.capacities(len(prices["options"][0].values))
    slot = Slot(time(20), 100, tuple(each or _UNTOLD for each in capacities), seat_map=0)
    return Base(
        key=key,
        name=name,
        universe="show",
        venue=Venue(name=venue, line1="Place des Souffleurs", postal_code="69998", city=_TOWN),
        **prices,
        tickets=(Ticket(name=Text("Spectacle", "Show"), slots=(slot,)),),
        calendar=Fixed(offsets=days),
        seat_maps=(seat_map,),
        demand=0.6,
    )
