"""The booking desk: holds offers, and says what a hold is now.

A hold costs nothing and lapses by itself, yet nobody wants two: an equal call joins the one under
way, and is answered with its holds for as long as they are usable.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import (
    ApiError,
    Booking,
    NotFound,
    Outcome,
    ReservationLine,
    TicketChoice,
)
from korus_mcp.api.jsonld import offer_iri, session_iri, ticket_iri
from korus_mcp.api.models.reservation import Reservation, ReservationBulkResult
from korus_mcp.booking.hold import Hold, hold_of
from korus_mcp.booking.names import NameBook
from korus_mcp.booking.ports import ApiClock, Catalog
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quote, Quotes, Session, TicketNeed
from korus_mcp.flights import Flights, side_by_side
from korus_mcp.handles import Handle, id_at_end
from korus_mcp.journal.records import Journal
from korus_mcp.money import EURO, Money, total
from korus_mcp.refusals import Code, FieldProblem, Refusal
from korus_mcp.untrusted import clean_line, issuers_words

ANSWER_SECONDS: Final = 40
POST_SECONDS: Final = 75
"""The time-out of a creating call: after it nobody listens for the answer any more."""
SHOWN_SESSIONS: Final = 3


@dataclass(frozen=True)
class WishedItem:
    """So many of one offer; a session for each of its tickets that needs one."""

    offer: Handle
    quantity: int
    session_ids: tuple[str, ...] = ()


class ReserveState(StrEnum):
    """What became of a reserve call as a whole."""

    HELD = "held"
    PARTLY_HELD = "partly_held"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True)
class FailedItem:
    """An offer the issuer would not hold; `message` is the issuer's own text, cleaned."""

    offer_id: str
    code: str | None
    message: str


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

    @property
    def total(self) -> Money | None:
        """What all holds together cost; None when one of them states no amount."""
        amounts = [h.total for h in self.holds if h.total is not None]
        return total(amounts) if amounts and len(amounts) == len(self.holds) else None


@dataclass(frozen=True, kw_only=True)
class ReserveCall:
    """Who asks for what. `max_total` is the most that all items together may cost."""

    owner: str
    items: tuple[WishedItem, ...]
    language: str
    max_total: Money | None = None
    again: bool = False

    @property
    def fingerprint(self) -> str:
        """Equal for equal wishes of one owner, in whatever order they are named."""
        wished = sorted([str(i.offer), i.quantity, sorted(i.session_ids)] for i in self.items)
        return hashlib.sha256(json.dumps([self.owner, wished]).encode()).hexdigest()


class BookingDesk:
    """Holds offers for their owners. Its calls upstream live in the given task group."""

    def __init__(
        self,
        booking: Booking,
        quotes: Quotes,
        *,
        catalog: Catalog,
        names: NameBook,
        journal: Journal,
        prices: ShownPrices,
        clock: ApiClock,
        tasks: TaskGroup,
        settle_seconds: int,
    ) -> None:
        self._booking = booking
        self._quotes = quotes
        self._catalog = catalog
        self._names = names
        self._journal = journal
        self._prices = prices
        self._clock = clock
        self._settle = timedelta(seconds=POST_SECONDS + settle_seconds)
        self._flights = Flights(tasks)
        self._held: dict[str, Reserved] = {}
        self._doubts: dict[str, datetime] = {}

    async def reserve(self, call: ReserveCall) -> Reserved:
        """Hold the wished items with one call upstream.

        Raises:
            Refusal: what is known before that call: sessions, stock, prices, limits.
            ApiError: the call was certainly not carried out.
        """
        key = f"{call.fingerprint}+again" if call.again else call.fingerprint
        with anyio.move_on_after(ANSWER_SECONDS):
            return await self._flights.join(key, lambda: self._carry_out(key, call))
        return Reserved(state=ReserveState.IN_DOUBT, check_again_after=POST_SECONDS)

    async def holds(self, owner: str, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """What these reservations are now.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's (nothing is asked upstream) or gone.
        """
        for reservation_id in reservation_ids:
            if await self._journal.owner_of(reservation_id) != owner:
                raise unknown_reservation()
        return await self.read(reservation_ids, language)

    async def read(self, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """The same for reservations whose owner is known.

        Raises:
            Refusal: NOT_FOUND when one is gone.
        """
        steps = [
            partial(self._booking.get_reservation, i, language=language) for i in reservation_ids
        ]
        try:
            found = await side_by_side(steps)
        except NotFound:
            raise unknown_reservation() from None
        return await self._shown(found, language)

    async def _shown(self, found: Sequence[Reservation], language: str) -> list[Hold]:
        names = await self._names.for_reservations(found, language)
        now = self._clock.now()
        return [hold_of(r, names, now) for r in found]

    async def _carry_out(self, key: str, call: ReserveCall) -> Reserved:
        replayed = await self._replay(key, call.language)
        if replayed is not None:
            return replayed
        wait = self._doubt_seconds(call)
        if wait is not None:
            return Reserved(state=ReserveState.IN_DOUBT, check_again_after=wait)
        quotes = await self._quoted(call)
        lines = [_line(item, quotes[item.offer]) for item in call.items]
        await self._check_limits(call, quotes)
        moves = self._check_prices(call, quotes)
        try:
            result = await self._booking.create_reservations(lines, language=call.language)
        except ApiError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            return self._in_doubt(call)
        self._show_prices(call, quotes)
        try:
            reserved = replace(await self._answer(call, result), moves=moves)
        except ApiError:
            return self._in_doubt(call)  # holds were made, and cannot be read
        if reserved.holds and not call.again:
            self._held[key] = reserved
        return reserved

    async def _replay(self, key: str, language: str) -> Reserved | None:
        """The earlier answer to an equal call, while its holds are usable and not being ordered."""
        earlier = self._held.get(key)
        if earlier is None:
            return None
        try:
            holds = await self.read([h.id for h in earlier.holds], language)
        except Refusal:
            holds = []
        claimed = [h for h in holds if await self._journal.intent_of(h.id) is not None]
        if claimed or not holds or not all(h.can_be_ordered(0) for h in holds):
            del self._held[key]
            return None
        return replace(earlier, holds=tuple(holds), moves=(), replayed=True)

    def _doubt_seconds(self, call: ReserveCall) -> int | None:
        """How long an equal call must not be sent: a second hold would only add to the doubt."""
        until = self._doubts.get(call.fingerprint)
        left = (until - self._clock.now()).total_seconds() if until else 0
        if left > 0:
            return math.ceil(left)
        self._doubts.pop(call.fingerprint, None)
        return None

    def _in_doubt(self, call: ReserveCall) -> Reserved:
        self._doubts[call.fingerprint] = self._clock.now() + self._settle
        return Reserved(
            state=ReserveState.IN_DOUBT, check_again_after=math.ceil(self._settle.total_seconds())
        )

    async def _quoted(self, call: ReserveCall) -> Mapping[Handle, Quote]:
        offers = list(dict.fromkeys(item.offer for item in call.items))
        steps = [partial(self._quotes.of_offer, offer, call.language) for offer in offers]
        quotes = dict(zip(offers, await side_by_side(steps), strict=True))
        wanted = Counter[Handle]()
        for item in call.items:
            wanted[item.offer] += item.quantity
        for offer, quantity in wanted.items():
            self._names.learn(quotes[offer])
            _check_stock(call, quotes[offer], quantity)
        return quotes

    async def _check_limits(self, call: ReserveCall, quotes: Mapping[Handle, Quote]) -> None:
        wanted = Counter[Handle]()
        for item in call.items:
            base_id = quotes[item.offer].base_id
            if base_id is not None:
                wanted[Handle(item.offer.alias, base_id)] += item.quantity
        for base, quantity in wanted.items():
            most = await self._catalog.max_per_order(base, call.language)
            if most is not None and quantity > most:
                raise Refusal(
                    Code.LIMIT_EXCEEDED,
                    f"The issuer allows at most {most} of this in one order.",
                    "Reserve fewer, or split into several orders.",
                )

    def _check_prices(
        self, call: ReserveCall, quotes: Mapping[Handle, Quote]
    ) -> tuple[PriceMove, ...]:
        prices = [(i, quotes[i.offer].price) for i in call.items]
        known = [(i, p) for i, p in prices if p is not None]
        if any(p.currency != EURO for _, p in known):
            raise Refusal(
                Code.UNSUPPORTED_CURRENCY,
                "Only euro can be booked; this offer has another currency.",
                "Choose another offer.",
            )
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

    async def _answer(self, call: ReserveCall, result: ReservationBulkResult) -> Reserved:
        await self._journal.own(call.owner, *(r.id for r in result.reservations))
        full = [await self._in_full(r, call.language) for r in result.reservations]
        holds = await self._shown(full, call.language)
        failed = tuple(
            FailedItem(
                offer_id=_handle_text(call, id_at_end(f.offer)),
                code=clean_line(f.code, 60) if f.code else None,
                message=issuers_words(f.message),
            )
            for f in result.failed_reservations
        )
        failed += _unanswered(call, result, holds)
        state = ReserveState.HELD if holds else ReserveState.FAILED
        if holds and failed:
            state = ReserveState.PARTLY_HELD
        return Reserved(state=state, holds=tuple(holds), failed=failed)

    async def _in_full(self, reservation: Reservation, language: str) -> Reservation:
        """A member that came as a bare IRI (A13) is read; a full one is taken as it is."""
        if reservation.expires_at is not None:
            return reservation
        return await self._booking.get_reservation(reservation.id, language=language)


def unknown_reservation() -> Refusal:
    """The refusal of a reservation that is not the caller's, or gone: the same for both."""
    return Refusal(
        Code.NOT_FOUND,
        "No such reservation was made here.",
        "Use a reservation_id from the answer of reserve.",
    )


def _unanswered(
    call: ReserveCall, result: ReservationBulkResult, holds: Sequence[Hold]
) -> tuple[FailedItem, ...]:
    """Offers of which fewer units are held or refused than were asked for (A12)."""
    answered = Counter[str | None]()
    for line in (line for hold in holds for line in hold.lines):
        answered[line.offer_id] += line.quantity
    for failure in result.failed_reservations:
        answered[id_at_end(failure.offer)] += failure.quantity or _wanted(call, failure.offer)
    if None in answered:
        return ()  # what an answer does not name cannot be counted
    return tuple(
        FailedItem(str(offer), None, "the issuer gave no answer for all of these")
        for offer in dict.fromkeys(item.offer for item in call.items)
        if answered[offer.id] < sum(i.quantity for i in call.items if i.offer == offer)
    )


def _wanted(call: ReserveCall, offer: str | None) -> int:
    return sum(i.quantity for i in call.items if i.offer.id == id_at_end(offer))


def _handle_text(call: ReserveCall, offer_id: str | None) -> str:
    return next((str(i.offer) for i in call.items if i.offer.id == offer_id), offer_id or "unknown")


def _check_stock(call: ReserveCall, quote: Quote, quantity: int) -> None:
    obstacle = quote.obstacle(quantity)
    if obstacle is None:
        return
    where = next(n for n, i in enumerate(call.items) if i.offer == quote.handle)
    raise Refusal(
        obstacle.code,
        f"An offer cannot be booked: {obstacle.reason}.",
        "Propose another day, session, zone or a smaller quantity; get_offers shows them.",
        fields=(FieldProblem(f"items.{where}.quantity", obstacle.reason),),
    )


def _line(item: WishedItem, quote: Quote) -> ReservationLine:
    """One entry for each offer ticket, with its session if and only if it takes one (T24)."""
    chosen = _chosen_sessions(item, quote)
    where = (quote.catalog_id, quote.handle.id)
    return ReservationLine(
        offer_iri=offer_iri(*where),
        quantity=item.quantity,
        tickets=tuple(
            TicketChoice(
                ticket_iri=ticket_iri(*where, need.id),
                session_iri=session_iri(*where, need.id, chosen[need.id].id)
                if need.id in chosen
                else None,
            )
            for need in quote.tickets
        ),
    )


def _chosen_sessions(item: WishedItem, quote: Quote) -> dict[str, Session]:
    """The chosen session of each ticket that needs one."""
    chosen: dict[str, Session] = {}
    for session_id in item.session_ids:
        meant = [(need, s) for need, s in quote.sessions() if s.id == session_id]
        if not meant:
            raise _session_required(quote, "a chosen session does not belong to this offer")
        if all(need.id in chosen for need, _ in meant):
            raise _session_required(quote, "two sessions were chosen for one ticket")
        chosen |= {need.id: session for need, session in meant if need.id not in chosen}
    for need in quote.tickets:
        if need.needs_session and need.id not in chosen:
            raise _session_required(quote, "a session must be chosen", need)
        if need.id in chosen and not chosen[need.id].has_room_for(item.quantity):
            raise Refusal(
                Code.SOLD_OUT,
                f"The chosen session has only {chosen[need.id].left} places left.",
                "Choose another session from check_availability.",
            )
    return chosen


def _session_required(quote: Quote, problem: str, need: TicketNeed | None = None) -> Refusal:
    if not quote.needs_session:
        return Refusal(
            Code.SESSION_REQUIRED,
            "This offer takes no session.",
            "Call again without session_ids.",
            fields=(FieldProblem("session_ids", "full-day offer"),),
        )
    sessions = [s for n, s in quote.sessions() if need is None or n is need]
    shown = ", ".join(f"{s.id} ({_time(s)})" for s in sessions[:SHOWN_SESSIONS])
    more = f", {len(sessions) - SHOWN_SESSIONS} more" if len(sessions) > SHOWN_SESSIONS else ""
    return Refusal(
        Code.SESSION_REQUIRED,
        f"For an offer {problem}.",
        "Pass one of its sessions; check_availability lists all.",
        fields=(FieldProblem("session_ids", f"choices: {shown}{more}"),),
    )


def _time(session: Session) -> str:
    return session.starts_at.isoformat(timespec="minutes") if session.starts_at else "no time"
