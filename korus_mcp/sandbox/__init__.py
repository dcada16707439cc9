"""An imitation of the ticketing API to try, develop and test against; nothing real is sold."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from korus_mcp.sandbox.app import Sandbox, SandboxOptions
    from korus_mcp.sandbox.faults import (
        Answer,
        ConnectionDropped,
        Delay,
        DropAfter,
        DropBefore,
        FaultRule,
        Faults,
        NotAnObject,
        Oversize,
        Truncate,
    )
    from korus_mcp.sandbox.served import ServedSandbox, serve, served_sandbox
    from korus_mcp.sandbox.snapshots import OrderRecord, RequestRecord, ReservationRecord

__all__ = [
    "Answer",
    "ConnectionDropped",
    "Delay",
    "DropAfter",
    "DropBefore",
    "FaultRule",
    "Faults",
    "NotAnObject",
    "OrderRecord",
    "Oversize",
    "RequestRecord",
    "ReservationRecord",
    "Sandbox",
    "SandboxOptions",
    "ServedSandbox",
    "Truncate",
    "serve",
    "served_sandbox",
]

_HOMES = {
    "app": ("Sandbox", "SandboxOptions"),
    "snapshots": ("OrderRecord", "RequestRecord", "ReservationRecord"),
    "served": ("ServedSandbox", "serve", "served_sandbox"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    home = _HOME_OF.get(name, "faults")
    return getattr(import_module(f"korus_mcp.sandbox.{home}"), name)
