"""The zones in the order of a wish, and why."""

from decimal import Decimal
from math import hypot

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.ranking import NO_FOCUS, Preference, Ranking, ZoneQuery, ranked
from korus_mcp.seating.table import SeatOffer, SeatTable, ZoneRow, seat_table
from tests.seating.awkward import plan, row, square
from tests.seating.halls import bowl, bowl_offers

CHEAPEST, CLOSEST, TOGETHER = Preference


def offer(zone: str, amount: str | None = "10", left: int | None = 5) -> SeatOffer:
    name, price = f"{zone} {amount} {left}", Money(Decimal(amount)) if amount is not None else None
    return SeatOffer(offer_id=name, choices={"zone": zone}, price=price, left=left)


def hall(*names: str) -> SeatMap:
    """Zones without any geometry."""
    return SeatMap.model_validate(plan(*({"name": name} for name in names)))


def rank(
    seat_map: SeatMap,
    *offers: SeatOffer,
    quantity: int = 1,
    preference: Preference = CHEAPEST,
    max_price: str | None = None,
) -> Ranking:
    most = Decimal(max_price) if max_price is not None else None
    table = seat_table(seat_map, offers, {}, max_price=most)
    wish = ZoneQuery(quantity=quantity, preference=preference)
    return ranked(table, wish, drawing_of(seat_map))


def told(found: Ranking) -> list[tuple[str, int | None, str]]:
    return [(place.zone.name, place.rank, place.why) for place in found.zones]


def test_the_cheapest_zone_with_room_comes_first() -> None:
    found = rank(
        hall("dear", "full", "cheap", "nothing", "free"),
        offer("dear", "30", 9),
        offer("full", "5", 1),
        offer("cheap", "20", 2),
        offer("free", "20", None),
        quantity=2,
    )
    assert told(found) == [
        ("cheap", 1, "cheapest with 2 left"),
        ("free", 2, "cheapest"),
        ("dear", 3, "10.00 EUR more, 9 left"),
        ("full", None, "only 1 left"),
        ("nothing", None, "nothing on sale"),
    ]


def test_a_price_that_has_no_room_does_not_make_a_zone_cheap() -> None:
    found = rank(
        hall("a", "b"), offer("a", "5", 1), offer("a", "40", 9), offer("b", "30", 9), quantity=2
    )
    assert [place.zone.name for place in found.zones] == ["b", "a"]


def test_what_does_not_fit_comes_last_and_says_why() -> None:
    found = rank(
        hall("none", "sold", "dear", "few", "fits"),
        offer("sold", "10", 0),
        offer("dear", "90", 9),
        offer("few", "10", 3),
        offer("fits", "50", 4),
        quantity=4,
        max_price="60",
    )
    assert told(found) == [
        ("fits", 1, "cheapest with 4 left"),
        ("few", None, "only 3 left"),
        ("dear", None, "above the highest price"),
        ("sold", None, "sold out"),
        ("none", None, "nothing on sale"),
    ]


def test_offers_within_the_price_that_are_sold_out_are_told_from_those_that_are_dearer() -> None:
    (place,) = rank(hall("a"), offer("a", "10", 0), offer("a", "90", 9), max_price="60").zones
    assert (place.rank, place.why) == (None, "sold out at that price")


def test_a_price_nobody_states_comes_after_all_prices() -> None:
    found = rank(hall("a", "b"), offer("a", None, 7), offer("b", "900", 1))
    assert told(found) == [("b", 1, "cheapest with 1 left"), ("a", 2, "no price stated, 7 left")]


def test_another_currency_is_not_subtracted() -> None:
    other = SeatOffer(
        offer_id="x", choices={"zone": "b"}, price=Money(Decimal(30), "CHF"), left=None
    )
    found = rank(hall("a", "b"), offer("a", "20"), other)
    assert told(found)[1] == ("b", 2, "30.00 CHF")


def test_the_closest_zone_is_the_nearest_to_the_pitch() -> None:
    ring = bowl(zones=8, rows=3, seats=6)
    outer = [
        zone | {"name": f"Upper {n}", "rows": [_farther(each) for each in zone["rows"]]}
        for n, zone in enumerate(ring["zones"])
    ]
    seat_map = SeatMap.model_validate(plan(*outer, *ring["zones"]))
    offers = [offer(zone.name or "", "10", 5) for zone in seat_map.zones]
    found = rank(seat_map, *offers, preference=CLOSEST)
    assert found.note is None
    assert {place.zone.name for place in found.zones[:8]} == {f"Zone {n}" for n in range(8)}
    assert found.zones[0].why == "nearest to the stage or pitch, 5 left"
    assert found.zones[-1].why.endswith("nearest to the stage or pitch, 5 left")


def _farther(each: dict[str, object]) -> dict[str, object]:
    seats = each["seats"]
    assert isinstance(seats, list)
    moved = [
        seat | {"x": 700 + (seat["x"] - 700) * 1.4, "y": 700 + (seat["y"] - 700) * 1.4}
        for seat in seats
    ]
    return each | {"seats": moved}


def test_the_places_by_distance_are_counted() -> None:
    rows = [
        {"name": f"Block {block}", "rows": [_line("A", 40 * block), _line("B", 40 * block + 10)]}
        for block in range(12)
    ]
    offers = [offer(f"Block {block}", "10", None) for block in range(12)]
    found = rank(SeatMap.model_validate(plan(*rows)), *offers, preference=CLOSEST)
    assert [place.zone.number for place in found.zones] == list(range(12))
    # A room so long and narrow may be a coach.
    nearest = "nearest to the front"
    whys = [place.why for place in found.zones]
    assert whys[:4] == [nearest, f"2nd {nearest}", f"3rd {nearest}", f"4th {nearest}"]
    assert whys[10:] == [f"11th {nearest}", f"12th {nearest}"]


def _line(name: str, down: float) -> dict[str, object]:
    return row(name, *((10.0 * n, down) for n in range(8)))


def test_without_a_stage_the_closest_are_the_cheapest_and_it_is_said() -> None:
    found = rank(hall("a", "b"), offer("a", "20"), offer("b", "10"), preference=CLOSEST)
    assert found.note == NO_FOCUS
    assert told(found)[0] == ("b", 1, "cheapest with 5 left")
    assert ranked(SeatTable((), ()), ZoneQuery(preference=CLOSEST)).note == NO_FOCUS


def test_a_zone_that_is_not_placed_comes_after_those_that_are() -> None:
    placed = {"name": "a", "rows": [_line("A", 0), _line("B", 10)]}
    seat_map = SeatMap.model_validate(plan({"name": "b"}, placed))
    found = rank(seat_map, offer("a", "90"), offer("b", "1"), preference=CLOSEST)
    assert [place.why for place in found.zones] == [
        "nearest to the stage or pitch, 5 left",
        "not placed on the map, 5 left",
    ]


def test_together_prefers_rows_that_hold_all() -> None:
    seat_map = SeatMap.model_validate(
        plan(
            {
                "name": "short",
                "rows": [row(each, (0.0, y), (10.0, y)) for each, y in (("A", 0.0), ("B", 9.0))],
            },
            {"name": "standing"},
            {"name": "long", "rows": [_line("A", 90), _line("B", 99)]},
            {"name": "emptier", "rows": [{"name": "A", "seats": [{"name": "1"}] * 9}]},
            {"name": "full", "rows": [_line("A", 200)]},
        )
    )
    lefts = {"short": 90, "standing": 80, "long": 4, "emptier": None, "full": 3}
    offers = [offer(name, "10", left) for name, left in lefts.items()]
    assert told(rank(seat_map, *offers, quantity=4, preference=TOGETHER)) == [
        ("emptier", 1, "rows of up to 9"),
        ("long", 2, "rows of up to 8, 4 left"),
        ("standing", 3, "no rows on the map, 80 left"),
        ("short", 4, "rows of only up to 2, 4 left"),
        ("full", None, "only 3 left"),
    ]


def test_an_empty_map_has_an_empty_ranking() -> None:
    for preference in Preference:
        assert rank(hall(), preference=preference).zones == ()


# Brute force: the same wish told anew, by comparing every two zones of small random halls.

PRICES = st.sampled_from([None, "5", "10", "10.50", "40"])
LEFTS = st.sampled_from([None, 0, 1, 2, 3, 9])
OFFERS = st.lists(st.tuples(PRICES, LEFTS), max_size=3)
ROWS = st.one_of(st.none(), st.lists(st.integers(0, 5), min_size=1, max_size=3))
CORNERS = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.integers(0, 9)))
HALLS = st.lists(st.tuples(OFFERS, ROWS, CORNERS), max_size=6)


def built(
    zones: list[
        tuple[
            list[tuple[str | None, int | None]],
            list[int] | None,
            tuple[int, int] | None,
        ]
    ],
) -> tuple[SeatMap, list[SeatOffer]]:
    """A map of the drawn halls: squares or nothing, rows with or without places, a stage."""
    shapes = []
    offers = []
    for n, (sold, rows, corner) in enumerate(zones):
        shape: dict[str, object] = {"name": f"z{n}", "capacity": 9}
        if corner is not None:
            shape["polygon"] = square(corner[0] * 12, corner[1] * 12)
        if rows is not None:
            shape["rows"] = [{"name": "?", "seats": [{}] * length} for length in rows]
        shapes.append(shape)
        offers += [offer(f"z{n}", *what) for what in sold]
    stage = {"name": "Stage", "polygon": square(200, 50, 40)}
    return SeatMap.model_validate(plan(*shapes, stage)), offers


@settings(max_examples=200, deadline=None)
@given(
    HALLS,
    st.integers(1, 4),
    st.sampled_from([None, "10", "11"]),
    st.sampled_from(Preference),
)
def test_small_halls_are_ranked_as_by_brute_force(
    zones: list[
        tuple[
            list[tuple[str | None, int | None]],
            list[int] | None,
            tuple[int, int] | None,
        ]
    ],
    quantity: int,
    max_price: str | None,
    preference: Preference,
) -> None:
    seat_map, offers = built(zones)
    found = rank(
        seat_map,
        *offers,
        quantity=quantity,
        max_price=max_price,
        preference=preference,
    )
    stage = drawing_of(seat_map)
    # Zones at the same place are decks, each with a front of its own (test_levels.py).
    assume(not stage.levels)
    assert found.note is None
    assert stage.focus is not None

    def places(n: int) -> int:
        lengths = zones[n][1]
        return min(9, sum(lengths)) if lengths and all(lengths) else 9

    def good(n: int) -> list[tuple[str | None, int | None]]:
        if n >= len(zones) or places(n) < quantity:
            return []
        return [
            (price, left if left is None else min(left, places(n)))
            for price, left in zones[n][0]
            if (left is None or left >= quantity)
            and (max_price is None or price is None or Decimal(price) <= Decimal(max_price))
        ]

    def key(n: int) -> tuple[object, ...]:
        prices = [Decimal(price) for price, _ in good(n) if price is not None]
        price = min(prices) if prices else Decimal(10**9)
        zone = stage.zones[n]
        way = (
            round(hypot(zone.label_at[0] - stage.focus[0], zone.label_at[1] - stage.focus[1]), 1)
            if stage.focus
            else 0.0
        )
        lengths = zones[n][1]
        longest = max(lengths) if lengths and max(lengths) else None
        level = 1 if longest is None else 0 if longest >= quantity else 2
        lefts = [10**9 if left is None else left for _, left in good(n)]
        return {
            CHEAPEST: (price, n),
            CLOSEST: (zone.is_schematic, way if not zone.is_schematic else 0, price, n),
            TOGETHER: (level, -max(lefts), price, n),
        }[preference]

    fitting = [n for n in range(len(zones)) if good(n)]
    wanted = list(fitting)
    for one in range(len(wanted)):
        for other in range(one + 1, len(wanted)):
            if key(wanted[other]) < key(wanted[one]):
                wanted[one], wanted[other] = wanted[other], wanted[one]
    ranks = [(place.zone.number, place.rank) for place in found.zones if place.rank is not None]
    assert ranks == [(n, place) for place, n in enumerate(wanted, 1)]
    # The stage is no zone to rank.
    assert sorted(place.zone.number for place in found.zones) == list(range(len(zones)))
    assert all(place.why for place in found.zones)


def test_the_order_is_the_same_whatever_order_the_offers_come_in() -> None:
    seat_map = SeatMap.model_validate(bowl(zones=20, rows=2, seats=4))
    offers = bowl_offers(20)
    for preference in Preference:
        one = told(rank(seat_map, *offers, quantity=2, preference=preference))
        assert one == told(rank(seat_map, *reversed(offers), quantity=2, preference=preference))


@pytest.mark.parametrize("preference", Preference)
def test_a_ranking_needs_no_drawing(preference: Preference) -> None:
    zone = ZoneRow(number=0, name="a", category=None, offers=(offer("a"),))
    (place,) = ranked(SeatTable((zone,), ()), ZoneQuery(preference=preference)).zones
    assert place.rank == 1
