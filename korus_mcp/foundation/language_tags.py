"""Languages by one name each: "fr" for "fr", "FR", "fr-FR" and "fr_FR"."""

import re
from typing import Final

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII)
_LONGEST: Final = 64
MOST_LISTED: Final = 32
"""So many languages an operator may list: each has a catalog of its own, which is read ahead."""


def canonical(tag: str) -> str | None:
    """The language of a tag in lower case, without script or country; None where there is none."""
    head = re.split("[-_]", tag[:_LONGEST].strip().lower(), maxsplit=1)[0]
    return head if _LANGUAGE.fullmatch(head) else None
