"""Zones tied to the offers that buy them, best first."""

from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.money import Money
from korus_mcp.seating.table import SeatOffer, SeatTable, ZoneRow, seat_table

CATEGORY_IRI = "/v1/seat_maps/m/categories/{}"
VALUE_IRI = "/v1/ticketing/catalogs/c/product_bases/b/options/{}/values/{}"


def offer(name: str, amount: str | None = "10", left: int | None = 5, **choices: str) -> SeatOffer:
    price = Money(Decimal(amount)) if amount is not None else None
    return SeatOffer(offer_id=name, choices=choices, price=price, left=left)


def seat_map(*zones: dict[str, Any], categories: tuple[dict[str, Any], ...] = ()) -> SeatMap:
    return SeatMap.model_validate(
        {"id": "m", "zones": list(zones), "seatingCategories": list(categories)}
    )


def table(
    plan: SeatMap,
    *offers: SeatOffer,
    values: dict[str, str] | None = None,
    max_price: str | None = None,
) -> SeatTable:
    most = Decimal(max_price) if max_price is not None else None
    return seat_table(plan, offers, values or {}, max_price=most)


def names(found: SeatTable) -> list[str]:
    return [zone.name for zone in found.zones]


def bought(zone: ZoneRow) -> list[str]:
    return [o.offer_id for o in zone.offers]


def test_a_zone_is_tied_by_its_option_value_whatever_it_is_called() -> None:
    plan = seat_map({"name": "N1", "optionValue": VALUE_IRI.format("zone", "v1")})
    (zone,) = table(
        plan, offer("a", zone="Tribune nord"), offer("b", zone="Sud"), values={"v1": "Tribune Nord"}
    ).zones
    assert bought(zone) == ["a"]


def test_a_zone_without_a_link_is_tied_by_its_name() -> None:
    (zone,) = table(seat_map({"name": "TRIBUNE Été"}), offer("a", zone="tribune ete")).zones
    assert bought(zone) == ["a"]


def test_a_zone_is_tied_by_its_category_when_offers_name_no_zone() -> None:
    iri = CATEGORY_IRI.format(1)
    plan = seat_map(
        {"name": "Parterre", "seatingCategory": iri},
        categories=({"@id": iri, "name": "Or"},),
    )
    offers = (
        offer("a", seating_category="or"),
        offer("b", seating_category="or", zone="Balcon"),
        offer("c", seating_category="argent"),
    )
    found = table(plan, *offers)
    assert bought(found.zones[0]) == ["a"]
    assert found.zones[0].category == "Or"
    assert [o.offer_id for o in found.untied] == ["b", "c"]


def test_a_category_is_called_as_its_option_value() -> None:
    iri = CATEGORY_IRI.format(1)
    category = {
        "@id": iri,
        "name": "CAT1",
        "optionValue": VALUE_IRI.format("seating_category", "v1"),
    }
    plan = seat_map({"name": "Parterre", "seatingCategory": iri}, categories=(category,))
    found = table(plan, offer("a", seating_category="Carré Or"), values={"v1": "Carré Or"})
    assert found.zones[0].category == "Carré Or"
    assert bought(found.zones[0]) == ["a"]
    assert found.untied == ()


def test_offers_above_the_highest_price_do_not_count() -> None:
    plan = seat_map({"name": "dear"}, {"name": "cheap"}, {"name": "unpriced"})
    found = table(
        plan,
        offer("1", "30.01", zone="dear"),
        offer("2", "30", zone="cheap"),
        offer("3", None, zone="unpriced"),
        max_price="30",
    )
    assert {z.name: bought(z) for z in found.zones} == {
        "cheap": ["2"],
        "unpriced": ["3"],
        "dear": [],
    }
    assert found.untied == ()


def test_a_price_range_leaves_out_what_is_sold_out() -> None:
    offers = (
        offer("1", "5", 0, zone="z"),
        offer("2", "10", 3, zone="z"),
        offer("3", "20", 7, zone="z"),
        offer("4", "90", 0, zone="z"),
    )
    (zone,) = table(seat_map({"name": "z", "capacity": 40}), *offers).zones
    assert (zone.cheapest, zone.dearest) == (Money(Decimal(10)), Money(Decimal(20)))
    assert zone.left == 7
    assert zone.capacity == 40


@pytest.mark.parametrize(
    ("lefts", "most", "room_for_four"),
    [((1, 3), 3, False), ((1, 4), 4, True), ((1, None), None, True), ((), None, False)],
)
def test_price_types_of_a_zone_share_its_seats(
    lefts: tuple[int | None, ...], most: int | None, room_for_four: bool
) -> None:
    offers = tuple(offer(str(n), left=left) for n, left in enumerate(lefts))
    zone = ZoneRow(number=0, name="z", category=None, capacity=None, offers=offers)
    assert zone.left == most
    assert zone.has_room_for(4) == room_for_four


def test_a_zone_without_a_name_has_a_name_all_the_same() -> None:
    found = table(seat_map({"capacity": 3}, {"name": "<b>\u200b"}))
    assert "(unnamed zone)" in names(found)
    assert found.zones[0].cheapest is None
