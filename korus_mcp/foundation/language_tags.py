"""Language tags in one form: "fr" for "fr", "FR", "fr-FR" and "fr_FR"."""

import re
from typing import Final

LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", re.ASCII)
"""A language as callers and operators may write it, also with script or country: fr, pt-BR."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII)
_LONGEST: Final = 64
MOST_LISTED: Final = 32
"""The most languages an operator may list: the catalog is fetched in advance in each of them."""


def canonical(tag: str) -> str | None:
    """The language of a tag in lower case, without script or country; None if it is no tag."""
    # Only the beginning is looked at: a header of the API may have any length.
    head = re.split("[-_]", tag[:_LONGEST].strip().lower(), maxsplit=1)[0]
    return head if _LANGUAGE.fullmatch(head) else None
