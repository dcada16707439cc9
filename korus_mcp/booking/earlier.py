"""Order calls that were made before: the one a call repeats, and those that stand in its way.

An order is never sent twice, so a call first asks what was sent for its reservations. An equal call
is answered with that one's outcome. Another's order, or a doubt about one, refuses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.booking.sending import Sender
from korus_mcp.booking.timing import ANSWER_SECONDS, LOOK_AGAIN_SECONDS, POLL_SECONDS
from korus_mcp.foundation.coalescing import begun_here, side_by_side
from korus_mcp.foundation.refusals import MEANINGS, Code, Effect, FieldProblem, Refusal
from korus_mcp.journal.protocol import Installation, Intent, Journal, JournalDown


@dataclass(frozen=True, kw_only=True)
class EarlierOrders:
    """Knows the order calls of reservations: `sender` has those under way, `look_up` finds lost
    orders.
    """

    journal: Journal
    sender: Sender
    look_up: LookUp

    async def of(self, owner: str, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The order calls that claim reservations of an owner; those in doubt are looked up."""
        held = await self.journal.intents_of(reservation_ids)
        intents = {i.id: i for i in held.values() if _counts(i, owner)}
        looked = await side_by_side([partial(self.looked, i) for i in intents.values()])
        by_id = {i.id: i for i in looked}
        return {
            r: by_id[i.id] for r, i in held.items() if i.id in by_id and r not in by_id[i.id].freed
        }

    async def check_none(self, owner: str, reservation_ids: Sequence[str]) -> None:
        """That none of these was ordered, or may have been.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED.
        """
        for ordered in (await self.of(owner, reservation_ids)).values():
            raise claimed(ordered)

    async def equal(
        self, call: OrderCall, installation: Installation, held: Mapping[str, Intent]
    ) -> Intent | None:
        """The intent a call repeats, once its send is over or takes too long to wait for; `held`
        are those that claim its reservations.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED by a different call.
        """
        # An intent may claim several reservations, so it stands several times among the holders.
        equal, fingerprint = None, call.fingerprint(installation)
        for intent in {i.id: i for i in held.values() if _counts(i, call.owner)}.values():
            if intent.fingerprint == fingerprint:
                equal = intent
                continue
            looked = await self.looked(intent)
            # What another call tried and certainly did not order is free again.
            if any(i in looked.orders or i in looked.missing for i in call.reservation_ids):
                raise claimed(looked)
        return None if equal is None else await self.awaited(equal)

    async def awaited(self, intent: Intent) -> Intent | None:
        """The intent once its send is over, or as it is when that takes too long to wait for.

        None for one whose sender died before it sent: it is as if it had never been.
        """
        begun_here().mark()  # not by this call, but its caller may not be told that nothing was
        with anyio.move_on_after(ANSWER_SECONDS):
            while not intent.is_final:
                if intent.was_never_sent:
                    return None
                sending = self.sender.under_way(intent)
                if sending is not None:
                    await sending.done.wait()
                elif not intent.is_leased:
                    return await self.looked(intent)
                else:  # another process sends it
                    await anyio.sleep(POLL_SECONDS)
                intent = await self._read_again(intent)
        return intent

    async def _read_again(self, intent: Intent) -> Intent:
        try:
            return await self.journal.intent_by_reference(intent.external_reference) or intent
        except JournalDown:
            return intent

    async def looked(self, intent: Intent) -> Intent:
        """The intent, after one look upstream when it is in doubt and nobody is sending it.

        While the journal cannot be written it stays in doubt, whatever was found.
        """
        try:
            return await self.settled(intent)
        except JournalDown:
            return intent

    async def settled(self, intent: Intent) -> Intent:
        """The intent, looked up as in `looked`, for callers who must know that it is written down.

        Raises:
            JournalDown: It is not.
        """
        # While somebody sends it a look proves nothing: the order may be made a moment later.
        if intent.is_in_doubt and not intent.is_leased and self.sender.under_way(intent) is None:
            return await self.look_up.settled(intent)
        return intent


def _counts(intent: Intent, owner: str) -> bool:
    """Whether an intent stands in the way of its reservations' next order.

    One that is NEW and leased by nobody was never sent, and is closed by the next claim.
    """
    return intent.owner == owner and not intent.was_never_sent


def claimed(holder: Intent) -> Refusal:
    """The refusal of an order of reservations that another call ordered, or may have."""
    # Nobody is told more of it than that: it may be the call of another conversation.
    if not holder.is_final:
        return Refusal(
            Code.ALREADY_BEING_ORDERED,
            "Another order of one of these reservations is under way.",
            "Do not reserve again. Call get_reservation to see what became of it.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=LOOK_AGAIN_SECONDS,
        )
    if not holder.orders:  # its claim stays: a doubt was about it, and the hold is over
        return expired()
    return Refusal(
        Code.ALREADY_ORDERED,
        "One of these reservations was ordered already, with other data.",
        "Call get_reservation for its order, then get_tickets.",
        effect=Effect.ORDERED,
    )


def expired(places: Sequence[int] = ()) -> Refusal:
    """The refusal of holds that are over; of several, those at these places of the call."""
    return Refusal(
        Code.HOLD_EXPIRED,
        "A reservation has expired or ends too soon to be ordered safely.",
        MEANINGS[Code.HOLD_EXPIRED].next_step,
        fields=tuple(FieldProblem(f"reservation_ids.{n}", "over") for n in places),
    )
