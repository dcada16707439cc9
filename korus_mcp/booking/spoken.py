"""Remembers in which language holds were made: their order goes on in it."""

from collections.abc import Iterable
from typing import Final

from cachetools import LRUCache

REMEMBERED_HOLDS: Final = 1000


class HoldLanguages:
    """The language of each hold that was shown here, as far as it is remembered."""

    def __init__(self) -> None:
        self._spoken: LRUCache[str, str] = LRUCache(REMEMBERED_HOLDS)

    def learn(self, reservation_ids: Iterable[str], language: str) -> None:
        """Remember the language in which these were shown."""
        for reservation_id in reservation_ids:
            self._spoken[reservation_id] = language

    def of(self, reservation_ids: Iterable[str]) -> str | None:
        """The language of the first of these that is remembered; None if none is."""
        return next((self._spoken[i] for i in reservation_ids if i in self._spoken), None)
