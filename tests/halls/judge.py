"""Compares what the server tells and draws of a hall with the truth.

It knows the picture as anybody does who looks at it: an SVG with areas, dots and texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import atan2, degrees, dist
from statistics import fmean
from typing import Any, Final

from tests.halls.picture import Picture, read_picture
from tests.halls.truth import Front, Hall, Point, Side

MOST_DEGREES: Final = 30.0
"""A front on one side is right if it is that way from the middle of the seats, within so much."""
_SLACK: Final = 2.0
"""How far from its place, in units of a drawing that is 1000 long, a seat may be drawn."""
_ASKED: Final = 40


class FrontVerdict(StrEnum):
    """RIGHT, UNSURE and WRONG where people look somewhere; QUIET and CLAIMED where nowhere."""

    RIGHT = "right"
    UNSURE = "unsure"
    WRONG = "wrong"
    QUIET = "quiet"
    CLAIMED = "claimed"


class RunVerdict(StrEnum):
    """The longest run of neighbours as it is told."""

    EXACT = "exact"
    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the server makes of a hall.

    `together` is the longest run by number of zone, of those that are told of. `fronts`, `seats`
    and `outlines` are in the drawing's units; `picture` is an SVG in which each zone has its colour
    of `colours`. `widths` are those of its texts at size 1.
    """

    together: Mapping[int, int | None]
    fronts: Sequence[Point]
    seats: Sequence[Sequence[Point]]
    outlines: Sequence[Sequence[Point]]
    picture: str
    colours: Mapping[int, str]
    widths: Mapping[str, float]

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Told":
        """A line of `tell`."""
        return cls(
            together={int(number): longest for number, longest in line["together"].items()},
            fronts=[(x, y) for x, y in line["fronts"]],
            seats=[[(x, y) for x, y in zone["seats"]] for zone in line["zones"]],
            outlines=[[(x, y) for x, y in zone["outline"]] for zone in line["zones"]],
            picture=line["picture"],
            colours={int(number): colour for number, colour in line["colours"].items()},
            widths=line["widths"],
        )


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Pairs of labels that touch, labels that leave the picture, and that lie on another zone."""

    collide: int = 0
    leave: int = 0
    astray: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was right and wrong of one hall: a front a level, a run a zone."""

    fronts: Sequence[FrontVerdict]
    runs: Sequence[RunVerdict]
    labels: Labels = field(default_factory=Labels)
    faults: Sequence[str] = ()
    """What is wrong, in words."""

    @property
    def front(self) -> FrontVerdict:
        """The worst of its levels."""
        order = (
            FrontVerdict.WRONG,
            FrontVerdict.CLAIMED,
            FrontVerdict.UNSURE,
            FrontVerdict.RIGHT,
            FrontVerdict.QUIET,
        )
        return min(self.fronts, key=order.index)


def judged(hall: Hall, told: Told) -> Verdict:
    """The verdict on a hall."""
    faults: list[str] = []
    fronts = []
    for level, front in hall.fronts.items():
        verdict, words = _front(hall, level, front, told)
        fronts.append(verdict)
        faults += [f"front {verdict}{f' of {level}' if level else ''}: {words}"] * bool(words)
    runs = []
    for number, zone in enumerate(hall.zones):
        if number in told.together:
            longest = told.together[number]
            runs.append(_run(zone.longest, longest))
            if runs[-1] is not RunVerdict.EXACT:
                faults.append(f"{zone.name}: up to {longest}, true is {zone.longest}")
    labels, words_of_labels = _labels(read_picture(told.picture), told)
    return Verdict(fronts=fronts, runs=runs, labels=labels, faults=[*faults, *words_of_labels])


def _run(true: int | None, said: int | None) -> RunVerdict:
    if said == true:
        return RunVerdict.EXACT
    return RunVerdict.LONG if (said or 0) > (true or 0) else RunVerdict.SHORT


def _front(hall: Hall, level: str, front: Front, told: Told) -> tuple[FrontVerdict, str]:
    """The verdict on the front of a level, with words for what is wrong."""
    if front is None:
        if told.fronts:
            return FrontVerdict.CLAIMED, "nothing shows one"
        return FrontVerdict.QUIET, ""
    if not told.fronts:
        return FrontVerdict.UNSURE, "none is told"
    true, drawn = _points(hall, level, told)
    fit = _fitted(true, drawn)
    if fit is None:
        return FrontVerdict.WRONG, "its seats are drawn elsewhere"
    middle = fmean(x for x, _ in drawn), fmean(y for _, y in drawn)
    said = min(told.fronts, key=lambda at: dist(at, middle))
    if isinstance(front, Side):
        across, down = fit.turned(front.towards)
        seen = said[0] - middle[0], said[1] - middle[1]
        off = degrees(atan2(across * seen[1] - down * seen[0], across * seen[0] + down * seen[1]))
        words = "" if abs(off) <= MOST_DEGREES else f"{off:.0f} degrees away"
    else:
        away = dist(said, fit.place(front.at)) / (front.reach * fit.scale)
        words = "" if away <= 1 else f"{away:.1f} times as far away as it reaches"
    return (FrontVerdict.WRONG if words else FrontVerdict.RIGHT), words


@dataclass(frozen=True)
class _Fit:
    """The way from the hall's own units into those of the drawing; `flip` is 1 or -1 an axis."""

    scale: float
    flip: Point
    true: Point
    drawn: Point

    def turned(self, direction: Point) -> Point:
        """A direction in the drawing."""
        return direction[0] * self.flip[0], direction[1] * self.flip[1]

    def place(self, at: Point) -> Point:
        """A place in the drawing."""
        x, y = self.turned((at[0] - self.true[0], at[1] - self.true[1]))
        return self.drawn[0] + x * self.scale, self.drawn[1] + y * self.scale


def _points(hall: Hall, level: str, told: Told) -> tuple[list[Point], list[Point]]:
    """Places of a level in the hall and in the drawing: its seats, else corners of its zones."""
    zones = list(hall.of_level(level))
    if any(zone.chairs for _, zone in zones):
        true = [chair.at for _, zone in zones for chair in zone.chairs]
        drawn = [seat for number, _ in zones for seat in told.seats[number]]
        for _, zone in zones:
            # A chair without a place may be drawn or left out: it is the farthest of all.
            if zone.stray is not None and len(drawn) > len(true):
                x, y = sorted(x for x, _ in drawn), sorted(y for _, y in drawn)
                usual = x[len(x) // 2], y[len(y) // 2]
                drawn.remove(max(drawn, key=lambda at: dist(at, usual)))
        return true, drawn
    true = [corner for _, zone in zones for corner in zone.polygon]
    return true, [corner for number, _ in zones for corner in told.outlines[number]]


def _fitted(true: Sequence[Point], drawn: Sequence[Point]) -> _Fit | None:
    """How the places were moved; None if those of the drawing are not the hall's."""
    if len(true) != len(drawn) or len(true) < 2:
        return None
    one, other = _around(true), _around(drawn)
    size = max(one[2] - one[0], one[3] - one[1])
    scale = max(other[2] - other[0], other[3] - other[1]) / size
    for flip in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
        fit = _Fit(scale, flip, _middle(one), _middle(other))
        asked = true[:: -(-len(true) // _ASKED)]
        if all(min(dist(fit.place(at), seat) for seat in drawn) <= _SLACK for at in asked):
            return fit
    return None


def _around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _middle(around: tuple[float, float, float, float]) -> Point:
    return (around[0] + around[2]) / 2, (around[1] + around[3]) / 2


def _labels(picture: Picture, told: Told) -> tuple[Labels, list[str]]:
    """What is wrong with the labels of zones: the texts with a rim in their zone's colour."""
    zones = {colour: number for number, colour in told.colours.items()}
    texts = [(text, text.box(told.widths[text.words])) for text in picture.texts]
    labels = [(text, at) for text, at in texts if text.rim in zones]
    faults = []
    collide = 0
    for place, (one, mine) in enumerate(texts):
        for other, its in texts[place + 1 :]:
            is_asked = one.rim in zones or other.rim in zones
            is_one_label = one.rim == other.rim and one.rim in zones
            if is_asked and not is_one_label and mine.meets(its):
                collide += 1
                faults.append(f"{one.words!r} and {other.words!r} collide")
    leave = [t.words for t, at in labels if not at.lies_within(picture.width, picture.height)]
    faults += [f"{words!r} leaves the picture" for words in leave]
    astray = []
    for text, at in labels:
        owners = {_owner(point, picture, zones) for point in at.samples()}
        if owners - {text.rim, None}:
            astray.append(text.words)
    faults += [f"{words!r} lies on another zone" for words in astray]
    return Labels(collide=collide, leave=len(leave), astray=len(astray)), faults


def _owner(point: Point, picture: Picture, zones: Mapping[str, int]) -> str | None:
    """The colour of the zone that is truly at a point: of the seat there, else the least area."""
    near = [
        (dist(seat, point), colour)
        for colour, dots in picture.dots.items()
        if colour in zones
        for seat in dots.near(point)
    ]
    if near:
        return min(near)[1]
    # The areas of zones with seats are the drawing's idea of them; those without are the issuer's.
    found = [
        (area.size, area.colour)
        for area in picture.areas
        if area.colour in zones and area.colour not in picture.dots and area.contains(point)
    ]
    return min(found)[1] if found else None
