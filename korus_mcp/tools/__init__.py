"""The tools: one file each. A tool's file is imported when it is first called."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from korus_mcp.tools.declare import Declared


def declared(name: str) -> "Declared":
    """A tool as its file declares it; the function is named like the file."""
    found: Declared = getattr(import_module(f"{__name__}.{name}"), name)
    return found
