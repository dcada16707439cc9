"""Which request is being answered, for all that is logged meanwhile and because of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A request as it stands in a log: its id, its method, and its tool or prompt where it names
    one of ours. Nothing of it is a text of the caller.
    """

    id: str
    method: str
    target: str | None = None


_current: ContextVar[Mark | None] = ContextVar("request", default=None)


def current_mark() -> Mark | None:
    """The request that is being answered here, or that began the task that runs here."""
    return _current.get()


@contextmanager
def marked(mark: Mark) -> Iterator[None]:
    """What runs in the block, and each task that is begun in it, belongs to this request."""
    before = _current.set(mark)
    try:
        yield
    finally:
        _current.reset(before)
