"""The colours of a seat map: a colour ramp for prices, and two themes (light and dark).

Zones are coloured by price, because that is what people compare, and prices have an order. The ramp
is viridis without its ends: its lightness falls evenly as prices rise, so it works in print, in
grey and with every kind of colour blindness. Cheap is yellow and expensive is violet in both
themes. The colours of an issuer's categories are not used: they have no order, may look alike to
colour-blind people, and some are too near to the background of one theme.
"""

from dataclasses import dataclass
from typing import Final

BLACK: Final = "#000000"
WHITE: Final = "#ffffff"
STEPS: Final = 6
"""The most colours of the ramp; with more prices, neighbouring prices share a colour."""
_VIRIDIS: Final = (
    "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884",
    "#44bf70", "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip
# The ends of viridis are left out: they are too near to the colours of text and background.
_DEAREST: Final = 0.05
_CHEAPEST: Final = 0.97


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The other colours of a picture, each `#rrggbb`."""

    paper: str
    ink: str
    faint_ink: str
    no_offer: str
    sold_out: str
    hatch: str
    stage: str


LIGHT: Final = Theme(
    paper="#ffffff",
    ink="#14171c",
    faint_ink="#4d5560",
    no_offer="#e2e5e9",
    sold_out="#f4f5f6",
    hatch="#b4bac2",
    stage="#cdd2d9",
)
DARK: Final = Theme(
    paper="#14171c",
    ink="#f3f5f7",
    faint_ink="#b3bac4",
    no_offer="#30353d",
    sold_out="#20242b",
    hatch="#5a626e",
    stage="#4a515c",
)


def ramp(steps: int) -> tuple[str, ...]:
    """`steps` colours from cheap (yellow) to expensive (violet); up to `STEPS` are distinct.

    A single price gets the middle of the ramp: it is neither cheap nor expensive.
    """
    if steps == 1:
        return (_along(0.45),)
    return tuple(
        _along(_CHEAPEST + (_DEAREST - _CHEAPEST) * rank / (steps - 1)) for rank in range(steps)
    )


def mixed(color: str, other: str, share: float) -> str:
    """A colour with a `share` (0 to 1) of another in it."""
    pairs = zip(_parts(color), _parts(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)


def readable_on(fill: str) -> str:
    """Black or white, whichever contrasts more: always 4.5 to 1 or better (WCAG 2.2 AA)."""
    return max(BLACK, WHITE, key=lambda ink: contrast(ink, fill))


def contrast(color: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((_luminance(color), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _along(place: float) -> str:
    """The colour at a place of the ramp, 0 (violet) to 1 (yellow)."""
    # Linear between two colours of the table, which is near enough with ten of them.
    at = place * (len(_VIRIDIS) - 1)
    before = min(int(at), len(_VIRIDIS) - 2)
    return mixed(_VIRIDIS[before], _VIRIDIS[before + 1], at - before)


def _luminance(color: str) -> float:
    """The relative luminance of WCAG 2.2: how bright a colour of sRGB looks, 0 to 1."""
    shares = [part / 255 for part in _parts(color)]
    linear = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
