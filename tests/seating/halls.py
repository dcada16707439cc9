"""Seat maps made in code, in the API's JSON, and the offers of their zones."""

from decimal import Decimal
from math import cos, pi, sin
from typing import Any, TypeAlias

from korus_mcp.foundation.money import Money
from korus_mcp.seating.table import SeatOffer

Json: TypeAlias = dict[str, Any]


def bowl(*, zones: int, rows: int, seats: int) -> Json:
    """A ring of zones with bent rows around a pitch; row A is the nearest to it."""
    return {
        "id": "bowl",
        "zones": [
            {
                "name": f"Zone {n}",
                "capacity": rows * seats,
                "rows": [
                    {"name": str(r + 1), "seats": _arc(n, zones, 300 + 8.0 * r, seats)}
                    for r in range(rows)
                ],
            }
            for n in range(zones)
        ],
    }


def blocks(*, zones: int, rows: int, seats: int) -> Json:
    """Zones of straight rows, ten of them side by side, with aisles between; row 1 is in front."""
    return {
        "id": "blocks",
        "zones": [
            {
                "name": f"Zone {n}",
                "capacity": rows * seats,
                "rows": [
                    {
                        "name": str(r + 1),
                        "seats": [
                            {
                                "name": str(s + 1),
                                "x": float(n % 10 * (seats + 4) + s),
                                "y": float(n // 10 * (rows + 4) + r),
                            }
                            for s in range(seats)
                        ],
                    }
                    for r in range(rows)
                ],
            }
            for n in range(zones)
        ],
    }


def bowl_offers(zones: int) -> list[SeatOffer]:
    """Three price types for each zone of a bowl."""
    return [
        SeatOffer(
            offer_id=f"aaaaaa.{n}-{kind}",
            choices={"zone": f"Zone {n}", "price_type": str(kind)},
            price=Money(Decimal(20 + n % 7 * 10 + kind)),
            left=n % 11,
        )
        for n in range(zones)
        for kind in range(3)
    ]


def _arc(zone: int, zones: int, radius: float, seats: int) -> list[Json]:
    turns = [2 * pi * (zone + 0.05 + 0.9 * s / max(seats - 1, 1)) / zones for s in range(seats)]
    return [
        {"name": str(s + 1), "x": 700 + radius * cos(turn), "y": 700 + radius * sin(turn)}
        for s, turn in enumerate(turns)
    ]
