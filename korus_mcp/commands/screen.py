"""What commands print for a person: tables and sentences, wrapped between words.

Colours are for a terminal, and only without NO_COLOR; to a file or a pipe goes plain text. Parts of
the texts were written by issuers: they are cleaned once more, and nothing in them is markup.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from korus_mcp.commands.console import say, shown

GAP: Final = 2
"""The blanks between two columns."""
LONGEST_WORD: Final = 48
"""A column is at least as wide as its longest word, up to this."""
NARROWEST: Final = 12
"""A column is not narrower than this, unless its texts are: a ladder of words is hard to read."""
WIDEST: Final = 10_000
"""The width of what no terminal has to show."""
Told = Callable[[float, float | None, str | None], object]
_UNIT: Final = re.compile(
    r"(?:[A-Z][a-z]{2} \d\d [A-Z][a-z]{2} \d{4}|\d[\d.,]* [A-Z]{3}(?![A-Za-z])|\S)\S*"
)
"""What is never broken: a day, an amount with its currency, or a word."""


class NotDone(Exception):
    """A command ends with 1; each text is a line for the person who typed it."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


@dataclass(frozen=True)
class Column:
    """A column of a table. `is_fact`: a number, price or day, which is never wrapped. `is_once`:
    it is left out where all such columns say the same as in the row above.
    """

    name: str
    is_fact: bool = False
    is_number: bool = False
    is_once: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its cells are never wrapped."""
        return self.is_fact or self.is_number

    def units_of(self, cell: str) -> Sequence[str]:
        """The parts of one of its cells between which it may be wrapped."""
        return [cell] if self.is_whole else _units(cell)


NUMBER: Final = Column("#", is_number=True)
"""The first column of a list whose rows are named by their number."""


class _Console(Console):
    """A console that leaves it to the command line what becomes of a reader that has gone."""

    def on_broken_pipe(self) -> None:
        """Hand the error on: an exit from here would be an error of some task."""
        raise BrokenPipeError


def _console(stream: TextIO, width: int | None = None) -> Console:
    return _Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


class Screen:
    """Prints on a stream, stdout if none is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._console = _console(self._stream)

    @property
    def width(self) -> int:
        """How many characters a line has."""
        return self._console.width

    @property
    def has_colors(self) -> bool:
        """Whether colours are seen."""
        return self._console.color_system is not None and not self._console.no_color

    def can_show(self, text: str) -> bool:
        """Whether the stream takes these characters."""
        try:
            text.encode(self._stream.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True

    def line(self, text: str, style: str = "") -> None:
        """A sentence or a heading; its indent is that of all its lines."""
        told = shown(text)
        lines = [told]
        if self._is_seen and cell_len(told) > self.width:
            indent = told[: len(told) - len(told.lstrip(" "))]
            wrapped = _wrapped(_units(told), self.width - len(indent))
            lines = [indent + each for each in wrapped]
        for line in lines:
            self._console.print(Text(line), style=style, soft_wrap=True)

    def whole_line(self, text: str) -> None:
        """A line that is to be copied, such as a path or a command: the terminal breaks it."""
        self._console.print(Text(shown(text)), soft_wrap=True)

    def drawn(self, lines: Sequence[Text]) -> None:
        """Lines that are a picture."""
        for each in lines:
            self._console.print(each, soft_wrap=True)

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[object]],
        *,
        in_lines: bool = False,
    ) -> None:
        """A table, without the columns in which nothing stands; where it does not fit, its rows in
        lines with the names of the columns. `in_lines`: each row is one line, however long, where
        a program reads it.
        """
        cells = [["" if each is None else shown(str(each)) for each in row] for row in rows]
        there = [n for n in range(len(columns)) if any(row[n] for row in cells)]
        columns = [columns[n] for n in there]
        cells = [[row[n] for n in there] for row in cells]
        room = WIDEST if in_lines and not self._is_seen else self.width
        widths = _widths(columns, cells, room)
        if widths is None:
            for line in _rows_in_lines(columns, cells, room):
                self._console.print(Text(line), soft_wrap=True)
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for column, width in zip(columns, widths, strict=True):
            table.add_column(
                column.name,
                justify="right" if column.is_number else "left",
                no_wrap=column.is_whole,
                width=width,
                overflow="fold",
            )
        for row in _told_once(columns, cells):
            filled = zip(columns, row, widths, strict=True)
            wrapped = (_wrapped(column.units_of(cell), width) for column, cell, width in filled)
            table.add_row(*(Text("\n".join(each)) for each in wrapped))
        # A console prints nothing wider than itself.
        wide = self._console if room == self.width else _console(self._stream, width=room)
        wide.print(table)

    @property
    def _is_seen(self) -> bool:
        """Whether this is a terminal; a program that reads a pipe wants whole lines."""
        return self._console.is_terminal


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int
) -> Sequence[int] | None:
    """The width of each column: that of its longest text, or less where there is no room; but
    facts, and words up to LONGEST_WORD, stay whole. None where that does not fit, or some column
    would be too narrow.
    """
    widths, least = [], []
    for n, column in enumerate(columns):
        texts = [column.name, *(row[n] for row in rows)]
        units = [unit for text in texts for unit in column.units_of(text)]
        longest = max(map(cell_len, units), default=1)
        width = max(map(cell_len, texts))
        widths.append(width)
        narrow = min(max(min(longest, LONGEST_WORD), NARROWEST), width)
        least.append(longest if column.is_whole else narrow)
    room -= GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        # The widest first, so that no column is narrow while another has room to spare.
        spare = [n for n, width in enumerate(widths) if width > least[n]]
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _told_once(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """The rows without what is told once and stands in the row above already."""
    once = [n for n, column in enumerate(columns) if column.is_once]
    above: Sequence[str] | None = None
    for row in rows:
        is_same = above is not None and all(row[n] == above[n] for n in once)
        yield ["" if is_same and n in once else cell for n, cell in enumerate(row)]
        above = row


def _rows_in_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int
) -> Iterator[str]:
    """The rows one below the other, each behind its number, or else behind a dash."""
    is_numbered = columns[0] == NUMBER
    heads = [row[0] if is_numbered else "-" for row in rows]
    indent = max(map(cell_len, heads)) + GAP
    for head, row in zip(heads, rows, strict=True):
        told = list(zip(columns, row, strict=True))[int(is_numbered) :]
        lines = _side_by_side(
            [
                [*([f"{column.name}:"] if column.name else []), *column.units_of(cell)]
                for column, cell in told
                if cell
            ],
            room - indent,
        )
        beginning = f"{head:>{indent - GAP}}{' ' * GAP}"
        for line in lines:
            yield beginning + line
            beginning = " " * indent


def _side_by_side(texts: Sequence[Sequence[str]], room: int) -> Sequence[str]:
    """Lines with these texts, several in one as long as they fit. Each text is its units."""
    lines, has_room = [""], False
    for units in texts:
        first, *others = _wrapped(units, room, " " * GAP)
        beside = f"{lines[-1]}{' ' * GAP}{first}"
        if has_room and not others and cell_len(beside) <= room:
            lines[-1] = beside
        else:
            lines += [first, *others]
        # What goes on behind a wrapped text would seem to be a part of it.
        has_room = not others
    return lines[1:]


def _units(text: str) -> Sequence[str]:
    """The parts of a text between which it may be wrapped."""
    return _UNIT.findall(text)


def _wrapped(units: Sequence[str], room: int, indent: str = "") -> Iterator[str]:
    """Units as lines, of which all but the first are indented. One that is longer than a line is
    a line.
    """
    line = ""
    for unit in units:
        longer = f"{line} {unit}" if line else unit
        if line and cell_len(longer) > room:
            yield line
            line = indent + unit
        else:
            line = longer
    yield line


@contextmanager
def busy(words: str) -> Iterator[Told]:
    """Tell a person at a terminal what is waited for, on stderr, while the block runs."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda *_: None
        return
    console = Console(file=sys.stderr, markup=False, highlight=False, emoji=False)
    with console.status(Text(words)) as status:

        def told(progress: float, total: float | None, message: str | None) -> None:
            of = f" ({progress:.0f} of {total:.0f})" if total else ""
            status.update(Text(f"{shown(message or words)}{of}"))

        yield told


def complain(lines: Sequence[str]) -> None:
    """Lines on stderr about what was not done."""
    first, *others = [shown(each) for each in lines]
    if sys.stderr is not None and sys.stderr.isatty():
        screen = Screen(sys.stderr)
        screen.line(f"korus-mcp: {first}")
        for each in others:
            screen.line(f"  {each}")
        return
    for each in (f"korus-mcp: {first}", *(f"  {each}" for each in others)):
        say(each)


def moment_told(text: str | None) -> str | None:
    """A day or a moment of an answer as people write it, by the clock of the venue."""
    if text is None:
        return None
    try:
        if "T" not in text:
            return f"{date.fromisoformat(text):%a %d %b %Y}"
        return f"{datetime.fromisoformat(text):%a %d %b %Y %H:%M}"
    except ValueError:
        return text


def moment_here(text: str | None) -> str | None:
    """A moment of an answer by the clock of this machine: of what happened at no venue."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    # Without an offset nobody knows which clock it is of.
    return moment_told(text if at.tzinfo is None else at.astimezone().isoformat())


def span_told(seconds: float) -> str:
    """So many seconds in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
