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


def says_vehicle(names: Iterable[str]) -> bool:
    """Whether one of these names of zones or categories is that of a part of a vehicle."""
    phrases = _table()
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
def _table() -> frozenset[tuple[str, ...]]:
    table: dict[str, list[str]] = tomllib.loads(TABLE.read_text("utf-8"))
    return frozenset(tuple(_WORD.findall(fold(name))) for names in table.values() for name in names)
