"""The ceiling of replies: as one JSON text a result has fewer than 8,000 characters.

Hosts cut what is longer in its middle, where ids stand: cline keeps the first and the last 4,000
characters of the whole result as JSON, Codex the ends of 12,000. It bounds tokens as well: ids and
times, of which long replies consist, have more than one and a half characters a token.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mcp_types import ContentBlock, EmbeddedResource, ImageContent

CEILING: Final = 8000
_ENVELOPE: Final = 400
"""What stands around both halves: the members of a result, and who this server is."""


def fits(text: str, structure: Mapping[str, Any], blocks: Sequence[ContentBlock] = ()) -> bool:
    """Whether a result with these halves, and these blocks beside the text, stays below it.

    Files and pictures do not count: what they hold is not in a model's reach as text.
    """
    said = [
        block.model_dump(mode="json", by_alias=True, exclude_none=True)
        for block in blocks
        if not isinstance(block, ImageContent | EmbeddedResource)
    ]
    return _ENVELOPE + characters([text, structure, *said]) < CEILING


def characters(content: object) -> int:
    """How long a content is as compact JSON, counted as most hosts count: in UTF-16 units."""
    wire = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return len(wire.encode("utf-16-le", errors="surrogatepass")) // 2


def most_that_fit(count: int, do_fit: Callable[[int], bool]) -> int:
    """The largest number of rows, of `count`, for which `do_fit` is true; 1 if there is none."""
    # Found by bisection, since each try renders the whole answer.
    fitting, too_many = 1, count + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if do_fit(middle):
            fitting = middle
        else:
            too_many = middle
    return fitting
