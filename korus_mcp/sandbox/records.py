"""Writes the records of bookings as text, and reads them again, for a file that keeps them."""

from functools import cache
from typing import Final, TypeAlias

from pydantic import TypeAdapter

from korus_mcp.sandbox.bookings import Hold, IssuedTicket, Order

Record: TypeAlias = Hold | Order | IssuedTicket
_KINDS: Final[dict[str, type[Record]]] = {"hold": Hold, "order": Order, "ticket": IssuedTicket}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def written(record: Record) -> tuple[str, str]:
    """The name of a record's kind, and its fields as JSON."""
    name = _NAMES[type(record)]
    return name, _adapter(name).dump_json(record).decode()


def read(name: str, text: str) -> Record:
    """The record that was written.

    Raises:
        ValueError: it is none of ours, or of another version.
    """
    if name not in _KINDS:
        raise ValueError("a record of an unknown kind")
    return _adapter(name).validate_json(text)


@cache
def _adapter(name: str) -> TypeAdapter[Record]:
    # Made at the first use: a sandbox in which nothing is held needs none.
    return TypeAdapter(_KINDS[name])
