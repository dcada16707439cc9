"""Colours that tell prices apart, also for those who see fewer colours."""

from itertools import combinations
from typing import Final

import pytest

from korus_mcp.seating.palette import DARK, LIGHT, STEPS, Theme, contrast, mixed, ramp, readable_on

SIGHTS: Final = {
    "all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""What is left of linear red, green and blue (Machado, Oliveira and Fernandes 2009, severity 1)."""
APART: Final = 10.0
"""In CIELAB; 2.3 is the least that anybody sees, 10 is seen at a glance."""


def lab(color: str, sight: str) -> tuple[float, float, float]:
    """A colour as somebody of that sight sees it, in CIELAB under D65."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    seen = [
        min(max(sum(a * b for a, b in zip(row, linear, strict=True)), 0.0), 1.0)
        for row in SIGHTS[sight]
    ]
    red, green, blue = seen
    x, y, z = (
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
        for t in (
            (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
            0.2126 * red + 0.7152 * green + 0.0722 * blue,
            (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str, sight: str) -> float:
    pairs = zip(lab(one, sight), lab(other, sight), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def test_the_measure_of_distance_knows_a_pair_that_is_confused() -> None:
    green, orange = "#6fa23a", "#c08a35"
    assert distance(green, orange, "all colours") > 30
    assert distance(green, orange, "deuteranopia") < APART


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("steps", range(2, STEPS + 1))
def test_any_two_prices_are_told_apart_with_every_sight(sight: str, steps: int) -> None:
    assert min(distance(a, b, sight) for a, b in combinations(ramp(steps), 2)) >= APART


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_price_is_never_taken_for_a_zone_that_is_not_on_sale(sight: str, theme: Theme) -> None:
    others = [theme.no_offer, theme.sold_out, theme.paper, theme.stage]
    assert min(distance(a, b, sight) for a in ramp(STEPS) for b in others) >= APART


@pytest.mark.parametrize("steps", range(2, STEPS + 1))
def test_dearer_is_darker(steps: int) -> None:
    lightness = [lab(color, "all colours")[0] for color in ramp(steps)]
    assert lightness == sorted(lightness, reverse=True)


def test_a_single_price_is_neither_cheap_nor_dear() -> None:
    (only,) = ramp(1)
    assert only not in (ramp(STEPS)[0], ramp(STEPS)[-1])


@pytest.mark.parametrize("level", range(0, 256, 5))
def test_black_or_white_can_be_read_on_anything(level: int) -> None:
    grey = f"#{level:02x}{level:02x}{level:02x}"
    assert contrast(readable_on(grey), grey) >= 4.5


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_mix_lies_between_its_colours() -> None:
    assert mixed("#000000", "#ff8040", 0.5) == "#804020"
    assert mixed("#123456", "#ffffff", 0) == "#123456"
