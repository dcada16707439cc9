"""Which maps are of trains, coaches, aircraft or ships, by their words: their front is no stage.

vehicles.toml holds the words in many languages.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from korus_mcp.foundation.folding import fold

TABLE: Final = Path(__file__).with_name("vehicles.toml")
_WORD: Final = re.compile(r"[^\W\d_]+")
"""A run of letters: "coach" of "Coach12", and what stands beside the number in Japanese."""
_LONGEST_NAME: Final = 60
"""Characters of a name that may be that of a part of a vehicle: longer ones are sentences."""


def says_vehicle(names: Iterable[str], *, is_stacked: bool = False) -> bool:
    """Whether one of these names of zones or categories is that of a part of a vehicle.

    `is_stacked`: some lie at the place of others, as the decks of a bus or a ship do.
    """
    parts, decks = _table()
    phrases = parts | decks if is_stacked else parts
    longest = max(map(len, phrases))
    for name in names:
        said = _WORD.findall(fold(name[:_LONGEST_NAME]))
        if any(
            tuple(said[start:end]) in phrases
            for start in range(len(said))
            for end in range(start + 1, min(start + longest, len(said)) + 1)
        ):
            return True
    return False


@cache
def _table() -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """The words of parts of vehicles, as folded words, and those of decks."""
    table: dict[str, list[str]] = tomllib.loads(TABLE.read_text("utf-8"))
    decks = table.pop("decks")
    parts = [name for names in table.values() for name in names]
    return frozenset(map(_folded, parts)), frozenset(map(_folded, decks))


def _folded(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(fold(name)))
