"""Earlier order calls for the same reservations: an equal one to repeat, or one in the way.

An order is never sent twice, so an order call first asks the journal what was sent for its
reservations. If an equal call was sent, its outcome is the answer. If a different call ordered one
of them, or may have, the new call is refused.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from korus_mcp.booking.hold import expired
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.booking.sending import Sender
from korus_mcp.booking.timing import LOOK_AGAIN_SECONDS, POLL_SECONDS
from korus_mcp.foundation.coalescing import begun_here, side_by_side
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal import Journal
from korus_mcp.journal.records import Intent, JournalDown


@dataclass(frozen=True, kw_only=True)
class EarlierOrders:
    """Finds the order calls that were made for reservations.

    `sender` knows those under way in this process, `look_up` asks KorusTicket about lost answers.
    """

    journal: Journal
    sender: Sender
    look_up: LookUp

    async def of(self, owner: str, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The order call that claims each of these reservations, those in doubt looked up first."""
        held = await self.holders(reservation_ids)
        intents = {i.id: i for i in held.values() if _counts(i, owner)}
        looked = await side_by_side([partial(self.looked, i) for i in intents.values()])
        by_id = {i.id: i for i in looked}
        return {
            r: by_id[i.id] for r, i in held.items() if i.id in by_id and r not in by_id[i.id].freed
        }

    async def holders(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that claim these reservations: by the journal, or sent from here."""
        held = await self.journal.intents_of(reservation_ids)
        return self.sender.sent.among(reservation_ids, held)

    async def check_none(self, owner: str, reservation_ids: Sequence[str]) -> None:
        """Check that none of these was ordered, or may have been.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED.
        """
        for ordered in (await self.of(owner, reservation_ids)).values():
            raise claimed(ordered)

    async def equal(
        self, call: OrderCall, held: Mapping[str, Intent], *, until: float | None
    ) -> Intent | None:
        """The earlier call that this one repeats, or None.

        `held` has the intents that claim the reservations of the call. `until` is as in `awaited`.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED by a different call.
        """
        # An intent may claim several reservations, so it may stand in `held` several times.
        equal, fingerprint = None, call.fingerprint(await self.journal.installation())
        for intent in {i.id: i for i in held.values() if _counts(i, call.owner)}.values():
            if intent.fingerprint == fingerprint:
                equal = intent
                continue
            looked = await self.looked(intent)
            # A reservation that another call certainly failed to order is free again.
            if any(i in looked.orders or i in looked.missing for i in call.reservation_ids):
                raise claimed(looked)
        return None if equal is None else await self.awaited(equal, until=until)

    async def awaited(self, intent: Intent, *, until: float | None) -> Intent | None:
        """The intent once its send is over, or as it is at the moment `until` of the event loop's
        time; without one a send is not waited for.

        None where its sender died before it sent: then the intent counts as never made.
        """
        # Another call sends it, but the caller of this one must not read "nothing was sent".
        begun_here().mark()
        with anyio.CancelScope(deadline=math.inf if until is None else until):
            while not intent.is_final:
                if intent.was_never_sent:
                    return None
                sending = self.sender.under_way(intent)
                if sending is None and not intent.is_leased:
                    return await self.looked(intent)
                if until is None:
                    return intent
                if sending is not None:
                    await sending.done.wait()
                else:  # another process sends it
                    await anyio.sleep(POLL_SECONDS)
                intent = await self._read_again(intent)
        return intent

    def is_under_way(self, intent: Intent) -> bool:
        """Whether the call is being sent just now, here or by another process."""
        is_sent = self.sender.under_way(intent) is not None or intent.is_leased
        return is_sent and not intent.is_final

    async def _read_again(self, intent: Intent) -> Intent:
        try:
            stored = await self.journal.intent_by_reference(intent.external_reference)
        except JournalDown:
            return intent
        return self.sender.sent.newest(intent.id, stored) or intent

    async def looked(self, intent: Intent) -> Intent:
        """The intent, looked up once at KorusTicket if it is in doubt and nobody is sending it.

        While the journal cannot be written the intent stays in doubt, whatever was found.
        """
        try:
            return await self.settled(intent)
        except JournalDown:
            return intent

    async def settled(self, intent: Intent) -> Intent:
        """The same as `looked`, for callers that need what was found to be in the journal.

        Raises:
            JournalDown: What was found could not be written down.
        """
        # While somebody sends it a look proves nothing: the order may be made a moment later.
        if intent.is_in_doubt and not intent.is_leased and self.sender.under_way(intent) is None:
            return await self.look_up.settle(intent)
        return intent


def _counts(intent: Intent, owner: str) -> bool:
    """Whether this intent of the owner's prevents another order of its reservations.

    An intent that is NEW and leased by nobody was never sent; the next claim closes it.
    """
    return intent.owner == owner and not intent.was_never_sent


def claimed(holder: Intent) -> Refusal:
    """The refusal of an order call whose reservations another call ordered, or may have ordered."""
    # Nothing else of that call is said: it may belong to another conversation.
    if not holder.is_final:
        return Refusal(
            Code.ALREADY_BEING_ORDERED,
            "Another order of one of these reservations is under way.",
            "Do not reserve again. Call get_reservation to see what became of it.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=LOOK_AGAIN_SECONDS,
        )
    # The other call failed, but only after it had been in doubt: such a call keeps its claim for
    # ever. Its orders were looked for until its holds had ended, so these have expired.
    if not holder.orders:
        return expired()
    return Refusal(
        Code.ALREADY_ORDERED,
        "One of these reservations was ordered already, by another call.",
        "Call get_reservation for its order, then get_tickets.",
        effect=Effect.ORDERED,
    )
