"""Rooms: clubs, cinemas, conferences, churches, cabarets."""

from dataclasses import replace
from math import cos, pi, sin
from random import Random

from tests.halls.parts import (
    SCREENS,
    STAGES,
    box,
    from_right,
    row,
    row_names,
    split,
    stage,
    straight,
    through,
)
from tests.halls.truth import UP, Front, Plan, Row, Spot, Zone


def club(rng: Random) -> Plan:
    """A floor to stand on, areas beside and over its edge, a lounge; a stage if it has a name."""
    zones = [Zone(name="Floor", polygon=box(-20, 4, 20, 34), capacity=rng.randint(200, 900))]
    if rng.random() < 0.5:
        zones.append(Zone(name="VIP 3", polygon=box(15, 8, 28, 22), capacity=20))
    if rng.random() < 0.6:
        zones.append(Zone(name="Balcony", polygon=box(-20, 37, 20, 46), capacity=120))
    if rng.random() < 0.5:
        zones.append(Zone(name="Gallery", polygon=box(-34, 0, -23, 46), capacity=80))
    if rng.random() < 0.5:
        lines = [[(24 + s * 1.0, 30 + n * 2.2) for s in range(5)] for n in range(rng.randint(1, 3))]
        zones.append(Zone(name="Lounge", rows=(row("", lines, through),)))
    front: Front = None
    if rng.random() < 0.6:
        wide = rng.uniform(8, 18)
        zones.append(stage(rng, box(-wide, -8, wide, 0)))
        front = Spot((0.0, -4.0), 6.0)
    return Plan(zones=tuple(zones), fronts={"": front}, notes=("standing",))


def cinema(rng: Random) -> Plan:
    """Equal rows with two aisles and a dearer zone; the screen is a zone, or rows have names."""
    wide, deep = rng.randint(10, 22), rng.randint(6, 14)
    has_screen = rng.random() < 0.4
    is_named = rng.random() < 0.85
    names = row_names(rng, deep) if is_named else [""] * deep
    numbers = rng.choice((through, from_right))
    groups = [split(wide, (1, 3, 1))] * deep
    rows = straight(names, groups, pitch=rng.uniform(1.2, 1.8), aisle=1.3, numbers=numbers)
    cut = rng.randint(2, deep - 2)
    zones = [Zone(name="Standard", rows=rows[:cut]), Zone(name="Premium", rows=rows[cut:])]
    if not is_named:
        # The order of names between zones would say something, too.
        zones = [Zone(name="Saal 4", rows=rows)]
    front: Front = UP if is_named else None
    notes = ["named rows" if is_named else "rows without names"]
    if has_screen:
        zones.append(stage(rng, box(-wide / 3, -5, wide / 3, -4), SCREENS))
        front = UP
        notes.append("a screen")
    return Plan(zones=tuple(zones), fronts={"": front}, notes=tuple(notes))


def conference(rng: Random) -> Plan:
    """Straight rows with an aisle off the middle."""
    deep = rng.randint(4, 14)
    left, right = sorted((rng.randint(1, 4), rng.randint(5, 9)), reverse=rng.random() < 0.5)
    is_named = rng.random() < 0.85
    names = row_names(rng, deep) if is_named else [""] * deep
    rows = straight(
        names,
        [[left, right]] * deep,
        pitch=rng.uniform(1.2, 1.8),
        aisle=rng.uniform(1, 3),
        numbers=rng.choice((through, from_right)),
    )
    zones: tuple[Zone, ...] = (Zone(name="Auditorium", rows=rows),)
    if is_named and rng.random() < 0.3:
        zones = (Zone(name="Speakers", rows=rows[:2]), Zone(name="Auditorium", rows=rows[2:]))
    return Plan(
        zones=zones,
        fronts={"": UP if is_named else None},
        notes=("named rows" if is_named else "rows without names",),
    )


def pews(rng: Random) -> Plan:
    """A church: pews on both sides of an aisle, sometimes a choir of its own behind them."""
    half, deep = rng.randint(3, 6), rng.randint(6, 14)
    rows = straight(
        row_names(rng, deep),
        [[half, half]] * deep,
        pitch=rng.uniform(1.2, 1.6),
        aisle=rng.uniform(1.2, 2.5),
    )
    zones = [Zone(name="Nave", rows=rows)]
    if rng.random() < 0.4:
        cut = deep // 2
        zones = [
            Zone(name="Nave, front", rows=rows[:cut]),
            Zone(name="Nave, rear", rows=rows[cut:]),
        ]
    return Plan(zones=tuple(zones), fronts={"": UP}, notes=(f"pews of {half}",))


def cabaret(rng: Random) -> Plan:
    """Round tables, each a row of its own; a zone may be the stage, else nothing tells it."""
    lines, across = rng.randint(2, 4), rng.randint(3, 5)
    seats = rng.randint(5, 9)
    radius = 0.5 / sin(pi / seats)
    step = 2 * radius + rng.uniform(2.5, 4)
    tables = []
    for n in range(lines * across):
        x = (n % across - (across - 1) / 2) * step
        y = n // across * step + (step / 2 if n % across % 2 and lines > 2 else 0)
        first = rng.uniform(0, 2 * pi)
        turns = [first + 2 * pi * s / seats for s in range(seats)]
        ring = [(x + radius * cos(t), y + radius * sin(t)) for t in turns]
        tables.append(row(f"Table {n + 1}", [ring], through))
    cut = across * rng.randint(1, lines - 1)
    zones = [Zone(name="Tables, front", rows=tuple(tables[:cut]))]
    zones.append(Zone(name="Tables, rear", rows=tuple(tables[cut:])))
    front: Front = None
    if rng.random() < 0.6:
        wide = step * across / 3
        top = -radius - 7
        zones.append(stage(rng, box(-wide, top, wide, top + 4), STAGES))
        front = Spot((0.0, top + 2), 4.0)
    return Plan(
        zones=tuple(zones), fronts={"": front}, notes=(f"tables of {seats}",), has_holes=False
    )


def love_seats(rng: Random) -> Plan:
    """A cinema whose last rows are pairs of seats, at a price of their own."""
    pairs, deep = rng.randint(4, 8), rng.randint(5, 9)
    names = row_names(rng, deep + 2)
    pitch = rng.uniform(1.3, 1.8)
    rows = straight(names[:deep], [split(2 * pairs + 2, (1, 3, 1))] * deep, pitch=pitch)
    last = straight(names[deep:], [[2] * pairs] * 2, pitch=pitch, aisle=0.8, first=deep * pitch + 1)
    zones = (Zone(name="Standard", rows=rows), Zone(name="Love seats", rows=last))
    return Plan(zones=zones, fronts={"": UP}, notes=("pairs of seats",))


def classroom(rng: Random) -> Plan:
    """Tables for two or three in rows, an aisle off the middle."""
    seats, deep = rng.randint(2, 3), rng.randint(4, 9)
    groups = [[seats] * rng.randint(3, 5)] * deep
    rows = straight(row_names(rng, deep), groups, aisle=rng.uniform(0.7, 1.2), pitch=2.0)
    return Plan(
        zones=(Zone(name="Seminar", rows=rows),), fronts={"": UP}, notes=("tables in rows",)
    )


def listed_apart(rng: Random) -> Plan:
    """Pews of which the left block is listed before the right one: a row is two of the list's."""
    plan = pews(rng)

    def apart(zone: Zone) -> Zone:
        left = [Row(row.name, row.runs[:1]) for row in zone.rows]
        right = [Row(row.name, row.runs[1:]) for row in zone.rows]
        return replace(zone, rows=(*left, *right))

    return replace(plan, zones=tuple(map(apart, plan.zones)), notes=("blocks listed apart",))


def half_moons(rng: Random) -> Plan:
    """Tables with chairs at their far sides alone, before a stage."""
    lines, across, seats = rng.randint(2, 4), rng.randint(3, 5), rng.randint(4, 5)
    turns = [pi * (0.1 + 0.8 * s / (seats - 1)) for s in range(seats)]
    radius = 0.5 / sin(0.4 * pi / (seats - 1))
    step = 2 * radius + 2.5
    tables = []
    for n in range(lines * across):
        x, y = (n % across - (across - 1) / 2) * step, n // across * (radius + 3)
        arc = [(x - radius * cos(t), y + radius * sin(t)) for t in turns]
        tables.append(row(f"Table {n + 1}", [arc], through))
    top = -6.0
    zones = (
        Zone(name="Tables", rows=tuple(tables)),
        stage(rng, box(-step, top, step, top + 3)),
    )
    front = Spot((0.0, top + 1.5), 4.0)
    return Plan(zones=zones, fronts={"": front}, notes=("half moons",), has_holes=False)
