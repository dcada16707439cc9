"""Handles: the ids assistants pass around, and the catalog aliases inside them.

A handle is `<catalog alias>.<id>`. The alias is the head of the base32 SHA-256 of the catalog id,
so that any process can find the catalog again without shared state.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from korus_mcp.foundation.ids import ALIAS, is_id
from korus_mcp.foundation.unread import Unread

ALIAS_LENGTH = 6


@dataclass(frozen=True)
class Handle:
    """The id of a product base or offer as tools take and give it."""

    alias: str
    id: str

    def __str__(self) -> str:
        return f"{self.alias}.{self.id}"


def parse_handle(text: str) -> Handle | None:
    """The handle a text spells, or None; it is split at the first dot."""
    # An alias has no dot, whatever an id may have.
    alias, dot, resource_id = text.partition(".")
    if not dot or ALIAS.fullmatch(alias) is None or not is_id(resource_id):
        return None
    return Handle(alias, resource_id)


def alias_of(catalog_id: str, length: int = ALIAS_LENGTH) -> str:
    """The alias of a catalog: so many characters of the lower-case base32 of its id's SHA-256."""
    digest = hashlib.sha256(catalog_id.encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")[:length]


def aliases_of(catalog_ids: Iterable[str]) -> Mapping[str, str]:
    """Alias to catalog id for all catalogs, lengthened where two would share one."""
    by_head: dict[str, list[str]] = {}
    for catalog_id in sorted(set(catalog_ids)):
        by_head.setdefault(alias_of(catalog_id), []).append(catalog_id)
    found: dict[str, str] = {}
    for sharing in by_head.values():
        length = ALIAS_LENGTH
        # Two catalogs in 32^6 share a head; the longer alias still names one catalog anywhere.
        while len({alias_of(i, length) for i in sharing}) < len(sharing):
            length += 1
        found |= {alias_of(i, length): i for i in sharing}
    return found


def id_at_end(iri: str | Unread | None) -> str | None:
    """The id an IRI of the API ends with, or None; two IRIs of one thing end alike (trap T10)."""
    found = "" if isinstance(iri, Unread) else (iri or "").rpartition("/")[2]
    return found if is_id(found) else None
