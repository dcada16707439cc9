"""The names of zones and categories of a seat map, the same in every view, and of rows."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias

from korus_mcp.api.models.seat_map import SeatMap, Zone
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.text import clean_line

NAME_LIMIT = 80
_MARKS: Final = re.compile(r"[0-9]+|[^\W\d_]+")
"""The parts of a row's name: numbers and words."""
_LONGEST_MARK: Final = 8
_ROMANS: Final[Mapping[str, int]] = {
    tens + ones: n
    for n, (tens, ones) in enumerate(
        (tens, ones)
        for tens in ("", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc")
        for ones in ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
    )
    if n
}


def zone_name(zone: Zone) -> str:
    """The cleaned name of a zone, never empty."""
    return clean_line(zone.name or "", NAME_LIMIT) or "(unnamed zone)"


class CategoryNames:
    """Names of the seating categories, by the IRI that a zone has.

    A category that links an option value has that value's name, since offers use it.
    `option_values` maps ids of option values to their names.
    """

    def __init__(self, seat_map: SeatMap, option_values: Mapping[str, str]) -> None:
        self.in_order: tuple[str, ...] = tuple(
            option_values.get(id_at_end(category.option_value) or "")
            or clean_line(category.name or "", NAME_LIMIT)
            for category in seat_map.seating_categories
        )
        # One thing may have two IRIs (T10): if the whole IRI finds no category, its last id does.
        # Of equal ids the first counts.
        self._by_iri: dict[str, str] = {}
        self._by_id: dict[str, str] = {}
        for category, name in zip(seat_map.seating_categories, self.in_order, strict=True):
            self._by_iri.setdefault(category.at_id or "", name)
            for known_as in (category.id, id_at_end(category.at_id)):
                self._by_id.setdefault(known_as or "", name)

    def of(self, zone: Zone) -> str | None:
        """The name of a zone's category; None if it has no category, or one without a name."""
        link = zone.seating_category
        if not link:
            return None
        return self._by_iri.get(link) or self._by_id.get(id_at_end(link) or "") or None


RowKey: TypeAlias = tuple[int, ...]
"""Where a row stands among others, to be compared with keys of the same order."""


RowOrders: TypeAlias = tuple[tuple[RowKey | None, ...], ...]
"""For each order that names of rows may mean, a key for each of the rows."""


@lru_cache(maxsize=256)
def row_orders(names: tuple[str, ...]) -> RowOrders:
    """The orders from front to back that names of rows may mean: a key for each row in each order.

    What all names have in common is read away: "Row 1", "R1" and "1A" are 1. Letters after Z are
    doubled, and so are those of extra rows before A: both are possible orders, and places decide.
    A name that is none of a series, such as "VIP", has no key; () if there is no series.
    """
    # Kept for the next zone: those of a house mostly name their rows alike.
    marks = _telling(names)
    known = [mark for mark in marks if mark]
    numbers = [mark for mark in known if mark.isdecimal()]
    letters = [mark for mark in known if not mark.isdecimal()]
    kind = numbers if len(numbers) >= len(letters) else letters
    # With names of other kinds among them, few prove nothing.
    if len(set(kind)) < 2 or len(kind) * 3 < len(names) * 2:
        return ()
    if kind is numbers:
        return (tuple([(int(mark),) if mark and mark.isdecimal() else None for mark in marks]),)
    romans = {mark: _ROMANS[mark] for mark in set(letters) if mark in _ROMANS}
    if len(romans) == len(set(letters)) and _is_counted(romans):
        return (tuple([(romans[mark],) if mark in romans else None for mark in marks]),)
    orders: list[Callable[[str | None], RowKey | None]] = [_after_z]
    lengths = {len(mark) for mark in letters}
    if lengths == {1, 2}:
        orders += [partial(_before_a, way=1), partial(_before_a, way=-1)]
    return tuple(tuple(map(key_of, marks)) for key_of in orders)


def _telling(names: Sequence[str]) -> list[str | None]:
    """Of each name the one part by which it differs from the others: "1" of "Row 1"."""
    # Words of three letters say "row" in some language; a row is not called so by itself.
    parts = [[mark for mark in _MARKS.findall(fold(name)) if not _is_word(mark)] for name in names]
    usual = Counter(map(len, parts)).most_common(1)
    length = usual[0][0] if usual else 0
    rows = [each for each in parts if len(each) == length]
    differing = [n for n in range(length) if len({row[n] for row in rows}) > 1]
    if len(differing) != 1:
        return [None] * len(names)
    (place,) = differing
    return [
        row[place] if len(row) == length and len(row[place]) <= _LONGEST_MARK else None
        for row in parts
    ]


def _is_word(mark: str) -> bool:
    return len(mark) > 2 and not mark.isdecimal() and mark not in _ROMANS and len(set(mark)) > 1


def _is_counted(romans: Mapping[str, int]) -> bool:
    """Whether numerals are a series, and not letters that happen to be numerals, such as C, D."""
    values = sorted(romans.values())
    return values[-1] - values[0] < 2 * len(values) and any(len(mark) > 1 for mark in romans)


def _after_z(mark: str | None) -> RowKey | None:
    if mark is None or mark.isdecimal():
        return None
    return len(mark), *map(ord, mark)


def _before_a(mark: str | None, way: int) -> RowKey | None:
    """Doubled letters before single ones; they rise (way 1) or fall (way -1) towards A."""
    if mark is None or mark.isdecimal():
        return None
    return (1, ord(mark)) if len(mark) == 1 else (0, *(way * ord(letter) for letter in mark))
