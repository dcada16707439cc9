"""The icon in docs/, drawn from its SVG: those who list servers want a PNG."""

from pathlib import Path
from typing import Final

from resvg_py import svg_to_bytes

DRAWING: Final = Path(__file__).parents[2] / "docs" / "icon.svg"
PICTURE: Final = DRAWING.with_suffix(".png")
SIZE: Final = 512


def drawn() -> bytes:
    """The PNG."""
    return svg_to_bytes(svg_string=DRAWING.read_text("utf-8"), width=SIZE)
