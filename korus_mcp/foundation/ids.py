"""Ids of the API and aliases of its catalogs: which texts can be one.

Ids are opaque: version-4, 33-digit and 31-digit "UUIDs" have been published (docs/domain.md, T2).
"""

import re

ID_PATTERN = r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}"
ALIAS = re.compile(r"[a-z2-7]{6,52}", re.ASCII)
"""The head of a hash in base32 (`handles.alias_of`), lengthened where two catalogs share one."""
_ID = re.compile(ID_PATTERN, re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text can be an id: 1 to 64 letters, digits, `-` and `_`."""
    return _ID.fullmatch(text) is not None
