"""What is held, in one line: the first product with its day, and how many lines there are besides.

It heads the question to a person and their confirmation, so its end is never cut: the day.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from korus_mcp.booking.hold import Hold, Line
from korus_mcp.foundation.text import inert_line, without_middle


def goods_line(holds: Sequence[Hold], most: int, told: Callable[[datetime], str]) -> str:
    """What is first on, with its day or first time; of the rest how many lines there are.

    `most`: in characters. `told` writes a moment.
    """
    lines = sorted((line for hold in holds for line in hold.lines), key=_by_day)
    if not lines:
        return "Tickets whose names could not be read"
    first, *others = lines
    when, more = _when(first, told), f" + {len(others)} more" if others else ""
    behind = f", {when}{more}" if when else more
    name = inert_line(f"{first.quantity} x {first.product}")
    return without_middle(name, most - len(behind)) + behind


def _by_day(line: Line) -> tuple[bool, str, str]:
    when = _when(line, datetime.isoformat)
    return when is None, when or "", f"{line.quantity} x {line.product}"


def _when(line: Line, told: Callable[[datetime], str]) -> str | None:
    """The day of a line, or its first time, and of how many that is the first."""
    if not line.starts_at:
        return None if line.day is None else line.day.isoformat()
    count = len(line.starts_at)
    return told(min(line.starts_at)) + (f", first of {count} times" if count > 1 else "")
