"""An imitation of the ticketing API to try, develop and test against; nothing real is sold.

Names are imported lazily: a program that only needs the settings, or a server that may never be
called, does not wait for a web framework to be imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# Type checkers take the names from the modules themselves: a list here would be a second one.
if TYPE_CHECKING:
    from korus_mcp.sandbox.app import *
    from korus_mcp.sandbox.faults import *
    from korus_mcp.sandbox.keeping import *
    from korus_mcp.sandbox.served import *
    from korus_mcp.sandbox.snapshots import *

_HOMES = {
    "app": "Sandbox SandboxOptions",
    "keeping": "APPLICATION_ID KNOWN_BY LAYOUT NewerWorld WorldFile WorldOver",
    "faults": (
        "Answer ConnectionDropped Delay DropAfter DropBefore FaultRule Faults NotAnObject "
        "Oversize Truncate"
    ),
    "served": "ServedSandbox serve served_sandbox",
    "snapshots": "OrderRecord RequestRecord ReservationRecord",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)

if not TYPE_CHECKING:  # a type checker would believe that every name exists

    def __getattr__(name: str) -> object:
        """A public name, from the module it lives in."""
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{home}"), name)
