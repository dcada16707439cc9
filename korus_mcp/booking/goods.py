"""What is held, in one line: what is first on, its day, and how many tickets there are besides.

It heads the question to a person and their confirmation, so its end is never cut: the day.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from korus_mcp.booking.hold import Hold, Line
from korus_mcp.foundation.text import inert_line, without_middle


def goods_line(holds: Sequence[Hold], most: int, told: Callable[[datetime], str]) -> str:
    """All that is held if it is on at one time and fits; else what is first on, with its day or
    first time, and how many tickets there are besides.

    `most`: in characters. `told` writes a moment.
    """
    lines = sorted((line for hold in holds for line in hold.lines), key=_by_day)
    if not lines:
        return "Tickets whose names could not be read"
    # Added up: "6 x" of one hold and "2 x" of the next are eight to whoever pays for them.
    counts = Counter[tuple[str, str | None]]()
    for line in lines:
        counts[line.product, _when(line, told)] += line.quantity
    (first, *others) = ((f"{count} x {product}", when) for (product, when), count in counts.items())
    name, when = first
    behind = f", {when}" if when else ""
    whole = inert_line(" + ".join((name, *(other for other, _ in others)))) + behind
    if all(other == when for _, other in others) and len(whole) <= most:
        return whole
    besides = counts.total() - next(iter(counts.values()))
    behind += f" + {besides} more" if others else ""
    return without_middle(inert_line(name), most - len(behind)) + behind


def _by_day(line: Line) -> tuple[bool, str, str]:
    when = _when(line, datetime.isoformat)
    return when is None, when or "", f"{line.quantity} x {line.product}"


def _when(line: Line, told: Callable[[datetime], str]) -> str | None:
    """The day of a line, or its first time, and of how many that is the first."""
    if not line.starts_at:
        return None if line.day is None else line.day.isoformat()
    count = len(line.starts_at)
    return told(min(line.starts_at)) + (f", first of {count} times" if count > 1 else "")
