"""The picture in few colours: what it keeps, and how its bytes are read."""

import random

import pytest

from korus_mcp.seating.indexed import indexed
from tests.seating.pixels import Pixels, decoded, written

RED, GREEN, HALF_BLUE = bytes((255, 0, 0, 255)), bytes((0, 255, 0, 255)), bytes((0, 0, 255, 128))


def picture_of(*rows: bytes) -> Pixels:
    return Pixels(len(rows[0]) // 4, rows)


def noise(width: int, height: int, *colours: bytes) -> Pixels:
    dice = random.Random(1)
    return picture_of(
        *(b"".join(dice.choice(colours) for _ in range(width)) for _ in range(height))
    )


@pytest.mark.parametrize("way", range(5), ids=["none", "sub", "up", "average", "paeth"])
def test_a_picture_of_few_colours_stays_as_it_is(way: int) -> None:
    picture = noise(31, 20, RED, GREEN, HALF_BLUE, bytes((7, 77, 177, 255)))
    assert decoded(indexed(written(picture, way), 4)) == picture


@pytest.mark.parametrize("colours", [16, 17])
@pytest.mark.parametrize("width", [8, 9])
def test_numbers_of_half_a_byte_are_for_sixteen_colours(width: int, colours: int) -> None:
    shades = [bytes((shade, 0, 0, 255)) for shade in range(colours)]
    picture = picture_of(*(b"".join(shades[y:] + shades[:y])[: 4 * width] for y in range(colours)))
    made = indexed(written(picture, 0), colours)
    assert decoded(made) == picture
    assert made[24] == (4 if colours == 16 else 8)


def test_a_rare_colour_becomes_the_nearest_that_is_kept() -> None:
    nearly_red = bytes((250, 9, 9, 255))
    picture = picture_of(RED * 3 + GREEN * 2 + nearly_red)
    assert decoded(indexed(written(picture, 0), 2)) == picture_of(RED * 3 + GREEN * 2 + RED)
