"""Finds what an issuer's texts say of ages: the API has no field for whom a ticket is for."""

import re
from typing import Final

MOST: Final = 2
"""At most so many sentences of a product base: more is no limit, but a story."""
_SENTENCES: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
# Not any number of years: a show may run for thirty, and a card be valid for two.
_TELLS_AN_AGE: Final = re.compile(
    r"\bage[ds]?\b\W{1,3}(?:\w{1,12}\W{1,3}){0,3}\d{1,2}\b"
    r"|\b\d{1,2}[ -]years?[ -](?:old|of age|and|or)\b"
    r"|\b(?:dès|moins de|à partir de|jusqu['’]à|âgée?s? de|de \d{1,2} à|entre \d{1,2} et|"
    r"(?<!depuis )plus de)\s(?:l['’]âge de\s)?\d{1,2}\sans\b",
    re.IGNORECASE,
)


def age_limits(*texts: str | None) -> tuple[str, ...]:
    """The sentences of plain texts that tell an age, in English or French, each once."""
    sentences = (each for text in texts for each in _SENTENCES.split(text or ""))
    told = (each.strip() for each in sentences if _TELLS_AN_AGE.search(each))
    return tuple(dict.fromkeys(told))[:MOST]
