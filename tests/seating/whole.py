"""All that a seat map is answered with: text, structure, the page's sheet, and the picture."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from korus_mcp.api import SeatMap
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, ProductRecord, VenueRecord
from korus_mcp.catalog.calendar import Calendar
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.proposals.seat_plans import Extra, SeatPlan, SeatQuery, _planned, _PlanQuery
from korus_mcp.seating.drafting import Layout
from korus_mcp.seating.layout import Drawing, drawing_of
from korus_mcp.seating.stages import is_stage
from korus_mcp.tools.get_seat_map import _shown, _view

Json: TypeAlias = dict[str, Any]
DAY = date(2026, 12, 5)
LEFT = 9


@dataclass(frozen=True, kw_only=True)
class Sold:
    """An offer of a zone, or of a seating category."""

    amount: int
    zone: str | None = None
    category: str | None = None
    left: int | None = LEFT
    price_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    """The answer to a wish, in each of its forms."""

    drawing: Drawing
    text: str
    structure: Json
    sheet: Json
    picture: str
    numbered: Mapping[str, str]

    def zone(self, name: str) -> Json:
        """A zone of the sheet."""
        (found,) = (each for each in self.sheet["zones"] if each["name"] == name)
        return dict(found)

    @property
    def ranks(self) -> dict[str, str]:
        """The reasons of the zones that fit, the best first."""
        fitting = [each for each in self.sheet["zones"] if "best" in each]
        return {each["name"]: each["why"] for each in sorted(fitting, key=lambda z: z["best"])}


def answered(
    seat_map: Json, sold: Sequence[Sold] | None = None, *, is_raster: bool = False, **wish: Any
) -> Whole:
    """The answer to a wish; by default each zone that is no stage has an offer of its own.

    `is_raster`: its picture becomes a PNG.
    """
    read = SeatMap.model_validate(seat_map)
    drawing = drawing_of(read)
    offers = list(_one_each(read)) if sold is None else sold
    query = SeatQuery(day=DAY, **wish)
    extras = frozenset({Extra.SHEET, Extra.PIXELS if is_raster else Extra.LIGHT})
    plan = _planned(
        _PlanQuery(BASE.handle, query, "en", None, extras, ()),
        Layout(read, drawing),
        BASE,
        "m",
        Calendar(tuple(map(_row, range(len(offers)), offers))),
        datetime(2026, 12, 1, tzinfo=UTC),
        {},
        {},
    )
    return _told(plan, drawing)


BASE = BaseRecord(
    handle=Handle("k3f9qa", "b"),
    catalog=CatalogRecord("c", "k3f9qa", "Catalog"),
    name="An evening",
    place=VenueRecord(name="A house"),
)


def _told(plan: SeatPlan, drawing: Drawing) -> Whole:
    view = _view(plan, len(_shown(plan)), told=())
    return Whole(
        drawing=drawing,
        text=view.text(),
        structure=view.model_dump(mode="json", exclude_defaults=True),
        sheet=json.loads(json.dumps(plan.sheet)),
        picture=plan.picture or "",
        numbered=plan.numbered,
    )


def _one_each(seat_map: SeatMap) -> Iterator[Sold]:
    names = dict.fromkeys(zone.name or "" for zone in seat_map.zones if not is_stage(zone))
    for place, name in enumerate(names, 1):
        yield Sold(zone=name, amount=10 * place)


def _row(number: int, sold: Sold) -> OfferRow:
    choices = {
        "zone": sold.zone,
        "seating_category": sold.category,
        "price_type": sold.price_type,
    }
    stated = {code: name for code, name in choices.items() if name is not None}
    return OfferRow(
        handle=Handle("k3f9qa", f"o{number}"),
        product=ProductRecord(f"p{number}", f"Ticket {number}", stated),
        day=DAY,
        price=Money(Decimal(sold.amount)),
        left=sold.left,
    )
