"""A football stadium: fifty zones around a pitch, a season of matches, a guided tour."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from math import cos, pi, sin

from korus_mcp.sandbox.calendars import Fixed, Rolling
from korus_mcp.sandbox.issuers import parts
from korus_mcp.sandbox.issuers.parts import CHILD, FULL, REDUCED, by_price_type, joined, option
from korus_mcp.sandbox.model import Base, Issuer, Product, Slot, Ticket, Venue
from korus_mcp.sandbox.seat_maps import Point, Row, SeatingCategory, SeatMap, Zone, numbered_row
from korus_mcp.sandbox.texts import Text, same, texts

_VENUE = Venue(
    name="Stade des Hérons",
    line1="40 avenue du Marais",
    postal_code="59998",
    city="Port-aux-Hérons",
    website="https://stade-des-herons.example",
    latitude="50.4012",
    longitude="2.9901",
)
_CATEGORIES = (
    SeatingCategory(name=Text("Carré Or", "Gold"), color="#C9A227", value=0),
    SeatingCategory(name=Text("Catégorie 1", "Category 1"), color="#1F6FB2", value=1),
    SeatingCategory(name=Text("Catégorie 2", "Category 2"), color="#3FA34D", value=2),
    SeatingCategory(name=Text("Catégorie 3", "Category 3"), color="#E08E2B", value=3),
    SeatingCategory(name=Text("Kop debout", "Standing end"), color="#8E44AD", value=4),
    SeatingCategory(name=Text("Espace visiteurs", "Away end"), color="#7F8C8D", value=5),
)
# By category; the away end has a price, although it is not for sale here.
_FULL_PRICES = (Decimal(95), Decimal(62), Decimal(44), Decimal(29), Decimal(18), Decimal(20))
_PRICE_TYPES = ((FULL, Decimal(1)), (REDUCED, Decimal("0.80")), (CHILD, Decimal("0.50")))
_BOXES, _AWAY = 0, 5
_LOWER_ZONES, _UPPER_ZONES = 28, 22
_STANDS = texts("Est / East; Sud / South; Ouest / West; Nord / North")


def issuer(origin: date) -> Issuer:
    """The club and its catalog."""
    year = origin.year if origin.month >= 7 else origin.year - 1
    this, last = parts.season(year), parts.season(year - 1)
    derby = _match("max-six", this, "RACING DE LA BAIE (derby)", 26, demand=0.95)
    return Issuer(
        key="stadium",
        name="Hérons FC",
        catalog_name=Text("Billetterie Hérons FC - Partenaires", "Hérons FC ticketing - Partners"),
        # The shortest hold of all: it ends before another issuer's in the same call (T22).
        hold_seconds=5 * 60,
        releasable=False,
        tax_rate=Decimal("0.055"),
        document_delay_seconds=20,
        order_prefix="HFC",
        bases=(
            _match("stadium", this, "US VALMONT", 5, demand=0.6),
            _match("match-2", this, "ÉTOILE DE GRANVIGNE", 19, demand=0.5),
            # The only base with a limit on the units of a call (T11).
            replace(derby, max_amount_per_order=6, realtime_price_required=True),
            _match("match-4", this, "SPORTING DES CIMES", 54, demand=0.4),
            _match("match-5", this, "OLYMPIC ROCHEBRUNE", 96, demand=0.2),
            _tour(),
            # A match of last season, listed only if disabled bases are asked for.
            replace(_match("disabled", last, "US VALMONT", demand=1.2), disabled=True),
        ),
    )


def _match(key: str, season: Text, visitor: str, *days: int, demand: float) -> Base:
    zones = _layout().zones
    kick_off = Slot(
        time(20, 45),
        110,
        # The other club sells the away end: it is on the map, but has no stock here.
        tuple(0 if zone.category == _AWAY else zone.capacity for zone in zones),
        name=Text("Coup d'envoi 20 h 45", "Kick-off 8:45 pm"),
        seat_map=0,
    )
    return Base(
        key=key,
        name=joined(season, same(f"Ligue Azur - HÉRONS FC / {visitor}")),
        short_description=Text(
            f"<p>Les Hérons reçoivent <b>{visitor}</b> au Stade des Hérons.</p>",
            f"<p>The Herons play <b>{visitor}</b> at the Stade des Hérons.</p>",
        ),
        terms=Text(
            "<p>Placement libre dans la zone, loges numérotées. Horaire à confirmer.</p>",
            "<p>Free seating within the zone, numbered boxes. Kick-off to be confirmed.</p>",
        ),
        universe="sport",
        venue=_VENUE,
        options=(
            option("zone", *(zone.name for zone in zones)),
            option("seating_category", *(category.name for category in _CATEGORIES)),
            option("price_type", *(name for name, _ in _PRICE_TYPES)),
        ),
        products=_places(),
        tickets=(Ticket(name=Text("Match", "Match"), slots=(kick_off,)),),
        calendar=Fixed(offsets=days),
        seat_maps=(_layout(),),
        demand=demand,
    )


def _tour() -> Base:
    slots = tuple(Slot(time(hour), 75, (25,)) for hour in (10, 11, 14, 15, 16))
    return Base(
        key="stadium-tour",
        name=Text("Visite guidée du stade", "Guided stadium tour"),
        description=Text(
            "<p>Vestiaires, tunnel, bord du terrain.</p>",
            "<p>Changing rooms, tunnel, pitch side.</p>",
        ),
        universe="visit",
        venue=_VENUE,
        **by_price_type((FULL, "18.00"), (REDUCED, "14.00"), (CHILD, "9.00")),
        tickets=(Ticket(name=Text("Visite", "Tour"), slots=slots),),
        calendar=Rolling(weekdays=frozenset({2, 3, 5, 6})),
    )


@lru_cache(maxsize=1)
def _places() -> tuple[Product, ...]:
    """The products: each zone has one category, so most combinations of options do not exist."""
    return tuple(
        Product(
            name=joined(zone.name, _CATEGORIES[zone.category or 0].name, price_type),
            choices=(rank, zone.category or 0, type_rank),
            price=(_FULL_PRICES[zone.category or 0] * factor).quantize(Decimal("0.01")),
            pool=rank,
        )
        for rank, zone in enumerate(_layout().zones)
        for type_rank, (price_type, factor) in enumerate(_PRICE_TYPES)
    )


@lru_cache(maxsize=1)
def _layout() -> SeatMap:
    lower = [_zone(rank, _LOWER_ZONES, tier=1) for rank in range(_LOWER_ZONES)]
    upper = [_zone(rank, _UPPER_ZONES, tier=2) for rank in range(_UPPER_ZONES)]
    return SeatMap(zones=(*lower, *upper), categories=_CATEGORIES)


def _zone(position: int, count: int, *, tier: int) -> Zone:
    """One zone of `count` around the pitch; the first begins in the east, the rest clockwise."""
    # Turned by an eighth, so that the middle of a stand is the middle of a side of the pitch.
    quarter = int(((position + 0.5) / count * 4 + 0.5) % 4)
    stand = _STANDS[quarter]
    rank = position if tier == 1 else _LOWER_ZONES + position
    number = tier * 100 + position + 1
    if tier == 1:
        category = (1, 4, _BOXES if position in {13, 14} else 1, 3)[quarter]
    else:
        category = _AWAY if position == 0 else (2, 3, 2, 3)[quarter]
    boxes = category == _BOXES
    return Zone(
        name=Text(f"{stand.fr} {number}", f"{stand.en} {number}"),
        # Neighbouring zones differ, so that numbers on a map can be told apart.
        capacity=48 if boxes else 420 - 20 * (position % 5),
        pool=rank,
        category=category,
        value=rank,
        polygon=_sector(position, count, tier),
        # Only the boxes have numbered seats.
        rows=_box_rows(position, count) if boxes else None,
        entrance=f"Porte {stand.fr[0]}{position % 4 + 1}",
    )


def _point(turn: float, spread: float) -> Point:
    angle = 2 * pi * turn
    across, down = 340 + 150 * spread, 230 + 150 * spread
    return round(500 + across * cos(angle), 1), round(400 + down * sin(angle), 1)


def _sector(position: int, count: int, tier: int) -> tuple[Point, ...]:
    inner, outer = (0.0, 0.48) if tier == 1 else (0.54, 1.0)
    # A gap at both ends, or neighbouring zones would share an edge and look like one.
    turns = [(position + part) / count for part in (0.04, 0.5, 0.96)]
    near = [_point(turn, inner) for turn in turns]
    far = [_point(turn, outer) for turn in reversed(turns)]
    return tuple(near + far)


def _box_rows(position: int, count: int) -> tuple[Row, ...]:
    turns = [(position + 0.1 + 0.8 * rank / 15) / count for rank in range(16)]
    return tuple(
        numbered_row(letter, (_point(turn, 0.1 + 0.12 * row) for turn in turns))
        for row, letter in enumerate("ABC")
    )
