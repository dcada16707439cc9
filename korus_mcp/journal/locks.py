"""What a transaction of the journal locks: names of what it is about, as numbers of a database."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Locks:
    """What a transaction that writes is about, by names: it waits for all others that name one of
    them, and they for it. Many may name one `beside` each other; who names it alone waits for all
    of these.

    They are taken with its beginning, so that what it reads is what the others left. SQLite has one
    writer at a time anyway.
    """

    alone: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    @property
    def keys(self) -> Sequence[tuple[int, bool]]:
        """Numbers for the names, and whether each is taken alone; in the same order everywhere, so
        that no two transactions wait for each other.
        """
        alone = {key_of(name): True for name in self.alone}
        return sorted(({key_of(name): False for name in self.beside} | alone).items())


NO_LOCKS: Final = Locks()


def key_of(name: str) -> int:
    """The number of a lock: 64 bits with a sign, as PostgreSQL has them. That two names have one
    number is next to impossible; one would wait for the other then, and nothing worse.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
