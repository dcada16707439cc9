"""Vehicles: coaches, trains, aircraft, decks one above the other."""

from dataclasses import replace
from random import Random

from tests.halls.parts import letters, row, row_names, straight, through
from tests.halls.truth import UP, Plan, Row, Run, Zone


def coach(rng: Random) -> Plan:
    """Rows of 2 + 2 or 1 + 2, the last one without an aisle; some issuers name no row."""
    sides = rng.choice(((2, 2), (1, 2), (2, 1)))
    deep = rng.randint(8, 13)
    rows = list(
        straight(
            [str(n + 1) for n in range(deep)],
            [sides] * deep,
            aisle=rng.uniform(0.9, 1.4),
            pitch=rng.uniform(1.2, 1.6),
            numbers=rng.choice((letters, through)),
        )
    )
    notes = ["2 + 2" if sides == (2, 2) else "1 + 2"]
    if rng.random() < 0.5:
        end = rows[-1].chairs[0].at[1] + 1.5
        last = sum(sides) + 1
        rows.append(row(str(deep + 1), [[(s - (last - 1) / 2, end) for s in range(last)]], letters))
    is_named = rng.random() < 0.75
    if not is_named:
        rows = [Row("", tuple(run for each in rows for run in each.runs))]
        notes.append("one row without a name")
    zones: tuple[Zone, ...] = (Zone(name="Coach", rows=tuple(rows), capacity=deep * sum(sides)),)
    return Plan(zones=zones, fronts={"": UP if is_named else None}, notes=tuple(notes))


def train(rng: Random) -> Plan:
    """Bays of two seats that face two others across a table: nobody looks to one front."""
    sides = rng.choice(((2, 2), (1, 2)))
    zones = []
    for wagon in range(rng.randint(1, 3)):
        bays = []
        for bay in range(rng.randint(4, 9)):
            top = wagon * 34 + bay * 3.1
            bays.append(straight(("", ""), [sides, sides], pitch=1.9, first=top, aisle=1.2))
        if rng.random() < 0.5:
            rows = [
                Row(f"Bay {n + 1}", tuple(run for each in bay for run in each.runs))
                for n, bay in enumerate(bays)
            ]
        else:
            rows = [Row("", tuple(run for bay in bays for each in bay for run in each.runs))]
        zones.append(Zone(name=f"Coach {wagon + 11}", rows=tuple(rows)))
    return Plan(zones=tuple(zones), fronts={"": None}, notes=("bays of four",), has_holes=False)


def aircraft(rng: Random) -> Plan:
    """Business before Economy, rows through both, no row 13; a wider gap at the exits."""
    ahead, behind = rng.choice((((2, 2), (3, 3)), ((1, 2, 1), (3, 4, 3)), ((2, 2), (2, 4, 2))))
    first, deep = rng.randint(2, 6), rng.randint(12, 24)
    numbers = [str(n) for n in range(1, first + deep + 2) if n != 13][: first + deep]
    front = straight(numbers[:first], [ahead] * first, pitch=1.7, aisle=1.4, numbers=letters)
    rear = straight(
        numbers[first:],
        [behind] * deep,
        pitch=1.3,
        aisle=1.2,
        first=first * 1.7 + 2,
        numbers=letters,
    )
    exits = rng.randint(4, deep - 3)
    rear = (*rear[:exits], *(replace(r, runs=_back(r)) for r in rear[exits:]))
    zones = (Zone(name="Business", rows=front), Zone(name="Economy", rows=rear))
    return Plan(zones=zones, fronts={"": UP}, notes=("+".join(map(str, behind)),))


def _back(each: Row) -> tuple[Run, ...]:
    return tuple(
        tuple(replace(chair, at=(chair.at[0], chair.at[1] + 1.0)) for chair in run)
        for run in each.runs
    )


def decks(rng: Random) -> Plan:
    """Two decks, or two floors, drawn at the same place, with fronts of their own."""
    names = rng.choice(
        (("Lower deck", "Upper deck"), ("Parterre", "1st floor"), ("Level 0", "Level 1"))
    )
    wide, deep = rng.choice(((2, 2), (5, 5), (4, 7))), rng.randint(6, 12)
    zones = []
    for level in names:
        rows = straight(row_names(rng, deep), [wide] * deep, pitch=1.4, aisle=1.2, numbers=through)
        zones.append(Zone(name=level, rows=rows, level=level))
        deep = max(4, deep - rng.randint(0, 2))
    return Plan(zones=tuple(zones), fronts=dict.fromkeys(names, UP), notes=("at the same place",))
