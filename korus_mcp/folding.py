"""Folding: two texts that a buyer takes for the same become equal."""

import unicodedata


def fold(text: str) -> str:
    """A text without case, accents and needless space, for comparing only."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in spread if not unicodedata.combining(c)).split())
