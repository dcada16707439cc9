"""The forms of ids of the API and of catalog aliases.

Ids are opaque: version-4, 33-digit and 31-digit "UUIDs" have been published (docs/domain.md, T2).
"""

import re

ID_PATTERN = r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}"
ALIAS = re.compile(r"[a-z2-7]{6,52}", re.ASCII)
"""An alias: the beginning of a base32 hash (`handles.alias_of`), longer if two would be equal."""
_ID = re.compile(ID_PATTERN, re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text can be an id: 1 to 64 letters, digits, `-` and `_`."""
    return _ID.fullmatch(text) is not None
