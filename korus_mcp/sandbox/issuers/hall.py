"""A concert hall: numbered rows, a standing pit, matinees with another layout than evenings."""

from datetime import time
from decimal import Decimal
from functools import lru_cache

from korus_mcp.sandbox.issuers import outside
from korus_mcp.sandbox.issuers.parts import FULL, REDUCED, by_price_type, option, priced
from korus_mcp.sandbox.model import (
    Base,
    Fixed,
    Issuer,
    Option,
    Product,
    Quantity,
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

_VENUE = Venue(
    name="La Grande Verrière",
    line1="8 quai des Souffleurs",
    postal_code="69998",
    city="Confluent-sur-Rhône",
    phone="+33 4 99 00 00 00",
    latitude="",
    longitude="",
)
_CATEGORY_NAMES = (
    Text("Carré Or", "Gold"),
    Text("Première catégorie", "First category"),
    Text("Deuxième catégorie", "Second category"),
    Text("Fosse debout", "Standing pit"),
)
_COLORS = ("#C9A227", "#B03A2E", "#2E86C1", None)
_LONG_TERMS = Text(
    "<p>"
    + "Les places numérotées sont attribuées par la billetterie ; tout retard peut entraîner une "
    "attente jusqu'à l'entracte. " * 120 + "</p>",
    "<p>" + "Numbered seats are allocated by the box office; latecomers may have to wait until the "
    "interval. " * 120 + "</p>",
)


def issuer() -> Issuer:
    """The hall and its catalog."""
    return Issuer(
        key="hall",
        name="La Grande Verrière",
        catalog_name=Text(
            "La Grande Verrière - Saison musicale", "La Grande Verrière - Music season"
        ),
        hold_seconds=10 * 60,
        tax_rate=Decimal("0.021"),
        document_delay_seconds=90,
        document_per_ticket=True,
        order_prefix="GV",
        bases=(
            _concert(
                "hall",
                Text("Symphonie des marées", "Symphony of the tides"),
                Fixed(offsets=(3, 9, 17, 31, 45, 73, 101)),
                dynamic=False,
            ),
            _concert(
                "jazz",
                Text("Nuit du jazz bleu", "Blue jazz night"),
                Fixed(offsets=(12, 40, 68)),
                dynamic=True,
            ),
            _festival_day(),
            *outside.bases(),
        ),
    )


def _concert(key: str, name: Text, calendar: Fixed, *, dynamic: bool) -> Base:
    options = _options()
    return Base(
        key=key,
        name=name,
        description=Text(
            f"<h2>«&nbsp;{name.fr}&nbsp;»</h2><p style='margin:0'>Soixante musiciens.</p>",
            f"<h2>&ldquo;{name.en}&rdquo;</h2><p style='margin:0'>Sixty musicians.</p>",
        ),
        short_description=Text("<p>Concert assis ou fosse.</p>", "<p>Seated, or in the pit.</p>"),
        terms=_LONG_TERMS,
        universe="show",
        venue=_VENUE,
        options=options,
        products=_seats(options),
        tickets=(
            Ticket(
                name=Text("Concert", "Concert"),
                slots=(
                    _performance(Text("Matinée", "Matinee"), time(15), seat_map=1),
                    _performance(Text("Soirée", "Evening"), time(20, 30), seat_map=0),
                ),
            ),
        ),
        calendar=calendar,
        seat_maps=(_layout(balcony_open=True), _layout(balcony_open=False)),
        realtime_price_required=dynamic,
        demand=0.7,
        legacy_session_iris=True,
    )


def _festival_day() -> Base:
    options, products = by_price_type((FULL, "39.00"), (REDUCED, "31.00"))
    concert = Ticket(
        name=Text("Grand concert", "Main concert"),
        slots=(
            Slot(start=time(18), minutes=90, capacities=(300,), name=Text("Premier", "First")),
            Slot(start=time(21), minutes=120, capacities=(300,), name=Text("Second", "Second")),
        ),
    )
    return Base(
        key="two-ticket",
        name=Text("Festival des souffleurs - journée", "Glassblowers' festival - day pass"),
        description=Text(
            "L'accès au festival toute la journée et un grand concert au choix.",
            "Access to the festival all day, and one main concert of your choice.",
        ),
        universe="festival",
        venue=_VENUE,
        options=options,
        products=products,
        tickets=(
            Ticket(name=Text("Accès journée", "Day access"), capacities=(800,)),
            concert,
        ),
        calendar=Fixed(offsets=(4, 33, 34, 35)),
        demand=0.4,
    )


def _options() -> tuple[Option, ...]:
    return (
        option("seating_category", *_CATEGORY_NAMES),
        option("price_type", FULL, REDUCED),
    )


def _seats(options: tuple[Option, ...]) -> tuple[Product, ...]:
    full = ("78.00", "56.00", "38.00", "29.00")
    reduced = ("66.00", "45.00", "28.00", "22.00")
    prices: dict[tuple[int, ...], str] = {(rank, 0): price for rank, price in enumerate(full)}
    prices |= {(rank, 1): price for rank, price in enumerate(reduced)}
    return tuple(
        Product(name=each.name, price=each.price, choices=each.choices, pool=each.choices[0])
        for each in priced(options, prices)
    )


def _performance(name: Text, start: time, *, seat_map: int) -> Slot:
    zones = _layout(balcony_open=seat_map == 0).zones
    capacities: tuple[Quantity, ...] = tuple(
        sum(zone.capacity or 0 for zone in zones if zone.pool == pool)
        for pool in range(len(_CATEGORY_NAMES))
    )
    return Slot(start=start, minutes=130, capacities=capacities, name=name, seat_map=seat_map)


@lru_cache(maxsize=2)
def _layout(*, balcony_open: bool) -> SeatMap:
    zones = [
        _seated(Text("Parterre avant", "Front stalls"), 0, letters="ABCDE", seats=20, top=260),
        _seated(Text("Parterre", "Stalls"), 1, letters="FGHJKLM", seats=24, top=380),
        _pit(),
    ]
    if balcony_open:
        balcony = Text("Balcon", "Balcony")
        zones.append(_seated(balcony, 2, letters="PQRST", seats=28, top=560))
    else:
        sides = Text("Bas-côtés", "Side stalls")
        zones.append(_seated(sides, 2, letters="VW", seats=18, top=560))
    categories = tuple(
        SeatingCategory(name=name, color=color, value=rank)
        for rank, (name, color) in enumerate(zip(_CATEGORY_NAMES, _COLORS, strict=True))
    )
    return SeatMap(zones=tuple(zones), categories=categories)


def _seated(name: Text, category: int, *, letters: str, seats: int, top: float) -> Zone:
    left = 500 - seats * 10
    rows = tuple(
        Row(
            name=letter,
            seats=tuple(
                Seat(name=str(rank + 1), x=left + rank * 20, y=top + depth * 22)
                for rank in range(seats)
            ),
        )
        for depth, letter in enumerate(letters)
    )
    right, bottom = left + seats * 20, top + len(letters) * 22
    return Zone(
        name=name,
        capacity=seats * len(letters),
        pool=category,
        category=category,
        polygon=(
            (left - 15, top - 15),
            (right, top - 15),
            (right, bottom - 5),
            (left - 15, bottom - 5),
        ),
        rows=rows,
        entrance="Porte Rhône" if category < 2 else "Escalier B",
    )


def _pit() -> Zone:
    return Zone(
        name=Text("Fosse", "Pit"),
        capacity=250,
        pool=3,
        category=3,
        polygon=((320, 150), (680, 150), (680, 235), (320, 235)),
        entrance="Porte Saône",
    )
