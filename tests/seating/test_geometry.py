"""Plane geometry that is computed in a quick way: it says what the plain one does."""

from random import Random

import pytest

from korus_mcp.seating.geometry import Point, contains, edges, spans, spans_at

_RNG = Random("outlines")
STAR: tuple[Point, ...] = ((0, -10), (6, 9), (-10, -3), (10, -3), (-6, 9))
WITH_A_HOLE: tuple[Point, ...] = ((0, 0), (9, 0), (9, 9), (3, 9), (3, 3), (6, 3), (6, 6), (0, 6))
OUTLINES = [
    STAR,
    WITH_A_HOLE,
    *(tuple((_RNG.uniform(-9, 9), _RNG.uniform(-9, 9)) for _ in range(n)) for n in range(1, 30)),
]


@pytest.mark.parametrize("outline", OUTLINES, ids=len)
def test_the_spans_of_many_lines_are_those_of_each(outline: tuple[Point, ...]) -> None:
    # Some of the lines go through corners.
    lines = sorted([*(y for _, y in outline), *(n / 2 for n in range(-20, 20))])
    assert spans_at(outline, lines) == [spans(outline, y) for y in lines]


@pytest.mark.parametrize("outline", OUTLINES, ids=len)
def test_a_point_is_inside_where_a_span_of_its_line_has_it(outline: tuple[Point, ...]) -> None:
    places = [*outline, *((x / 2, y / 2) for x in range(-20, 20, 3) for y in range(-20, 20, 3))]
    for x, y in places:
        is_within = any(left <= x < right for left, right in spans(outline, y))
        assert contains(outline, (x, y)) == is_within, (x, y)


def test_an_outline_has_as_many_sides_as_corners_and_none_has_none() -> None:
    assert list(edges([(0, 0), (1, 0), (1, 1)])) == [
        ((1, 1), (0, 0)),
        ((0, 0), (1, 0)),
        ((1, 0), (1, 1)),
    ]
    assert not list(edges(()))
    assert not contains((), (0, 0))
    assert spans_at((), [0.0, 1.0]) == [[], []]
