"""How long a call that reads may take: a deadline, and a moment before it to tell what was read."""

from typing import Final

import anyio

READ_SECONDS: Final = 25.0
"""A call that only reads is answered within this: hosts give up after half a minute."""
TELLING_SECONDS: Final = 1.0


def in_time() -> anyio.CancelScope:
    """A block that is left a moment before the present call's deadline, if it has one.

    Whoever uses it looks at `cancelled_caught`, and tells what was read by then as not all.
    """
    return anyio.CancelScope(deadline=_telling_time())


def is_over() -> bool:
    """Whether that moment has come."""
    return anyio.current_time() >= _telling_time()


def _telling_time() -> float:
    # Without a deadline this is infinite: nothing is left early.
    return anyio.current_effective_deadline() - TELLING_SECONDS
