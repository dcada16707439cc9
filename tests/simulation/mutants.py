"""The coordinator with one rule of its protocol left out: what the simulation must find."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from korus_mcp.api import ApiError, OrderFilters
from korus_mcp.booking.lookup import FoundOrder, LookUp
from korus_mcp.booking.sending import Dispatch, Sender, Sending, fence_of
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.journal.records import Asked, Intent, Lease, OrderResult
from tests.journal.memory import MemoryJournal
from tests.simulation.replica import Parts


class ClaimMoves(MemoryJournal):
    """A lost answer counts as a failure: it frees its reservations."""

    def _keep(self, intent: Intent) -> None:
        super()._keep(intent)
        for reservation_id in intent.missing if intent.ambiguous else ():
            if self._claims.get(reservation_id) == intent.id:
                del self._claims[reservation_id]


class NoClaim(MemoryJournal):
    """Whoever claims takes the reservations, held or not."""

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        for reservation_id in intent.reservation_ids:
            self._claims.pop(reservation_id, None)
        await super().claim(intent, lease=lease, approval_nonce=approval_nonce, day_limit=day_limit)


class AnswersItself(MemoryJournal):
    """Whoever is asked beside the host has said yes."""

    async def ask(self, asked: Asked, *, now: datetime) -> Asked:
        put = (await super().ask(asked, now=now)).answered(is_yes=True, no_until=now)
        self._asked[put.nonce] = put
        await self.approve(put.approval)
        return put


class SendsAgain(Sender):
    """When nothing is found after a lost answer, it is sent once more."""

    async def _sent(self, sending: Sending, dispatch: Dispatch) -> Intent:
        settled = await super()._sent(sending, dispatch)
        found = await self.look_up.find_orders(settled)
        if settled.is_in_doubt and found.is_complete and not found.orders:
            sending.intent = settled
            return await super()._sent(sending, dispatch)
        return settled


class WritesDownLater(Sender):
    """It is sent first and then written down."""

    async def _carry_out(self, sending: Sending, dispatch: Dispatch) -> None:
        del sending
        intent = dispatch.intent
        await self.journal.claim(
            intent,
            lease=self.lease,
            approval_nonce=dispatch.approval_nonce,
            day_limit=dispatch.day_limit,
        )
        try:
            result = await self.booking.create_orders(
                dispatch.request(), language=dispatch.language
            )
        except ApiError:
            result = None
        now = self.clock.now()
        started = await self.journal.start_sending(
            intent,
            lease=self.lease,
            sent_at=now,
            fence_at=fence_of(dispatch.question.holds_end, now, self.settle_seconds),
        )
        made = [] if result is None else result.orders
        orders = {i: o.id for o in made if (i := id_at_end(o.reservation)) is not None}
        await self._recorded(started, OrderResult(orders, ambiguous=True))


class Trusts(Sender):
    """A refusal is believed as it comes: nobody looks whether an order is there."""

    async def _failed(self, intent: Intent, answer: OrderResult) -> Intent:
        return await self._recorded(intent, answer)


class FirstPage(LookUp):
    """The list of orders ends with its first page."""

    async def _by_reference(self, intent: Intent) -> dict[str, FoundOrder]:
        filters = OrderFilters(external_reference=intent.external_reference)
        page = await self.booking.list_orders(filters).page(1)
        return {
            found: FoundOrder(order.id)
            for order in page.items
            if order.external_reference == intent.external_reference
            and (found := id_at_end(order.reservation)) in intent.missing
        }


MUTANTS: Final[Mapping[str, Parts]] = {
    "a claim moves after a failure in doubt": Parts(journal=ClaimMoves),
    "it is sent again when nothing is found": Parts(sender=SendsAgain),
    "it is sent before it is written down": Parts(sender=WritesDownLater),
    "nothing is claimed": Parts(journal=NoClaim),
    "nobody is waited for": Parts(journal=AnswersItself),
    "the first page is the last": Parts(look_up=FirstPage),
    "the fence comes too soon": Parts(settle_seconds=30),
    "refusals are believed": Parts(sender=Trusts),
}
