"""The five venues of the sandbox: each zone is tied to what its world really sells there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.catalog.bases import BaseRecord
from korus_mcp.catalog.calendar import DayRange, OfferQuery
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.foundation.handles import Handle, alias_of
from korus_mcp.foundation.money import Money
from korus_mcp.sandbox.issuers import issuers_of
from korus_mcp.sandbox.model import Base
from korus_mcp.sandbox.seat_maps import SeatMap as DeclaredMap
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.picture import Heading, svg
from korus_mcp.seating.ranking import Preference, ZoneQuery, ranked
from korus_mcp.seating.rasterize import png
from korus_mcp.seating.sheet import SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, SeatTable, price_range, seat_table
from tests.booking.stage import Stage, staged
from tests.catalog.listing import TODAY
from tests.seating.drawable import assert_drawable

pytestmark = pytest.mark.anyio

VENUES = {
    "stadium": ("stadium", 1),
    "hall": ("hall", 2),
    "open-air": ("hall", 1),
    "theatre": ("hall", 1),
    "club": ("hall", 1),
}
"""By the key of a base: its issuer, and how many seat maps it has."""
MAPS = [(key, number) for key, (_, count) in VENUES.items() for number in range(count)]


@dataclass(frozen=True)
class Venue:
    """A base as it is declared and as the API tells of it, with the offers of its first day."""

    declared: Base
    base: BaseRecord
    rows: tuple[OfferRow, ...]
    maps: tuple[SeatMap, ...]

    @property
    def offers(self) -> list[SeatOffer]:
        """The offers as the table takes them."""
        return [
            SeatOffer(
                offer_id=str(row.handle),
                choices=row.product.choices,
                price=row.price,
                left=row.left,
            )
            for row in self.rows
        ]

    @property
    def option_values(self) -> dict[str, str]:
        """Names of option values by id."""
        return {value.id: value.name for all_of in self.base.choices.values() for value in all_of}

    def table(self, number: int) -> SeatTable:
        """One of its maps, joined."""
        return seat_table(self.maps[number], self.offers, self.option_values)


@pytest.fixture(scope="module")
async def venues() -> AsyncIterator[dict[str, Venue]]:
    async with staged(selling=("stadium", "hall")) as stage:
        yield {key: await read_venue(stage, key, *VENUES[key]) for key in VENUES}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def read_venue(stage: Stage, key: str, issuer: str, count: int) -> Venue:
    owner = next(each for each in issuers_of(TODAY) if each.key == issuer)
    declared = next(base for base in owner.bases if base.key == key)
    catalog = stage.sandbox.landmarks[f"{issuer}_catalog"]
    listed = await stage.app.api.ticketing.list_product_bases(catalog, language="en").all()
    found = next(base for base in listed if base.name == declared.name.en)
    base = await stage.app.mirror.base(Handle(alias_of(catalog), found.id), "en")
    calendar = await stage.app.calendars.first_day(
        OfferQuery(base, DayRange(TODAY, TODAY + timedelta(92)), "en")
    )
    ids = await _map_ids(stage, base, calendar.rows[0])
    assert len(ids) == count
    read = stage.app.api.ticketing.get_seat_map
    maps = [await read(base.catalog.id, base.handle.id, each, language="en") for each in ids]
    return Venue(declared, base, tuple(calendar.rows), tuple(maps))


async def _map_ids(stage: Stage, base: BaseRecord, row: OfferRow) -> list[str]:
    """The map of the base first, then those of its sessions."""
    quote = await stage.app.quotes.of_offer(row.handle, "en")
    found = [base.seat_map_id, *(session.seat_map_id for _, session in quote.sessions())]
    return list(dict.fromkeys(each for each in found if each is not None))


@pytest.mark.parametrize(("key", "number"), MAPS)
async def test_each_zone_has_exactly_the_offers_that_are_sold_for_it(
    key: str, number: int, venues: dict[str, Venue]
) -> None:
    """The world says so by pools: a product draws its seats from the zones of its pool."""
    venue = venues[key]
    declared = venue.declared.seat_maps[number]
    sold = {row.product.name: str(row.handle) for row in venue.rows}
    table = venue.table(number)
    assert [zone.name for zone in table.zones] == [zone.name.en for zone in declared.zones]
    read = venue.maps[number].zones
    assert [zone.capacity for zone in read] == [zone.capacity for zone in declared.zones]
    for row, zone in zip(table.zones, declared.zones, strict=True):
        products = [each for each in venue.declared.products if each.pool == zone.pool]
        assert {o.offer_id for o in row.every_offer} == {sold[each.name.en] for each in products}
        prices = [Money(each.price) for each in products]
        assert {o.price for o in row.every_offer} == set(prices)
        open_prices = [o.price for o in row.every_offer if o.price and o.left != 0]
        assert price_range(row.every_offer) == (
            (min(open_prices), max(open_prices)) if open_prices else None
        )


@pytest.mark.parametrize(("key", "number"), MAPS)
async def test_what_no_zone_sells_is_listed(
    key: str, number: int, venues: dict[str, Venue]
) -> None:
    venue = venues[key]
    pools = {zone.pool for zone in venue.declared.seat_maps[number].zones}
    unsold = {each.name.en for each in venue.declared.products if each.pool not in pools}
    names = {str(row.handle): row.product.name for row in venue.rows}
    assert {names[o.offer_id] for o in venue.table(number).untied} == unsold
    assert unsold == ({"Balcony - Full price"} if key == "club" else set())


async def test_a_zone_nobody_sells_stays_on_the_map(venues: dict[str, Venue]) -> None:
    backstage = venues["club"].table(0).zones[3]
    assert (backstage.name, backstage.offers, backstage.left) == ("BACKSTAGE", (), None)


async def test_zones_of_one_category_share_what_is_left(venues: dict[str, Venue]) -> None:
    table = venues["theatre"].table(0)
    gallery = next(row for row in table.categories if row.name == "Gallery")
    even, odd = (zone for zone in table.zones if zone.category == "Gallery")
    assert even.sharing == odd.sharing == (even.number, odd.number)
    assert gallery.left is not None
    assert [even.left, odd.left] == [min(gallery.left, z.places or 0) for z in (even, odd)]
    assert not any(zone.is_shared for zone in venues["stadium"].table(0).zones)


async def test_the_stock_of_a_category_is_that_of_its_zones(venues: dict[str, Venue]) -> None:
    table = venues["stadium"].table(0)
    assert [row.name for row in table.categories][:2] == ["Category 1", "Standing end"]
    for row in table.categories:
        zones = [zone for zone in table.zones if zone.category == row.name]
        assert row.left == sum(zone.left or 0 for zone in zones)
        assert len(row.offers) == len(zones)
    away = next(row for row in table.categories if row.name == "Away end")
    assert (away.left, price_range(away.offers)) == (0, None)


@pytest.mark.parametrize(("key", "number"), MAPS)
async def test_every_venue_is_drawn_as_it_is_declared(
    key: str, number: int, venues: dict[str, Venue]
) -> None:
    venue = venues[key]
    declared = venue.declared.seat_maps[number]
    drawing = drawing_of(venue.maps[number], venue.option_values)
    assert_drawable(drawing, venue.maps[number])
    assert [zone.is_schematic for zone in drawing.zones] == [
        zone.polygon is None and zone.rows is None for zone in declared.zones
    ]
    seats = [sum(map(len, zone.rows)) for zone in drawing.zones]
    assert seats == [sum(len(row.seats) for row in zone.rows or ()) for zone in declared.zones]
    assert drawing.is_schematic == (key == "club")
    assert [c.name for c in drawing.categories] == [c.name.en for c in declared.categories]
    assert drawing.unknown == ("seat_map.revision",)


async def test_the_stage_or_pitch_is_where_the_venue_has_it(venues: dict[str, Venue]) -> None:
    focus = {key: drawing_of(venue.maps[0]).focus for key, venue in venues.items()}
    assert focus["theatre"] is None
    assert focus["club"] is None
    stadium = drawing_of(venues["stadium"].maps[0])
    assert focus["stadium"] == pytest.approx((stadium.width / 2, stadium.height / 2))
    assert focus["hall"] == pytest.approx((500, 39.2), abs=1)
    assert focus["open-air"] == pytest.approx((500, 38.6), abs=1)


async def test_the_closest_zone_of_the_hall_is_before_the_stage(venues: dict[str, Venue]) -> None:
    drawing = drawing_of(venues["hall"].maps[0])
    table = venues["hall"].table(0)
    closest = ranked(table, ZoneQuery(preference=Preference.CLOSEST), drawing)
    names = [place.zone.name for place in closest.zones]
    assert names == ["Pit", "Front stalls", "Stalls", "Balcony"]


def _seats(declared: DeclaredMap) -> int:
    return sum(len(row.seats) for zone in declared.zones for row in zone.rows or ())


@pytest.mark.parametrize(("key", "number"), MAPS)
async def test_the_sheet_of_a_venue_agrees_with_its_table(
    key: str, number: int, venues: dict[str, Venue]
) -> None:
    venue = venues[key]
    drawing = drawing_of(venue.maps[number], venue.option_values)
    table = seat_table(venue.maps[number], venue.offers, venue.option_values, max_price=Decimal(40))
    products = {str(row.handle): row.product.name for row in venue.rows}
    context = SheetContext(
        title=venue.base.name,
        product_base_id=str(venue.base.handle),
        language="en",
        quantity=2,
        max_price=Decimal(40),
        day=venue.rows[0].day,
        products=products,
    )
    ranking = ranked(table, ZoneQuery(quantity=2), drawing)
    sheet = sheet_of(drawing, table, ranking, context)
    assert sum(
        len(row.split()) // 2 for zone in sheet["zones"] for row in zone.get("rows", ())
    ) == _seats(venue.declared.seat_maps[number])
    for zone, row in zip(sheet["zones"], table.zones, strict=True):
        assert zone["name"] == row.name
        assert [o["id"] for o in zone.get("offers", [])] == [
            o.offer_id for o in row.in_order_for(2)
        ]
        assert all(products[o["id"]] == o["product"] for o in zone.get("offers", []))
    best = {zone["best"]: zone["n"] for zone in sheet["zones"] if "best" in zone}
    assert best == {p.rank: p.zone.number for p in ranking.zones if p.rank}
    assert [o["id"] for o in sheet.get("untied", [])] == [o.offer_id for o in table.untied]


@pytest.mark.parametrize(("key", "number"), MAPS)
async def test_the_picture_of_a_venue_takes_forty_kilobytes_at_most(
    key: str, number: int, venues: dict[str, Venue]
) -> None:
    venue = venues[key]
    drawing = drawing_of(venue.maps[number], venue.option_values)
    heading = Heading(title=venue.base.name, subtitle=venue.base.name)
    for dark in (False, True):
        picture = svg(drawing, venue.table(number).zones, heading=heading, dark=dark)
        assert len(png(picture)) <= 40_000
