"""Ordering: a reservation becomes an order at most once, and an order that exists is found.

The order call is the spend: no payment step, no cancel, no idempotency key. So it is written down
before it is sent, sent once from a task that outlives the caller (`sending`), and when its answer
is lost, the orders are looked up (`lookup`). Nothing in doubt is ever sent again.
"""

import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final

import anyio

from korus_mcp.api import ApiError, Booking, CustomerInput, RateLimited
from korus_mcp.api.models.order import Order
from korus_mcp.booking import approval
from korus_mcp.booking.approval import Question
from korus_mcp.booking.doubts import TOLD_FOR, Doubt, doubts_about
from korus_mcp.booking.hold import (
    ITS_ORDER,
    ORDER_MARGIN_SECONDS,
    Hold,
    HoldState,
    tickets_in,
    total_of,
)
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.order_status import Standing, standing_of, status_told
from korus_mcp.booking.ownership import check_owner
from korus_mcp.booking.ports import ApiClock, Catalog
from korus_mcp.booking.reserving import Reserver
from korus_mcp.booking.sending import Dispatch, Sender, Sending, fence_of
from korus_mcp.booking.settling import LOOK_AGAIN_SECONDS
from korus_mcp.booking.timing import ANSWER_SECONDS, POLL_SECONDS, stopping
from korus_mcp.foundation.coalescing import begun_here, side_by_side
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money, total
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.foundation.refusals import MEANINGS, Code, Effect, FieldProblem, Refusal
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import value_of
from korus_mcp.journal.protocol import (
    AlreadyClaimed,
    ApprovalUsed,
    DayLimitReached,
    Installation,
    Intent,
    Journal,
    JournalDown,
    LeaseLost,
    ReservationFacts,
)
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.settings import Settings

NOTHING: Final[Mapping[str, Order]] = {}
_log = logging.getLogger(__name__)
MOST_NOES: Final = 1000
"""Remembered here beside the journal: the oldest go first."""
BY_HOST: Final = "asked by the host"
IN_TWO_STEPS: Final = "two_step"


class OrderState(StrEnum):
    """What became of an order call as a whole."""

    CONFIRMATION_NEEDED = "confirmation_needed"
    ORDERED = "ordered"
    PARTIALLY_ORDERED = "partially_ordered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, kw_only=True)
class OrderCall:
    """Who orders what for whom. `reference` is the caller's own; a price is never an argument."""

    owner: str
    reservation_ids: tuple[str, ...]
    customer: CustomerInput
    language: str
    notes: str | None = None
    reference: str | None = None
    confirmation: str | None = None

    def fingerprint(self, installation: Installation) -> str:
        """Equal for a repeated call, different for a changed one."""
        return approval.fingerprint_of(
            installation, self.reservation_ids, self.customer, self.notes
        )


@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """An order that exists; what is None could not be read just now."""

    id: str
    reservation_id: str
    reference: str | None = None
    total: Money | None = None
    tickets: int | None = None
    standing: Standing = Standing.CONFIRMED
    status: str | None = None
    """What the issuer calls it, cleaned, where that is no confirmation."""


@dataclass(frozen=True)
class FailedOrder:
    """A reservation that was not ordered; `message` is the issuer's own text, cleaned."""

    reservation_id: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """The answer of an order call. `can_be_tried_again`: what failed is still held.

    `agreed`: what was agreed to, where the issuer says that the orders come to something else.
    """

    state: OrderState
    orders: tuple[PlacedOrder, ...] = ()
    failed: tuple[FailedOrder, ...] = ()
    replayed: bool = False
    can_be_tried_again: bool = False
    confirmation: str | None = None
    confirm_by: datetime | None = None
    holds: tuple[Hold, ...] = ()
    terms: tuple[Handle, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    total: Money | None = None
    agreed: Money | None = None
    check_again_after: int | None = None
    not_later_than: datetime | None = None


def _random_id() -> str:
    return secrets.token_hex(16)


class Ordering:
    """Places orders for their owners; `sender` carries them out, `look_up` finds lost ones."""

    def __init__(
        self,
        booking: Booking,
        reserving: Reserver,
        *,
        sender: Sender,
        look_up: LookUp,
        catalog: Catalog,
        journal: Journal,
        settings: Settings,
        clock: ApiClock,
        fresh_id: Callable[[], str] = _random_id,
        pace: Pace = UNPACED,
    ) -> None:
        self._booking = booking
        self._reserving = reserving
        self._sender = sender
        self._look_up = look_up
        self._catalog = catalog
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._fresh_id = fresh_id
        self._pace = pace
        self._closing = False
        self._noes: dict[str, datetime] = {}

    async def check(self, owner: str, reservation_ids: Sequence[str], language: str) -> None:
        """That these could be ordered now, whoever the customer is.

        Raises:
            Refusal: what stands against it, an order of one of them first of all.
        """
        ordered = await self.look(owner, reservation_ids)
        if ordered:
            raise _claimed(next(iter(ordered.values())))
        holds = await self._reserving.holds(owner, reservation_ids, language)
        _check_no_order(holds)  # before a no is told, which says that nothing was ordered
        await approval.check_noes(self._journal, reservation_ids, self._clock.now())
        self._check_holds(holds)
        self._check_can_send(owner)

    async def question(self, call: OrderCall) -> Question | None:
        """What a person has to agree to first; None for a call that was made before and stands.

        Raises:
            Refusal: what stands against the order.
        """
        installation = await self._journal.installation()
        standing = await self._standing(call)
        earlier = await self._earlier(call, call.fingerprint(installation), standing.holders)
        if earlier is not None and not set(call.reservation_ids) <= set(earlier.freed):
            return None
        question = await self._question(call, installation, standing)
        await approval.given(self._journal, question)
        self._check_can_send(call.owner)
        return question

    def _check_can_send(self, owner: str) -> None:
        """That an order could leave now: nobody is asked about one that could not.

        Raises:
            Refusal: SERVER_BUSY.
        """
        if self._closing:
            raise stopping()
        self._pace.check_write(owner)

    async def decline(self, question: Question) -> None:
        """Remember that the person said no; here at least, where the journal does not work."""
        now = question.asked_at
        self._noes = {digest: end for digest, end in self._noes.items() if end > now}
        self._noes[question.digest] = now + timedelta(seconds=approval.KEPT_SECONDS)
        while len(self._noes) > MOST_NOES:
            del self._noes[next(iter(self._noes))]
        await self._written_down(approval.decline(self._journal, question))

    async def turned_away(self, owner: str, reservation_ids: Sequence[str]) -> None:
        """Count a no to these holds of a person who was asked who orders them."""
        now = self._clock.now()
        await self._written_down(approval.turned_away(self._journal, owner, reservation_ids, now))

    async def _written_down(self, no: Awaitable[None]) -> None:
        try:
            await no
        except JournalDown as down:
            _log.warning("a no could not be written down: %s", down.fault.value)

    async def place(self, call: OrderCall, agreed: Question | None = None) -> Ordered:
        """Order the reservations once a person agreed; the same call again answers the same.

        `agreed` is the question a person said yes to, where the host asked them.

        Raises:
            Refusal: what stands against it: expiry, limits, approval, another order under way.
            ApiError: a reservation cannot be read; nothing was sent.
            JournalDown: nothing was sent.
        """
        installation = await self._journal.installation()
        fingerprint = call.fingerprint(installation)
        standing = await self._standing(call)
        earlier = await self._earlier(call, fingerprint, standing.holders)
        if earlier is not None:
            return await self._answer(earlier, replayed=True)
        try:
            dispatch = await self._checked(call, installation, standing, agreed)
        except Refusal:
            held = await self._journal.intents_of(call.reservation_ids)
            earlier = await self._earlier(call, fingerprint, held)  # an equal call came first
            if earlier is None:
                raise
            return await self._answer(earlier, replayed=True)
        if isinstance(dispatch, Ordered):
            return dispatch
        return await self._carried_out(dispatch)

    async def instead(self, call: OrderCall, refusal: Refusal) -> Ordered:
        """What an equal call ordered, or may have, where nobody agreed to this one.

        Raises:
            Refusal: as `unless_ordered`; the given one where there is no order.
        """
        try:
            installation = await self._journal.installation()
            held = await self._journal.intents_of(call.reservation_ids)
            earlier = await self._earlier(call, call.fingerprint(installation), held)
        except JournalDown:
            raise approval.unseen(refusal) from None
        if earlier is not None and not set(call.reservation_ids) <= set(earlier.freed):
            return await self._answer(earlier, replayed=True)
        raise await self.unless_ordered(call.owner, call.reservation_ids, call.language, refusal)

    async def unless_ordered(
        self, owner: str, reservation_ids: Sequence[str], language: str, refusal: Refusal
    ) -> Refusal:
        """The refusal of a call nobody agreed to: that of an order of its holds, if there is one.

        A call waits for its person, and meanwhile another may order the same.
        """
        try:
            ordered = await self.look(owner, reservation_ids)
            if ordered:
                return _claimed(next(iter(ordered.values())))
            holds = await self._reserving.found(owner, reservation_ids, language)
            _check_no_order(tuple(holds.values()))
        except Refusal as other:
            return other
        except (ApiError, JournalDown):
            return approval.unseen(refusal)
        return refusal

    async def look(self, owner: str, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The order calls that claim reservations of an owner; those in doubt are looked up."""
        held = await self._journal.intents_of(reservation_ids)
        intents = {i.id: i for i in held.values() if _counts(i, owner)}
        looked = await side_by_side([partial(self.looked, i) for i in intents.values()])
        by_id = {i.id: i for i in looked}
        return {
            r: by_id[i.id] for r, i in held.items() if i.id in by_id and r not in by_id[i.id].freed
        }

    async def doubts(self, owner: str, holds: Sequence[Hold]) -> tuple[Doubt, ...]:
        """Orders of the same offers by the same owner that may exist, or were in doubt and do."""
        since = self._clock.now() - TOLD_FOR
        doubtful = await self._journal.doubtful(owner, since=since)
        return await doubts_about(holds, doubtful, booking=self._booking, looked=self.looked)

    async def _standing(self, call: OrderCall) -> ReservationFacts:
        since = self._clock.now() - TOLD_FOR
        return await self._journal.standing(call.reservation_ids, owner=call.owner, since=since)

    def close(self) -> None:
        """Take no new order."""
        self._closing = True

    async def drain(self, seconds: float) -> None:
        """Take no new order and wait for those on their way, so long at most.

        One that takes longer is given up; its intent stays in doubt.
        """
        self.close()
        await self._sender.drain(seconds)

    async def _earlier(
        self, call: OrderCall, fingerprint: str, held: Mapping[str, Intent]
    ) -> Intent | None:
        """The intent this call repeats, once its send is over or takes too long to wait for.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED by a different call.
        """
        equal = None
        for intent in {i.id: i for i in held.values() if _counts(i, call.owner)}.values():
            if intent.fingerprint == fingerprint:
                equal = intent
                continue
            looked = await self.looked(intent)
            if any(i in looked.orders or i in looked.missing for i in call.reservation_ids):
                raise _claimed(looked)
        return None if equal is None else await self._awaited(equal)

    async def looked(self, intent: Intent) -> Intent:
        """The intent, after one look upstream when it is in doubt and nobody is sending it.

        While the journal cannot be written it stays in doubt, whatever was found.
        """
        try:
            return await self._settled(intent)
        except JournalDown:
            return intent

    async def _settled(self, intent: Intent) -> Intent:
        if intent.is_in_doubt and not intent.is_leased and self._sender.under_way(intent) is None:
            return await self._look_up.settled(intent)
        return intent

    async def _checked(
        self,
        call: OrderCall,
        installation: Installation,
        standing: ReservationFacts,
        agreed: Question | None,
    ) -> Dispatch | Ordered:
        """What can be sent now; without a yes, the summary for the person."""
        question = await self._question(call, installation, standing)
        confirmed = await approval.given(self._journal, question, call.confirmation)
        if agreed is None and self._settings.approval is ApprovalWay.HUMAN:
            raise approval.unavailable()
        if agreed is None:
            _check_known(question.doubts)
        if agreed is None and call.confirmation is None:
            return await self._summary(question)
        if agreed is not None:
            nonce = await approval.agreed(self._journal, agreed, question)
        else:
            nonce = approval.check(confirmed, question)
        intent = self._intent(call, installation, question)
        dispatch = Dispatch(
            intent=replace(intent, agreed=BY_HOST if agreed is not None else IN_TWO_STEPS),
            tickets={hold.id: hold.tickets for hold in question.holds},
            holds_end=question.holds_end,
            customer=question.customer,
            notes=question.notes,
            language=call.language,
            approval_nonce=nonce,
            day_limit=self._settings.max_day_amount,
        )
        dispatch.request().body()  # what cannot be sent crashes here, before anything is claimed
        return dispatch

    async def _question(
        self, call: OrderCall, installation: Installation, standing: ReservationFacts
    ) -> Question:
        """What the person has to agree to, as it is now.

        Raises:
            Refusal: what stands against the order, a no this process was told, too.
        """
        check_owner(call.owner, standing.owners, call.reservation_ids)
        holds = await self._reserving.read(call.owner, call.reservation_ids, call.language)
        amount = self._check_holds(holds)
        terms = await self._terms_of(holds, call.language)
        # Where the journal cannot be written it is that, and no doubt, which keeps this from going.
        doubts = await doubts_about(
            holds, standing.doubtful, booking=self._booking, looked=self._settled
        )
        question = Question(
            digest=approval.digest_of(
                installation,
                holds,
                amount,
                call.customer,
                call.notes,
                attempt=standing.attempts,
                doubts=doubts,
            ),
            attempt=standing.attempts,
            owner=call.owner,
            holds=tuple(holds),
            total=amount,
            customer=call.customer,
            notes=call.notes,
            terms=tuple(base for base, text in terms.items() if text),
            read=approval.read_of(installation, holds, terms),
            doubts=doubts,
            asked_at=self._clock.now(),
        )
        if self._noes.get(question.digest, question.asked_at) > question.asked_at:
            raise approval.declined()
        return question

    def _check_holds(self, holds: Sequence[Hold]) -> Money:
        self._check_still_held(holds)
        amount = total([h.worth for h in holds if h.worth is not None])
        tickets = sum(h.tickets for h in holds)
        if amount.amount > self._settings.max_order_amount:
            raise _over_limit("The total passes the operator's limit for one order.")
        if tickets > self._settings.max_tickets:
            raise _over_limit("These are more tickets than the operator allows in one order.")
        return amount

    def _check_still_held(self, holds: Sequence[Hold]) -> None:
        """An order that exists is told before anything else: what was ordered is not held anew."""
        _check_no_order(holds)
        margin = ORDER_MARGIN_SECONDS + self._clock.skew_bound_seconds
        over = [n for n, hold in enumerate(holds) if not hold.can_be_ordered(margin)]
        if over:
            raise _expired(over if len(holds) > 1 else ())
        obstacle = next((o for hold in holds if (o := hold.obstacle()) is not None), None)
        if obstacle is not None:
            raise Refusal(
                obstacle.code,
                f"A reservation cannot be ordered: {obstacle.reason}.",
                "Nothing was ordered; what is held lapses unused. Choose another offer.",
            )

    async def _summary(self, question: Question) -> Ordered:
        asked = await approval.confirmation(self._journal, question)
        return Ordered(
            state=OrderState.CONFIRMATION_NEEDED,
            confirmation=asked.nonce,
            confirm_by=asked.expires_at,
            holds=question.holds,
            terms=question.terms,
            doubts=question.doubts,
            total=question.total,
        )

    async def _terms_of(self, holds: Sequence[Hold], language: str) -> Mapping[Handle, str]:
        """The terms of sale of what is held, by product base, as far as they are known here."""
        products = {
            (hold.catalog_id, line.product_id): None
            for hold in holds
            for line in hold.lines
            if hold.catalog_id is not None and line.product_id is not None
        }
        found = [await self._catalog.terms_of_sale(*where, language) for where in products]
        return dict(each for each in found if each is not None)

    def _intent(self, call: OrderCall, installation: Installation, question: Question) -> Intent:
        now, intent_id = self._clock.now(), self._fresh_id()
        settle = timedelta(seconds=self._settings.settle_seconds)
        return Intent(
            id=intent_id,
            owner=call.owner,
            fingerprint=call.fingerprint(installation),
            external_reference=installation.reference_of(intent_id),
            caller_reference=call.reference,
            reservation_ids=call.reservation_ids,
            attempt=question.attempt,
            approved_total=question.total.amount,
            sent_at=now,
            fence_at=fence_of(question.holds_end, now, settle),
        )

    async def _carried_out(self, dispatch: Dispatch) -> Ordered:
        """The answer to an order that is claimed and sent now, by a task of the server."""
        if self._closing:
            raise stopping()
        owner = dispatch.intent.owner
        self._pace.write(owner)
        sending = self._sender.start(dispatch)
        await _done(sending)
        try:
            if sending.refused is not None:
                raise sending.refused
        except AlreadyClaimed as other:
            if other.holder.fingerprint != dispatch.intent.fingerprint:
                raise _claimed(other.holder) from None
            self._pace.was_no_write(owner)
            earlier = await self._awaited(other.holder)
            if earlier is None:
                raise _too_slow() from None
            return await self._answer(earlier, replayed=True)
        except ApprovalUsed:
            raise approval.not_open() from None
        except DayLimitReached:
            raise _over_limit("With this order the day's total passes the limit.") from None
        except LeaseLost:
            raise _too_slow() from None
        if sending.busy is not None and _state_of(sending.intent) is OrderState.FAILED:
            raise _turned_away(sending.busy)
        told = {o.id: o for o in sending.answered if _is_told(o, dispatch.tickets)}
        return await self._answer(sending.intent, replayed=False, told=told)

    async def _awaited(self, intent: Intent) -> Intent | None:
        """The intent once its send is over, or as it is when that takes too long to wait for.

        None for one whose sender died before it sent: it is as if it had never been.
        """
        begun_here().mark()  # not by this call, but its caller may not be told that nothing was
        with anyio.move_on_after(ANSWER_SECONDS):
            while not intent.is_final:
                if intent.was_never_sent:
                    return None
                sending = self._sender.under_way(intent)
                if sending is not None:
                    await sending.done.wait()
                elif not intent.is_leased:
                    return await self.looked(intent)
                else:
                    await anyio.sleep(POLL_SECONDS)
                intent = await self._read_again(intent)
        return intent

    async def _read_again(self, intent: Intent) -> Intent:
        try:
            return await self._journal.intent_by_reference(intent.external_reference) or intent
        except JournalDown:
            return intent

    async def _answer(
        self, intent: Intent, *, replayed: bool, told: Mapping[str, Order] = NOTHING
    ) -> Ordered:
        steps = [partial(self._placed, r, o, told.get(o)) for r, o in intent.orders.items()]
        orders = tuple(await side_by_side(steps))
        state = _state_told(intent, orders)
        return Ordered(
            state=state,
            orders=orders,
            agreed=_agreed(intent, orders),
            failed=tuple(FailedOrder(i, reason) for i, reason in intent.failures.items()),
            replayed=replayed,
            can_be_tried_again=bool(intent.freed),
            check_again_after=None if intent.is_final else LOOK_AGAIN_SECONDS,
            not_later_than=None if intent.is_final else intent.fence_at,
        )

    async def _placed(self, reservation_id: str, order_id: str, known: Order | None) -> PlacedOrder:
        """The order as it reads now; that it exists is told even when it cannot be read."""
        try:
            order = known or await self._booking.get_order(order_id)
        except ApiError:
            return PlacedOrder(id=order_id, reservation_id=reservation_id)
        standing = standing_of(order)
        is_confirmed = standing is Standing.CONFIRMED
        return PlacedOrder(
            id=order_id,
            reservation_id=reservation_id,
            reference=clean_line(order.reference or "", 60) or None,
            total=value_of(total_of(order)),
            tickets=tickets_in(order),
            standing=standing,
            status=None if is_confirmed else _called(order, standing),
        )


async def _done(sending: Sending) -> None:
    """Wait for the end of a send, but not longer than a caller can."""
    with anyio.move_on_after(ANSWER_SECONDS):
        await sending.done.wait()


def _counts(intent: Intent, owner: str) -> bool:
    """Whether an intent stands in the way of its reservations' next order.

    One that is NEW and leased by nobody was never sent, and is closed by the next claim.
    """
    return intent.owner == owner and not intent.was_never_sent


def _agreed(intent: Intent, orders: Sequence[PlacedOrder]) -> Money | None:
    """What was agreed to, where all of it was ordered and is said to cost something else."""
    told = [order.total for order in orders if order.total is not None]
    is_whole = len(told) == len(orders) == len(intent.reservation_ids)
    agreed = Money(intent.approved_total)
    is_other = any(each.is_foreign for each in told) or total(told) != agreed
    return agreed if is_whole and is_other else None


def _is_told(order: Order, tickets: Mapping[str, int]) -> bool:
    """Whether the answer to an order call tells all of an order that a caller is told.

    What that answer holds is not published; what it leaves out is read.
    """
    count = tickets_in(order)
    is_whole = count == tickets.get(id_at_end(order.reservation) or "")
    return (
        count is not None
        and is_whole
        and bool(order.reference)
        and isinstance(order.total_amount_incl_tax, Decimal)
    )


def _state_of(intent: Intent) -> OrderState:
    if not intent.is_final:
        return OrderState.IN_DOUBT
    if not intent.orders:
        return OrderState.FAILED
    return OrderState.PARTIALLY_ORDERED if intent.failures else OrderState.ORDERED


def _state_told(intent: Intent, orders: Sequence[PlacedOrder]) -> OrderState:
    """The same by what the issuer calls the orders that were made.

    One that is not confirmed may stand or not: nobody may take it for done, nor buy it again.
    """
    state, standings = _state_of(intent), {order.standing for order in orders}
    if not standings or standings == {Standing.CONFIRMED}:
        return state
    if standings - {Standing.CONFIRMED, Standing.CANCELLED}:
        return OrderState.IN_DOUBT
    if state is OrderState.IN_DOUBT:
        return state
    return OrderState.FAILED if standings == {Standing.CANCELLED} else OrderState.PARTIALLY_ORDERED


def _called(order: Order, standing: Standing) -> str:
    """What the issuer calls an order that is not confirmed; its state where that is told apart."""
    return Standing.CANCELLED if standing is Standing.CANCELLED else status_told(order.status)


def _claimed(holder: Intent) -> Refusal:
    if not holder.is_final:
        return Refusal(
            Code.ALREADY_BEING_ORDERED,
            "Another order of one of these reservations is under way.",
            "Do not reserve again. Call get_reservation to see what became of it.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=LOOK_AGAIN_SECONDS,
        )
    if not holder.orders:  # its claim stays: a doubt was about it, and the hold is over
        return _expired()
    return Refusal(
        Code.ALREADY_ORDERED,
        "One of these reservations was ordered already, with other data.",
        "Call get_reservation for its order, then get_tickets.",
        effect=Effect.ORDERED,
    )


def _check_known(doubts: Sequence[Doubt]) -> None:
    """That nothing of the same is in doubt, where the word of a person comes from the caller.

    Raises:
        Refusal: ALREADY_BEING_ORDERED; whoever asks the person themselves may not tell them.
    """
    unknown = [doubt.reservation_id for doubt in doubts if doubt.order_id is None]
    if unknown:
        raise Refusal(
            Code.ALREADY_BEING_ORDERED,
            "An order of the same is in doubt and may have been made; nothing was ordered now.",
            "Call get_reservation for the named one until its outcome is known.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=LOOK_AGAIN_SECONDS,
            fields=(FieldProblem("reservation_ids", f"in doubt: {unknown[0]}"),),
        )


def _check_no_order(holds: Sequence[Hold]) -> None:
    if any(hold.state is HoldState.ORDERED for hold in holds):
        raise Refusal(
            Code.ALREADY_ORDERED,
            "A reservation was ordered already.",
            "Call get_reservation for its order, then get_tickets.",
            effect=Effect.ORDERED,
        )
    if any(hold.may_be_ordered for hold in holds):
        raise Refusal(
            Code.NOT_BOOKABLE,
            f"{ITS_ORDER.capitalize()} cannot be read of one; nothing was ordered by this call.",
            "Do not reserve it again. Call find_orders to see what became of it.",
        )


def _expired(places: Sequence[int] = ()) -> Refusal:
    """The refusal of holds that are over; of several, those at these places of the call."""
    return Refusal(
        Code.HOLD_EXPIRED,
        "A reservation has expired or ends too soon to be ordered safely.",
        MEANINGS[Code.HOLD_EXPIRED].next_step,
        fields=tuple(FieldProblem(f"reservation_ids.{n}", "over") for n in places),
    )


def _too_slow() -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        "The server was too slow to send the order.",
        "Nothing was ordered. Call place_order without confirmation and ask again.",
        retry_after_seconds=LOOK_AGAIN_SECONDS,
    )


def _turned_away(busy: RateLimited) -> Refusal:
    """The refusal of an order that KorusTicket had no time for: its data was not the matter."""
    return Refusal(
        Code.SERVER_BUSY,
        "KorusTicket asks to slow down; nothing was ordered, and the reservation stays held.",
        "Wait for the named seconds, then call place_order again without confirmation.",
        retry_after_seconds=max(1, math.ceil(busy.retry_after_seconds or LOOK_AGAIN_SECONDS)),
    )


def _over_limit(message: str) -> Refusal:
    return Refusal(
        Code.LIMIT_EXCEEDED,
        message,
        "Nothing was ordered. Order less, or ask the operator.",
    )
