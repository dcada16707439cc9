"""Places for zones of unknown shape: rows of boxes ("bands"), at least one band a category."""

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from math import ceil
from typing import Final

from korus_mcp.seating.geometry import Box

_GAP: Final = 8.0
_GROUP_GAP: Final = 16.0
_WIDEST: Final = 500.0
_MOST_GROUPS: Final = 12
"""With more categories than this they are not kept apart: the bands would be too low to read."""


def boxes_of(
    groups: Sequence[Sequence[int]], width: float, height: float, *, tallest: float
) -> Mapping[int, Box]:
    """A box for each number, group after group from top to bottom, at most `tallest` high.

    The boxes of a band fill the width. A band has as few boxes as possible within `height`, so that
    names can be read.
    """
    if len(groups) > _MOST_GROUPS:
        groups = [list(chain.from_iterable(groups))]
    bands = _bands(groups, width, height, tallest)
    # With too many bands the gaps shrink, so that boxes have at least half of the height.
    gaps = sum(_GROUP_GAP if begins else _GAP for _, begins in bands[1:])
    tall = min(tallest, max(height - gaps, height / 2) / max(len(bands), 1))
    squeeze = min(1.0, (height - tall * len(bands)) / gaps) if gaps else 1.0
    found: dict[int, Box] = {}
    top = 0.0
    for band, begins in bands:
        top += (_GROUP_GAP if begins else _GAP) * squeeze if found else 0.0
        found |= _in_a_band(band, width, top, tall)
        top += tall
    return found


def _bands(
    groups: Sequence[Sequence[int]], width: float, height: float, tallest: float
) -> list[tuple[Sequence[int], bool]]:
    """The bands, each with whether it begins a group."""
    # Start with wide boxes, and put more into a band until all bands fit the height.
    longest = max(map(len, groups), default=1)
    most = min(longest, ceil(width / _WIDEST))
    while most < longest:
        count = sum(ceil(len(group) / most) for group in groups)
        if count * min(width / most / 2, tallest) <= height:
            break
        most += 1
    return [band for group in groups for band in _split(group, most)]


def _split(group: Sequence[int], most: int) -> list[tuple[Sequence[int], bool]]:
    """A group in bands of nearly equal length."""
    count = ceil(len(group) / most)
    ends = [len(group) * n // count for n in range(count + 1)]
    return [(group[start:end], start == 0) for start, end in pairwise(ends)]


def _in_a_band(band: Sequence[int], width: float, top: float, tall: float) -> dict[int, Box]:
    share = width / len(band)
    gap = min(_GAP, share / 4)
    return {
        number: Box(
            n * share + gap / 2 * (n > 0),
            top,
            (n + 1) * share - gap / 2 * (n + 1 < len(band)),
            top + tall,
        )
        for n, number in enumerate(band)
    }
