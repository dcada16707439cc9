"""Cursors: where a page of a list begins, even if the list is renewed between two pages."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.refusals import Code, FieldProblem, Refusal


@dataclass(frozen=True)
class PageStart:
    """Where a page begins: behind an item of the list, or at a number if that item is gone.

    `behind_id` is used for lists whose items are known by their API id alone.
    """

    offset: int = 0
    behind: Handle | None = None
    behind_id: str | None = None


BEGINNING: Final = PageStart()


MAX_CURSOR: Final = 256
SCOPE_LENGTH: Final = 8
_MARK: Final = re.compile(
    rf"(?P<scope>[0-9a-f]{{{SCOPE_LENGTH}}})o(?P<offset>[0-9]{{1,6}})", re.ASCII
)


@dataclass(frozen=True)
class Mark:
    """The content of a cursor: where a page begins, and in which list."""

    place: PageStart
    scope: str

    @property
    def text(self) -> str:
        """The text of the cursor, which is opaque to clients."""
        at = self.place
        behind = f".{at.behind}" if at.behind else ""
        behind_id = f":{at.behind_id}" if at.behind_id else ""
        # Plain: encoded it would be a third longer, and hide nothing.
        return f"{self.scope}o{at.offset}{behind}{behind_id}"


@dataclass(frozen=True)
class Pages:
    """The pages of one list, given by a tool and its filters; pages may differ in length."""

    scope: str
    begin: PageStart

    @classmethod
    def of(cls, tool: str, filters: Sequence[object], cursor: Mark | None) -> Self:
        """The pages from a cursor on, or from the first page.

        Raises:
            Refusal: INVALID_ARGUMENTS for the cursor of another tool or of other filters, with
                which rows would be skipped that nobody has seen.
        """
        # The scope is a hash, so that a cursor is short and does not show the filters.
        content = json.dumps([tool, *(None if f is None else str(f) for f in filters)])
        scope = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:SCOPE_LENGTH]
        if cursor is None:
            return cls(scope, BEGINNING)
        if cursor.scope != scope:
            raise Refusal(
                Code.INVALID_ARGUMENTS,
                "The cursor is of another list than the arguments beside it ask for.",
                "Call again without it to read this list from its beginning.",
                fields=(FieldProblem("cursor", "from an answer of another tool or filter"),),
            )
        return cls(scope, cursor.place)

    def cursor(self, place: PageStart | None) -> str | None:
        """The cursor of the page that begins at `place`; None if there is no further page."""
        return None if place is None else Mark(place, self.scope).text


def mark_at(value: Any) -> Mark:
    """Parse a cursor.

    Raises:
        ValueError: the text is no cursor of ours.
    """
    if isinstance(value, Mark):
        return value
    if isinstance(value, str) and len(value) <= MAX_CURSOR:
        text, _, behind_id = value.partition(":")
        head, _, behind = text.partition(".")
        found = _MARK.fullmatch(head)
        if found is not None:
            behind_it = behind_id if is_id(behind_id) else None
            place = PageStart(int(found["offset"]), parse_handle(behind), behind_it)
            mark = Mark(place, found["scope"])
            # Exactly the text that we would write: what cannot be read of it is not left out.
            if value == mark.text:
                return mark
    raise ValueError("not a next_cursor from an earlier answer")
