"""Confirmations: what is bought, in words that a person can read, and a code that finds it.

A host that asks before a call shows the person its arguments: so a confirmation says what they
agree to, and those words count. Who hands on the code beside other words has shown something else.
"""

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from korus_mcp.booking.goods import goods_line
from korus_mcp.booking.hold import Hold
from korus_mcp.foundation.folding import words
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.text import clean_line

LONGEST: Final = 160
"""In characters, the code included."""
CODE_LENGTH: Final = 22
"""Letters and digits behind the "c": 131 bits, too many to guess."""
# No dashes: who writes a text anew may change them, and a code has to come back as it was.
_SIGNS: Final = string.ascii_letters + string.digits
# A letter first: what begins with a digit could be read as a number behind the words. No letter or
# digit behind the code: only a full stop, or the sign that escaped a quote, as hosts leave it.
_WRITTEN: Final = re.compile(
    rf"(?P<words>.*?)(?P<code>c[A-Za-z0-9]{{{CODE_LENGTH}}})\W*", re.DOTALL
)


@dataclass(frozen=True)
class Confirmation:
    """A confirmation as a caller gave it. Without a code it is none that was ever given.

    `words` are folded: case, accents, dashes, blanks and punctuation do not count.
    """

    code: str | None
    words: str


def fresh_code() -> str:
    """A code that nobody can guess."""
    return "c" + "".join(secrets.choice(_SIGNS) for _ in range(CODE_LENGTH))


def written(holds: Sequence[Hold], total: Money, code: str) -> str:
    """The confirmation of an order of these holds: goods, day, total, code."""
    behind = f", {total} - {code}"
    return clean_line(f"{goods_line(holds, LONGEST - len(behind), _moment)}{behind}", LONGEST)


def read(confirmation: str) -> Confirmation:
    """The two parts of a confirmation."""
    found = _WRITTEN.fullmatch(confirmation.strip())
    if found is None:
        return Confirmation(None, "")
    return Confirmation(found["code"], " ".join(words(found["words"])))


def _moment(at: datetime) -> str:
    """A moment as people read it, at the venue."""
    return f"{at:%Y-%m-%d %H:%M}"
