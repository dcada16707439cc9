"""The halls are what they say, the judge sees what is wrong, and drawing gets no worse."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import dist, hypot

import pytest

from tests.halls.asking import HERE
from tests.halls.figures import FLOOR, FLOOR_HALLS
from tests.halls.generator import hall_of, is_rendered
from tests.halls.judge import FrontVerdict, RunVerdict, Told, judged
from tests.halls.kinds import KINDS
from tests.halls.rendering import looked_at
from tests.halls.run import NOW, measured
from tests.halls.truth import Hall, Point, Side, Spot

SEEDS = range(100)


def test_twenty_seeds_in_a_row_have_twenty_kinds_and_a_seed_makes_the_same_hall_again() -> None:
    halls = [hall_of(seed) for seed in range(40, 60)]
    assert {hall.kind for hall in halls} == set(KINDS)
    assert len(KINDS) == 20
    assert halls == [hall_of(seed) for seed in range(40, 60)]
    assert hall_of(40) != replace(hall_of(60), seed=40)


def test_each_twentieth_hall_is_rendered_and_every_kind_among_them() -> None:
    rendered = [seed for seed in range(400) if is_rendered(seed)]
    assert len(rendered) == 20
    assert {hall_of(seed).kind for seed in rendered} == set(KINDS)


def test_the_halls_are_made_and_judged_without_the_code_that_draws() -> None:
    program = (
        "import sys, tests.halls.generator, tests.halls.judge\n"
        "print(*(name for name in sys.modules if name.startswith('korus_mcp')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, check=True, capture_output=True, text=True
    )
    assert not done.stdout.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_who_sits_side_by_side_can_be_seen_from_the_places(kind: str) -> None:
    place = list(KINDS).index(kind)
    for seed in range(place, 20 * 8, 20):
        hall = hall_of(seed)
        runs = [run for zone in hall.zones for row in zone.rows for run in row.runs]
        steps = [dist(a.at, b.at) for run in runs for a, b in pairwise(run)]
        if not steps:
            continue
        seat = min(steps)
        assert max(steps) < 1.2 * seat, hall
        ends = [
            dist(before[-1].at, after[0].at)
            for zone in hall.zones
            for row in zone.rows
            for before, after in pairwise(row.runs)
        ]
        assert min(ends, default=2 * seat) > 1.6 * seat, (seed, hall.notes)


def test_no_two_seats_of_a_level_are_at_one_place() -> None:
    for seed in SEEDS:
        hall = hall_of(seed)
        for level in hall.fronts:
            places = [chair.at for _, zone in hall.of_level(level) for chair in zone.chairs]
            steps = [dist(a, b) for a, b in pairwise(places)]
            apart = min((step for step in steps if step), default=1.0) / 3
            cells = {(round(x / apart), round(y / apart)) for x, y in places}
            assert len(cells) == len(places), (seed, hall.kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_true_answer_has_no_fault(kind: str) -> None:
    place = list(KINDS).index(kind)
    for seed in range(place, 20 * 6, 20):
        hall = hall_of(seed)
        verdict = judged(hall, truly_told(hall))
        assert set(verdict.fronts) <= {FrontVerdict.RIGHT, FrontVerdict.QUIET}, verdict.faults
        assert set(verdict.runs) <= {RunVerdict.EXACT}, verdict.faults


@pytest.mark.parametrize("seed", [0, 6, 19])
def test_seats_in_the_colours_of_their_zones_are_right(seed: int) -> None:
    hall = hall_of(seed)
    points = looked_at(hall, truly_told(hall))
    assert not points.faults
    assert points.right == points.seats > 0


def test_a_front_elsewhere_is_wrong_one_where_none_is_is_made_up_and_none_is_unsure() -> None:
    seen = set()
    for seed in SEEDS:
        hall = hall_of(seed)
        told = truly_told(hall)
        away = [(500 - 3 * (x - 500), 500 - 3 * (y - 500)) for x, y in told.fronts]
        verdicts = set(judged(hall, replace(told, fronts=away)).fronts)
        seen |= verdicts
        if any(isinstance(front, Side) for front in hall.fronts.values()):
            assert verdicts == {FrontVerdict.WRONG}, seed
        silent = judged(hall, replace(told, fronts=[]))
        assert set(silent.fronts) <= {FrontVerdict.UNSURE, FrontVerdict.QUIET}
        if not told.fronts:
            claimed = judged(hall, replace(told, fronts=[(500.0, 0.0)]))
            assert claimed.front is FrontVerdict.CLAIMED


@pytest.mark.parametrize(("more", "verdict"), [(1, RunVerdict.LONG), (-1, RunVerdict.SHORT)])
def test_a_run_that_is_told_too_long_or_too_short_is_seen(more: int, verdict: RunVerdict) -> None:
    hall = hall_of(0)
    told = truly_told(hall)
    wrong = {number: (longest or 0) + more for number, longest in told.together.items()}
    assert set(judged(hall, replace(told, together=wrong)).runs) == {verdict}


def _as_it_is(told: Told) -> str:
    return told.picture


def _covered(told: Told) -> str:
    return told.picture.replace(
        "</svg>", '<path d="M0 0L1000 0L1000 1000L0 1000Z" fill="#000000"/></svg>'
    )


def _without_dots(told: Told) -> str:
    return told.picture.replace("h0", "h1")


@pytest.mark.parametrize(
    ("painted", "is_right"), [(_as_it_is, True), (_covered, False), (_without_dots, False)]
)
def test_seats_under_another_colour_or_not_drawn_are_seen(
    painted: Callable[[Told], str], *, is_right: bool
) -> None:
    hall = hall_of(0)
    told = truly_told(hall)
    points = looked_at(hall, replace(told, picture=painted(told)))
    assert (points.right == points.seats) is is_right
    assert points.seats > 0


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ([(500, 500, 0), (510, 503, 1)], "collide"),
        ([(3, 500, 0)], "leaves the picture"),
        ([(500, 60, 1)], "lies on another zone"),
        ([(500, 60, 0)], ""),
        ([(500, 500, 0), (500, 530, 1)], ""),
    ],
)
def test_labels_that_collide_leave_or_lie_on_another_zone_are_seen(
    texts: list[tuple[int, int, int]], fault: str
) -> None:
    hall = hall_of(6)
    told = truly_told(hall)
    colours = list(told.colours.values())[:2]
    dots = "".join(f"M{x} 55h0" for x in range(400, 600, 8))
    seats = f'<path d="{dots}" fill="none" stroke="{colours[0]}"/>'
    set_in = 'font-size="20" text-anchor="middle"'
    words = "".join(
        f'<text x="{x}" y="{y}" {set_in} stroke="{colours[zone]}">Zone</text>'
        for x, y, zone in texts
    )
    picture = _sheet(seats + words)
    verdict = judged(hall, replace(told, picture=picture, widths={"Zone": 2.4}))
    found = [each for each in verdict.faults if "Zone" in each]
    assert len(found) == bool(fault), found
    assert all(fault in each for each in found)


def test_drawing_is_no_worse_than_it_was() -> None:
    found = measured(range(FLOOR_HALLS), {NOW: HERE}, rendered=False)[NOW]
    assert found.total["halls"] == FLOOR_HALLS
    assert found.shares().worse_than(FLOOR) == []


def truly_told(hall: Hall) -> Told:
    """The answer of a server that knows the truth, which draws levels beside each other."""
    seats: list[list[Point]] = [[] for _ in hall.zones]
    outlines: list[list[Point]] = [[] for _ in hall.zones]
    fronts: list[Point] = []
    levels = list(hall.fronts)
    for place, level in enumerate(levels):
        zones = list(hall.of_level(level))
        corners = [c.at for _, zone in zones for c in zone.chairs]
        corners = corners or [corner for _, zone in zones for corner in zone.polygon]
        xs, ys = zip(*corners, strict=True)
        size = max(max(xs) - min(xs), max(ys) - min(ys))
        scale, middle = 600 / size, ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2)

        def drawn(at: Point, scale: float = scale, middle: Point = middle, n: int = place) -> Point:
            x, y = (at[0] - middle[0]) * scale, (at[1] - middle[1]) * scale
            return 500 + 1000 * n + x, 500 + y

        for number, zone in zones:
            seats[number] = [drawn(chair.at) for chair in zone.chairs]
            outlines[number] = [drawn(corner) for corner in zone.polygon]
        front = hall.fronts[level]
        if isinstance(front, Spot):
            fronts.append(drawn(front.at))
        elif front is not None:
            reach = 480 / scale / hypot(*front.towards)
            x, y = (sum(at[n] for at in corners) / len(corners) for n in (0, 1))
            fronts.append(drawn((x + reach * front.towards[0], y + reach * front.towards[1])))
    colours = {number: f"#{0x305070 + number * 0x10101:06x}" for number in hall.sold}
    dots = "".join(
        f'<path fill="none" stroke="{colour}" stroke-width="4" stroke-linecap="round" d="'
        + "".join(f"M{x:.1f} {y:.1f}h0" for x, y in seats[number])
        + '"/>'
        for number, colour in colours.items()
    )
    return Told(
        together={n: hall.zones[n].longest for n in hall.sold if hall.zones[n].left != 0},
        fronts=fronts,
        seats=seats,
        outlines=outlines,
        picture=_sheet(dots, 1000 * len(levels)),
        colours=colours,
        widths={},
    )


def _sheet(drawn: str, width: int = 1000) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="1000" '
        f'viewBox="0 0 {width} 1000">{drawn}</svg>'
    )
