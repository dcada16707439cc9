"""Seat maps to draw: the sandbox's stadium and hall, a map without geometry, and a large one.

Prices and what is left are made up here, so that a picture is the same every day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from math import cos, pi, sin
from typing import Any

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.sandbox import seat_maps
from korus_mcp.sandbox.issuers import hall, stadium
from korus_mcp.seating.layout import Drawing, drawing_of
from korus_mcp.seating.picture import Heading
from korus_mcp.seating.scene import PictureQuery
from korus_mcp.seating.table import SeatOffer, SeatTable, seat_table

DAY = date(2026, 12, 5)


@dataclass(frozen=True, kw_only=True)
class Venue:
    """All that a picture is made of."""

    drawing: Drawing
    table: SeatTable
    heading: Heading
    asked: PictureQuery


def offer(choices: Mapping[str, str], amount: str | None, left: int | None) -> SeatOffer:
    price = Money(Decimal(amount)) if amount is not None else None
    name = "/".join((*choices.values(), amount or ""))
    return SeatOffer(offer_id=name, choices=choices, price=price, left=left)


def venue(
    plan: Mapping[str, Any],
    offers: Sequence[SeatOffer],
    heading: Heading | None = None,
    asked: PictureQuery | None = None,
) -> Venue:
    """A venue of a map as the API sends it."""
    asked = asked or PictureQuery()
    seat_map = SeatMap.model_validate(plan)
    return Venue(
        drawing=drawing_of(seat_map),
        table=seat_table(seat_map, offers, {}, max_price=asked.max_price),
        heading=heading or Heading(),
        asked=asked,
    )


@cache
def stadium_venue() -> Venue:
    """Fifty zones in six categories; some are sold out, one is not on sale, the dear are dimmed."""
    base = stadium.issuer(DAY).bases[0]
    layout = base.seat_maps[0]
    prices = ("95", "62", "44", "29", "18", "20")
    offers = []
    for number, zone in enumerate(layout.zones):
        if number == 40:
            continue
        full = prices[zone.category or 0]
        left = 0 if number % 9 == 4 else 1 if number % 11 == 3 else 7 + number
        choices = {"zone": zone.name.en}
        offers.append(offer(choices, full, left))
        offers.append(offer(choices, f"{Decimal(full) / 2}", left))
    return venue(
        wire(layout),
        offers,
        Heading(
            title="Ligue Azur - HÉRONS FC / US VALMONT",
            subtitle="Stade des Hérons, Port-aux-Hérons, Saturday 5 December 2026, 20:00",
        ),
        PictureQuery(quantity=2, max_price=Decimal(40), best=(5, 6, 7)),
    )


@cache
def hall_venue() -> Venue:
    """Four zones, three with seats, one of them sold out."""
    layout = hall.issuer().bases[0].seat_maps[0]
    offers = [
        offer({"seating_category": category}, amount, left)
        for category, amount, left in (
            ("Gold", "78", 12),
            ("First category", "56", 0),
            ("Second category", "38", 40),
            ("Second category", "28.50", 40),
            ("Standing pit", "29", None),
        )
    ]
    heading = Heading(title="Symphony of the tides", subtitle="La Grande Verrière, 5 December 2026")
    return venue(wire(layout), offers, heading, PictureQuery(best=(3,)))


@cache
def schematic_venue() -> Venue:
    """Eleven zones of which nothing but names is known."""
    names = [f"Tribune {side} {n}" for side in ("Nord", "Sud", "Est") for n in (1, 2, 3)]
    zones = [{"name": name, "capacity": 200 + 50 * n} for n, name in enumerate(names)]
    zones += [{"name": "Loge présidentielle", "capacity": 12}, {"name": "Pelouse"}]
    offers = [
        offer({"zone": name}, str(20 + 15 * (n // 3)), 30 - n) for n, name in enumerate(names)
    ]
    offers.append(offer({"zone": "Pelouse"}, None, None))
    return venue(
        {"id": "m", "zones": zones},
        offers,
        Heading(title="Fête de l'été", subtitle="Parc des Cèdres, samedi 4 juillet 2026"),
    )


@cache
def large_venue(zones: int = 40, rows: int = 30, seats: int = 50) -> Venue:
    """A bowl with so many seats: 60,000 unless it is said otherwise."""
    made = []
    offers = []
    for zone in range(zones):
        turns = [2 * pi * (zone + 0.05 + 0.9 * s / seats) / zones for s in range(seats)]
        made.append(
            {
                "name": f"Block {zone + 1}",
                "rows": [
                    {
                        "name": str(row),
                        "seats": [
                            {"x": (900 + 20 * row) * cos(t), "y": (600 + 20 * row) * sin(t)}
                            for t in turns
                        ],
                    }
                    for row in range(rows)
                ],
            }
        )
        offers.append(offer({"zone": f"Block {zone + 1}"}, str(20 + 4 * (zone % 9)), zone % 4))
    return venue({"id": "m", "zones": made}, offers, Heading(title="Large bowl"))


def wire(layout: seat_maps.SeatMap) -> dict[str, Any]:
    """A layout of the sandbox in the words of the API."""
    return {
        "id": "m",
        "zones": [
            {
                "name": zone.name.en,
                "capacity": zone.capacity,
                "seatingCategory": f"/c/{zone.category}",
                "polygon": zone.polygon,
                "rows": None if zone.rows is None else [_row(row) for row in zone.rows],
            }
            for zone in layout.zones
        ],
        "seatingCategories": [
            {"@id": f"/c/{rank}", "name": category.name.en, "color": category.color}
            for rank, category in enumerate(layout.categories)
        ],
    }


def _row(row: seat_maps.Row) -> dict[str, Any]:
    return {"name": row.name, "seats": [{"x": seat.x, "y": seat.y} for seat in row.seats]}
