"""What halls are built of: lines of seats with aisles, bent rows, paths around a pitch, names.

A seat is 1 wide. The stage is above (`y` grows away from it), until a hall is turned.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import cos, hypot, pi, sin
from random import Random
from typing import Final, TypeAlias

from tests.halls.truth import Chair, Point, Row, Zone

Numbers: TypeAlias = Callable[[int], list[str]]
"""Names for so many seats, from the left to the right."""

STAGES: Final = ("Stage", "Main stage", "Scène", "Bühne", "Escenario", "Palcoscenico", "Сцена")
SCREENS: Final = ("Screen", "Écran", "Leinwand")
ROMAN: Final = (
    *("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV"),
    *("XV", "XVI", "XVII", "XVIII", "XIX", "XX", "XXI", "XXII", "XXIII", "XXIV", "XXV"),
)


def split(seats: int, parts: Sequence[float]) -> list[int]:
    """So many seats in groups of about these shares, with an aisle between two groups."""
    whole, ends, at = sum(parts), [0], 0.0
    for part in parts:
        at += part
        ends.append(round(seats * at / whole))
    return [after - before for before, after in pairwise(ends) if after > before]


def line(groups: Sequence[int], aisle: float) -> list[list[float]]:
    """Places along a row with its middle at 0: groups of seats, so much room between two."""
    width = sum(groups) - 1 + aisle * (len(groups) - 1)
    found, at = [], -width / 2
    for group in groups:
        found.append([at + seat for seat in range(group)])
        at += group + aisle
    return found


def row(name: str, groups: Iterable[Iterable[Point]], numbers: Numbers) -> Row:
    """A row of groups from the left to the right."""
    placed = [list(group) for group in groups]
    names = iter(numbers(sum(map(len, placed))))
    return Row(name, tuple(tuple(Chair(next(names), at) for at in group) for group in placed))


def straight(
    names: Sequence[str],
    groups: Sequence[Sequence[int]],
    *,
    aisle: float = 1.2,
    pitch: float = 1.4,
    first: float = 0.0,
    numbers: Numbers | None = None,
) -> tuple[Row, ...]:
    """Rows one behind the other, each of such groups; the first is at `first`."""
    count = numbers or through
    return tuple(
        row(name, [[(x, first + n * pitch) for x in xs] for xs in line(each, aisle)], count)
        for n, (name, each) in enumerate(zip(names, groups, strict=True))
    )


def through(count: int) -> list[str]:
    """1, 2, 3 from the left."""
    return [str(n + 1) for n in range(count)]


def from_right(count: int) -> list[str]:
    """1, 2, 3 from the right."""
    return through(count)[::-1]


def hundreds(count: int) -> list[str]:
    """101, 102, 103 from the left, as in continental houses."""
    return [str(101 + n) for n in range(count)]


def letters(count: int) -> list[str]:
    """A, B, C, as in vehicles."""
    return [chr(ord("A") + n) for n in range(count)]


def odd_even(count: int) -> list[str]:
    """From the middle: odd numbers to the right, even ones to the left."""
    left = count // 2
    return [str(2 * (left - n)) for n in range(left)] + [
        str(2 * n + 1) for n in range(count - left)
    ]


def by_number(row: Row) -> Row:
    """The row with its seats listed by their numbers."""
    chairs = row.chairs
    return replace(row, order=tuple(sorted(range(len(chairs)), key=lambda n: int(chairs[n].name))))


def row_names(rng: Random, count: int) -> list[str]:
    """Names of rows from the front to the back, as issuers write them."""
    alphabet = [chr(ord("A") + n) for n in range(26)]
    without = [letter for letter in alphabet if letter not in "IO"]
    doubled = [letter * 2 for letter in alphabet]
    numbers = [str(n + 1) for n in range(count)]
    extra = rng.randint(1, 3)
    schemes = [
        (alphabet + doubled)[:count],
        (without + [letter * 2 for letter in without])[:count],
        (doubled[:extra] + alphabet + doubled[extra:])[:count],
        numbers,
        [f"Row {n}" for n in numbers],
        [f"R{n}" for n in numbers],
        [f"{n}A" for n in numbers],
        [f"Rang {letter}" for letter in (alphabet + doubled)[:count]],
        list(ROMAN[:count]) if count <= len(ROMAN) else numbers,
        [str(n + 11) for n in range(count)],
    ]
    return rng.choices(schemes, weights=(5, 2, 2, 5, 1, 1, 1, 1, 1, 1))[0]


def bent(rows: Sequence[Row], radius: float) -> tuple[Row, ...]:
    """Straight rows bent around a point so far before the line y = 0; seats stay 1 apart."""

    def place(at: Point) -> Point:
        x, y = at
        turn = x / (radius + y)
        return (radius + y) * sin(turn), (radius + y) * cos(turn) - radius

    return placed(rows, place)


def turned(rows: Sequence[Row], angle: float, to: Point = (0.0, 0.0)) -> tuple[Row, ...]:
    """Rows turned by an angle about (0, 0), and then moved."""
    c, s = cos(angle), sin(angle)
    return placed(rows, lambda at: (at[0] * c - at[1] * s + to[0], at[0] * s + at[1] * c + to[1]))


def moved(rows: Sequence[Row], to: Point) -> tuple[Row, ...]:
    """Rows moved by a distance."""
    return placed(rows, lambda at: (at[0] + to[0], at[1] + to[1]))


def placed(rows: Sequence[Row], place: Callable[[Point], Point]) -> tuple[Row, ...]:
    """Rows with each chair elsewhere."""
    return tuple(
        replace(
            each, runs=tuple(tuple(Chair(c.name, place(c.at)) for c in run) for run in each.runs)
        )
        for each in rows
    )


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """The corners of a rectangle."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def stage(rng: Random, corners: tuple[Point, ...], names: Sequence[str] = STAGES) -> Zone:
    """A zone that is the stage: without seats and without offers."""
    return Zone(name=rng.choice(names), polygon=corners, is_stage=True)


class Ring:
    """Lines around a pitch: a rectangle with round corners, of which the outer lines are longer."""

    def __init__(self, half_width: float, half_height: float, corner: float) -> None:
        self._across, self._down, self._corner = half_width, half_height, corner

    def length(self, out: float) -> float:
        """The length of the line that is so far out."""
        return 4 * (self._across + self._down) + 2 * pi * (self._corner + out)

    def place(self, part: float, out: float) -> Point:
        """The place after a part (0 to 1) of that line, from the middle of the upper side on."""
        radius = self._corner + out
        quarter = pi / 2 * radius
        across, down = self._across, self._down
        at = part % 1 * self.length(out)
        # The sides in turn, each followed by its corner; the upper side begins in its middle.
        legs = ((across, 0), (2 * down, 1), (2 * across, 2), (2 * down, 3), (across, 4))
        corners = ((across, -down), (across, down), (-across, down), (-across, -down))
        for leg, side in legs:
            if at <= leg or side == 4:
                return self._on_side(side, at, radius)
            at -= leg
            if at <= quarter:
                turn = at / radius + (side - 1) * pi / 2
                x, y = corners[side]
                return x + radius * cos(turn), y + radius * sin(turn)
            at -= quarter
        raise AssertionError("the last side ends the line")

    def _on_side(self, side: int, at: float, radius: float) -> Point:
        across, down = self._across, self._down
        return {
            0: (at, -down - radius),
            1: (across + radius, -down + at),
            2: (across - at, down + radius),
            3: (-across - radius, down - at),
            4: (-across + at, -down - radius),
        }[side]

    def rows(
        self, names: Sequence[str], begin: float, end: float, *, out: float, pitch: float
    ) -> tuple[Row, ...]:
        """Rows between two parts of the ring, the first of them so far out; seats are 1 apart."""
        found = []
        for n, name in enumerate(names):
            away = out + n * pitch
            whole = self.length(away)
            count = max(2, int((end - begin) * whole - 1.6))
            start = (begin + end) / 2 * whole - (count - 1) / 2
            places = [self.place((start + seat) / whole, away) for seat in range(count)]
            found.append(row(name, [places], through))
        return tuple(found)


def unit(vector: Point) -> Point:
    """The direction of a vector."""
    length = hypot(*vector)
    return vector[0] / length, vector[1] / length
