"""Handles: the ids that tools take and return, and the catalog aliases in them.

A handle is `<catalog alias>.<id>`. The alias is the beginning of the base32 SHA-256 of the catalog
id, so that any process can find the catalog again without shared state.
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
    """The id of a product base or offer, as tools take and return it."""

    alias: str
    id: str

    def __str__(self) -> str:
        return f"{self.alias}.{self.id}"


def parse_handle(text: str) -> Handle | None:
    """Parse a handle, which is split at the first dot; None if the text is none."""
    # An alias has no dot, so the first dot separates it.
    alias, dot, resource_id = text.partition(".")
    if not dot or ALIAS.fullmatch(alias) is None or not is_id(resource_id):
        return None
    return Handle(alias, resource_id)


def alias_of(catalog_id: str, length: int = ALIAS_LENGTH) -> str:
    """The alias of a catalog: the first `length` characters of the base32 SHA-256 of its id."""
    digest = hashlib.sha256(catalog_id.encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")[:length]


def aliases_of(catalog_ids: Iterable[str]) -> Mapping[str, str]:
    """Catalog ids by alias; aliases are longer where two catalogs would share one."""
    by_head: dict[str, list[str]] = {}
    for catalog_id in sorted(set(catalog_ids)):
        by_head.setdefault(alias_of(catalog_id), []).append(catalog_id)
    found: dict[str, str] = {}
    for sharing in by_head.values():
        length = ALIAS_LENGTH
        # Rare: 6 characters are equal for two catalogs in 32^6. A longer alias tells them apart.
        while len({alias_of(i, length) for i in sharing}) < len(sharing):
            length += 1
        found |= {alias_of(i, length): i for i in sharing}
    return found


def id_at_end(iri: str | Unread | None) -> str | None:
    """The id at the end of an IRI, or None; all IRIs of one thing end with its id (T10)."""
    found = "" if isinstance(iri, Unread) else (iri or "").rpartition("/")[2]
    return found if is_id(found) else None
