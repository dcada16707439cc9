"""The picture of a seat map: what it shows, what it says, and that nothing in it can act."""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from functools import cache
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from korus_mcp.foundation.money import Money
from korus_mcp.seating.geometry import Box
from korus_mcp.seating.layout import Drawing, DrawnZone
from korus_mcp.seating.lettering import width_of
from korus_mcp.seating.palette import DARK, LIGHT, STEPS, contrast, ramp
from korus_mcp.seating.picture import Heading, svg
from korus_mcp.seating.rasterize import png
from korus_mcp.seating.scene import PictureQuery, ZoneState, state_of
from korus_mcp.seating.table import SeatOffer, ZoneRow
from korus_mcp.seating.wording import ENGLISH, FRENCH, Words
from tests.seating import redraw
from tests.seating.awkward import MAPS
from tests.seating.kinds import box, line, stacked, zone
from tests.seating.pixels import Difference, Pixels, decoded, difference
from tests.seating.redraw import drawn
from tests.seating.venues import (
    Venue,
    hall_venue,
    large_venue,
    offer,
    schematic_venue,
    stadium_venue,
    venue,
)

SVG: Final = "{http://www.w3.org/2000/svg}"
ELEMENTS: Final = {
    "svg", "title", "desc", "defs", "pattern", "g", "path", "rect", "circle", "text",
}  # fmt: skip
OPEN_PRICES: Final = 5
"""Of the stadium's zones that fit the wish."""
WORST, MEAN = 14.0, 0.5
"""Letters that lie half a unit elsewhere differ by 7 and 0.3; a label that is gone by 20, a hatch
that is gone by 32 and 0.55, two colours that changed places by 39 and 4 (measured)."""


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)


def words_in(picture: str) -> list[str]:
    return [text.text or "" for text in parsed(picture).iter(f"{SVG}text")]


def zone_groups(picture: str) -> Iterator[tuple[str, ET.Element]]:
    """Each zone's title with all that is drawn of it, in the order in which areas are painted."""
    found: dict[str, ET.Element] = {}
    for group in parsed(picture).iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title")
        assert title is not None
        found.setdefault(title, ET.Element("g")).extend(group)
    yield from found.items()


def layer_of(group: ET.Element) -> str:
    """Which part of a zone a group is: its area, its seats or its label."""
    if group.find(f"{SVG}text") is not None:
        return "label"
    return "area" if group.find(f"{SVG}path[@stroke-linecap]") is None else "seats"


def group_of(picture: str, name: str) -> ET.Element:
    return next(group for title, group in zone_groups(picture) if title.startswith(name))


def shape_of(picture: str, name: str) -> ET.Element:
    shape = group_of(picture, name).find(f"{SVG}path")
    assert shape is not None
    return shape


def one_zone(name: str, *offers: SeatOffer, category: str | None = None) -> tuple[Drawing, ZoneRow]:
    zone = DrawnZone(
        number=0,
        name=name,
        category=category,
        outlines=(((0, 0), (1000, 0), (1000, 600), (0, 600)),),
        rooms=(Box(0, 0, 1000, 600),),
        rows=(),
        label_at=(500, 300),
        capacity=None,
    )
    row = ZoneRow(number=0, name=name, category=category, offers=offers)
    return drawing(zone), row


def drawing(*zones: DrawnZone) -> Drawing:
    return Drawing(
        width=1000,
        height=600,
        zones=zones,
        categories=(),
        focus=None,
        is_schematic=False,
        unknown=(),
    )


# What it looks like


@cache
def kept(name: str) -> Pixels:
    return decoded((redraw.GOLDEN / f"{name}.png").read_bytes())


def looks_like(picture: str, name: str) -> tuple[bool, Difference]:
    found = difference(decoded(png(picture, width=redraw.WIDTH)), kept(name))
    return found.worst <= WORST and found.mean <= MEAN, found


@pytest.mark.parametrize("name", redraw.kept_pictures())
def test_a_picture_looks_like_the_one_that_was_looked_at(name: str) -> None:
    is_alike, found = looks_like(redraw.kept_pictures()[name], name)
    assert is_alike, found


def test_letters_that_lie_half_a_unit_elsewhere_are_no_difference() -> None:
    moved = re.sub(
        r'(<text x=")([\d.]+)', lambda m: f"{m[1]}{float(m[2]) + 0.5}", drawn(stadium_venue())
    )
    is_alike, found = looks_like(moved, "stadium")
    assert is_alike, found
    assert found.worst > 0


def _without_zone(number: int) -> str:
    whole = stadium_venue()
    zones = tuple(zone for zone in whole.drawing.zones if zone.number != number)
    return drawn(replace(whole, drawing=replace(whole.drawing, zones=zones)))


def _swapped(one: int, other: int) -> str:
    first, second = ramp(OPEN_PRICES)[one], ramp(OPEN_PRICES)[other]
    swapped = {first: second, second: first}
    return re.sub(f"{first}|{second}", lambda m: swapped[m[0]], drawn(stadium_venue()))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda: _without_zone(0), id="a zone is missing"),
        pytest.param(lambda: _without_zone(13), id="a sold-out zone is missing"),
        pytest.param(lambda: _swapped(2, 3), id="two prices changed their colours"),
        pytest.param(lambda: _swapped(0, 1), id="the two cheapest did"),
        pytest.param(
            lambda: drawn(stadium_venue()).replace(">West 213<", "><"), id="a label is missing"
        ),
        pytest.param(
            lambda: drawn(stadium_venue()).replace("url(#sold-out-light)", LIGHT.sold_out),
            id="the hatch is missing",
        ),
        pytest.param(
            lambda: re.sub("<circle[^>]*>", "", drawn(stadium_venue())), id="the marks are missing"
        ),
        pytest.param(lambda: drawn(stadium_venue(), dark=True), id="dark instead of light"),
        pytest.param(lambda: drawn(stadium_venue(), language="fr"), id="other words"),
    ],
)
def test_a_picture_that_changed_does_not_look_like_it(changed: Callable[[], str]) -> None:
    is_alike, found = looks_like(changed(), "stadium")
    assert not is_alike, found


# What it says


def test_the_legend_has_each_price_with_its_category_and_what_cannot_be_had() -> None:
    words = words_in(drawn(stadium_venue()))
    start = words.index("€9 to €18")
    assert words[start:] == [
        "€9 to €18", "Standing end · 5 zones",
        "€10 to €20", "Away end",
        "€14.50 to €29", "Category 3 · 15 zones",
        "€22", "Category 2 · 7 zones",
        "€31", "Category 1 · 11 zones",
        "Above €40 or fewer than 2 left", "5 zones",
        "Sold out", "5 zones",
        "Nothing on sale", "West 213",
        "1", "Best for this wish", "South 106, South 107, South 108",
        "The issuer allocates the exact seats.",
    ]  # fmt: skip


def test_a_zone_says_its_name_its_price_and_what_is_left() -> None:
    picture = drawn(hall_venue())
    assert [title for title, _ in zone_groups(picture)] == [
        "Stalls, First category, Sold out",
        "Balcony, Second category, €28.50 to €38, 40 left",
        "Front stalls, Gold, €78, 12 left",
        "Pit, Standing pit, €29",
    ]
    assert {"Balcony", "from €28.50", "Front stalls", "€78"} <= set(words_in(picture))


def test_french_says_everything_anew() -> None:
    alike = [n for n, word in asdict(FRENCH).items() if word == asdict(ENGLISH)[n]]
    assert alike == ["zone_count"]  # "{} zones"


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("fr", FRENCH), ("de", ENGLISH)])
def test_a_map_without_geometry_says_that_its_places_are_ours(language: str, words: Words) -> None:
    said = words_in(drawn(schematic_venue(), language=language))
    assert words.schematic in said
    assert words.allocates in said


def test_a_map_with_geometry_does_not_say_it() -> None:
    assert ENGLISH.schematic not in drawn(stadium_venue())


def test_zones_whose_place_is_ours_are_dashed_among_those_of_the_issuer() -> None:
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    plan = {"id": "m", "zones": [{"name": "There", "polygon": square}, {"name": "Somewhere"}]}
    picture = drawn(venue(plan, [offer({"zone": "Somewhere"}, "9", 1)]))
    assert shape_of(picture, "Somewhere").get("stroke-dasharray")
    assert not shape_of(picture, "There").get("stroke-dasharray")
    assert ENGLISH.partly_schematic in words_in(picture)
    assert ENGLISH.schematic not in words_in(picture)


def test_french_prices_are_written_as_in_france() -> None:
    said = words_in(drawn(hall_venue(), language="fr-CA"))
    assert "28,50\u00a0€ à 38\u00a0€" in said
    assert "dès 28,50\u00a0€" in said


@pytest.mark.parametrize(
    ("amount", "english", "french"),
    [
        (Money(Decimal(9)), "€9", "9\u00a0€"),
        (Money(Decimal("9.5")), "€9.50", "9,50\u00a0€"),
        (Money(Decimal("1234.00")), "€1234", "1234\u00a0€"),
        (Money(Decimal(7), "CHF"), "7\u00a0CHF", "7\u00a0CHF"),
    ],
)
def test_cents_are_written_where_there_are_some(amount: Money, english: str, french: str) -> None:
    assert (ENGLISH.amount(amount), FRENCH.amount(amount)) == (english, french)


def test_a_screen_reader_hears_what_the_picture_is() -> None:
    root = parsed(drawn(stadium_venue()))
    title, desc = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc") or ""
    assert (root.get("role"), root.get("lang")) == ("img", "en")
    assert title == root.get("aria-label") == "Ligue Azur - HÉRONS FC / US VALMONT"
    assert desc.startswith("50 zones. €9 to €18 (Standing end · 5 zones). ")
    assert desc.endswith("The issuer allocates the exact seats.")
    assert ENGLISH.schematic in (parsed(drawn(schematic_venue())).findtext(f"{SVG}desc") or "")


def test_a_picture_without_a_heading_says_what_it_is() -> None:
    plan, row = one_zone("Pit")
    assert words_in(svg(plan, [row]))[0] == "Seat map"
    assert words_in(svg(plan, [row], language="fr"))[0] == "Plan de salle"


def test_a_long_heading_is_cut_where_the_sheet_ends() -> None:
    plan, row = one_zone("Pit")
    title = words_in(svg(plan, [row], heading=Heading(title="Wide words " * 30)))[0]
    assert title.endswith("…")
    assert width_of(title, 30) <= 1200 - 72


def test_a_map_without_zones_is_an_empty_picture() -> None:
    picture = svg(drawing(), [])
    assert "0 zones" in (parsed(picture).findtext(f"{SVG}desc") or "")
    assert png(picture, width=100)


# How a zone stands


@pytest.mark.parametrize(
    ("offers", "too_dear", "quantity", "state"),
    [
        ([], [], 1, ZoneState.NO_OFFER),
        ([("9", 0), ("8", 0)], [], 1, ZoneState.SOLD_OUT),
        ([], [("90", 0)], 1, ZoneState.SOLD_OUT),
        ([("9", 3)], [], 3, ZoneState.OPEN),
        ([("9", None)], [], 3, ZoneState.OPEN),
        ([("9", 2)], [], 3, ZoneState.OUTSIDE),
        ([], [("90", 5)], 1, ZoneState.OUTSIDE),
        ([("9", 0)], [("90", 5)], 1, ZoneState.OUTSIDE),
        ([(None, 5)], [], 1, ZoneState.UNPRICED),
    ],
)
def test_a_zone_stands_to_a_wish_as_its_offers_do(
    offers: list[tuple[str | None, int | None]],
    too_dear: list[tuple[str | None, int | None]],
    quantity: int,
    state: ZoneState,
) -> None:
    row = ZoneRow(
        number=0,
        name="z",
        category=None,
        offers=tuple(offer({}, *each) for each in offers),
        too_dear=tuple(offer({}, *each) for each in too_dear),
    )
    assert state_of(row, quantity) is state


def test_a_zone_without_a_row_has_nothing_on_sale() -> None:
    plan, _ = one_zone("Pit")
    assert shape_of(svg(plan, []), "Pit").get("fill") == LIGHT.no_offer


def test_what_is_sold_out_is_hatched_and_nothing_else_is() -> None:
    picture = drawn(stadium_venue())
    assert parsed(picture).find(f".//{SVG}pattern[@id='sold-out-light']") is not None
    hatched = [title for title, _ in zone_groups(picture) if _is_hatched(picture, title)]
    assert sorted(hatched) == sorted(
        title for title, _ in zone_groups(picture) if title.endswith("Sold out")
    )
    assert len(hatched) == 5
    legend = [r for r in parsed(picture).findall(f"{SVG}rect") if r.get("fill", "")[:3] == "url"]
    assert len(legend) == 1


def _is_hatched(picture: str, title: str) -> bool:
    return shape_of(picture, title).get("fill") == "url(#sold-out-light)"


def test_a_zone_outside_the_wish_is_paler_than_its_price() -> None:
    plan, row = one_zone("Pit", offer({}, "50", 2))
    usual = shape_of(svg(plan, [row]), "Pit").get("fill") or ""
    pale = shape_of(svg(plan, [row], asked=PictureQuery(quantity=3)), "Pit").get("fill") or ""
    assert contrast(pale, LIGHT.paper) < 1.5 < contrast(usual, LIGHT.paper)


def test_a_zone_that_states_no_price_has_no_colour_of_a_price() -> None:
    plan, row = one_zone("Lawn", offer({}, None, 4))
    picture = svg(plan, [row])
    assert shape_of(picture, "Lawn").get("fill") == LIGHT.paper
    assert "Price not stated" in words_in(picture)


def test_dearer_zones_have_later_colours_and_more_prices_share_them() -> None:
    names = [f"Z{n:02}" for n in range(20)]
    plan = {"id": "m", "zones": [{"name": name} for name in names]}
    offers = [offer({"zone": name}, str(10 + n), 5) for n, name in enumerate(names)]
    picture = drawn(venue(plan, offers))
    fills = [shape_of(picture, name).get("fill") or "" for name in names]
    places = [ramp(STEPS).index(fill) for fill in fills]
    assert places == sorted(places)
    assert set(places) == set(range(STEPS))


def test_both_themes_tell_a_price_by_the_same_colour_on_another_paper() -> None:
    light, dark = drawn(stadium_venue()), drawn(stadium_venue(), dark=True)
    papers = [p.find(f"{SVG}rect") for p in (parsed(light), parsed(dark))]
    assert [p.get("fill") for p in papers if p is not None] == [LIGHT.paper, DARK.paper]
    assert shape_of(light, "South 106").get("fill") == shape_of(dark, "South 106").get("fill")


def test_the_best_zones_are_numbered_in_their_order() -> None:
    plan, row = one_zone("Pit", offer({}, "50", 2))
    assert "Best for this wish" not in words_in(svg(plan, [row]))
    words = words_in(drawn(stadium_venue()))
    assert [w for w in words if w in {"1", "2", "3", "4"}] == ["3", "2", "1", "1"]
    assert "South 106, South 107, South 108" in words


def test_the_number_of_a_best_zone_covers_no_letter() -> None:
    picture = drawn(stadium_venue())
    discs = [
        (float(disc.get("cx", "")), float(disc.get("cy", "")), float(disc.get("r", "")))
        for disc in parsed(picture).findall(f"{SVG}circle")
    ]
    boxes = [_box(text) for _, group in zone_groups(picture) for text in group.iter(f"{SVG}text")]
    assert len(discs) == 4
    for x, y, radius in discs:
        for corners in boxes:
            (left, right), (top, bottom) = (
                (min(axis), max(axis)) for axis in zip(*corners, strict=True)
            )
            across, down = max(left - x, x - right, 0), max(top - y, y - bottom, 0)
            assert across**2 + down**2 > radius**2


# Letters


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("place", [stadium_venue, hall_venue, schematic_venue])
def test_every_label_contrasts_with_its_zone(place: Callable[[], Venue], *, dark: bool) -> None:
    picture = drawn(place(), dark=dark)
    labels = [t for _, group in zone_groups(picture) for t in group.iter(f"{SVG}text")]
    assert labels
    for label in labels:
        rim = label.get("stroke") or ""
        assert contrast(label.get("fill") or "", rim) >= 4.5, label.text
    for title, group in zone_groups(picture):
        fill = shape_of(picture, title).get("fill") or ""
        rims = {text.get("stroke") for text in group.iter(f"{SVG}text")}
        theme = DARK if dark else LIGHT
        assert rims <= {theme.sold_out if fill.startswith("url") else fill}, title


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_other_word_contrasts_with_the_paper(*, dark: bool) -> None:
    theme = DARK if dark else LIGHT
    for word in parsed(drawn(schematic_venue(), dark=dark)).findall(f"{SVG}text"):
        assert contrast(word.get("fill") or "", theme.paper) >= 4.5, word.text


@pytest.mark.parametrize("place", [stadium_venue, hall_venue, large_venue])
def test_no_label_reaches_over_the_edge_of_its_zone(place: Callable[[], Venue]) -> None:
    picture = drawn(place())
    count = 0
    for title, group in zone_groups(picture):
        outline = _points(shape_of(picture, title).get("d") or "")
        for text in group.iter(f"{SVG}text"):
            count += 1
            assert all(_is_inside(outline, corner) for corner in _box(text)), title
    assert count >= 4


def _points(path: str) -> list[tuple[float, float]]:
    pairs = re.findall(r"([-\d.]+) ([-\d.]+)", path)
    return [(float(x), float(y)) for x, y in pairs]


def _box(text: ET.Element) -> list[tuple[float, float]]:
    """The corners of a line of text, from its baseline to its capitals, as it is turned."""
    size = float(text.get("font-size", ""))
    x, y = float(text.get("x", "")), float(text.get("y", ""))
    half = width_of(text.text or "", size) / 2
    corners = [(x - half, y), (x + half, y), (x - half, y - 0.7 * size), (x + half, y - 0.7 * size)]
    turned = re.fullmatch(r"rotate\(-90 ([-\d.]+) ([-\d.]+)\)", text.get("transform", ""))
    if turned is None:
        return corners
    a, b = float(turned[1]), float(turned[2])
    return [(a + (y - b), b - (x - a)) for x, y in corners]


def _is_inside(outline: list[tuple[float, float]], point: tuple[float, float]) -> bool:
    x, y = point
    sides = zip(outline, outline[1:] + outline[:1], strict=True)
    return (
        sum(
            (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            for (x1, y1), (x2, y2) in sides
        )
        % 2
        == 1
    )


def test_a_narrow_zone_says_its_number_alone_and_a_tiny_one_nothing() -> None:
    def zone(number: int, name: str, left: float, width: float) -> DrawnZone:
        right = left + width
        outline = ((left, 100), (right, 100), (right, 100 + width), (left, 100 + width))
        return DrawnZone(
            number=number,
            name=name,
            category=None,
            outlines=(outline,),
            rooms=(Box(left, 100, right, 100 + width),),
            rows=(),
            label_at=(left + width / 2, 100 + width / 2),
            capacity=None,
        )

    picture = svg(drawing(zone(0, "Grandstand 12", 100, 30), zone(1, "Grandstand 13", 300, 8)), [])
    assert [t.text for t in group_of(picture, "Grandstand 12").iter(f"{SVG}text")] == ["12"]
    assert not list(group_of(picture, "Grandstand 13").iter(f"{SVG}text"))


# The stage


def test_the_stage_is_named_where_there_is_room_and_touches_no_zone() -> None:
    picture = parsed(drawn(stadium_venue()))
    assert "Stage or pitch" in words_in(drawn(stadium_venue()))
    (mark,) = [r for r in picture.findall(f"{SVG}rect") if r.get("fill") == LIGHT.stage]
    left, top = float(mark.get("x", "")), float(mark.get("y", ""))
    right, bottom = left + float(mark.get("width", "")), top + float(mark.get("height", ""))
    corners = [p for _, g in zone_groups(drawn(stadium_venue())) for p in _points(_path(g))]
    assert not any(left <= x <= right and top <= y <= bottom for x, y in corners)


def _path(group: ET.Element) -> str:
    shape = group.find(f"{SVG}path")
    assert shape is not None
    return shape.get("d") or ""


def test_a_stage_without_room_is_a_disc_that_the_legend_explains() -> None:
    plan, row = one_zone("Pit")
    picture = svg(replace(plan, focus=(500, 300)), [row])
    discs = parsed(picture).findall(f"{SVG}circle")
    assert len(discs) == 2
    assert words_in(picture).count("Stage or pitch") == 1


# Seats


def test_all_seats_of_a_zone_are_one_element() -> None:
    picture = drawn(hall_venue())
    for name, seats in (("Front stalls", 100), ("Balcony", 140), ("Pit", 0)):
        paths = group_of(picture, name).findall(f"{SVG}path[@stroke-linecap]")
        assert [path.get("d", "").count("h0") for path in paths] == [seats] * bool(seats)
    assert len(group_of(picture, "Stalls").findall(f"{SVG}path")) == 1, "sold out: no seat to see"


def test_sixty_thousand_seats_are_a_line_for_each_row() -> None:
    place = large_venue()
    assert sum(len(row) for zone in place.drawing.zones for row in zone.rows) == 60_000
    picture = drawn(place)
    assert len(picture.encode()) < 200_000
    assert len(list(parsed(picture).iter())) < 500
    path = group_of(picture, "Block 2,").findall(f"{SVG}path")[1].get("d", "")
    assert (path.count("M"), path.count("h0")) == (30, 0)


@pytest.mark.parametrize("words", [ENGLISH, FRENCH])
def test_seats_far_from_all_others_are_counted(words: Words) -> None:
    rows = [{"name": "A", "seats": [{"x": x, "y": 5000} for x in (5000, 5010, 5020, 5030)]}]
    rows.append({"name": "C", "seats": [{"x": 0, "y": 0}]})
    found = venue({"id": "m", "zones": [{"name": "Stalls", "rows": rows}]}, [])
    picture = svg(found.drawing, found.table.zones, language=words.language)
    assert words.strays.format(1) in words_in(picture)


def test_rows_beyond_number_are_left_out() -> None:
    picture = drawn(large_venue(40, 101, 2))
    assert len(group_of(picture, "Block 2,").findall(f"{SVG}path")) == 1


def test_a_zone_within_another_is_painted_after_it() -> None:
    titles = [title for title, _ in zone_groups(drawn(hall_venue()))]
    areas = {"Stalls": 0, "Balcony": 1, "Front stalls": 2, "Pit": 3}
    assert [areas[title.split(",")[0]] for title in titles] == [0, 1, 2, 3]


def test_all_seats_lie_above_all_areas_and_all_labels_above_all_seats() -> None:
    stalls = zone("Stalls", *stacked("ABC", 0, 40, step=20))
    sofas = zone("Sofas", line("S", 20, -30, -20, 60, 70))
    offers = [offer({"zone": "Stalls"}, "20", 9), offer({"zone": "Sofas"}, "40", 9)]
    picture = drawn(venue({"id": "m", "zones": [stalls, sofas]}, offers))
    layers = [layer_of(group) for group in parsed(picture).iter(f"{SVG}g")]
    assert layers == sorted(layers, key=["area", "seats", "label"].index)
    assert layers.count("seats") == 2


def test_the_strong_edge_of_a_best_zone_runs_through_no_other_zone() -> None:
    floor = zone("Floor", polygon=box(0, 0, 100, 100))
    vip = zone("VIP 3", polygon=box(86, 20, 110, 80))
    offers = [offer({"zone": "Floor"}, "20", 9), offer({"zone": "VIP 3"}, "40", 9)]
    place = venue({"id": "m", "zones": [floor, vip]}, offers, asked=PictureQuery(best=(0, 1)))
    areas = [g for g in parsed(drawn(place)).iter(f"{SVG}g") if layer_of(g) == "area"]
    assert [len(area.findall(f"{SVG}path")) for area in areas] == [2, 2], "each with its edge"


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_no_good_issuer_sends_is_a_picture_all_the_same(name: str) -> None:
    place = venue(MAPS[name], [])
    areas = [g for g in parsed(drawn(place)).iter(f"{SVG}g") if layer_of(g) == "area"]
    assert len(areas) == len(place.drawing.zones)
    assert all(area.findtext(f"{SVG}title") for area in areas)


# What it cannot do

HOSTILE: Final = [
    "<script>alert(1)</script>",
    '"><image href="https://evil.example/x"/>',
    "' onload='alert(1)",
    "</text></svg><foreignObject><body onload=alert(1)>",
    "]]><!--",
    "&lt;script&gt; &#x3c;b&#x3e; &xxe;",
    "\x00\x0b\x1b\ufffe\ud800\u202eevil",
    "javascript:alert(1)",
    "url(https://evil.example)",
    "{{7*7}} ${7*7}",
    "%s%n " * 100,
]


def hostile_venue(name: str) -> Venue:
    category = "/c/1"
    plan = {
        "id": "m",
        "zones": [{"name": name, "seatingCategory": category}, {"name": f"Zone {name}"}],
        "seatingCategories": [{"@id": category, "name": name, "color": name}],
    }
    offers = [offer({"zone": name}, "5", 3)]
    return venue(plan, offers, Heading(title=name, subtitle=name), PictureQuery(best=(0, 1)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(name: str, *, dark: bool) -> None:
    root = parsed(drawn(hostile_venue(name), dark=dark))
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            assert attribute not in {"style", "href", "class"}
            assert "://" not in value or attribute == "aria-label"
            assert "url(" not in value or value.startswith("url(#sold-out-") or _is_label(attribute)
    texts = "".join(root.itertext())
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\ufffe]", texts)


def _is_label(attribute: str) -> bool:
    return attribute == "aria-label"


def test_a_name_reaches_the_picture_as_it_was_written() -> None:
    plan, row = one_zone("Tribune <A> & 'B'", offer({}, "5", 3))
    picture = svg(plan, [row])
    assert "Tribune <A> & 'B'" in words_in(picture)
    assert "<A>" not in picture


def test_a_picture_of_usual_names_refers_to_nothing_outside() -> None:
    picture = drawn(stadium_venue()).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in picture
    assert set(re.findall(r"url\(([^)]*)\)", picture)) == {"#sold-out-light"}


def test_the_legend_has_no_colour_that_no_zone_has_and_one_for_all_that_do_not_fit() -> None:
    names = {"North": ("20", 1), "East": ("40", 1), "South": ("60", 9), "West": ("80", 9)}
    zones = [zone(name, line("A", 20.0 * n, 0, 10)) for n, name in enumerate(names)]
    offers = [offer({"zone": name}, *sold) for name, sold in names.items()]
    picture = drawn(venue({"id": "m", "zones": zones}, offers, asked=PictureQuery(quantity=2)))
    fills = {name: shape_of(picture, name).get("fill") for name in names}
    assert fills["North"] == fills["East"]
    assert len(set(fills.values())) == 3
    legend = [each.get("fill") for each in parsed(picture).findall(f"{SVG}rect")[1:]]
    assert legend == [fills["South"], fills["West"], fills["North"]]


def labels_of(picture: str, name: str) -> list[ET.Element]:
    return list(group_of(picture, name).iter(f"{SVG}text"))


def test_narrow_boxes_take_the_price_off_no_other_zone() -> None:
    boxes = [
        zone("Box 1", polygon=box(0, 0, 16, 90)),
        zone("Box 2", polygon=box(984, 0, 1000, 90)),
        zone("Stalls", polygon=box(60, 0, 940, 300)),
    ]
    offers = [offer({"zone": each["name"]}, "30", 9) for each in boxes]
    picture = drawn(venue({"id": "m", "zones": boxes}, offers))
    stalls = labels_of(picture, "Stalls")
    assert [text.text for text in stalls] == ["Stalls", "€30"]
    assert all(float(text.get("font-size", "")) >= 15 for text in stalls)


def _beside_stalls(*names: str) -> str:
    """Small zones, beside a large one, in which a name has room on two lines and no third one."""
    stalls = zone("Stalls", polygon=box(0, 0, 800, 300))
    small = [
        zone(name, polygon=box(830 + 60 * n, 0, 867 + 60 * n, 37)) for n, name in enumerate(names)
    ]
    offers = [offer({"zone": each["name"]}, "62", 9) for each in (stalls, *small)]
    return drawn(venue({"id": "m", "zones": [stalls, *small]}, offers))


def test_where_a_name_has_no_room_beside_the_price_its_number_has() -> None:
    picture = _beside_stalls("West 117", "East 118")
    assert [text.text for text in labels_of(picture, "West 117")] == ["117", "€62"]
    assert [text.text for text in labels_of(picture, "East 118")] == ["118", "€62"]


@pytest.mark.parametrize("other", ["East 117", "117"])
def test_a_number_that_two_zones_have_names_none_of_them_with_its_price(other: str) -> None:
    picture = _beside_stalls("West 117", other)
    assert [text.text for text in labels_of(picture, "West 117")] == ["West", "117"]


def test_a_label_lies_on_no_zone_that_lies_upon_its_own() -> None:
    floor = zone("Floor", polygon=box(0, 0, 100, 100))
    bar = zone("VIP 3", polygon=box(20, 30, 80, 70))
    offers = [offer({"zone": "Floor"}, "20", 9), offer({"zone": "VIP 3"}, "40", 9)]
    picture = drawn(venue({"id": "m", "zones": [floor, bar]}, offers))
    upon = _points(shape_of(picture, "VIP 3").get("d") or "")
    assert labels_of(picture, "Floor")
    for text in labels_of(picture, "Floor"):
        assert not any(_is_inside(upon, corner) for corner in _box(text))
    for text in labels_of(picture, "VIP 3"):
        assert all(_is_inside(upon, corner) for corner in _box(text))


def test_a_label_hides_no_seat_of_a_zone_that_lies_below() -> None:
    hall = zone("Hall", *stacked("ABCDEFGH", *range(0, 100, 10)))
    bar = zone("Bar", polygon=box(22, 22, 68, 58))
    offers = [offer({"zone": "Hall"}, "20", 9), offer({"zone": "Bar"}, "40", 9)]
    picture = drawn(venue({"id": "m", "zones": [hall, bar]}, offers))
    seats = _points(group_of(picture, "Hall").findall(f"{SVG}path")[1].get("d") or "")
    assert len(seats) == 80
    for text in labels_of(picture, "Bar"):
        (left, right), (top, bottom) = (
            (min(axis), max(axis)) for axis in zip(*_box(text), strict=True)
        )
        assert not any(left <= x <= right and top <= y <= bottom for x, y in seats)


def test_dots_do_not_run_together_in_whatever_order_seats_are_listed() -> None:
    deck = zone("Deck", line("A", 0, 0, 40, 10, 30, 20), line("B", 20, 0, 40, 10, 30, 20))
    tail = zone("Tail", polygon=box(1000, 0, 1200, 60))
    place = venue({"id": "m", "zones": [deck, tail]}, [offer({"zone": "Deck"}, "9", 1)])
    picture = drawn(place, language="en")
    dots = group_of(picture, "Deck").find(f"{SVG}path[@stroke-linecap]")
    assert dots is not None
    seats = sorted(x for x, y in _points(dots.get("d") or ""))
    step = (seats[-1] - seats[0]) / 4
    assert float(dots.get("stroke-width", "")) < 0.8 * step
