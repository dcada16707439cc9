"""A seat map in characters."""

import re
from itertools import groupby
from typing import Any

import pytest

from korus_mcp.commands.zone_map import FINE, LETTERS, PLAIN, TALLEST, Marks, drawn
from korus_mcp.seating.palette import STEPS


def square(left: int, top: int, side: int) -> list[int]:
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def zone(number: int, x: int, price: str | None = "10.00", **more: Any) -> dict[str, Any]:
    sale = {"from": price, "offers": [{"id": f"o{number}"}]} if price else {}
    at = [x + 100, 200]
    return {"n": number, "outlines": [square(x, 100, 200)], "at": at, **sale, **more}


def lines(zones: list[dict[str, Any]], width: int = 40, **more: Any) -> list[str]:
    sheet = {"width": 1000, "height": 400, "zones": zones, **more}
    return [each.plain for each in drawn(sheet, {"o1": 7}, width=width)]


def test_a_zone_is_filled_by_what_can_be_bought_and_numbered_as_its_offer() -> None:
    told = lines([zone(1, 0), zone(2, 300, left=0), zone(3, 600, None)])
    rows, legend = [line for line in told[:-2] if line.strip()], " ".join(told[-2:])
    assert all(len(line) <= 41 for line in rows)
    assert all(line[1] == FINE.for_sale for line in rows)
    assert all(line[14] == line[26] == FINE.not_for_sale for line in rows)
    assert sum("7" in line for line in rows) == 1
    assert "for sale" in legend
    assert "yours" not in legend


def test_a_zone_smaller_than_a_character_is_one() -> None:
    tiny = {"n": 1, "outlines": [square(500, 200, 2)], "at": [501, 201], "from": "1.00"}
    told = lines([tiny, zone(2, 0)])
    assert any(FINE.not_for_sale in line[15:] for line in told[:-2])


def test_stage_front_and_own_seats_are_marked() -> None:
    stage = {"outlines": [square(400, 0, 90)], "at": [445, 45]}
    told = lines(
        [zone(1, 0)],
        stages=[stage],
        focus=[700, 300],
        yours=[{"at": [150, 250], "found": True}, {"zone": "elsewhere"}],
    )
    for mark in (FINE.stage, FINE.front, FINE.yours):
        assert sum(mark in line for line in told[:-3]) >= 1
        assert mark in " ".join(told[-3:])


def test_prices_have_colours_from_cheap_to_dear() -> None:
    prices = ["9.00", "10.00", "100.00"]
    sheet = {
        "width": 1000,
        "height": 400,
        "zones": [zone(n, 320 * n, price) for n, price in enumerate(prices)],
    }
    *_, legend = drawn(sheet, {}, width=80)
    assert [p for p in legend.plain.split() if p[0].isdigit()] == prices
    colors = [str(span.style) for span in legend.spans]
    assert len(set(colors)) == len(prices)


def priced(prices: list[str | None]) -> dict[str, Any]:
    """A map of zones with these prices; None is a zone for sale without one."""
    zones = [zone(n, 320 * n, price or "?", left=1) for n, price in enumerate(prices)]
    return {"width": 320 * len(prices), "height": 400, "zones": zones}


@pytest.mark.parametrize("marks", [FINE, PLAIN], ids=["fine", "plain"])
@pytest.mark.parametrize("count", range(2, STEPS + 1))
def test_without_colours_each_price_has_a_character_in_map_and_legend(
    count: int, marks: Marks
) -> None:
    prices = [f"{10 * n}.00" for n in range(1, count + 1)]
    sheet = priced([*prices, None])
    told = drawn(sheet, {}, width=200, marks=marks, has_colors=False)
    *rows, meanings, legend = [each.plain for each in told]
    assert legend.startswith("for sale from ")
    inks = dict(re.findall(r"(\S)\1 (\S+)", legend))
    assert list(inks.values()) == prices
    (row,) = {row for row in rows if row.strip()}
    assert [mark for mark, _ in groupby(row.replace(" ", ""))] == [*inks, marks.unpriced]
    assert f"{marks.unpriced} for sale, no price told" in meanings
    assert marks is FINE or "".join(each.plain for each in told).isascii()


def test_more_prices_than_characters_share_them() -> None:
    prices = [f"{n}.00" for n in range(10, 30)]
    told = [each.plain for each in drawn(priced([*prices]), {}, width=80, has_colors=False)]
    legend = " ".join(told[-2:])
    assert "10.00-13.00" in legend
    assert re.findall(r"([a-z])\1 ", legend) == list(LETTERS)
    assert len(LETTERS) == STEPS


def test_one_price_needs_no_legend() -> None:
    *_, legend = drawn(priced(["10.00"]), {}, width=80, has_colors=False)
    assert legend.plain == f"{FINE.for_sale} for sale   number: offer below"


@pytest.mark.parametrize("has_colors", [True, False])
def test_on_a_narrow_screen_no_price_of_the_legend_is_broken(*, has_colors: bool) -> None:
    prices = [f"{n}00.00" for n in range(1, 7)]
    told = [each.plain for each in drawn(priced([*prices]), {}, width=30, has_colors=has_colors)]
    assert max(map(len, told)) <= 30
    assert [p for line in told for p in line.split() if p[0].isdigit()] == prices


def test_a_tall_map_stays_on_the_screen_and_a_plain_one_in_ascii() -> None:
    sheet = {"width": 100, "height": 4000, "zones": [zone(1, 0)]}
    told = drawn(sheet, {}, width=80, marks=PLAIN)
    assert len(told) <= TALLEST + 3
    assert "".join(each.plain for each in told).isascii()


def test_a_map_without_a_zone_is_only_explained() -> None:
    assert lines([]) == ["number: offer below"]
