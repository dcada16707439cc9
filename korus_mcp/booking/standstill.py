"""What is done while orders wait, since the journal went back to an earlier time (`journal/watch`).

What this process sent is written down again, orders in doubt are looked up, and all orders at
KorusTicket that carry our reference are compared with the journal, at once and when the wait ends:
then whatever was on its way has arrived. Until then nothing is ordered.
"""

import logging
from dataclasses import dataclass
from typing import Final

import anyio

from korus_mcp.api import ApiError
from korus_mcp.booking.recovery import Reconciler, Sweep
from korus_mcp.booking.sending import Sender
from korus_mcp.journal import Journal
from korus_mcp.journal.records import JournalDown, OrderResult, OrdersWait

LOOK_SECONDS: Final = 30.0
"""How often an idle process looks whether the journal went back; others look with each order."""
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Standstill:
    """Sees that the journal went back, and has it learn again what it lost."""

    journal: Journal
    sender: Sender
    reconciler: Reconciler
    sweep: Sweep

    async def run(self) -> None:
        """Look, and do what is to be done, for ever."""
        while True:
            try:
                waits = await self.journal.waits()
                if waits is not None:
                    await self.gone_through(waits)
                    continue
            except JournalDown as down:
                _log.warning("nobody can see where the journal stands: %s", down.fault.value)
            except Exception:  # noqa: BLE001 - logged with its traceback; it looks again soon
                _log.exception("looking where the journal stands crashed")
            await anyio.sleep(LOOK_SECONDS)

    async def gone_through(self, waits: OrdersWait) -> None:
        """Do what is to be done while orders wait; returns when they need not wait any more."""
        await self.put_back()
        self.reconciler.wake()
        await self._compared()
        # It may have gone back once more meanwhile: then `run` finds a later end.
        await anyio.sleep(waits.seconds)
        await self._compared()
        _log.warning("orders are taken again since the journal went back")

    async def put_back(self) -> None:
        """Write down again what this process sent and the journal lost.

        Raises:
            JournalDown: It cannot be written.
        """
        for intent in self.sender.sent.remembered():
            # Its send writes it down when it ends.
            if self.sender.under_way(intent) is None:
                await self.journal.settle(intent.id, OrderResult(), known=intent)

    async def _compared(self) -> None:
        try:
            await self.sweep.sweep(is_due=True)
        except (ApiError, JournalDown) as failure:
            # Every order looks at its reservations all the same, and the daily look comes.
            _log.warning("orders could not be compared with the journal: %s", failure)
