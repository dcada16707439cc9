"""The deadline of a call that reads, and the time before it that is left to write the answer."""

from typing import Final

import anyio

READ_SECONDS: Final = 25.0
"""A call that only reads is answered within this time: MCP hosts give up after half a minute."""
TELLING_SECONDS: Final = 1.0


def in_time(*, spare: float = 0) -> anyio.CancelScope:
    """A cancel scope that ends shortly before the present call's deadline, if it has one.

    `spare`: so many seconds sooner, where something has to be read after it.

    The caller checks `cancelled_caught`, and marks what was fetched by then as incomplete.
    """
    return anyio.CancelScope(deadline=_telling_time() - spare)


def is_over() -> bool:
    """Whether a block of `in_time` would be cancelled by now."""
    return anyio.current_time() >= _telling_time()


def _telling_time() -> float:
    # Without a deadline this is infinite, so nothing is cancelled.
    return anyio.current_effective_deadline() - TELLING_SECONDS
