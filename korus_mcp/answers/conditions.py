"""What a person must know before they agree to an order, beside lines, total and time."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from korus_mcp.answers import addresses
from korus_mcp.answers.asked import AGES_LENGTH, attached_told, words
from korus_mcp.booking.conditions import Attached, Conditions
from korus_mcp.booking.hold import Hold
from korus_mcp.catalog.bases import BaseRecord
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.text import CUT_MARK, inert_line

FINAL: Final = "It cannot be cancelled here; no mail is promised."
NO_MAIL: Final = "No mail is promised."
"""The end where it was said before that it cannot be cancelled."""
TERMS_LENGTH: Final = 200
"""In characters, of the terms of all issuers together: they are read out, and the rest has an
address."""
SHORT_TERMS: Final = 100
"""Where nothing is held yet: enough to say whether it can be given back."""
LEAST_TERMS: Final = 60
"""Of each issuer, where there are many."""
_JOINERS: Final = "\u200c\u200d"
_SENTENCES: Final = re.compile(r"(?<=[.!?;])\s+|\n+")


def conditions_text(holds: Sequence[Hold], conditions: Conditions, end: str = FINAL) -> str:
    """All of it, in sentences; the same for the same holds, in whatever order they come."""
    return " ".join([*_sentences(holds, conditions), end])


def _sentences(holds: Sequence[Hold], conditions: Conditions) -> Iterator[str]:
    yield from attached_told(Attached.of(holds, conditions), words("en"))
    yield from _terms(conditions)


def what_issuer_says(base: BaseRecord) -> str | None:
    """The beginning of the terms of a product base, and whom its tickets are for, before anything
    of it is held; None where its issuer says neither.
    """
    terms = _beginning_of(base.terms, base.handle, SHORT_TERMS) if base.terms else ""
    ages = (inert_line(each, AGES_LENGTH) for each in base.age_limits if each not in terms)
    said = [terms] * bool(terms)
    return " ".join([*said, *(words("en").ages.format(each) for each in ages)]) or None


def _terms(conditions: Conditions) -> Iterator[str]:
    stated = sorted((str(base), text) for base, text in conditions.terms.items() if text)
    most = max(LEAST_TERMS, TERMS_LENGTH // max(1, len(stated)))
    for base, text in stated:
        yield _beginning_of(text, base, most)


def _beginning_of(terms: str, base: Handle | str, most: int) -> str:
    """Terms in one line of at most so many characters, with the address of the rest."""
    line, is_whole = in_one_line(terms, most)
    rest = "" if is_whole else f" (all: {addresses.product_base(base)})"
    return f'Terms: "{line}"{rest}'


def in_one_line(text: str, most: int) -> tuple[str, bool]:
    """The sentences of a text, each once, in one line of at most so many characters; and whether
    that is all of it.
    """
    is_whole = not text.endswith(CUT_MARK)
    sentences: dict[str, str] = {}
    for each in _SENTENCES.split(text.removesuffix(CUT_MARK)):
        key = fold(each)
        # What was cut off in the middle may be the beginning of what is said already.
        if key and not any(said.startswith(key) for said in sentences):
            sentences[key] = each.strip()
    line = inert_line(" ".join(sentences.values()), most * 2)
    if len(line) <= most:
        return line, is_whole
    # Not within a word.
    cut = line[: most - 1]
    return f"{(cut.rpartition(' ')[0] or cut).rstrip(_JOINERS)}\u2026", False
