"""Houses with a stage or pitch in the middle, or in a corner."""

from math import cos, pi, sin
from random import Random

from tests.halls.parts import Ring, bent, moved, row, row_names, straight, through, turned
from tests.halls.truth import Plan, Row, Spot, Zone


def arena(rng: Random) -> Plan:
    """A bowl of blocks around a pitch, their rows as straight or round as its edge."""
    ring = Ring(rng.uniform(2, 14), rng.uniform(2, 8), rng.uniform(5, 10))
    blocks, deep = rng.choice((8, 10, 12, 16)), rng.randint(4, 8)
    names = [str(n + 1) for n in range(deep)]
    zones = tuple(
        Zone(
            name=f"Block {101 + n}",
            rows=ring.rows(names, n / blocks, (n + 1) / blocks, out=2, pitch=1.4),
        )
        for n in range(blocks)
    )
    return Plan(zones=zones, fronts={"": Spot((0.0, 0.0), 5.0)}, notes=(f"{blocks} blocks",))


def stadium(rng: Random) -> Plan:
    """Four stands of straight rows, each with two tiers, sometimes open at the corners' ends."""
    across, down = rng.randint(20, 34), rng.randint(12, 22)
    lower, upper = rng.randint(4, 7), rng.randint(3, 6)
    starts = rng.choice(((1, 1), (1, lower + 1)))
    sides = (
        ("North", across, down, pi),
        ("East", down, across, -pi / 2),
        ("South", across, down, 0.0),
        ("West", down, across, pi / 2),
    )
    zones = []
    for name, wide, far, angle in sides:
        for tier, deep, begin, start in (
            ("Lower", lower, 0.0, starts[0]),
            ("Upper", upper, lower * 1.4 + 2.5, starts[1]),
        ):
            rows = straight(
                [str(start + n) for n in range(deep)],
                [[wide // 2, wide - wide // 2]] * deep,
                aisle=1.3,
                first=far / 2 + 3 + begin,
            )
            zones.append(Zone(name=f"{name} {tier}", rows=turned(rows, angle)))
    if rng.random() < 0.2:
        zones = [zone for zone in zones if not zone.name.startswith("North Upper")]
    reach = min(across, down) / 2
    return Plan(zones=tuple(zones), fronts={"": Spot((0.0, 0.0), reach)}, notes=("two tiers",))


def in_the_round(rng: Random) -> Plan:
    """A stage in the middle, and a block on each of its sides: four zones, two, or one."""
    wide, deep = rng.randint(5, 10), rng.randint(3, 6)
    names = row_names(rng, deep)
    rows = straight(names, [[wide]] * deep, first=wide / 2 + 2)
    blocks = [turned(rows, pi / 2 * n) for n in range(4)]
    whole = tuple(
        Row(name, tuple(run for block in blocks for run in block[n].runs))
        for n, name in enumerate(names)
    )
    sides = ("South", "West", "North", "East")
    halves = [
        tuple(Row(a.name, (*a.runs, *b.runs)) for a, b in zip(one, other, strict=True))
        for one, other in ((blocks[0], blocks[2]), (blocks[1], blocks[3]))
    ]
    zones, note = rng.choice(
        (
            (tuple(Zone(name=s, rows=b) for s, b in zip(sides, blocks, strict=True)), "four zones"),
            (tuple(Zone(name=s, rows=b) for s, b in zip(sides, blocks, strict=True)), "four zones"),
            ((Zone(name="Long sides", rows=halves[0]), Zone(name="Ends", rows=halves[1])), "two"),
            ((Zone(name="Stalls", rows=whole),), "a row goes around the stage"),
        )
    )
    return Plan(zones=zones, fronts={"": Spot((0.0, 0.0), wide / 2 + 1.5)}, notes=(note,))


def circus(rng: Random) -> Plan:
    """Wedges around a ring, with a gap where the artists come in."""
    wedges, deep = rng.randint(5, 9), rng.randint(4, 8)
    ring, gap = rng.uniform(6, 10), rng.uniform(0.08, 0.15)
    names = row_names(rng, deep)
    zones = []
    for wedge in range(wedges):
        middle = 2 * pi * (gap / 2 + (1 - gap) * (wedge + 0.5) / wedges)
        rows = []
        for n, name in enumerate(names):
            radius = ring + 2 + n * 1.4
            count = max(2, int(2 * pi * (1 - gap) / wedges * radius - 1.5))
            turns = [middle + (s - (count - 1) / 2) / radius for s in range(count)]
            places = [(radius * sin(t), -radius * cos(t)) for t in turns]
            rows.append(row(name, [places], through))
        zones.append(Zone(name=f"Sector {wedge + 1}", rows=tuple(rows)))
    front = Spot((0.0, 0.0), ring)
    return Plan(zones=tuple(zones), fronts={"": front}, notes=("a gap in the ring",))


def around_a_corner(rng: Random) -> Plan:
    """A stage in the corner of an L: one block before it, one beside it, each facing it."""
    wide, deep = rng.randint(7, 14), rng.randint(4, 9)
    aside, steps = rng.randint(5, 10), rng.randint(3, 7)
    half = wide / 2
    block = straight(row_names(rng, deep), [[wide]] * deep, first=half + 2)
    side = straight(row_names(rng, steps), [[aside]] * steps, first=half + 2)
    if rng.random() < 0.4:
        block = bent(moved(block, (0, -half - 2)), wide * 1.5)
        block = moved(block, (0, half + 2))
    zones = [Zone(name="Parterre", rows=block), Zone(name="Side", rows=turned(side, pi / 2))]
    if rng.random() < 0.4:
        zones.append(Zone(name="Other side", rows=turned(side, -pi / 2)))
    return Plan(zones=tuple(zones), fronts={"": Spot((0.0, 0.0), half + 1.5)}, notes=("an L or U",))


def traverse(rng: Random) -> Plan:
    """A stage between two blocks that look at each other: two zones, or one."""
    wide, deep, far = rng.randint(7, 16), rng.randint(3, 7), rng.uniform(3, 6)
    names = row_names(rng, deep)
    rows = straight(names, [[wide]] * deep, first=far)
    one, other = rows, turned(rows, pi)
    zones: tuple[Zone, ...] = (Zone(name="Side A", rows=one), Zone(name="Side B", rows=other))
    if rng.random() < 0.4:
        both = zip(names, one, other, strict=True)
        zones = (Zone(name="Seats", rows=tuple(Row(n, (*a.runs, *b.runs)) for n, a, b in both)),)
    return Plan(zones=zones, fronts={"": Spot((0.0, 0.0), far - 0.5)}, notes=("two sides",))


def thrust(rng: Random) -> Plan:
    """A stage that reaches into the hall, with five blocks turned to it."""
    wide, deep, far = rng.randint(5, 8), rng.randint(3, 7), rng.uniform(9, 13)
    rows = straight(row_names(rng, deep), [[wide]] * deep, first=far)
    zones = tuple(
        Zone(name=f"Block {n + 1}", rows=turned(rows, pi / 2 - n * pi / 4)) for n in range(5)
    )
    return Plan(zones=zones, fronts={"": Spot((0.0, 0.0), far - 1)}, notes=("a thrust stage",))
