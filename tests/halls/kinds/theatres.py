"""Houses with a stage on one side: rows behind rows, balconies, boxes, sofas."""

from dataclasses import replace
from math import atan, cos, pi, sin
from random import Random
from statistics import fmean

from tests.halls.parts import (
    bent,
    box,
    by_number,
    from_right,
    hundreds,
    line,
    moved,
    odd_even,
    row,
    row_names,
    split,
    straight,
    through,
    turned,
)
from tests.halls.truth import UP, Plan, Row, Zone


def theatre(rng: Random) -> Plan:
    """Stalls, mostly a balcony behind them, and sometimes sides that are a zone of two blocks."""
    pitch, first = rng.uniform(1.0, 1.8), rng.randint(8, 20)
    parts = rng.choice(((1,), (1, 1), (1, 2, 1)))
    grows = rng.randint(0, 1)
    numbers = rng.choice((through, from_right, hundreds))
    deep = rng.randint(5, 15)
    names = row_names(rng, deep)
    groups = [split(first + grows * n, parts) for n in range(deep)]
    has_sides = rng.random() < 0.3
    wide = rng.choice((3, 5))
    if has_sides:
        groups = [[wide, *each, wide] for each in groups]
    rows = straight(names, groups, pitch=pitch, aisle=rng.uniform(0.9, 2), numbers=numbers)
    notes = [f"{deep} rows"]
    if rng.random() < 0.5:
        rows = bent(rows, (max(map(sum, groups)) + 4) * rng.uniform(0.8, 2.5))
        notes.append("bent rows")
    zones = [Zone(name="Stalls", rows=rows)]
    if has_sides:
        zones = [
            Zone(name="Centre", rows=tuple(Row(r.name, r.runs[1:-1]) for r in rows)),
            Zone(name="Sides", rows=tuple(Row(r.name, (r.runs[0], r.runs[-1])) for r in rows)),
        ]
        notes.append("a zone of two blocks")
    if rng.random() < 0.7:
        behind = rng.randint(3, 6)
        balcony = straight(
            row_names(rng, behind),
            [split(first + deep, parts)] * behind,
            pitch=pitch,
            first=(deep + rng.randint(2, 4)) * pitch + 3,
            numbers=numbers,
        )
        zones.append(Zone(name="Balcony", rows=balcony))
    return Plan(zones=tuple(zones), fronts={"": UP}, notes=tuple(notes))


def odd_and_even(rng: Random) -> Plan:
    """Odd numbers to the right, even ones to the left, often listed by number."""
    deep, first = rng.randint(4, 14), rng.randint(6, 16)
    grows = rng.choice((0, 1, 1, 2))
    has_aisle = rng.random() < 0.5
    groups = [
        [n // 2, n - n // 2] if has_aisle else [n]
        for n in (first + grows * each + (each % 2 and rng.randint(0, 1)) for each in range(deep))
    ]
    rows = straight(
        row_names(rng, deep), groups, pitch=rng.uniform(1.0, 1.7), numbers=odd_even, aisle=1.2
    )
    if rng.random() < 0.3:
        rows = bent(rows, max(map(sum, groups)) * rng.uniform(0.9, 2))
    notes = ["odd and even"]
    if rng.random() < 0.7:
        rows = tuple(by_number(each) for each in rows)
        notes.append("listed by number")
    cut = rng.randint(2, deep - 1)
    zones = [Zone(name="Parterre", rows=rows)]
    if rng.random() < 0.4:
        zones = [
            Zone(name="Premium", rows=rows[:cut]),
            Zone(name="Parterre", rows=rows[cut:]),
        ]
    return Plan(zones=tuple(zones), fronts={"": UP}, notes=tuple(notes))


def horseshoe(rng: Random) -> Plan:
    """Stalls within a horseshoe of balcony rows, as one zone or as left, centre and right."""
    wide, deep = rng.randint(8, 16), rng.randint(5, 10)
    pitch = 1.4
    stalls = straight(row_names(rng, deep), [[wide]] * deep, pitch=pitch)
    half, bottom = wide / 2 + 3, deep * pitch + 1
    lines = rng.randint(2, 3)
    along = int(bottom)
    left: list[Row] = []
    centre: list[Row] = []
    for n in range(lines):
        name, out = str(n + 1), half + n * pitch
        side = [(-out, float(y)) for y in range(along)]
        left.append(row(name, [side], through))
        seats = int(0.76 * pi * out) + 1
        turns = [pi * (0.12 + 0.76 * s / (seats - 1)) for s in range(seats)]
        tall = bottom + 1
        centre.append(row(name, [[(-out * cos(t), tall + out * sin(t)) for t in turns]], through))
    right = [row(r.name, [[(-x, y) for x, y in (c.at for c in r.chairs)]], through) for r in left]
    zones = [Zone(name="Stalls", rows=stalls)]
    if rng.random() < 0.4:
        joined = tuple(
            Row(a.name, (*a.runs, *b.runs, *c.runs))
            for a, b, c in zip(left, centre, right, strict=True)
        )
        zones.append(Zone(name="Balcony", rows=joined))
    else:
        zones.append(Zone(name="Left", rows=tuple(left)))
        zones.append(Zone(name="Right", rows=tuple(right)))
        if rng.random() < 0.6:
            zones.append(Zone(name="Circle", rows=tuple(centre)))
    notes: tuple[str, ...] = ()
    if rng.random() < 0.3:
        far = half + lines * pitch + 3
        top = -2.0
        zones.append(Zone(name="Box 1", polygon=box(-far - 2, top, -far, bottom), capacity=8))
        zones.append(Zone(name="Box 2", polygon=box(far, top, far + 2, bottom), capacity=8))
        notes = ("narrow boxes",)
    return Plan(zones=tuple(zones), fronts={"": UP}, notes=notes)


def boxes_only(rng: Random) -> Plan:
    """Boxes along a U, each a zone with two chairs at the rail and one or two behind them."""
    arc, side = rng.randint(5, 9), rng.randint(3, 6)
    radius = arc * 5 / pi
    # Each place with the angle by which a box is turned, whose rail is above at first.
    places = [((-radius, -5.0 * n), pi / 2) for n in range(side, 0, -1)]
    for n in range(arc):
        turn = pi * (n + 0.5) / arc
        places.append(((-radius * cos(turn), radius * sin(turn)), pi / 2 - turn))
    places += [((radius, -5.0 * n), -pi / 2) for n in range(1, side + 1)]
    behind = rng.randint(1, 2)
    zones = []
    rows = straight(("1", "2"), ([2], [behind]), pitch=1.3)
    for number, (at, angle) in enumerate(places, 1):
        zones.append(Zone(name=f"Box {number}", rows=turned(rows, angle, at), capacity=2 + behind))
    return Plan(zones=tuple(zones), fronts={"": UP}, notes=("each box is a zone",))


def sofas_around(rng: Random) -> Plan:
    """Straight rows, and one dear zone of sofas at their left, their right and mostly behind."""
    wide, deep = rng.randint(6, 14), rng.randint(4, 9)
    pitch = rng.uniform(1.3, 1.8)
    stalls = straight(row_names(rng, deep), [split(wide, (1, 1))] * deep, pitch=pitch)
    half, sofa = wide / 2 + 2.5, rng.randint(2, 3)
    rows = []
    for n in range(rng.randint(1, deep)):
        y = n * pitch
        left = [(-half - sofa + 1 + s, y) for s in range(sofa)]
        right = [(half + s, y) for s in range(sofa)]
        rows.append(row(f"S{n + 1}", [left, right], through))
    if rng.random() < 0.6:
        back = [[(x, deep * pitch + 2) for x in xs] for xs in line([sofa] * 3, 1.6)]
        rows.append(row(f"S{len(rows) + 1}", back, through))
    zones = (Zone(name="Stalls", rows=stalls), Zone(name="Sofas", rows=tuple(rows)))
    return Plan(zones=zones, fronts={"": UP}, notes=("a zone of several blocks",))


def at_a_wall(rng: Random) -> Plan:
    """Rows that begin at a wall and end where they end: the middles of rows wander."""
    deep, first = rng.randint(5, 14), rng.randint(4, 10)
    pitch = rng.uniform(1.0, 1.7)
    lengths = [first + n * rng.choice((1, 1, 2)) for n in range(deep)]
    if rng.random() < 0.3:
        lengths = [first + rng.randint(0, 5) for _ in range(deep)]
    aisle = rng.randint(2, first - 1) if rng.random() < 0.5 else 0
    rows = []
    for n, (name, length) in enumerate(zip(row_names(rng, deep), lengths, strict=True)):
        groups = [
            [(float(s), n * pitch) for s in range(aisle)],
            [(s + (1.3 if aisle else 0.0), n * pitch) for s in range(aisle, length)],
        ]
        rows.append(row(name, [each for each in groups if each], through))
    flush = moved(rows, (-first / 2, 0))
    zones: tuple[Zone, ...] = (Zone(name="Hall", rows=flush),)
    if rng.random() < 0.3:
        cut = rng.randint(2, deep - 1)
        zones = (Zone(name="Front", rows=flush[:cut]), Zone(name="Rear", rows=flush[cut:]))
    return Plan(zones=zones, fronts={"": UP}, notes=("rows begin at a wall",))


def fan(rng: Random) -> Plan:
    """Three blocks of straight rows, turned to the stage: a zone each, or one together."""
    wide, deep, first = rng.randint(5, 9), rng.randint(5, 10), rng.uniform(8, 13)
    names = row_names(rng, deep)
    block = straight(names, [[wide]] * deep, first=first, pitch=rng.uniform(1.2, 1.6))
    angle = 2 * atan((wide / 2 + 0.9) / first)
    blocks = [turned(block, turn) for turn in (angle, 0.0, -angle)]
    zones = tuple(
        Zone(name=name, rows=rows)
        for name, rows in zip(("Left", "Centre", "Right"), blocks, strict=True)
    )
    if rng.random() < 0.5:
        joined = zip(names, *blocks, strict=True)
        rows = tuple(Row(name, (*a.runs, *b.runs, *c.runs)) for name, a, b, c in joined)
        zones = (Zone(name="Parterre", rows=rows),)
    return Plan(zones=zones, fronts={"": UP}, notes=("a fan of blocks",))


def halves(rng: Random) -> Plan:
    """Odd numbers are a zone to the right, even ones a zone to the left."""
    half, deep = rng.randint(4, 9), rng.randint(4, 12)
    names = row_names(rng, deep)
    rows = straight(
        names, [[half, half]] * deep, pitch=rng.uniform(1.1, 1.6), aisle=1.2, numbers=odd_even
    )
    even = tuple(Row(r.name, r.runs[:1]) for r in rows)
    odd = tuple(Row(r.name, r.runs[1:]) for r in rows)
    zones = (Zone(name="Impair", rows=odd), Zone(name="Pair", rows=even))
    return Plan(zones=zones, fronts={"": UP}, notes=("a zone of odd numbers",))


def framed_boxes(rng: Random) -> Plan:
    """Boxes along a U, each with seats and with the outline of its walls."""
    plan = boxes_only(rng)
    zones = []
    for zone in plan.zones:
        places = [chair.at for chair in zone.chairs]
        x, y = fmean(x for x, _ in places), fmean(y for _, y in places)
        zones.append(replace(zone, polygon=box(x - 1.7, y - 1.7, x + 1.7, y + 1.7)))
    return replace(plan, zones=tuple(zones), notes=("each box has walls",))
