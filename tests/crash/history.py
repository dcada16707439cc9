"""Was anything doubled, lost or made up? Judged from the outside, by facts alone.

Nothing of the product is imported: what upstream has, what left the process, what callers heard
and what the journal's tables say are compared as plain values.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class History:
    """Facts of a campaign. An order is (reservation, order id)."""

    upstream: list[tuple[str, str]] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    """The reservations of each order request that left, one entry for each."""
    told: list[tuple[str, str | None]] = field(default_factory=list)
    """What callers heard last of a reservation: its order, or None for a failure."""
    journal: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(reservation, state, order id) of each row."""


@dataclass(frozen=True)
class Judgement:
    """What went wrong, by kind."""

    double: tuple[str, ...]
    lost: tuple[str, ...]
    ghost: tuple[str, ...]
    stuck: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing did."""
        return not (self.double or self.lost or self.ghost or self.stuck)


def judged(history: History) -> Judgement:
    """The judgement on a campaign that has come to rest."""
    made = defaultdict(set)
    for reservation, order in history.upstream:
        made[reservation].add(order)
    known = {(r, o) for r, _, o in history.journal if o is not None}
    heard = dict(history.told)
    lost = [f"{r}: {o} is in no journal" for r, o in history.upstream if (r, o) not in known]
    lost += [f"{r}: told as failed, and ordered" for r in heard if not heard[r] and made[r]]
    lost += [f"{r}: its caller never heard of it" for r in list(made) if made[r] and r not in heard]
    ghost = [f"{r}: {o} is only in the journal" for r, o in known if o not in made[r]]
    ghost += [f"{r}: {o} was only told" for r, o in heard.items() if o and o not in made[r]]
    return Judgement(
        double=(*_repeated(history.posts), *(r for r in made if len(made[r]) > 1)),
        lost=tuple(lost),
        ghost=tuple(ghost),
        stuck=tuple(r for r, state, _ in history.journal if state != "final"),
    )


def _repeated(posts: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{r}: {n} requests" for r, n in Counter(posts).items() if n > 1)
