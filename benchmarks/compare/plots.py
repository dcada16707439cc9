"""Bars as SVG, for a page in a light or a dark frame: a group a server, a bar a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH, LABELS, RIGHT, BAR, GAP, TOP = 760, 210, 150, 18, 12, 46
OURS: Final = ("#0b6e4f", "#2a9d78", "#7cc9ad")
OTHERS: Final = ("#4a5568", "#718096", "#a0aec0")
"""Shades, the darkest first; of a group as many as it has bars."""


@dataclass(frozen=True)
class Group:
    """The bars of a server: each with what it is of."""

    name: str
    bars: Sequence[tuple[str, float]]
    is_ours: bool = False


def bars(title: str, groups: Sequence[Group]) -> str:
    """The plot; all bars begin at nothing, and are as long as what they tell."""
    largest = max(value for group in groups for _, value in group.bars)
    parts, y = [_text(16, 26, title, "font-size='16' font-weight='600'")], TOP
    for group in groups:
        shades = OURS if group.is_ours else OTHERS
        middle = y + BAR * len(group.bars) / 2 + 5
        parts.append(_text(LABELS - 10, middle, group.name, "text-anchor='end'"))
        for shade, (what, value) in zip(shades, group.bars, strict=False):
            length = (WIDTH - LABELS - RIGHT) * value / (largest or 1)
            parts.append(
                f"<rect x='{LABELS}' y='{y}' width='{max(length, 1):.1f}' height='{BAR - 3}' "
                f"rx='2' fill='{shade}'/>"
            )
            told = f"{value:,.0f}" + (f" {what}" if what else "")
            parts.append(_text(LABELS + length + 6, y + 12, told, "font-size='12'"))
            y += BAR
        y += GAP
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {y + 4}' role='img' "
        f"font-family='system-ui, sans-serif' font-size='13'><title>{escape(title)}</title>"
        f"<rect width='100%' height='100%' fill='#ffffff'/>{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, said: str, more: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' fill='#1a202c' {more}>{escape(said)}</text>"
