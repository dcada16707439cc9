"""Zones tied to the offers that buy them, best first."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from korus_mcp.api import SeatMap
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.money import Money
from korus_mcp.seating.names import zone_name
from korus_mcp.seating.table import SeatOffer, SeatTable, ZoneRow, price_range, seat_table
from tests.seating.awkward import MAPS

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
        {"name": "Parterre", "seatingCategory": iri}, categories=({"@id": iri, "name": "Or"},)
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


def test_an_offer_above_the_highest_price_stays_tied_but_counts_for_nothing() -> None:
    (zone,) = table(
        seat_map({"name": "z"}),
        offer("1", "10", 2, zone="z"),
        offer("2", "90", 9, zone="z"),
        max_price="30",
    ).zones
    assert [o.offer_id for o in zone.too_dear] == ["2"]
    assert [o.offer_id for o in zone.all_offers] == ["1", "2"]
    assert price_range(zone.offers) == (Money(Decimal(10)), Money(Decimal(10)))
    assert (zone.left, zone.has_room_for(2), zone.has_room_for(3)) == (2, True, False)


def test_zones_keep_the_order_and_the_numbers_of_the_map() -> None:
    found = table(seat_map({"name": "b"}, {"name": "a"}, {"name": "b"}), offer("1", zone="a"))
    assert [(zone.number, zone.name) for zone in found.zones] == [(0, "b"), (1, "a"), (2, "b")]


def test_zones_of_one_name_have_the_same_offers() -> None:
    found = table(seat_map({"name": "Fosse"}, {"name": "FOSSE"}), offer("1", zone="fosse"))
    assert [bought(zone) for zone in found.zones] == [["1"], ["1"]]


def test_a_link_to_an_unknown_value_leaves_the_name() -> None:
    plan = seat_map({"name": "Nord", "optionValue": VALUE_IRI.format("zone", "gone")})
    (zone,) = table(plan, offer("a", zone="nord"), values={"v1": "Sud"}).zones
    assert bought(zone) == ["a"]


def test_a_zone_with_offers_of_its_own_does_not_take_those_of_its_category() -> None:
    iri = CATEGORY_IRI.format(1)
    plan = seat_map(
        {"name": "a", "seatingCategory": iri},
        {"name": "b", "seatingCategory": iri},
        categories=({"@id": iri, "name": "Or"},),
    )
    own, general = offer("1", zone="a", seating_category="Or"), offer("2", seating_category="Or")
    first, second = table(plan, own, general).zones
    assert [bought(first), bought(second)] == [["1"], ["2"]]
    assert [first.sharing, second.sharing] == [(), ()]


@pytest.mark.parametrize(
    "link", ["https://api.example/v1/x/categories/7", "/other/way/to/7", {"@id": "7"}]
)
def test_a_category_is_found_by_its_id_when_the_address_is_written_another_way(link: Any) -> None:
    plan = seat_map(
        {"name": "a", "seatingCategory": link},
        categories=({"@id": CATEGORY_IRI.format(7), "name": "Or"},),
    )
    assert table(plan).zones[0].category == "Or"


def test_offers_that_name_nothing_are_tied_to_nothing() -> None:
    found = table(seat_map({}, {"name": ""}), offer("1"), offer("2", price_type="Full"))
    assert [bought(zone) for zone in found.zones] == [[], []]
    assert [o.offer_id for o in found.untied] == ["1", "2"]


def test_categories_sum_up_their_zones() -> None:
    iris = [CATEGORY_IRI.format(n) for n in range(2)]
    plan = seat_map(
        {"name": "a", "seatingCategory": iris[1]},
        {"name": "b", "seatingCategory": iris[0]},
        {"name": "c", "seatingCategory": iris[1]},
        {"name": "d"},
        {"name": "e"},
        categories=({"@id": iris[0], "name": "Or"}, {"@id": iris[1], "name": "Argent"}),
    )
    found = table(
        plan,
        offer("1", "30", 4, zone="a"),
        offer("2", "20", 6, zone="c"),
        offer("3", "25", 0, zone="c"),
        offer("4", "90", None, zone="b"),
        offer("5", "70", 5, zone="d"),
    )
    rows = [(row.name, row.left) for row in found.categories]
    assert rows == [("Argent", 10), ("Or", None), (None, 5)]
    assert [zone.category for zone in found.zones] == ["Argent", "Or", "Argent", None, None]
    silver = found.categories[0]
    assert price_range(silver.offers) == (Money(Decimal(20)), Money(Decimal(30)))
    assert [o.offer_id for o in silver.offers] == ["1", "2", "3"]


def test_a_category_whose_zones_share_offers_counts_what_is_left_once() -> None:
    iri = CATEGORY_IRI.format(1)
    zones = ({"name": name, "seatingCategory": iri} for name in "abc")
    plan = seat_map(*zones, categories=({"@id": iri, "name": "Or"},))
    found = table(plan, offer("1", "30", 4, seating_category="Or"))
    (row,) = found.categories
    assert (row.name, row.left, len(row.offers)) == ("Or", 4, 1)
    assert [zone.category for zone in found.zones] == ["Or"] * 3


def test_a_price_range_leaves_out_what_is_sold_out() -> None:
    offers = (
        offer("1", "5", 0, zone="z"),
        offer("2", "10", 3, zone="z"),
        offer("3", "20", 7, zone="z"),
        offer("4", "90", 0, zone="z"),
    )
    (zone,) = table(seat_map({"name": "z"}), *offers).zones
    assert price_range(zone.offers) == (Money(Decimal(10)), Money(Decimal(20)))
    assert zone.left == 7


@pytest.mark.parametrize(
    ("lefts", "most", "room_for_four"),
    [((1, 3), 3, False), ((1, 4), 4, True), ((1, None), None, True), ((), None, False)],
)
def test_price_types_of_a_zone_share_its_seats(
    lefts: tuple[int | None, ...], most: int | None, room_for_four: bool
) -> None:
    offers = tuple(offer(str(n), left=left) for n, left in enumerate(lefts))
    zone = ZoneRow(number=0, name="z", category=None, offers=offers)
    assert zone.left == most
    assert zone.has_room_for(4) == room_for_four


@pytest.mark.parametrize("name", MAPS)
def test_the_zones_of_an_awkward_map_are_tied_by_their_names(name: str) -> None:
    plan = SeatMap.model_validate(MAPS[name])
    names = {fold(zone_name(zone)) for zone in plan.zones}
    offers = [offer(each, zone=each.upper()) for each in sorted(names)]
    found = table(plan, *offers, offer("nowhere", zone="no such zone"))
    assert len(found.zones) == len(plan.zones)
    assert [bought(zone) for zone in found.zones] == [[fold(zone.name)] for zone in found.zones]
    assert [o.offer_id for o in found.untied] == ["nowhere"]


NAMES = st.sampled_from(["Or", "OR ", "Argent", "Été", "ete", "", None])
VALUES = {f"v{n}": name for n, name in enumerate(("Or", "Argent", "Été"))}
LINKS = st.sampled_from([None, "/values/v0", "https://x.example/values/v1", "/v2", "/gone"])
PLANS = st.lists(
    st.tuples(NAMES, LINKS, st.sampled_from([None, "/c/0", "/c/1", "/c/9"])), max_size=5
)
CATEGORY_PLANS = st.lists(st.tuples(NAMES, LINKS), max_size=2)
CHOICES = st.lists(st.tuples(NAMES, NAMES, st.integers(5, 9)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(PLANS, CATEGORY_PLANS, CHOICES)
def test_zones_and_offers_are_tied_as_by_asking_each_zone_for_each_offer(
    zones: list[tuple[str | None, str | None, str | None]],
    categories: list[tuple[str | None, str | None]],
    choices: list[tuple[str | None, str | None, int]],
) -> None:
    plan = seat_map(
        *({"name": n, "optionValue": link, "seatingCategory": c} for n, link, c in zones),
        categories=tuple(
            {"@id": f"/c/{k}", "name": n, "optionValue": link}
            for k, (n, link) in enumerate(categories)
        ),
    )
    offers = []
    for k, (zone, category, price) in enumerate(choices):
        named = {"zone": zone, "seating_category": category}
        chosen = {code: name for code, name in named.items() if name}
        offers.append(replace(offer(str(k), str(price)), choices=chosen))

    def said(name: str | None, link: str | None) -> str:
        return fold(VALUES.get((link or "").rpartition("/")[2], name or ""))

    expected: list[list[str]] = []
    for name, link, category in zones:
        wanted = said(name, link) or "(unnamed zone)"
        of_zone = [o.offer_id for o in offers if fold(o.choices.get("zone", "")) == wanted]
        called = [said(*c) for k, c in enumerate(categories) if f"/c/{k}" == category]
        of_category = [
            o.offer_id
            for o in offers
            if called and called[0] and "zone" not in o.choices
            if fold(o.choices.get("seating_category", "")) == called[0]
        ]
        expected.append(of_zone or of_category)
    found = table(plan, *offers, values=VALUES, max_price="7")
    assert [sorted(o.offer_id for o in zone.all_offers) for zone in found.zones] == expected
    tied = {each for all_of in expected for each in all_of}
    assert [o.offer_id for o in found.untied] == [
        o.offer_id for o in offers if o.offer_id not in tied
    ]
    for row in found.zones:
        assert all(o.price is not None and o.price.amount <= 7 for o in row.offers)
        assert all(o.price is not None and o.price.amount > 7 for o in row.too_dear)


def test_a_zone_without_a_name_has_a_name_all_the_same() -> None:
    found = table(seat_map({"capacity": 3}, {"name": "<b>\u200b"}))
    assert "(unnamed zone)" in names(found)
    assert price_range(found.zones[0].offers) is None
