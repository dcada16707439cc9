"""At which price zones are compared: that of one price type, never a child's for an adult."""

from decimal import Decimal

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.ranking import Ranking, Unfit, ZoneQuery, ranked
from korus_mcp.seating.table import SeatOffer, SeatTable, seat_table
from tests.seating.awkward import plan

FULL, CHILD, VIP = "Full price", "Child", "Package"


def offer(
    zone: str, kind: str | None, amount: str | None, left: int | None = 9, **more: str
) -> SeatOffer:
    choices = {"zone": zone, **more} | ({"price_type": kind} if kind else {})
    price = Money(Decimal(amount)) if amount is not None else None
    return SeatOffer(offer_id=f"{zone} {kind} {amount}", choices=choices, price=price, left=left)


def table(*offers: SeatOffer, **asked: object) -> SeatTable:
    names = dict.fromkeys(offer.choices["zone"] for offer in offers)
    seat_map = SeatMap.model_validate(plan(*({"name": name} for name in names)))
    return seat_table(seat_map, offers, {}, **asked)  # type: ignore[arg-type] # by its own names


def fitting(found: SeatTable, quantity: int = 1) -> Ranking:
    return ranked(found, ZoneQuery(quantity=quantity))


def prices(found: SeatTable) -> list[list[str]]:
    return [[str(o.price.amount) for o in z.all_offers if o.price] for z in found.zones]


def test_zones_are_compared_at_the_dearest_price_type_of_most_of_them() -> None:
    found = table(
        offer("a", CHILD, "10"),
        offer("a", FULL, "20"),
        offer("b", FULL, "40"),
        offer("b", CHILD, "20"),
        offer("box", FULL, "60"),
        offer("box", VIP, "300"),
    )
    assert found.price_type == FULL
    assert prices(found) == [["20"], ["40"], ["60"]]
    assert [[o.price_type for o in zone.beside] for zone in found.zones] == [
        [CHILD],
        [CHILD],
        [VIP],
    ]


def test_a_limit_is_held_against_it_alone() -> None:
    found = table(
        *(
            offer(zone, kind, price)
            for zone in "ab"
            for kind, price in ((FULL, "60"), (CHILD, "30"))
        ),
        offer("c", FULL, "40"),
        max_price=Decimal(50),
    )
    assert [place.zone.name for place in fitting(found).zones if place.rank] == ["c"]
    assert {place.unfit for place in fitting(found).zones} == {None, Unfit.TOO_DEAR}


def test_a_zone_with_a_childs_price_alone_fits_no_adult() -> None:
    found = table(
        offer("a", FULL, "60"),
        offer("a", CHILD, "30"),
        offer("b", FULL, "60"),
        offer("c", CHILD, "30"),
    )
    places = {place.zone.name: place for place in fitting(found).zones}
    assert (places["c"].rank, places["c"].why) == (None, "no Full price on sale")
    assert places["c"].unfit is Unfit.NOT_ASKED


def test_a_zone_that_sells_a_package_alone_is_compared_by_it() -> None:
    found = table(offer("a", FULL, "60"), offer("b", FULL, "60"), offer("box", VIP, "300"))
    assert prices(found) == [["60"], ["60"], ["300"]]


def test_a_full_price_that_is_sold_out_leaves_no_room_for_an_adult() -> None:
    found = table(offer("a", FULL, "60", 0), offer("a", CHILD, "30", 9), offer("b", FULL, "70"))
    places = {place.zone.name: place for place in fitting(found).zones}
    assert (places["a"].rank, places["a"].unfit) == (None, Unfit.SOLD_OUT)


def test_the_asked_price_type_is_the_only_one() -> None:
    found = table(
        offer("a", FULL, "60"),
        offer("a", CHILD, "30"),
        offer("b", FULL, "70"),
        price_types=frozenset({"child"}),
    )
    assert found.price_type == CHILD
    assert prices(found) == [["30"], []]
    assert [zone.unasked for zone in found.zones] == [None, "not asked for"]
    assert [o.price_type for o in found.zones[0].beside] == []


def test_of_several_asked_price_types_the_dearest_counts() -> None:
    found = table(
        *(offer("a", kind, price) for kind, price in ((FULL, "60"), (CHILD, "30"), (VIP, "300"))),
        price_types=frozenset({"child", "full price"}),
    )
    assert found.price_type == FULL
    assert [o.price_type for o in found.zones[0].beside] == [CHILD]


def test_other_categories_are_not_asked_for() -> None:
    found = table(
        offer("a", FULL, "60", seating_category="Gold"),
        offer("b", FULL, "20", seating_category="Pit"),
        categories=frozenset({"gold"}),
    )
    assert [zone.unasked for zone in found.zones] == [None, "not asked for"]
    assert [place.unfit for place in fitting(found).zones] == [None, Unfit.NOT_ASKED]


def test_without_price_types_every_offer_counts() -> None:
    found = table(offer("a", None, "60"), offer("a", None, "30"))
    assert found.price_type is None
    assert prices(found) == [["60", "30"]]


@pytest.mark.parametrize("amount", ["0", None])
def test_a_free_or_unpriced_type_is_compared_like_any_other(amount: str | None) -> None:
    found = table(offer("a", FULL, amount), offer("b", FULL, amount))
    assert found.price_type == FULL
    assert [len(zone.offers) for zone in found.zones] == [1, 1]


def test_the_order_of_offers_changes_nothing() -> None:
    offers = [offer(z, k, "10") for z in "abc" for k in (FULL, CHILD, VIP)]
    one, other = table(*offers), table(*reversed(offers))
    assert one.price_type == other.price_type
