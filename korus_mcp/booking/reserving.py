"""Holding offers: a wish is sent once, and an equal call is answered with its holds.

A hold costs nothing and lapses by itself, yet nobody wants two: an equal call joins the one under
way, in whatever process, and is answered with its holds for as long as they are usable. A call is
written down before it is sent; when its answer is lost, it is not sent again until none can come.
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final

import anyio

from korus_mcp.api import ApiError, Booking, Outcome, ReservationLine
from korus_mcp.api.models.reservation import Reservation, ReservationBulkResult
from korus_mcp.booking.adoption import found_again, lines_of
from korus_mcp.booking.copies import HOLD, was_answered
from korus_mcp.booking.hold import BookedNames, hold_of
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quote, Quotes
from korus_mcp.booking.requests import (
    ReserveCall,
    check_limits,
    check_stock,
    digest,
    line_of,
    wish_of,
)
from korus_mcp.booking.reserved import (
    PriceMove,
    Reserved,
    ReserveState,
    answer_of,
    refused,
    told_again,
)
from korus_mcp.booking.settling import Settling
from korus_mcp.booking.timing import ANSWER_SECONDS, POLL_SECONDS, POST_SECONDS, RETRY_SECONDS
from korus_mcp.foundation.coalescing import begun_here, side_by_side
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import total
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.protocol import (
    UNKNOWN_END,
    Held,
    HoldIntent,
    Journal,
    JournalDown,
    Lease,
    Open,
    RefusedItem,
    Seen,
    TooMuchOpen,
)

DAYS_SECONDS: Final = 5
"""For so long a repeated call waits for the days of its offers, to compare them."""
ROUNDS: Final = 3
"""So often a call reads its offers, when each time an equal one was sent meanwhile."""


@dataclass(frozen=True)
class _Checked:
    """A call that nothing stands against: its offers as quoted, its lines as they are sent."""

    call: ReserveCall
    quotes: Mapping[Handle, Quote]
    lines: Sequence[ReservationLine]
    moves: tuple[PriceMove, ...]


@dataclass(kw_only=True)
class Reserver:
    """Holds offers for their owners. Its calls upstream are operations that outlive callers."""

    booking: Booking
    quotes: Quotes
    holds: HoldReader
    journal: Journal
    prices: ShownPrices
    clock: ApiClock
    operations: Operations
    lease: Lease
    settling: Settling
    sole_writer: bool
    most_open: Open | None = None
    pace: Pace = UNPACED

    async def reserve(self, call: ReserveCall) -> Reserved:
        """Hold the wished items with one call upstream.

        Raises:
            Refusal: what is known before that call: sessions, stock, prices, limits.
            ApiError: the call was certainly not carried out.
        """
        # Hosts give a call up after a minute. The work goes on, and an equal call finds its answer.
        with anyio.move_on_after(ANSWER_SECONDS):
            return await self.operations.flights.join(call.key, lambda: self._carry_out(call))
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=POST_SECONDS)

    async def _carry_out(self, call: ReserveCall) -> Reserved:
        # Reading the offers takes seconds, in which another server may send the same. So the
        # journal writes a hold down only if its key still has the last hold that was seen here.
        seen: dict[str, HoldIntent | None] = {}
        for _ in range(ROUNDS):
            answer = await self._as_before(call, seen)
            if answer is not None:
                return answer
            # What is refused is refused before a hold is written down: an intent that nobody sends
            # would keep equal calls waiting for its fence.
            checked = await self._checked(call)
            self.operations.check_open()
            hold = self._intent(checked)
            if await self._begun(hold, seen):
                return await self._sent(hold, checked)
        return await self._as_before(call, seen) or _UNREADABLE

    async def _begun(self, hold: HoldIntent, seen: Seen) -> bool:
        """Whether the call is written down now: not if an equal one was, since this one looked.

        Raises:
            Refusal: More would be held than the operator allows.
        """
        # Before the journal, so that calls at once cannot all pass; given back where nothing is
        # sent.
        self.pace.write(hold.owner)
        try:
            other = await self.journal.begin_hold(hold, self.lease, most=self.most_open, seen=seen)
        except TooMuchOpen as too_much:
            raise self._too_much(too_much.open, hold) from None
        if other is not None:
            self.pace.was_no_write(hold.owner)
        return other is None

    async def _sent(self, hold: HoldIntent, checked: _Checked) -> Reserved:
        call = checked.call
        try:
            result = await self.booking.create_reservations(
                checked.lines, language=call.language, on_leaving=begun_here().mark
            )
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN:
                return await self._lost(hold, call)
            with suppress(JournalDown):  # the refusal is what counts; the row ends with its fence
                is_answered = was_answered(error, HOLD)
                made = await self._found_again(hold, call) if is_answered else None
                if made is not None:
                    return made
                await self.journal.settle_hold(hold.id)
            raise
        # Our own fault before a byte left: the row is closed, or equal calls would wait for its
        # fence.
        except Exception:
            if not begun_here().is_true:
                with suppress(JournalDown):
                    await self.journal.settle_hold(hold.id)
            raise
        # A 200 without any list says nothing of what was done (T14).
        if not result.reservations and not result.failed_reservations:
            return await self._lost(hold, call)  # what was held, if anything, is not told
        for offer, quote in checked.quotes.items():
            self.prices.show(call.owner, offer, quote.price)
        try:
            return replace(await self._answer(hold, checked, result), moves=checked.moves)
        except JournalDown:
            return self._in_doubt(hold)  # holds were made, and cannot be written down
        except ApiError:
            return _UNREADABLE

    def _intent(self, checked: _Checked) -> HoldIntent:
        call, now = checked.call, self.clock.now()
        priced = [(i.quantity, checked.quotes[i.offer]) for i in call.items]
        amounts = [q.price.amount * quantity for quantity, q in priced if q.price is not None]
        return HoldIntent(
            id=secrets.token_hex(16),
            owner=call.owner,
            key=call.key,
            sent_at=now,
            fence_at=now + self.settling.lasts,
            wishes=tuple(digest(wish_of(item)) for item in call.items),
            tickets=sum(quantity * max(1, len(q.tickets)) for quantity, q in priced),
            amount=max(Decimal(0), sum(amounts, Decimal(0))),
        )

    def _too_much(self, is_open: Open, hold: HoldIntent) -> Refusal:
        """The refusal of a call with which more would be held than the operator allows."""
        is_too_large = self.most_open is not None and not hold.weight.fits(self.most_open)
        if is_too_large or is_open.ends_at is None:
            return Refusal(
                Code.LIMIT_EXCEEDED,
                "This is more than the operator allows to be held at once; nothing was held.",
                "Reserve less, or tell the person that the operator sets the limit.",
            )
        wait = max(1, math.ceil((is_open.ends_at - hold.sent_at).total_seconds()))
        return Refusal(
            Code.LIMIT_EXCEEDED,
            f"Held and not ordered are {is_open.number} reservations with {is_open.tickets} "
            f"tickets for {is_open.amount:.2f} EUR; with this it would be more than the operator "
            "allows at once, and nothing was held.",
            "Order what the person agreed to, or reserve again when the first of them lapses, at "
            f"{is_open.ends_at:%H:%M} UTC (in {wait} s).",
            retry_after_seconds=wait,
        )

    def _held(self, reservations: Sequence[Reservation]) -> dict[str, Held]:
        """What reservations count for against the limit of what may be held open, by their ids."""
        unnamed, now = BookedNames({}, {}), self.clock.now()
        # The worth of what was made counts against what may be held open; names do not matter for
        # it.
        read = (hold_of(r, unnamed, self.clock) for r in reservations if r.items)
        return {
            h.id: Held(h.tickets, max(Decimal(0), h.worth.amount), h.ends_by(now))
            for h in read
            if h.worth is not None
        }

    async def _as_before(
        self, call: ReserveCall, seen: dict[str, HoldIntent | None]
    ) -> Reserved | None:
        """The answer of an equal call that was made before; None when this one may be sent.

        `seen` are those this call knows of, and is brought up to date. A wish for a second hold
        is met by one that was under way when it came, or began since, and by none before.
        """
        for each in call.keys:
            earlier = await self.journal.hold_of(each)
            if earlier is None:
                seen[each] = None
                continue
            # `again` wishes for one more hold than there was when the call came: a final hold from
            # before does not meet it.
            is_met = not (call.again and earlier.is_final)
            is_met = is_met or (each in seen and earlier.is_news(seen[each]))
            earlier = seen[each] = await self._at_its_end(earlier, call)
            answer = None
            if not earlier.is_final:
                answer = self._in_doubt(earlier) if self._wait(earlier) > 0 else None
            elif is_met and each == call.key:
                answer = await self._replay(earlier, call)
            if answer is not None:
                return answer
        return None

    async def _at_its_end(self, earlier: HoldIntent, call: ReserveCall) -> HoldIntent:
        """An equal call, once no other server sends it; if in doubt, with the holds it made."""
        # The journal is the only thing two servers share, so it is read until the other one is
        # done.
        while not earlier.is_final and earlier.is_leased:  # another process is sending it
            await anyio.sleep(POLL_SECONDS)
            earlier = await self.journal.hold_of(earlier.key) or earlier
        return earlier if earlier.is_final else await self._adopted(earlier, call)

    async def _replay(self, earlier: HoldIntent, call: ReserveCall) -> Reserved | None:
        """The earlier answer, while its holds are usable and not being ordered."""
        ids = earlier.reservation_ids
        # What is being ordered, or was, is not handed out again as a hold.
        if not ids or await self.journal.intents_of(ids):
            return None
        try:
            holds = await self.holds.read(earlier.owner, ids, call.language)
        except Refusal as refusal:
            return None if refusal.code is Code.NOT_FOUND else _UNREADABLE
        except ApiError:
            return _UNREADABLE
        except Exception:
            begun_here().mark()  # by the earlier call: its holds may stand
            raise
        if any(h.may_be_ordered for h in holds):  # that is never held anew
            begun_here().mark()
            standing = [h for h in holds if h.may_be_ordered or h.can_be_ordered(self.clock)]
            return told_again(call, earlier, holds, standing)
        # A hold whose end nobody told is handed out for an hour, no longer.
        is_old = self.clock.now() >= earlier.sent_at + UNKNOWN_END
        if any(is_old and h.seconds_left is None for h in holds):
            return None  # one whose end nobody knows is not held for ever
        if not all(h.can_be_ordered(self.clock) for h in holds):
            return None  # what ends too soon to be ordered is of no use to anybody
        if any(line.over is not None for h in holds for line in h.lines):
            return None  # nor is what is over at the venue: the offer as it is now says so
        begun_here().mark()
        made = told_again(call, earlier, holds, holds)
        # The days are a courtesy of a repeat: the holds are told without them, too.
        with suppress(ApiError, Refusal), anyio.move_on_after(DAYS_SECONDS):
            return made.compared_with(await self._offers(call))
        return made

    async def _offers(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        steps = [partial(self.quotes.of_offer, offer, call.language) for offer in call.offers]
        return dict(zip(call.offers, await side_by_side(steps), strict=True))

    async def _lost(self, hold: HoldIntent, call: ReserveCall) -> Reserved:
        """What to tell when the answer was lost: the holds, if they can be recognised."""
        try:
            found = await self._found_again(await self.journal.doubt_hold(hold.id), call)
        except JournalDown:
            found = None
        return found or self._in_doubt(hold)

    async def _found_again(self, hold: HoldIntent, call: ReserveCall) -> Reserved | None:
        """The answer with the holds that a lost or refused call made all the same, if it did."""
        adopted = await self._adopted(hold, call)
        made = await self._replay(adopted, call) if adopted.is_final else None
        return replace(made, replayed=False) if made is not None else None

    async def _adopted(self, hold: HoldIntent, call: ReserveCall) -> HoldIntent:
        """A call in doubt, with its holds where they can be told from all others (`adoption`)."""
        # Where others book on the account an equal hold may be theirs, and taking it would order
        # it.
        if not self.sole_writer:
            return hold
        wished = [lines_of(i.offer.id, i.session_ids, i.quantity) for i in call.items]
        try:
            found = await found_again(self.booking, self.journal, hold, wished)
        except ApiError:
            return hold
        # Written down first: another call may have recognised the same one meanwhile, and loses.
        ids, held = [r.id for r in found], self._held(found)
        if ids and await self.journal.adopt(hold.id, ids, now=self.clock.now(), held=held):
            return await self.journal.hold_of(hold.key) or hold
        return hold

    def _wait(self, hold: HoldIntent) -> int:
        """For how many seconds an equal call must not be sent: it would add a hold to the doubt."""
        return math.ceil((hold.fence_at - self.clock.now()).total_seconds())

    def _in_doubt(self, hold: HoldIntent) -> Reserved:
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=max(1, self._wait(hold)))

    async def _checked(self, call: ReserveCall) -> _Checked:
        """The call with its offers as they are now, once nothing stands against it.

        Raises:
            Refusal: What stands against it: limits, stock, sessions, prices.
            ApiError: An offer cannot be read.
        """
        quotes = await self._offers(call)
        check_limits(call, quotes)
        for quote in quotes.values():
            self.holds.names.learn(quote)
            check_stock(call, quote)
        lines = [line_of(n, item, quotes[item.offer]) for n, item in enumerate(call.items)]
        known = [(i, price) for i in call.items if (price := quotes[i.offer].price) is not None]
        grand_total = total([price.times(item.quantity) for item, price in known])
        if call.max_total is not None and grand_total > call.max_total:
            raise Refusal(
                Code.PRICE_CHANGED,
                f"The items cost {grand_total} now, more than max_total; nothing was held.",
                "Tell the person the new total, then reserve with a max_total they accept.",
            )
        shown = {i.offer: (self.prices.last(call.owner, i.offer), price) for i, price in known}
        moves = tuple(
            PriceMove(offer, was, price)
            for offer, (was, price) in shown.items()
            if was is not None and was != price
        )
        return _Checked(call, quotes, lines, moves)

    async def _answer(
        self, hold: HoldIntent, checked: _Checked, result: ReservationBulkResult
    ) -> Reserved:
        """What was made, written down before it is read in full: ids are never lost again."""
        call = checked.call
        failed = refused(call, result)
        await self.journal.settle_hold(
            hold.id,
            reservation_ids=[r.id for r in result.reservations],
            refused=[RefusedItem(f.offer_id, f.code, f.message) for f in failed],
            held=self._held(result.reservations),
        )
        full = [await self.holds.in_full(r, call.language) for r in result.reservations]
        holds = await self.holds.shown(full, call.language)
        return answer_of(call, result, failed, holds, checked.quotes)


_UNREADABLE: Final = Reserved(state=ReserveState.IN_DOUBT, check_again_after=RETRY_SECONDS)
"""Holds exist, or may, and what they are cannot be told just now."""
