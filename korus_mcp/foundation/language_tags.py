"""Languages by one name each: "fr" for "fr", "FR", "fr-FR" and "fr_FR"."""

import re
from typing import Final

LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", re.ASCII)
"""A language as callers and operators write it, with its script or country: fr, pt-BR."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII)
_LONGEST: Final = 64
MOST_LISTED: Final = 32
"""So many languages an operator may list: each has a catalog of its own, which is read ahead."""


def canonical(tag: str) -> str | None:
    """The language of a tag in lower case, without script or country; None where there is none."""
    # Only the beginning: a header of the API may be of any length.
    head = re.split("[-_]", tag[:_LONGEST].strip().lower(), maxsplit=1)[0]
    return head if _LANGUAGE.fullmatch(head) else None
