"""Reads the entries of `failedReservations` and `failedOrders`: what failed, and why (A12).

Their fields are not published. So each entry is searched, some levels deep, for an id or address
that the call named, and for texts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from korus_mcp.api.models.base import Failure
from korus_mcp.foundation.ids import ID_PATTERN
from korus_mcp.foundation.text import clean_line, issuers_words, plain_text

DEEPEST: Final = 8
MOST_PARTS: Final = 200
MOST_TEXTS: Final = 5
LONGEST: Final = 1000
"""Of one text at most so many characters are looked at."""
_CODES: Final = frozenset({"code", "errorcode"})
_NO_TEXTS: Final = frozenset(
    {"id", "iri", "uri", "url", "href", "type", "status", "instance", "propertypath", "resource"}
)
"""Fields whose texts are for machines and not for people; in lower case, without underscores."""
_SEGMENT: Final = re.compile(f"/({ID_PATTERN}+)(?![0-9A-Za-z_-])", re.ASCII)
_ADDRESS: Final = re.compile(r"/\S*$|[a-z][a-z+.-]*:\S+$", re.ASCII | re.IGNORECASE)
_PLACE: Final = re.compile(r"(?:items|reservations)(?:\[|\.)([0-9]{1,3})\b", re.ASCII)
"""A path into the request, as violations name it: `items[0].offer`."""
_LETTER: Final = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class FailedEntry:
    """What an entry says. `id`: the id of the call it is about, if it names exactly one.

    `ids` are all ids of the call that it names. Code and message are the issuer's own, cleaned.
    """

    id: str | None
    code: str | None
    message: str
    ids: tuple[str, ...] = ()


def read_entry(failure: Failure, named: str | None, wanted: Sequence[str]) -> FailedEntry:
    """Read an entry in the answer to a call that named the ids `wanted`, in this order.

    `named` is the id in the entry's documented field, if any.
    """
    parts = list(_parts(failure.told()))
    # The documented field first, then any with a name like it.
    code = failure.code or next((text for key, text in parts if key in _CODES), None)
    message = failure.message or "; ".join(_texts(parts, frozenset(wanted)))
    # If the documented field names an id of the call, that is the one: texts may name others, too.
    ids = (named,) if named is not None and named in wanted else _named(parts, wanted)
    return FailedEntry(
        id=ids[0] if len(ids) == 1 else named,
        code=(clean_line(code, 60) or None) if code else None,
        message=issuers_words(message),
        ids=ids,
    )


def _named(parts: Sequence[tuple[str, str]], wanted: Sequence[str]) -> tuple[str, ...]:
    """The ids of the call that an entry names, in addresses or as positions in the request."""
    ids = frozenset(wanted)
    # The parts of an address, or of the addresses in a sentence.
    segments = (s for _, text in parts for s in (*text.split("/"), *_SEGMENT.findall(text)))
    found = {segment for segment in segments if segment in ids}
    # A path such as `items[0]` counts positions in the request, which has the order of `wanted`.
    places = (_PLACE.search(text) for _, text in parts)
    found |= {wanted[n] for place in places if place and (n := int(place[1])) < len(wanted)}
    return tuple(each for each in dict.fromkeys(wanted) if each in found)


def _texts(parts: Sequence[tuple[str, str]], ids: frozenset[str]) -> list[str]:
    """A few texts of an entry that are meant for people, each once."""
    said: dict[str, None] = {}
    for key, text in parts:
        is_name = key in _CODES or key in _NO_TEXTS or key.startswith("@") or text in ids
        if is_name or _ADDRESS.match(text) or not _LETTER.search(text):
            continue
        said[plain_text(text)] = None
        if len(said) == MOST_TEXTS:
            break
    return [text for text in said if text]


def _parts(told: object) -> Iterator[tuple[str, str]]:
    """Each text of an entry with the name of its field, the outermost first. A field name that is
    an address counts as a text, too.
    """
    level: list[tuple[str, object]] = [("", told)]
    # An answer may be as large as the API allows; of an entry only so much is looked at.
    left = MOST_PARTS
    for _ in range(DEEPEST):
        below: list[tuple[str, object]] = []
        for key, value in level:
            left -= 1
            if left < 0:
                return
            if isinstance(value, str):
                yield key, value[:LONGEST]
            elif isinstance(value, Mapping):
                # Some objects have addresses as field names.
                yield from (("@id", name[:LONGEST]) for name in value if "/" in name)
                below += [(name.replace("_", "").lower(), each) for name, each in value.items()]
            elif isinstance(value, list | tuple):
                below += [(key, each) for each in value]
        level = below
