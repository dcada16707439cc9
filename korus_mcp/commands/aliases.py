"""The aliases of catalogs: the short names that KORUS_CATALOGS takes, as a person reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from korus_mcp.api import Catalog
from korus_mcp.commands.console import shown
from korus_mcp.foundation.handles import aliases_of

MOST: Final = 40
"""The most catalogs that are listed in a line."""


@dataclass(frozen=True)
class Aliases:
    """The catalogs that are open to an account: name by alias."""

    names: Mapping[str, str]

    @classmethod
    def of(cls, catalogs: Iterable[Catalog]) -> "Aliases":
        """Those of some catalogs, as the API lists them."""
        name_of = {each.id: each.name for each in catalogs}
        aliases = aliases_of(name_of)
        return cls({a: str(name_of[i] or "") for a, i in sorted(aliases.items())})

    def told(self) -> str:
        """Each alias with its name, on a line."""
        # Issuers chose the names.
        listed = [f"{a} ({shown(name, 60) or 'no name'})" for a, name in self.names.items()]
        more = [f"and {len(listed) - MOST} more"] if len(listed) > MOST else []
        return ", ".join([*listed[:MOST], *more])

    def problem_of(self, allowed: tuple[str, ...] | None) -> str | None:
        """What is wrong with KORUS_CATALOGS, in a sentence; None if nothing is."""
        unknown = [alias for alias in allowed or () if alias not in self.names]
        if not unknown:
            return None
        verb = "is" if len(unknown) == 1 else "are"
        return (
            f"KORUS_CATALOGS names {', '.join(unknown)}, which {verb} not open to this account; "
            f"open: {self.told() or 'none'}."
        )
