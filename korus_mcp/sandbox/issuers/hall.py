"""A concert hall with numbered rows, a standing pit, and another seat map for matinees."""

from datetime import time
from decimal import Decimal
from functools import lru_cache

from korus_mcp.sandbox.calendars import Fixed
from korus_mcp.sandbox.issuers import outside
from korus_mcp.sandbox.issuers.parts import FULL, REDUCED, by_price_type, option, price_list
from korus_mcp.sandbox.model import Base, Issuer, Slot, Ticket, Venue
from korus_mcp.sandbox.seat_maps import SeatingCategory, SeatMap, Zone, numbered_row
from korus_mcp.sandbox.texts import Text

_VENUE = Venue(
    name="La Grande Verrière",
    line1="8 quai des Souffleurs",
    postal_code="69998",
    city="Confluent-sur-Rhône",
    phone="+33 4 99 00 00 00",
    # Empty texts instead of missing fields (T12).
    latitude="",
    longitude="",
)
_CATEGORIES = (
    SeatingCategory(name=Text("Carré Or", "Gold"), color="#C9A227", value=0),
    SeatingCategory(name=Text("Première catégorie", "First category"), color="#B03A2E", value=1),
    SeatingCategory(name=Text("Deuxième catégorie", "Second category"), color="#2E86C1", value=2),
    SeatingCategory(name=Text("Fosse debout", "Standing pit"), value=3),
)
# Longer than any answer of ours may be, so it has to be cut (T9).
_LONG_TERMS = Text(
    "<p>"
    + "Les places numérotées sont attribuées par la billetterie ; tout retard peut entraîner une "
    "attente jusqu'à l'entracte. " * 120 + "</p>",
    "<p>" + "Numbered seats are allocated by the box office; latecomers may have to wait until the "
    "interval. " * 120 + "</p>",
)


def issuer() -> Issuer:
    """The hall and its catalog."""
    marees = Text("Symphonie des marées", "Symphony of the tides")
    jazz = Text("Nuit du jazz bleu", "Blue jazz night")
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
            _concert("hall", marees, (3, 9, 17, 31, 45, 73, 101), dynamic=False),
            _concert("jazz", jazz, (12, 40, 68), dynamic=True),
            _festival_day(),
            *outside.bases(),
        ),
    )


def _concert(key: str, name: Text, days: tuple[int, ...], *, dynamic: bool) -> Base:
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
        **price_list(
            option("seating_category", *(category.name for category in _CATEGORIES)),
            option("price_type", FULL, REDUCED),
            prices=("78.00", "66.00", "56.00", "45.00", "38.00", "28.00", "29.00", "22.00"),
        ),
        tickets=(
            Ticket(
                name=Text("Concert", "Concert"),
                # Sessions name their own seat map: a matinee has another one than the base (A10).
                slots=(
                    _performance(Text("Matinée", "Matinee"), time(15), seat_map=1),
                    _performance(Text("Soirée", "Evening"), time(20, 30), seat_map=0),
                ),
            ),
        ),
        calendar=Fixed(offsets=days),
        seat_maps=(_layout(balcony_open=True), _layout(balcony_open=False)),
        realtime_price_required=dynamic,
        demand=0.7,
        legacy_session_iris=True,
    )


def _festival_day() -> Base:
    return Base(
        key="two-ticket",
        name=Text("Festival des souffleurs - journée", "Glassblowers' festival - day pass"),
        description=Text(
            "L'accès au festival toute la journée et un grand concert au choix.",
            "Access to the festival all day, and one main concert of your choice.",
        ),
        universe="festival",
        venue=_VENUE,
        **by_price_type((FULL, "39.00"), (REDUCED, "31.00")),
        # Both the day's and the concert's stock count: the smaller one decides.
        tickets=(
            Ticket(name=Text("Accès journée", "Day access"), capacities=(800,)),
            Ticket(
                name=Text("Grand concert", "Main concert"),
                slots=(
                    Slot(time(18), 90, (300,), name=Text("Premier", "First")),
                    Slot(time(21), 120, (300,), name=Text("Second", "Second")),
                ),
            ),
        ),
        calendar=Fixed(offsets=(4, 33, 34, 35)),
        demand=0.4,
    )


def _performance(name: Text, start: time, *, seat_map: int) -> Slot:
    capacities = _layout(balcony_open=seat_map == 0).capacities(len(_CATEGORIES))
    return Slot(start, 130, capacities, name=name, seat_map=seat_map)


@lru_cache(maxsize=2)
def _layout(*, balcony_open: bool) -> SeatMap:
    pit = Zone(
        name=Text("Fosse", "Pit"),
        capacity=250,
        pool=3,
        category=3,
        polygon=((320, 150), (680, 150), (680, 235), (320, 235)),
        entrance="Porte Saône",
    )
    balcony, sides = Text("Balcon", "Balcony"), Text("Bas-côtés", "Side stalls")
    return SeatMap(
        zones=(
            # Letters that look like digits or other letters, such as I and O, are left out.
            _seated(Text("Parterre avant", "Front stalls"), 0, "ABCDE", seats=20, top=260),
            _seated(Text("Parterre", "Stalls"), 1, "FGHJKLM", seats=24, top=380),
            pit,
            _seated(balcony, 2, "PQRST", seats=28, top=560)
            if balcony_open
            else _seated(sides, 2, "VW", seats=18, top=560),
        ),
        categories=_CATEGORIES,
    )


def _seated(name: Text, category: int, letters: str, *, seats: int, top: float) -> Zone:
    left = 500 - seats * 10
    right, bottom = left + seats * 20, top + len(letters) * 22
    return Zone(
        name=name,
        capacity=seats * len(letters),
        pool=category,
        category=category,
        polygon=(
            *((left - 15, top - 15), (right, top - 15)),
            *((right, bottom - 5), (left - 15, bottom - 5)),
        ),
        rows=tuple(
            numbered_row(letter, ((left + rank * 20, top + depth * 22) for rank in range(seats)))
            for depth, letter in enumerate(letters)
        ),
        entrance="Porte Rhône" if category < 2 else "Escalier B",
    )
