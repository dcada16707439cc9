"""What commands print for a person: tables and sentences, wrapped between words.

Colours are for a terminal, and only without NO_COLOR; to a file or a pipe goes plain text. Parts of
the texts were written by issuers: they are cleaned once more, and nothing in them is markup.
"""

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
WIDEST: Final = 10_000
"""The width of what no terminal has to show."""
Told = Callable[[float, float | None, str | None], object]


class NotDone(Exception):
    """A command ends with 1; each text is a line for the person who typed it."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


@dataclass(frozen=True)
class Column:
    """A column of a table. `is_fact`: a number, price or day, which is never wrapped."""

    name: str
    is_fact: bool = False
    is_number: bool = False


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
        """A sentence or a heading."""
        self._console.print(Text(shown(text)), style=style, soft_wrap=not self._is_seen)

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
        """A table, without the columns in which nothing stands. `in_lines`: each row is one line,
        however long, where a program reads it.
        """
        cells = [["" if each is None else shown(str(each)) for each in row] for row in rows]
        there = [n for n in range(len(columns)) if any(row[n] for row in cells)]
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        texts = [[columns[n].name, *(row[n] for row in cells)] for n in there]
        facts = [columns[n].is_fact or columns[n].is_number for n in there]
        room = WIDEST if in_lines and not self._is_seen else self.width
        widths = _widths(texts, facts, room - GAP * (len(there) - 1))
        for n, is_fact, width in zip(there, facts, widths, strict=True):
            table.add_column(
                columns[n].name,
                justify="right" if columns[n].is_number else "left",
                no_wrap=is_fact,
                width=width,
                overflow="fold",
            )
        for row in cells:
            table.add_row(*(Text(row[n]) for n in there))
        # A console prints nothing wider than itself.
        wide = self._console if room == self.width else _console(self._stream, width=room)
        wide.print(table)

    @property
    def _is_seen(self) -> bool:
        """Whether this is a terminal; a program that reads a pipe wants whole lines."""
        return self._console.is_terminal


def _widths(texts: Sequence[Sequence[str]], facts: Sequence[bool], room: int) -> list[int]:
    """The width of each column: that of its longest text, or less where there is no room; but
    facts, and words up to LONGEST_WORD, stay whole.
    """
    widths = [max(map(cell_len, each), default=1) for each in texts]
    words = [max((cell_len(w) for text in each for w in text.split()), default=1) for each in texts]
    least = [
        width if is_fact else min(width, word, LONGEST_WORD)
        for width, word, is_fact in zip(widths, words, facts, strict=True)
    ]
    while sum(widths) > room and widths != least:
        # The widest first, so that no column is narrow while another has room to spare.
        spare = [n for n, width in enumerate(widths) if width > least[n]]
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


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
