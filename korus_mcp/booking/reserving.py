"""Holds offers, and says what a hold is now.

A hold costs nothing and lapses by itself, yet nobody wants two: an equal call joins the one under
way, in whatever process, and is answered with its holds for as long as they are usable. A call is
written down before it is sent; when its answer is lost, it is not sent again until none can come.
"""

import math
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import ApiError, Booking, NotFound, Outcome, ReservationLine
from korus_mcp.api.models.reservation import Reservation, ReservationBulkResult, ReservationFailure
from korus_mcp.booking.adoption import found_again, lines_of
from korus_mcp.booking.entries import FailedEntry, read_entry
from korus_mcp.booking.hold import (
    ITS_ORDER,
    ORDER_MARGIN_SECONDS,
    BookedNames,
    Hold,
    HoldState,
    hold_of,
)
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.ownership import check_owner
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Obstacle, Quote, Quotes
from korus_mcp.booking.requests import ReserveCall, check_stock, digest, line_of, wish_of
from korus_mcp.booking.settling import Settling, look_again_in
from korus_mcp.booking.timing import (
    ANSWER_SECONDS,
    LEASE_SECONDS,
    POLL_SECONDS,
    POST_SECONDS,
    RETRY_SECONDS,
    stopping,
)
from korus_mcp.foundation.clock import CLOCK_DOUBT
from korus_mcp.foundation.coalescing import Flights, begun_here, side_by_side
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money, total
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.foundation.unread import value_of
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
HOLD: Final = "createReservations"
ROUNDS: Final = 3
"""So often a call reads its offers, when each time an equal one was sent meanwhile."""


class ReserveState(StrEnum):
    """What became of a reserve call as a whole."""

    HELD = "held"
    PARTLY_HELD = "partly_held"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True)
class FailedItem:
    """An offer that cannot be ordered; `message` is the issuer's own text, cleaned, or ours.

    `may_be_ordered`: nothing may be bought in its place.
    """

    offer_id: str
    code: str | None
    message: str
    is_ours: bool = False
    may_be_ordered: bool = False


@dataclass(frozen=True)
class PriceMove:
    """A price that differs from the one last shown."""

    offer: Handle
    was: Money
    now: Money


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """The answer of a reserve call."""

    state: ReserveState
    holds: tuple[Hold, ...] = ()
    failed: tuple[FailedItem, ...] = ()
    moves: tuple[PriceMove, ...] = ()
    replayed: bool = False
    check_again_after: int | None = None
    beyond: tuple[str, ...] = ()
    """In words, what is held and was not asked for."""

    @property
    def total(self) -> Money | None:
        """What all holds together cost; None when one of them states no amount."""
        amounts = [h.total for h in self.holds if h.total is not None]
        return total(amounts) if amounts and len(amounts) == len(self.holds) else None


class Reserver:
    """Holds offers for their owners. Its calls upstream live in the given task group."""

    def __init__(
        self,
        booking: Booking,
        quotes: Quotes,
        *,
        names: ProductNames,
        journal: Journal,
        prices: ShownPrices,
        clock: ApiClock,
        tasks: TaskGroup,
        worker: str,
        settle_seconds: int,
        sole_writer: bool,
        most_open: Open | None = None,
        pace: Pace = UNPACED,
    ) -> None:
        self._booking = booking
        self._quotes = quotes
        self._names = names
        self._journal = journal
        self._prices = prices
        self._clock = clock
        self._settle = timedelta(seconds=POST_SECONDS + settle_seconds)
        self._settling = Settling(journal, clock, settle_seconds)
        self._sole_writer = sole_writer
        self._most_open = most_open
        self._pace = pace
        self._lease = Lease(worker, LEASE_SECONDS)
        self._flights = Flights(tasks)
        self._closing = False

    async def reserve(self, call: ReserveCall) -> Reserved:
        """Hold the wished items with one call upstream.

        Raises:
            Refusal: what is known before that call: sessions, stock, prices, limits.
            ApiError: the call was certainly not carried out.
        """
        with anyio.move_on_after(ANSWER_SECONDS):
            return await self._flights.join(call.key, lambda: self._carry_out(call.key, call))
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=POST_SECONDS)

    def close(self) -> None:
        """Take no new call."""
        self._closing = True

    async def drain(self, seconds: float) -> None:
        """Take no new call and wait for those on their way, so long at most."""
        self.close()
        with anyio.move_on_after(seconds):
            await self._flights.landed()

    async def found(
        self, owner: str, reservation_ids: Sequence[str], language: str
    ) -> Mapping[str, Hold]:
        """What these reservations are now, by id; those that are not shown are left out.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's (nothing is asked upstream).
        """
        check_owner(owner, await self._journal.owners_of(reservation_ids), reservation_ids)
        steps = [partial(self._read_if_there, i, language) for i in reservation_ids]
        read = zip(reservation_ids, await side_by_side(steps), strict=True)
        there = {i: reservation for i, reservation in read if reservation is not None}
        return dict(zip(there, await self._shown(list(there.values()), language), strict=True))

    async def holds(self, owner: str, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """What these reservations are now, all of them.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's (nothing is asked upstream) or gone;
                one that is not shown yet.
        """
        check_owner(owner, await self._journal.owners_of(reservation_ids), reservation_ids)
        return await self.read(owner, reservation_ids, language)

    async def read(self, owner: str, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """The same for reservations that are known to be this owner's.

        Raises:
            Refusal: NOT_FOUND when one is gone; UPSTREAM_UNAVAILABLE when one that is not shown
                was made too recently to be missed.
        """
        steps = [partial(self._read_if_there, i, language) for i in reservation_ids]
        read = await side_by_side(steps)
        there = [r for r in read if r is not None]
        if len(there) < len(steps):
            missed = [i for i, r in zip(reservation_ids, read, strict=True) if r is None]
            too_new = await self._settling.seconds_left(owner, missed)
            if too_new:
                raise _not_shown_yet(look_again_in(too_new))
            raise Refusal(
                Code.NOT_FOUND,
                "A reservation that was made here is gone at KorusTicket; nothing was ordered now.",
                "Call get_reservation to see what became of each.",
            )
        return await self._shown(there, language)

    async def _read_if_there(self, reservation_id: str, language: str) -> Reservation | None:
        try:
            return await self._booking.get_reservation(reservation_id, language=language)
        except NotFound:
            return None

    async def _shown(self, found: Sequence[Reservation], language: str) -> list[Hold]:
        now, is_known = self._clock.now(), self._clock.is_known
        surely_past = now if is_known else now - CLOCK_DOUBT
        names = await self._names.for_reservations(found, language, surely_past)
        return [hold_of(r, names, now, is_known=is_known) for r in found]

    async def _carry_out(self, key: str, call: ReserveCall) -> Reserved:
        seen: dict[str, HoldIntent | None] = {}
        for _ in range(ROUNDS):
            answer = await self._as_before(key, call, seen)
            if answer is not None:
                return answer
            quotes = await self._quoted(call)
            lines = [line_of(n, item, quotes[item.offer]) for n, item in enumerate(call.items)]
            moves = self._check_prices(call, quotes)
            if self._closing:
                raise stopping()
            hold = self._intent(key, call, quotes)
            if await self._begun(hold, seen):
                return await self._sent(hold, call, quotes, lines, moves)
        return await self._as_before(key, call, seen) or _UNREADABLE

    async def _begun(self, hold: HoldIntent, seen: Seen) -> bool:
        """Whether it is written down; not when an equal one was while the offers were read.

        Raises:
            Refusal: More would be held than the operator allows.
        """
        self._pace.write(hold.owner)
        try:
            other = await self._journal.begin_hold(
                hold, self._lease, most=self._most_open, seen=seen
            )
        except TooMuchOpen as too_much:
            raise self._too_much(too_much.open, hold) from None
        if other is not None:
            self._pace.was_no_write(hold.owner)
        return other is None

    async def _sent(
        self,
        hold: HoldIntent,
        call: ReserveCall,
        quotes: Mapping[Handle, Quote],
        lines: Sequence[ReservationLine],
        moves: tuple[PriceMove, ...],
    ) -> Reserved:
        try:
            result = await self._booking.create_reservations(
                lines, language=call.language, on_leaving=begun_here().mark
            )
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN:
                return await self._lost(hold, call)
            with suppress(JournalDown):  # the refusal is what counts; the row ends with its fence
                made = await self._made_all_the_same(hold, call) if _was_answered(error) else None
                if made is not None:
                    return made
                await self._journal.settle_hold(hold.id)
            raise
        except Exception:
            if not begun_here().is_true:
                with suppress(JournalDown):
                    await self._journal.settle_hold(hold.id)
            raise
        if not result.reservations and not result.failed_reservations:
            return await self._lost(hold, call)  # what was held, if anything, is not told
        self._show_prices(call, quotes)
        try:
            return replace(await self._answer(hold, call, result, quotes), moves=moves)
        except JournalDown:
            return self._in_doubt(hold)  # holds were made, and cannot be written down
        except ApiError:
            return _UNREADABLE

    def _intent(self, key: str, call: ReserveCall, quotes: Mapping[Handle, Quote]) -> HoldIntent:
        now = self._clock.now()
        priced = [(i.quantity, quotes[i.offer]) for i in call.items]
        amounts = [q.price.amount * quantity for quantity, q in priced if q.price is not None]
        return HoldIntent(
            id=secrets.token_hex(16),
            owner=call.owner,
            key=key,
            sent_at=now,
            fence_at=now + self._settle,
            wishes=tuple(digest(wish_of(item)) for item in call.items),
            tickets=sum(quantity * max(1, len(q.tickets)) for quantity, q in priced),
            amount=max(Decimal(0), sum(amounts, Decimal(0))),
        )

    def _too_much(self, is_open: Open, hold: HoldIntent) -> Refusal:
        """The refusal of a call with which more would be held than the operator allows."""
        is_too_large = self._most_open is not None and not hold.weight.fits(self._most_open)
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
        """What these come to, as far as an answer tells it."""
        now, is_known = self._clock.now(), self._clock.is_known
        read = (
            hold_of(r, BookedNames({}, {}), now, is_known=is_known) for r in reservations if r.items
        )
        return {
            h.id: Held(h.tickets, max(Decimal(0), h.worth.amount), h.ends_by(now))
            for h in read
            if h.worth is not None
        }

    async def _as_before(
        self, key: str, call: ReserveCall, seen: dict[str, HoldIntent | None]
    ) -> Reserved | None:
        """The answer to an equal call, in terms of the last ones; None when it may be sent.

        `seen` are those this call knows of, and is brought up to date. A wish for a second hold
        is met by one that was under way when it came, or began since, and by none before.
        """
        for each in call.keys:
            earlier = await self._journal.hold_of(each)
            if earlier is None:
                seen[each] = None
                continue
            is_met = not (call.again and earlier.is_final)
            is_met = is_met or (each in seen and earlier.is_news(seen[each]))
            earlier = seen[each] = await self._at_its_end(earlier, call)
            answer = None
            if not earlier.is_final:
                answer = self._in_doubt(earlier) if self._wait(earlier) > 0 else None
            elif is_met and each == key:
                answer = await self._replay(earlier, call)
            if answer is not None:
                return answer
        return None

    async def _at_its_end(self, earlier: HoldIntent, call: ReserveCall) -> HoldIntent:
        """An equal call once nobody sends it any more, with its holds if they are recognised."""
        while not earlier.is_final and earlier.is_leased:  # another process is sending it
            await anyio.sleep(POLL_SECONDS)
            earlier = await self._journal.hold_of(earlier.key) or earlier
        return earlier if earlier.is_final else await self._adopted(earlier, call)

    async def _replay(self, earlier: HoldIntent, call: ReserveCall) -> Reserved | None:
        """The earlier answer, while its holds are usable and not being ordered."""
        ids = earlier.reservation_ids
        if not ids or await self._journal.intents_of(ids):
            return None
        try:
            holds = await self.read(earlier.owner, ids, call.language)
        except Refusal as refusal:
            return None if refusal.code is Code.NOT_FOUND else _UNREADABLE
        except ApiError:
            return _UNREADABLE
        except Exception:
            begun_here().mark()  # by the earlier call: its holds may stand
            raise
        if any(h.may_be_ordered for h in holds):
            begun_here().mark()
            return self._beside_an_order(earlier, call, holds)
        is_old = self._clock.now() >= earlier.sent_at + UNKNOWN_END
        if any(is_old and h.seconds_left is None for h in holds):
            return None  # one whose end nobody knows is not held for ever
        if not all(h.can_be_ordered(self._margin) for h in holds):
            return None  # what ends too soon to be ordered is of no use to anybody
        if any(line.over is not None for h in holds for line in h.lines):
            return None  # nor is what is over at the venue: the offer as it is now says so
        begun_here().mark()
        refused = _refused_before(earlier)
        made = _reserved(call, holds, refused, unanswered=_unanswered_before(call, refused, holds))
        beyond = (*made.beyond, *_on_other_days(made.holds, await self._days(call)))
        return replace(made, beyond=beyond, replayed=True)

    async def _days(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        """The offers of a call, for their days; none where they cannot be read at once."""
        with suppress(ApiError, Refusal), anyio.move_on_after(DAYS_SECONDS):
            return await self._offers(call)
        return {}

    async def _offers(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        offers = list(dict.fromkeys(item.offer for item in call.items))
        steps = [partial(self._quotes.of_offer, offer, call.language) for offer in offers]
        return dict(zip(offers, await side_by_side(steps), strict=True))

    def _beside_an_order(
        self, earlier: HoldIntent, call: ReserveCall, holds: Sequence[Hold]
    ) -> Reserved:
        """The earlier answer where one of its holds may be ordered: that is never held anew.

        Raises:
            Refusal: Nothing else of it is still held in time.
        """
        stand = [h for h in holds if h.may_be_ordered or h.can_be_ordered(self._margin)]
        refused = _refused_before(earlier)
        unanswered = _unanswered_before(call, refused, holds)
        return replace(_reserved(call, stand, refused, unanswered=unanswered), replayed=True)

    async def _lost(self, hold: HoldIntent, call: ReserveCall) -> Reserved:
        """What to tell when the answer was lost: the holds, if they can be recognised."""
        try:
            adopted = await self._adopted(await self._journal.doubt_hold(hold.id), call)
            replayed = await self._replay(adopted, call) if adopted.is_final else None
        except JournalDown:
            return self._in_doubt(hold)
        return replace(replayed, replayed=False) if replayed else self._in_doubt(hold)

    async def _made_all_the_same(self, hold: HoldIntent, call: ReserveCall) -> Reserved | None:
        """The holds of a call that was refused; None where none is recognised.

        A gateway may have sent the request twice: then the second copy is refused, and that is
        the answer which comes here.
        """
        adopted = await self._adopted(hold, call)
        made = await self._replay(adopted, call) if adopted.is_final else None
        return replace(made, replayed=False) if made is not None else None

    async def _adopted(self, hold: HoldIntent, call: ReserveCall) -> HoldIntent:
        """The call in doubt with the holds that can only be its own."""
        if not self._sole_writer:
            return hold
        wished = [lines_of(i.offer.id, i.session_ids, i.quantity) for i in call.items]
        try:
            found = await found_again(self._booking, self._journal, hold, wished)
        except ApiError:
            return hold
        ids, held = [r.id for r in found], self._held(found)
        if ids and await self._journal.adopt(hold.id, ids, now=self._clock.now(), held=held):
            return await self._journal.hold_of(hold.key) or hold
        return hold

    @property
    def _margin(self) -> float:
        return ORDER_MARGIN_SECONDS + self._clock.skew_bound_seconds

    def _wait(self, hold: HoldIntent) -> int:
        """How long an equal call must not be sent: a second hold would only add to the doubt."""
        return math.ceil((hold.fence_at - self._clock.now()).total_seconds())

    def _in_doubt(self, hold: HoldIntent) -> Reserved:
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=max(1, self._wait(hold)))

    async def _quoted(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        quotes = await self._offers(call)
        _check_limits(call, quotes)
        wanted = Counter[Handle]()
        for item in call.items:
            wanted[item.offer] += item.quantity
        for offer, quantity in wanted.items():
            self._names.learn(quotes[offer])
            check_stock(call, quotes[offer], quantity)
        return quotes

    def _check_prices(
        self, call: ReserveCall, quotes: Mapping[Handle, Quote]
    ) -> tuple[PriceMove, ...]:
        prices = [(i, quotes[i.offer].price) for i in call.items]
        known = [(i, p) for i, p in prices if p is not None]
        grand_total = total([p.times(i.quantity) for i, p in known])
        if call.max_total is not None and grand_total > call.max_total:
            raise Refusal(
                Code.PRICE_CHANGED,
                f"The items cost {grand_total} now, more than max_total; nothing was held.",
                "Tell the person the new total, then reserve with a max_total they accept.",
            )
        moves = []
        for offer, price in {i.offer: p for i, p in known}.items():
            was = self._prices.last(call.owner, offer)
            if was is not None and was != price:
                moves.append(PriceMove(offer, was, price))
        return tuple(moves)

    def _show_prices(self, call: ReserveCall, quotes: Mapping[Handle, Quote]) -> None:
        for offer, quote in quotes.items():
            self._prices.show(call.owner, offer, quote.price)

    async def _answer(
        self,
        hold: HoldIntent,
        call: ReserveCall,
        result: ReservationBulkResult,
        quotes: Mapping[Handle, Quote],
    ) -> Reserved:
        """What was made, written down before it is read in full: ids are never lost again."""
        failed = _refused(call, result)
        await self._journal.settle_hold(
            hold.id,
            reservation_ids=[r.id for r in result.reservations],
            refused=[RefusedItem(f.offer_id, f.code, f.message) for f in failed],
            held=self._held(result.reservations),
        )
        full = [await self._in_full(r, call.language) for r in result.reservations]
        holds = await self._shown(full, call.language)
        made = _reserved(call, holds, failed, unanswered=_unanswered(call, result, holds))
        beyond = (*_on_other_days(made.holds, quotes), *_dearer(call, made, quotes))
        return replace(made, beyond=(*made.beyond, *beyond))

    async def _in_full(self, reservation: Reservation, language: str) -> Reservation:
        """A member that came as a bare IRI (A13) is read; a full one is taken as it is.

        One that does not tell when it ends, or what it holds, may tell it when it is read.
        """
        if isinstance(reservation.expires_at, datetime) and reservation.items:
            return reservation
        try:
            return await self._booking.get_reservation(reservation.id, language=language)
        except ApiError:
            if not reservation.items:
                raise
            return reservation


def _was_answered(error: ApiError) -> bool:
    """Whether the call that holds got an answer itself: a copy of it may have been carried out."""
    return error.operation == HOLD and error.status is not None


_UNREADABLE: Final = Reserved(state=ReserveState.IN_DOUBT, check_again_after=RETRY_SECONDS)
"""Holds exist, or may, and what they are cannot be told just now."""


def _reserved(
    call: ReserveCall,
    holds: Sequence[Hold],
    failed: tuple[FailedItem, ...],
    *,
    unanswered: tuple[FailedItem, ...] = (),
) -> Reserved:
    """What is held; a hold to which nobody can agree counts as failed.

    Raises:
        Refusal: Nothing else came of the call.
    """
    obstacles = [(hold, obstacle) for hold in holds if (obstacle := _against(hold)) is not None]
    is_none_usable = bool(obstacles) and len(obstacles) == len(holds)
    if is_none_usable and any(map(_may_be_an_order, holds)):
        raise _may_be_ordered()
    if is_none_usable and not failed:
        raise _unusable(obstacles[0][1])
    failed += unanswered
    failed += tuple(_not_usable(call, hold, obstacle) for hold, obstacle in obstacles)
    usable = tuple(hold for hold in holds if _against(hold) is None)
    state = ReserveState.HELD if usable else ReserveState.FAILED
    if usable and failed:
        state = ReserveState.PARTLY_HELD
    return Reserved(state=state, holds=usable, failed=failed, beyond=_beyond(call, usable))


def _against(hold: Hold) -> Obstacle | None:
    """Why what was just held cannot be ordered: an issuer may answer with a hold that is over."""
    if hold.state in (HoldState.EXPIRED, HoldState.RELEASED):
        return Obstacle(Code.NOT_BOOKABLE, "the issuer ended it at once")
    if hold.state is HoldState.ORDERED:
        return Obstacle(Code.NOT_BOOKABLE, "the issuer says that it was ordered")
    return hold.obstacle()


def _may_be_an_order(hold: Hold) -> bool:
    return hold.may_be_ordered or hold.state is HoldState.ORDERED


def _beyond(call: ReserveCall, holds: Sequence[Hold]) -> tuple[str, ...]:
    """What is held beyond the wish: more of an offer, or offers nobody asked for."""
    asked, held = Counter[str | None](), Counter[str | None]()
    for item in call.items:
        asked[item.offer.id] += item.quantity
    for line in (line for hold in holds for line in hold.lines):
        held[line.offer_id] += line.quantity
    if None in held:  # an answer that names no offer is counted as a whole
        asked, held = Counter({None: asked.total()}), Counter({None: held.total()})
    return tuple(
        f"The issuer holds {count} where {asked[offer]} were asked for."
        if asked[offer]
        else f"The issuer holds {count} of an offer that was not asked for."
        for offer, count in held.items()
        if count > asked[offer]
    )


def _on_other_days(holds: Sequence[Hold], quotes: Mapping[Handle, Quote]) -> tuple[str, ...]:
    """What is held on another day than that of its offer."""
    days = {quote.handle.id: quote.day for quote in quotes.values()}
    moved = {
        (line.day, days[line.offer_id])
        for line in (line for hold in holds for line in hold.lines)
        if line.day is not None and line.offer_id in days and days[line.offer_id] is not None
    }
    return tuple(
        f"The issuer holds {held}, where the offer is of {asked}."
        for held, asked in sorted(moved, key=str)
        if held != asked
    )


def _not_shown_yet(seconds: int) -> Refusal:
    return Refusal(
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket does not show a reservation yet that was just made; nothing was ordered now.",
        f"Do not reserve it again. Call again with the same arguments in {seconds} s.",
        retry_after_seconds=seconds,
    )


def _dearer(call: ReserveCall, made: Reserved, quotes: Mapping[Handle, Quote]) -> tuple[str, ...]:
    """What is held for more than its offers cost a moment before."""
    prices = [(item.quantity, quotes[item.offer].price) for item in call.items]
    quoted = total([price.times(quantity) for quantity, price in prices if price is not None])
    is_as_asked = sum(h.quantity for h in made.holds) == sum(i.quantity for i in call.items)
    is_quoted = all(price is not None for _, price in prices) and is_as_asked
    if not is_quoted or made.total is None or made.total <= quoted:
        return ()
    return (f"The issuer holds it for {made.total}, where the offers cost {quoted}.",)


def _unusable(obstacle: Obstacle) -> Refusal:
    return Refusal(
        obstacle.code,
        f"It was held, but cannot be ordered: {obstacle.reason}; nothing was ordered.",
        "Choose another offer from get_offers; the hold lapses unused, at no cost.",
        effect=Effect.HELD,
    )


def _may_be_ordered() -> Refusal:
    return Refusal(
        Code.NOT_BOOKABLE,
        f"It was held, and {ITS_ORDER} since is not certain; nothing was held besides.",
        "Do not reserve it again. Call find_orders to see what became of it.",
        effect=Effect.HELD,
    )


def _not_usable(call: ReserveCall, hold: Hold, obstacle: Obstacle) -> FailedItem:
    offer = _handle_text(call, next((line.offer_id for line in hold.lines), None))
    message = f"held, but cannot be ordered: {obstacle.reason}"
    if hold.may_be_ordered:
        message = f"held before; {ITS_ORDER} cannot be read: do not reserve it again"
    elif hold.state is HoldState.ORDERED:
        message = "held before; the issuer says that it was ordered: do not reserve it again"
    is_order = _may_be_an_order(hold)
    return FailedItem(offer, obstacle.code.value, message, is_ours=True, may_be_ordered=is_order)


def _refused_before(earlier: HoldIntent) -> tuple[FailedItem, ...]:
    return tuple(FailedItem(r.offer_id, r.code, r.message) for r in earlier.refused)


def _refused(call: ReserveCall, result: ReservationBulkResult) -> tuple[FailedItem, ...]:
    entries = (_entry(call, failure) for failure in result.failed_reservations)
    return tuple(
        FailedItem(_handle_text(call, offer_id), e.code, e.message)
        for e in entries
        for offer_id in _failed_offers(call, e, result) or (e.id,)
    )


def _failed_offers(
    call: ReserveCall, entry: FailedEntry, result: ReservationBulkResult
) -> tuple[str, ...]:
    """The offers an entry is about; of several those that are not held, if that is told. One that
    names none is about the only offer there is, where nothing of that is held (A12).
    """
    asked = {item.offer.id for item in call.items}
    if entry.id is None and len(asked) == 1 and not result.reservations:
        return tuple(asked)
    if len(entry.ids) < 2:
        return entry.ids
    if any(not reservation.items for reservation in result.reservations):
        return ()
    held = {id_at_end(item.offer) for each in result.reservations for item in each.items}
    return tuple(each for each in entry.ids if each not in held)


def _entry(call: ReserveCall, failure: ReservationFailure) -> FailedEntry:
    return read_entry(failure, id_at_end(failure.offer), [i.offer.id for i in call.items])


def _unanswered(
    call: ReserveCall, result: ReservationBulkResult, holds: Sequence[Hold]
) -> tuple[FailedItem, ...]:
    """Offers of which fewer units are held or refused than were asked for (A12)."""
    answered = Counter[str | None]()
    for line in (line for hold in holds for line in hold.lines):
        answered[line.offer_id] += line.quantity
    for failure in result.failed_reservations:
        entry = _entry(call, failure)
        several = _failed_offers(call, entry, result)
        for offer_id in several or (entry.id,):
            told = value_of(failure.quantity) if len(several) < 2 else None
            answered[offer_id] += told or _wanted(call, offer_id)
    if None in answered:
        return ()  # what an answer does not name cannot be counted
    return tuple(
        FailedItem(str(offer), None, "the issuer gave no answer for all of these", is_ours=True)
        for offer in dict.fromkeys(item.offer for item in call.items)
        if answered[offer.id] < sum(i.quantity for i in call.items if i.offer == offer)
    )


def _unanswered_before(
    call: ReserveCall, refused: Sequence[FailedItem], holds: Sequence[Hold]
) -> tuple[FailedItem, ...]:
    """The same for a call that was answered before, of which its refusals are known."""
    names = {str(item.offer) for item in call.items}
    told = {failure.offer_id for failure in refused}
    held = Counter(dict[str | None, int]())
    for line in (line for hold in holds for line in hold.lines):
        held[line.offer_id] += line.quantity
    if None in held or not told <= names:
        return ()
    return tuple(
        FailedItem(str(offer), None, "the issuer gave no answer for all of these", is_ours=True)
        for offer in dict.fromkeys(item.offer for item in call.items)
        if str(offer) not in told and held[offer.id] < _wanted(call, offer.id)
    )


def _wanted(call: ReserveCall, offer_id: str | None) -> int:
    return sum(i.quantity for i in call.items if i.offer.id == offer_id)


def _handle_text(call: ReserveCall, offer_id: str | None) -> str:
    return next((str(i.offer) for i in call.items if i.offer.id == offer_id), offer_id or "unknown")


def _check_limits(call: ReserveCall, quotes: Mapping[Handle, Quote]) -> None:
    """Refuse more of a base than its issuer allows in one order, over all items of the call."""
    wanted, most = Counter[tuple[str, str | None]](), dict[tuple[str, str | None], int]()
    for item in call.items:
        quote = quotes[item.offer]
        base = item.offer.alias, quote.base_id
        wanted[base] += item.quantity
        if isinstance(quote.most, int) and quote.most > 0:
            most[base] = quote.most
    for base, allowed in most.items():
        if wanted[base] > allowed:
            raise Refusal(
                Code.LIMIT_EXCEEDED,
                f"The issuer allows at most {allowed} of this in one order.",
                "Reserve fewer, or split into several orders.",
            )
