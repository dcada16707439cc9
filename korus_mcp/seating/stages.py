"""Which zones are no place to sit but what people look at: the stage, pitch, screen or track.

Issuers draw it as a zone of its own, without seats and without anything that sells it. stages.toml
holds its names in many languages.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from korus_mcp.api.models.seat_map import Zone
from korus_mcp.foundation.folding import words

TABLE: Final = Path(__file__).with_name("stages.toml")
_BESIDES: Final = "besides"
_LONGEST_NAME: Final = 60
"""Characters of a name that may be that of a stage: longer ones are sentences."""
_Phrase: TypeAlias = tuple[str, ...]


def is_stage(zone: Zone) -> bool:
    """Whether a zone is what people look at, by its name; it is none if the map says it is sold."""
    is_sold = zone.rows or zone.capacity or zone.seating_category or zone.option_value
    return not is_sold and is_stage_name(zone.name or "")


def is_stage_name(name: str) -> bool:
    """Whether a name says stage, pitch, screen or track and nothing else: "Main stage", "Scène"."""
    if len(name) > _LONGEST_NAME:
        return False
    phrases, besides = _table()
    left, found = words(name), False
    # Two languages on one sign, "Stage / Bühne", are two names side by side.
    while left:
        longest = next((n for n in range(len(left), 0, -1) if tuple(left[:n]) in phrases), 0)
        if not longest and not (left[0] in besides or left[0].isdecimal()):
            return False
        found = found or longest > 0
        left = left[longest or 1 :]
    return found


@cache
def _table() -> tuple[frozenset[_Phrase], frozenset[str]]:
    """The names, as folded words, and the words that may stand beside them."""
    table: dict[str, list[str]] = tomllib.loads(TABLE.read_text("utf-8"))
    besides = {word for text in table.pop(_BESIDES) for word in words(text)}
    return frozenset(tuple(words(name)) for names in table.values() for name in names), frozenset(
        besides
    )
