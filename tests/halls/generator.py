"""Makes halls: a seed makes the same hall every time."""

from random import Random
from typing import Final

from tests.halls.disguise import disguised
from tests.halls.kinds import KINDS, RARER
from tests.halls.truth import Hall

_NAMES: Final = tuple(KINDS)
_ROUNDS: Final = 4


def hall_of(seed: int) -> Hall:
    """The hall of a seed; twenty seeds in a row have all twenty kinds."""
    kind = _NAMES[seed % len(_NAMES)]
    # Not the seed alone: neighbouring ones begin alike.
    rng = Random(f"{kind} {seed}")
    is_rarer = kind in RARER and seed // len(_NAMES) % _ROUNDS == _ROUNDS - 1
    plan = disguised((RARER if is_rarer else KINDS)[kind](rng), rng)
    return Hall(
        kind=kind,
        seed=seed,
        zones=plan.zones,
        fronts=plan.fronts,
        notes=plan.notes,
        has_holes=plan.has_holes,
    )


def is_rendered(seed: int) -> bool:
    """Whether the picture of a hall is made, too: each twentieth, of every kind."""
    return seed % len(_NAMES) == seed // len(_NAMES) % len(_NAMES)
