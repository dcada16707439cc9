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
    from korus_mcp.sandbox.records import OrderRecord, RequestRecord, ReservationRecord

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
    "Truncate",
]

_HOMES = {"Sandbox": "app", "SandboxOptions": "app"} | dict.fromkeys(
    ("OrderRecord", "RequestRecord", "ReservationRecord"), "records"
)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    home = _HOMES.get(name, "faults")
    return getattr(import_module(f"korus_mcp.sandbox.{home}"), name)
