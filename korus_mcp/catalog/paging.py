"""Where a page of a long list begins, though the list may be renewed between two pages."""

from dataclasses import dataclass
from typing import Final

from korus_mcp.handles import Handle


@dataclass(frozen=True)
class Place:
    """Behind a thing of the list, or at a number where that thing is gone.

    `behind_id`: the same for things of the API whose id is all they have.
    """

    offset: int = 0
    behind: Handle | None = None
    behind_id: str | None = None


BEGINNING: Final = Place()
