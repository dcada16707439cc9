"""How issuers send a hall: in any units, turned, mirrored, listed in any order, partly sold.

None of it changes who sits beside whom, and where people look.
"""

from collections.abc import Callable
from dataclasses import replace
from math import cos, hypot, pi, sin
from random import Random

from tests.halls.truth import Chair, Front, Plan, Point, Row, Side, Spot, Zone


def disguised(plan: Plan, rng: Random) -> Plan:
    """The plan as one of many issuers might send it; its notes say how."""
    if plan.has_holes and rng.random() < 0.15:
        plan = _with_holes(plan, rng)
    plan = _listed(plan, rng)
    plan = _in_other_units(plan, rng)
    plan = _with_a_stray(plan, rng)
    return _partly_sold(plan, rng)


def _noted(plan: Plan, zones: tuple[Zone, ...], *notes: str) -> Plan:
    return replace(plan, zones=zones, notes=(*plan.notes, *notes))


def _with_holes(plan: Plan, rng: Random) -> Plan:
    """Some chairs are missing, so that those beside them have a neighbour less."""

    def holed(each: Row) -> Row:
        runs, kept, at = [], [], 0
        for run in each.runs:
            part: list[Chair] = []
            for chair in run:
                # A row keeps its ends: a shorter row is nothing special.
                if 0 < at < len(each.chairs) - 1 and rng.random() < 0.02:
                    runs.append(tuple(part))
                    part = []
                else:
                    part.append(chair)
                    kept.append(at)
                at += 1
            runs.append(tuple(part))
        order = None
        if each.order is not None:
            anew = {old: new for new, old in enumerate(kept)}
            order = tuple(anew[old] for old in each.order if old in anew)
        return Row(each.name, tuple(run for run in runs if run), order)

    zones = tuple(replace(zone, rows=tuple(map(holed, zone.rows))) for zone in plan.zones)
    return _noted(plan, zones, "holes")


def _listed(plan: Plan, rng: Random) -> Plan:
    """Rows, seats and zones in another order."""
    of_rows = rng.choices(("", "rows from the back", "rows in any order"), (7, 2, 1))[0]
    of_seats = rng.choices(("", "seats from the right", "seats in any order"), (7, 2, 1))[0]

    def seats(row: Row) -> Row:
        places = list(row.order or range(len(row.chairs)))
        if of_seats == "seats from the right":
            places.reverse()
        elif of_seats:
            rng.shuffle(places)
        return replace(row, order=tuple(places)) if of_seats else row

    def rows(zone: Zone) -> Zone:
        found = [seats(row) for row in zone.rows]
        if of_rows == "rows from the back":
            found.reverse()
        elif of_rows:
            rng.shuffle(found)
        return replace(zone, rows=tuple(found))

    zones = [rows(zone) for zone in plan.zones]
    if rng.random() < 0.5:
        rng.shuffle(zones)
    return _noted(plan, tuple(zones), *filter(None, (of_rows, of_seats)))


def _in_other_units(plan: Plan, rng: Random) -> Plan:
    """Scaled, turned, mirrored and moved."""
    scale = rng.choice((1.0, 10.0, 20.0, 30.0, 30.0, 10 ** rng.uniform(-2.5, 4)))
    turn = rng.choice((0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.5, rng.uniform(0, 2))) * pi
    mirror = rng.choice((1.0, 1.0, 1.0, -1.0))
    upwards = rng.choice((1.0, 1.0, 1.0, -1.0))
    corner = (rng.uniform(-1, 1) * 200 * scale, rng.uniform(-1, 1) * 200 * scale)
    shift = rng.choice(((0.0, 0.0), corner, (50 * scale, 50 * scale)))
    # Many issuers keep whole numbers; no seat is moved by more than a fortieth of a seat.
    digits = 0 if scale >= 20 and rng.random() < 0.5 else 8
    c, s = cos(turn), sin(turn)

    def towards(at: Point) -> Point:
        x, y = at[0] * mirror, at[1] * upwards
        return x * c - y * s, x * s + y * c

    def place(at: Point) -> Point:
        x, y = towards(at)
        return round(x * scale + shift[0], digits), round(y * scale + shift[1], digits)

    def front(of: Front) -> Front:
        if isinstance(of, Side):
            return Side(towards(of.towards))
        return Spot(place(of.at), of.reach * scale) if of else None

    zones = tuple(_moved(zone, place) for zone in plan.zones)
    notes = [f"x {scale:.3g}"]
    notes += [f"turned {turn / pi * 180:.0f}"] if turn else []
    notes += ["mirrored"] if mirror < 0 else []
    notes += ["y upwards"] if upwards < 0 else []
    moved = replace(plan, fronts={level: front(of) for level, of in plan.fronts.items()})
    return _noted(moved, zones, *notes)


def _moved(zone: Zone, place: Callable[[Point], Point]) -> Zone:
    def moved(row: Row) -> Row:
        runs = tuple(tuple(Chair(c.name, place(c.at)) for c in run) for run in row.runs)
        return replace(row, runs=runs)

    return replace(
        zone,
        rows=tuple(map(moved, zone.rows)),
        polygon=tuple(map(place, zone.polygon)),
    )


def _with_a_stray(plan: Plan, rng: Random) -> Plan:
    """One seat that nobody placed, where (0, 0) is far from the hall."""
    chairs = [chair.at for zone in plan.zones for chair in zone.chairs]
    if not chairs or rng.random() > 0.06:
        return plan
    xs, ys = zip(*chairs, strict=True)
    size = hypot(max(xs) - min(xs), max(ys) - min(ys))
    if min(hypot(x, y) for x, y in chairs) < 2 * size:
        return plan
    number = next(n for n, zone in enumerate(plan.zones) if zone.chairs)
    zones = list(plan.zones)
    zones[number] = replace(zones[number], stray=Chair("?", (0.0, 0.0)))
    return _noted(plan, tuple(zones), "one seat at (0, 0)")


def _partly_sold(plan: Plan, rng: Random) -> Plan:
    """Half of the halls state what is left in each zone, some zones being sold out."""
    if rng.random() < 0.5:
        return plan

    def left(zone: Zone) -> Zone:
        places = len(zone.chairs) or zone.capacity or 0
        return replace(zone, left=0 if rng.random() < 0.1 else rng.randint(1, max(1, places)))

    zones = tuple(zone if zone.is_stage else left(zone) for zone in plan.zones)
    return _noted(plan, zones, "partly sold")
