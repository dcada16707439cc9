"""Holds offers. A wish is sent once; an equal call gets the same holds.

A hold costs nothing and expires by itself, but nobody wants two. So an equal call waits for the one
under way, in this process or another, and is answered with its holds while they are usable. A call
is written down before it is sent. If its answer is lost, it is not sent again until its fence is
past: the moment after which what it made can no longer appear.
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

import anyio

from korus_mcp.api import ApiError, Outcome, ReservationLine
from korus_mcp.api.models.reservation import Reservation, ReservationBulkResult
from korus_mcp.booking.adoption import found_again, lines_of
from korus_mcp.booking.copies import HOLD, was_answered
from korus_mcp.booking.hold import BookedNames, hold_of
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.limits import OneOrder
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.ports import Service
from korus_mcp.booking.prices import Prices
from korus_mcp.booking.quote import Quote, Quotes
from korus_mcp.booking.requests import ReserveCall, check_limits, check_stock, lines_to_send
from korus_mcp.booking.reserved import (
    PriceMove,
    Reserved,
    ReserveState,
    answer_of,
    may_be_an_order,
    refused,
    says_all,
    told_again,
)
from korus_mcp.booking.settling import Settling
from korus_mcp.booking.timing import JOIN_SECONDS, POLL_SECONDS, RETRY_SECONDS
from korus_mcp.foundation.coalescing import begun_here, side_by_side
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import total
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.foundation.refusals import Code, Faults, Refusal
from korus_mcp.journal.records import (
    UNKNOWN_END,
    Held,
    HoldIntent,
    HoldResult,
    JournalDown,
    Lease,
    Open,
    RefusedItem,
    Seen,
    TooMuchOpen,
)

DAYS_SECONDS: Final = 5
"""How long a repeated call waits for quotes of its offers, to compare days with the holds'."""
_SPARE_SECONDS: Final = 0.5
"""So long before its caller stops waiting that comparison ends, for the holds to be told."""
ROUNDS: Final = 3
"""How often a call starts over because an equal call was written down while it read its offers."""


@dataclass(frozen=True)
class _Checked:
    """A call that may be sent: the quotes of its offers, and the lines of the request."""

    call: ReserveCall
    quotes: Mapping[Handle, Quote]
    lines: Sequence[ReservationLine]
    moves: tuple[PriceMove, ...]


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What came of a call, and when: holds, a doubt or a refusal."""

    call: ReserveCall
    at: datetime
    answer: Reserved | Refusal

    def fits(self, call: ReserveCall) -> bool:
        """Whether it is the answer to an equal call, too, which may have another `max_total`."""
        return isinstance(self.answer, Reserved) or self.call.max_total == call.max_total

    def told(self, now: datetime) -> Reserved:
        """The answer as of now.

        Raises:
            Refusal: that of the call.
        """
        if isinstance(self.answer, Refusal):
            raise self.answer
        return self.answer.later(int((now - self.at).total_seconds()))


@dataclass(kw_only=True)
class Reserver(Service):
    """Holds offers for their owners. The work goes on if a caller leaves."""

    quotes: Quotes
    holds: HoldReader
    prices: Prices
    operations: Operations
    lease: Lease
    settling: Settling
    sole_writer: bool
    answer_seconds: float
    one_order: OneOrder
    most_open: Open | None = None
    pace: Pace = UNPACED

    async def reserve(self, call: ReserveCall) -> Reserved:
        """Hold the wished items with one call upstream.

        Raises:
            Refusal: sessions, stock, prices or limits do not allow it; nothing was sent.
            ApiError: the call was certainly not carried out.
        """
        # Hosts give a call up after a while. The work goes on, and an equal call gets its answer:
        # carried out anew, a call with `again` would hold once more, and a slow one never answer.
        with anyio.move_on_after(self.answer_seconds) as wait:
            work, outcome = partial(self._outcome, call, wait.deadline), None
            while outcome is None or not outcome.fits(call):
                outcome = await self.operations.flights.join(call.key, work, is_kept=True)
            return outcome.told(self.clock.now())
        return Reserved(
            state=ReserveState.IN_DOUBT, is_under_way=True, check_again_after=JOIN_SECONDS
        )

    async def _outcome(self, call: ReserveCall, until: float) -> _Outcome:
        """What comes of a call whose caller waits until this moment of the event loop's time."""
        try:
            answer: Reserved | Refusal = await self._carry_out(call, until)
        except Refusal as refusal:
            answer = refusal
        return _Outcome(call=call, at=self.clock.now(), answer=answer)

    async def _carry_out(self, call: ReserveCall, until: float) -> Reserved:
        # Reading the offers takes seconds, in which another server may send an equal call. So the
        # journal writes this one down only if it has no newer hold with the same key.
        seen: dict[str, HoldIntent | None] = {}
        for _ in range(ROUNDS):
            answer = await self._as_before(call, seen, until)
            if answer is not None:
                return answer
            # Refused before it is written down: an intent that nobody sends would keep equal calls
            # waiting until its fence.
            checked = await self._checked(call)
            self.operations.check_open()
            hold = self._intent(checked)
            if await self._begun(hold, seen):
                return await self._sent(hold, checked)
        return await self._as_before(call, seen, until) or _UNREADABLE

    async def _begun(self, hold: HoldIntent, seen: Seen) -> bool:
        """Write the call down. Returns False if an equal one was written down since it looked.

        Raises:
            Refusal: More would be held than the operator allows.
        """
        # Counted before the journal is written, so that many calls at once cannot pass the limit;
        # given back if nothing is sent.
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
            with suppress(JournalDown):  # the refusal matters more; the row is void after its fence
                is_answered = was_answered(error, HOLD)
                made = await self._found_again(hold, call) if is_answered else None
                if made is not None:
                    return made
                await self.journal.settle_hold(hold.id)
            raise
        # A crash before a byte left: the row is closed, or equal calls would wait until its fence.
        except Exception:
            if not begun_here().is_true:
                with suppress(JournalDown):
                    await self.journal.settle_hold(hold.id)
            raise
        # A 200 without holds may leave items out, and says nothing of those (T14).
        if not result.reservations and not says_all(call, result):
            told = await self._lost(hold, call)
            is_doubt = told.state is ReserveState.IN_DOUBT
            return replace(told, failed=refused(call, result)) if is_doubt else told
        for offer, quote in checked.quotes.items():
            self.prices.show(call.owner, offer, quote.price, is_live=quote.is_price_live)
        try:
            return replace(await self._answer(hold, checked, result), moves=checked.moves)
        except JournalDown:
            return self._in_doubt(hold)  # holds were made, but could not be written down
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
            wishes=call.wishes,
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
        """Reservation id -> what it counts for against the limit of open holds."""
        unnamed, now = BookedNames({}, {}), self.clock.now()
        # Only amounts and quantities count, so no names are looked up.
        read = (hold_of(r, unnamed, self.clock) for r in reservations if r.items)
        return {
            h.id: Held(h.tickets, max(Decimal(0), h.worth.amount), h.ends_by(now))
            for h in read
            if h.worth is not None
        }

    async def _as_before(
        self, call: ReserveCall, seen: dict[str, HoldIntent | None], until: float
    ) -> Reserved | None:
        """The answer to an equal call that was made before; None when this one may be sent.

        `seen`: the last hold this call saw under each key; it is brought up to date. `until`: as in
        `_replay`. With `again` an earlier hold counts only if it was under way when this call came,
        or began since.
        """
        for each in call.keys:
            earlier = await self.journal.hold_of(each)
            if earlier is None:
                seen[each] = None
                continue
            # `again` asks for one more hold than there was when the call came, so a hold that was
            # finished before is not the answer.
            is_met = not (call.again and earlier.is_final)
            is_met = is_met or (each in seen and earlier.is_news(seen[each]))
            earlier = seen[each] = await self._at_its_end(earlier, call)
            answer = None
            if earlier.is_final and is_met and each == call.key:
                answer = await self._replay(earlier, call, until)
            # An item that the answer left out may be held, whatever became of the others.
            is_doubt = not earlier.is_final or earlier.ambiguous
            if answer is None and is_doubt and self._wait(earlier) > 0:
                answer = self._in_doubt(earlier)
            if answer is not None:
                return answer
        return None

    async def _at_its_end(self, earlier: HoldIntent, call: ReserveCall) -> HoldIntent:
        """An equal earlier call, once no process is sending it any more.

        If its answer was lost, the holds that it made are looked for.
        """
        # Two servers share nothing but the journal, so it is read until the other one is done.
        while not earlier.is_final and earlier.is_leased:  # another process is sending it
            await anyio.sleep(POLL_SECONDS)
            earlier = await self.journal.hold_of(earlier.key) or earlier
        return earlier if earlier.is_final else await self._adopted(earlier, call)

    async def _replay(
        self, earlier: HoldIntent, call: ReserveCall, until: float = math.inf
    ) -> Reserved | None:
        """The answer with an earlier call's holds; None if one is unusable or being ordered.

        `until`: the moment of the event loop's time at which the caller stops waiting.
        """
        ids = earlier.reservation_ids
        # A reservation that is being ordered, or was, is not handed out as a hold.
        if not ids or await self.journal.intents_of(ids):
            return None
        try:
            holds = await self.holds.read(earlier.owner, ids, call.language)
        except Refusal as refusal:
            return None if refusal.code is Code.NOT_FOUND else _UNREADABLE
        except ApiError:
            return _UNREADABLE
        except Exception:
            begun_here().mark()  # the earlier call was sent: its holds may exist
            raise
        # A hold that is ordered, or may be, though not through this server: it is not held anew.
        if any(map(may_be_an_order, holds)):
            begun_here().mark()
            standing = [h for h in holds if may_be_an_order(h) or h.can_be_ordered(self.clock)]
            return told_again(call, earlier, holds, standing, self._wait(earlier))
        # A hold whose end is not known is handed out for an hour at most.
        is_old = self.clock.now() >= earlier.sent_at + UNKNOWN_END
        if any(is_old and h.seconds_left is None for h in holds):
            return None
        if not all(h.can_be_ordered(self.clock) for h in holds):
            return None  # it ends too soon to be ordered
        if any(line.over is not None for h in holds for line in h.lines):
            return None  # it is over at the venue; the quote of a new call will say so
        begun_here().mark()
        made = told_again(call, earlier, holds, holds, self._wait(earlier))
        # The comparison is an extra: if it fails, the holds are the answer without it. The amount
        # is that of the earlier call: prices may have moved since.
        left = until - _SPARE_SECONDS - anyio.current_time()
        seconds = min(DAYS_SECONDS, left) if left > 0 else DAYS_SECONDS  # nobody waits any more
        with suppress(ApiError, Refusal), anyio.move_on_after(seconds):
            return made.compared_with(call, await self._offers(call), earlier.amount or None)
        return made

    async def _offers(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        steps = [partial(self.quotes.of_offer, offer, call.language) for offer in call.offers]
        return dict(zip(call.offers, await side_by_side(steps), strict=True))

    async def _lost(self, hold: HoldIntent, call: ReserveCall) -> Reserved:
        """The outcome when the answer was lost: the holds if they are recognised, else in doubt."""
        try:
            found = await self._found_again(await self.journal.doubt_hold(hold.id), call)
        except JournalDown:
            found = None
        return found or self._in_doubt(hold)

    async def _found_again(self, hold: HoldIntent, call: ReserveCall) -> Reserved | None:
        """The outcome with the holds that a lost or refused call made after all; None if none."""
        adopted = await self._adopted(hold, call)
        made = await self._replay(adopted, call) if adopted.is_final else None
        return replace(made, replayed=False) if made is not None else None

    async def _adopted(self, hold: HoldIntent, call: ReserveCall) -> HoldIntent:
        """A call in doubt, with its holds if they can be recognised (booking/adoption.py)."""
        # If others book on the account, an equal hold may be theirs; adopted, it would be ordered.
        if not self.sole_writer:
            return hold
        wished = [lines_of(i.offer.id, i.session_ids, i.quantity) for i in call.items]
        try:
            found = await found_again(self.booking, self.journal, hold, wished)
        except ApiError:
            return hold
        # Another call may have recognised the same reservations: the first to write them has them.
        made = HoldResult([r.id for r in found], held=self._held(found))
        if found and await self.journal.adopt(hold.id, made, now=self.clock.now()):
            return await self.journal.hold_of(hold.key) or hold
        return hold

    def _wait(self, hold: HoldIntent) -> int:
        """For how many seconds an equal call must not be sent: there could be two holds then."""
        return math.ceil((hold.fence_at - self.clock.now()).total_seconds())

    def _in_doubt(self, hold: HoldIntent) -> Reserved:
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=max(1, self._wait(hold)))

    async def _checked(self, call: ReserveCall) -> _Checked:
        """Check the call against its offers as they are now.

        Raises:
            Refusal: Limits, stock, sessions or prices do not allow it.
            ApiError: An offer cannot be read.
        """
        quotes, faults = await self._offers(call), Faults()
        with faults:
            check_limits(call, quotes, self.one_order)
        for quote in quotes.values():
            self.holds.names.learn(quote)
            with faults:
                check_stock(call, quote)
        lines = lines_to_send(call, quotes, faults)
        known = [(i, price) for i in call.items if (price := quotes[i.offer].price) is not None]
        grand_total = total([price.times(item.quantity) for item, price in known])
        if call.max_total is not None and grand_total > call.max_total:
            with faults.about("max_total"):
                raise Refusal(
                    Code.PRICE_CHANGED,
                    f"The items cost {grand_total} now, more than max_total; nothing was held.",
                    "Tell the person the new total, then reserve with a max_total they accept.",
                )
        faults.check_by_first()
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
        """The outcome of the call. The ids of its holds are written down before they are read in
        full, so that a failed read loses none.
        """
        call = checked.call
        failed = refused(call, result)
        made = HoldResult(
            reservation_ids=[r.id for r in result.reservations],
            refused=[RefusedItem(f.offer_id, f.code, f.message) for f in failed],
            held=self._held(result.reservations),
            ambiguous=not says_all(call, result),
        )
        await self.journal.settle_hold(hold.id, made)
        full = [await self.holds.in_full(r, call.language) for r in result.reservations]
        holds = await self.holds.shown(full, call.language)
        return answer_of(call, result, failed, holds, checked.quotes, self._wait(hold))


_UNREADABLE: Final = Reserved(state=ReserveState.IN_DOUBT, check_again_after=RETRY_SECONDS)
"""For holds that exist, or may, but cannot be read just now."""
