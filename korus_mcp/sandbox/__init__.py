"""An imitation of the ticketing API to try, develop and test against; nothing real is sold.

Names are imported lazily: a program that only needs the settings, or a server that may never be
called, does not wait for a web framework to be imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from korus_mcp.sandbox.app import Sandbox as Sandbox
    from korus_mcp.sandbox.app import SandboxOptions as SandboxOptions
    from korus_mcp.sandbox.faults import Answer as Answer
    from korus_mcp.sandbox.faults import ConnectionDropped as ConnectionDropped
    from korus_mcp.sandbox.faults import Delay as Delay
    from korus_mcp.sandbox.faults import DropAfter as DropAfter
    from korus_mcp.sandbox.faults import DropBefore as DropBefore
    from korus_mcp.sandbox.faults import FaultRule as FaultRule
    from korus_mcp.sandbox.faults import Faults as Faults
    from korus_mcp.sandbox.faults import NotAnObject as NotAnObject
    from korus_mcp.sandbox.faults import Oversize as Oversize
    from korus_mcp.sandbox.faults import Truncate as Truncate
    from korus_mcp.sandbox.served import ServedSandbox as ServedSandbox
    from korus_mcp.sandbox.served import serve as serve
    from korus_mcp.sandbox.served import served_sandbox as served_sandbox
    from korus_mcp.sandbox.snapshots import OrderRecord as OrderRecord
    from korus_mcp.sandbox.snapshots import RequestRecord as RequestRecord
    from korus_mcp.sandbox.snapshots import ReservationRecord as ReservationRecord

_HOMES = {
    "app": "Sandbox SandboxOptions",
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
