"""Ordering: a reservation becomes an order at most once, and an order that exists is found.

The order call is the spend: no payment step, no cancel, no idempotency key. So it is written down
before it is sent, sent once from a task that outlives the caller (`sending`), and when its answer
is lost, the orders are looked up (`lookup`). Nothing in doubt is ever sent again.
"""

import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import anyio
from cachetools import LRUCache

from korus_mcp.api import ApiError, Crowded, CustomerInput
from korus_mcp.api.models.order import Order
from korus_mcp.booking import approval, confirmations
from korus_mcp.booking.approval import Question
from korus_mcp.booking.by_hand import ByHand
from korus_mcp.booking.conditions import conditions_of
from korus_mcp.booking.customers import buyer_of, incomplete
from korus_mcp.booking.doubts import TOLD_FOR, Doubt, doubts_about
from korus_mcp.booking.earlier import EarlierOrders, claimed
from korus_mcp.booking.hold import ITS_ORDER, Hold, HoldState, expired, tickets_in, total_of
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.limits import OneOrder
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.order_status import Standing, number_of, order_told, standing_of
from korus_mcp.booking.ordered import (
    FailedOrder,
    OrderCall,
    Ordered,
    OrderState,
    PlacedOrder,
    agreed_instead,
    state_of,
    state_told,
)
from korus_mcp.booking.ownership import check_owner
from korus_mcp.booking.ports import Catalog, Service
from korus_mcp.booking.sending import Dispatch, Sender, fence_of
from korus_mcp.booking.timing import JOIN_SECONDS, LOOK_AGAIN_SECONDS
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.money import Money, total
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.foundation.refusals import Code, Effect, FieldProblem, Refusal
from korus_mcp.foundation.unread import by_clock, value_of
from korus_mcp.journal.records import (
    AlreadyClaimed,
    Approval,
    ApprovalUsed,
    Asked,
    DayLimitReached,
    Intent,
    JournalDown,
    LeaseLost,
    OrdersStopped,
    OrdersWait,
    ReservationFacts,
)
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.settings import Settings

_log = logging.getLogger(__name__)
REMEMBERED_NOES: Final = 1000
"""At most so many declined questions are remembered in this process, beside the journal."""
BY_HOST: Final = "asked by the host"
BY_HAND: Final = "asked beside the host"
IN_TWO_STEPS: Final = "two_step"
NAMED_WITH_THE_YES: Final = ", the customer named with the yes"
"""Put behind either, in journal and audit, where the person agreed before all of it was known."""


@dataclass(kw_only=True)
class Ordering(Service):
    """Places orders for their owners; `sender` carries them out."""

    holds: HoldReader
    sender: Sender
    earlier: EarlierOrders
    catalog: Catalog
    settings: Settings
    operations: Operations
    fresh_id: Callable[[], str] = lambda: secrets.token_hex(16)
    by_hand: ByHand | None = None
    pace: Pace = UNPACED
    spends_anew: bool = False
    """What earlier processes ordered does not count for the limit of a day."""
    noes: LRUCache[str, datetime] = field(default_factory=lambda: LRUCache(REMEMBERED_NOES))
    """Digest of a question a person declined -> until when that no stands."""
    _earlier_spent: LRUCache[tuple[str, date], Decimal] = field(
        default_factory=lambda: LRUCache(REMEMBERED_NOES), init=False
    )

    async def check_open(self, owner: str, confirmation: str) -> None:
        """Check by the journal alone, if it can be read, that a confirmation is open.

        Raises:
            Refusal: APPROVAL_REQUIRED.
        """
        with suppress(JournalDown):
            approval.check_open(await self._approval(confirmation), owner)

    async def language_of(
        self, reservation_ids: Sequence[str], confirmation: str | None
    ) -> str | None:
        """The language in which a person was asked, or shown the summary of a confirmation, if that
        can be read.
        """
        with suppress(JournalDown):
            if self.by_hand is not None:
                return await self.by_hand.language_of(reservation_ids)
            given = None if confirmation is None else await self._approval(confirmation)
            return None if given is None else approval.language_in(given.digest)
        return None

    async def _approval(self, confirmation: str) -> Approval | None:
        code = confirmations.read(confirmation).code
        return None if code is None else (await self.journal.approvals([code])).get(code)

    async def question(self, call: OrderCall, *, is_answered: bool = False) -> Question | None:
        """What a person has to agree to before this call is sent. None for a call that repeats an
        earlier one, whose outcome is the answer.

        `is_answered`: the person was asked already, and the call carries their answer.

        Raises:
            Refusal: what stands against the order.
        """
        standing = await self._standing(call)
        # Not waited for here: `place` does, and a caller would wait twice.
        earlier = await self.earlier.equal(call, standing.holders, until=None)
        # If the earlier call failed and left all its holds free, the person may be asked again. If
        # it ordered any of them, its outcome is the answer.
        if earlier is not None and not set(call.reservation_ids) <= set(earlier.freed):
            return None
        # First: a hold that the journal lost is not to be made once more.
        if not is_answered:
            _check_no_wait(standing)
        question = await self._question(call, standing)
        await approval.given(self.journal, question)
        # Not for an answered question: a no must count even if nothing can be sent now, and a yes
        # is checked when the order is sent.
        if not is_answered:
            _check_taken(standing)
            self._check_can_send(call.owner)
        return question

    def _check_can_send(self, owner: str) -> None:
        """Check that an order could be sent now, before a person is asked about it.

        Raises:
            Refusal: SERVER_BUSY.
        """
        self.operations.check_open()
        self.pace.check_write(owner)

    async def decline(self, question: Question) -> None:
        """Remember that the person said no, in this process and in the journal."""
        # In this process first: a person who said no is not asked again because a disk is full.
        self.noes[question.digest] = question.asked_at + timedelta(seconds=approval.KEPT_SECONDS)
        await self._written_down(approval.decline(self.journal, question))

    async def _written_down(self, no: Awaitable[None]) -> None:
        try:
            await no
        except JournalDown as down:
            _log.warning("a no could not be written down: %s", down.fault.value)

    async def place(
        self, call: OrderCall, agreed: Question | None = None, *, until: float | None = None
    ) -> Ordered:
        """Order the reservations, which a person has agreed to. A repeated call is not sent again
        and gets the same answer.

        `agreed` is the question the person said yes to, where the host asked them. `until`: the
        moment of the event loop's time at which the caller is answered, where it came earlier.

        Raises:
            Refusal: expiry, limits, a missing approval, another order under way.
            ApiError: a reservation cannot be read; nothing was sent.
            JournalDown: nothing was sent.
        """
        # A repeated call is answered before anything is checked: its holds are ordered by now, and
        # the checks would refuse them.
        until = self._answer_at() if until is None else until
        standing = await self._standing(call)
        earlier = await self.earlier.equal(call, standing.holders, until=until)
        if earlier is not None:
            return await self._answer(earlier)
        try:
            dispatch = await self._checked(call, standing, agreed)
        except Refusal:
            # While this call was checked an equal one may have used the confirmation up, or have
            # ordered the holds.
            held = await self.earlier.holders(call.reservation_ids)
            # An equal call came first.
            earlier = await self.earlier.equal(call, held, until=until)
            if earlier is None:
                raise
            return await self._answer(earlier)
        if isinstance(dispatch, Ordered):
            return dispatch
        return await self._carried_out(dispatch, until)

    async def instead(self, call: OrderCall, refusal: Refusal) -> Ordered:
        """The answer to a call that nobody agreed to: the outcome of an equal call, if any.

        Raises:
            Refusal: as `unless_ordered` says; the given one where there is no order.
        """
        try:
            held = await self.earlier.holders(call.reservation_ids)
            earlier = await self.earlier.equal(call, held, until=self._answer_at())
        except JournalDown:
            raise approval.unseen(refusal) from None
        if earlier is not None and not set(call.reservation_ids) <= set(earlier.freed):
            return await self._answer(earlier)
        raise await self.unless_ordered(call.owner, call.reservation_ids, call.language, refusal)

    async def unless_ordered(
        self, owner: str, reservation_ids: Sequence[str], language: str, refusal: Refusal
    ) -> Refusal:
        """The refusal of a call that nobody agreed to: that its holds were ordered, if so, else the
        given one.

        While a call waits for a person's answer, another call may order the same holds.
        """
        try:
            await self.earlier.check_none(owner, reservation_ids)
            holds = await self.holds.found(owner, reservation_ids, language)
            _check_no_order(tuple(holds.values()))
        except Refusal as other:
            return other
        except (ApiError, JournalDown):
            return approval.unseen(refusal)
        return refusal

    async def doubts(self, owner: str, holds: Sequence[Hold]) -> tuple[Doubt, ...]:
        """Orders of the same offers by the same owner that may exist, or were found to exist after
        they had been in doubt.
        """
        since = self.clock.now() - TOLD_FOR
        doubtful = await self.journal.doubtful(owner, since=since)
        return await doubts_about(holds, doubtful, booking=self.booking, looked=self.earlier.looked)

    async def _standing(self, call: OrderCall) -> ReservationFacts:
        since = self.clock.now() - TOLD_FOR
        try:
            ids = call.reservation_ids
            facts = await self.journal.standing(ids, owner=call.owner, since=since)
        except JournalDown as down:
            if self.earlier.sender.may_be_ordered(call.owner, call.reservation_ids):
                raise _unread(down) from None
            raise
        return self.sender.sent.added_to(facts, ids)

    async def _checked(
        self, call: OrderCall, standing: ReservationFacts, agreed: Question | None
    ) -> Dispatch | Ordered:
        """The order as it can be sent now. Without a yes: the summary to show to the person."""
        _check_taken(standing)
        question = await self._question(call, standing)
        said = confirmations.read(call.confirmation or "")
        confirmed = await approval.given(self.journal, question, said.code)
        is_human = self.settings.approval is ApprovalWay.HUMAN
        if agreed is None and not is_human:
            # Where the host asks, the person reads of the doubt and decides. Here a model passes
            # the summary on and may leave the doubt out, so the order is refused.
            _check_known(question.doubts)
            if call.confirmation is None:
                text, open_ = await approval.confirmation(self.journal, question, call.language)
                return replace(
                    _needed(question, OrderState.CONFIRMATION_NEEDED, by=open_.expires_at),
                    confirmation=text,
                    missing=question.missing,
                )
        if not isinstance(call.customer, CustomerInput):
            raise incomplete(question.missing)
        # The question is made anew from what is true now: a yes to another price, seat or customer
        # is void, and so is a yes that was used.
        if agreed is not None:
            nonce, way = await approval.agreed(self.journal, agreed, question), BY_HOST
        # A model may claim that a person agreed. With this setting only their own answer counts.
        elif is_human:
            asked = await self._asked_by_hand(question, call.language)
            if asked.is_open(question.asked_at):
                needed = OrderState.APPROVAL_NEEDED
                return _needed(question, needed, by=asked.open_until, code=asked.code)
            nonce, way = approval.by_hand(asked, question), BY_HAND
        else:
            nonce = await approval.check(self.journal, confirmed, question, said)
            way = IN_TWO_STEPS
        was_open = (
            agreed.missing
            if agreed is not None
            else (confirmed is not None and approval.was_open(confirmed, question))
        )
        if was_open and way != BY_HAND:
            way += NAMED_WITH_THE_YES
        dispatch = Dispatch(
            intent=await self._intent(call, question, call.customer, agreed=way),
            question=question,
            customer=call.customer,
            language=call.language,
            approval_nonce=nonce,
            day_limit=self.settings.max_day_amount + await self._not_counted(call.owner),
        )
        dispatch.request().body()  # data that cannot be sent fails here, before anything is claimed
        return dispatch

    async def _asked_by_hand(self, question: Question, language: str) -> Asked:
        """The question as it is put to the person beside the host.

        Raises:
            Refusal: APPROVAL_UNAVAILABLE, where there is no such way; SERVER_BUSY.
        """
        if self.by_hand is None:
            raise approval.unavailable()
        self._check_can_send(question.owner)
        terms = list(question.conditions.terms.values())
        return await self.by_hand.asked(question, terms, language)

    async def _not_counted(self, owner: str) -> Decimal:
        """What the owner ordered today that does not count for the limit of the day."""
        now = self.clock.now()
        of = (owner, now.astimezone(UTC).date())
        # Read before this process orders for the first time. When it began would tell less: the
        # API's clock is known to the second only, and an order may be as near as that.
        if self.spends_anew and of not in self._earlier_spent:
            spent = await self.journal.spent(owner, now, until=datetime.max.replace(tzinfo=UTC))
            self._earlier_spent.setdefault(of, spent)  # an equal reading may have been quicker
        return self._earlier_spent.get(of, Decimal(0))

    async def _question(self, call: OrderCall, standing: ReservationFacts) -> Question:
        """What the person has to agree to, as it is now.

        Raises:
            Refusal: what stands against the order; a no that was said to this process, too.
        """
        # The journal knows the owner: about another's reservation KorusTicket is asked nothing.
        check_owner(call.owner, standing.owners, call.reservation_ids)
        holds = await self.holds.read(call.owner, call.reservation_ids, call.language)
        amount = self._check_holds(holds)
        conditions = await conditions_of(holds, self.catalog, call.language)
        # `settled`, not `looked`: a journal that cannot be written is the reason to name then.
        doubts = await doubts_about(
            holds, standing.doubtful, booking=self.booking, looked=self.earlier.settled
        )
        installation = await self.journal.installation()
        question = Question(
            attempt=standing.attempts,
            owner=call.owner,
            holds=tuple(holds),
            total=amount,
            customer=call.customer,
            notes=call.notes,
            conditions=conditions,
            read=approval.read_of(installation, holds, conditions.terms),
            doubts=doubts,
            asked_at=self.clock.now(),
        )
        question = approval.digested(installation, question)
        untils = (self.noes.get(digest, question.asked_at) for digest in question.digests)
        if any(until > question.asked_at for until in untils):
            raise approval.declined()
        return question

    def _check_holds(self, holds: Sequence[Hold]) -> Money:
        """The amount that these holds count for against the limits, once they can all be ordered.

        Raises:
            Refusal: First that one was ordered, so that nobody holds the same again. Then that
                one is over, that nobody can agree to it, that it is too much.
        """
        _check_no_order(holds)
        over = [n for n, hold in enumerate(holds) if not hold.can_be_ordered(self.clock)]
        if over:
            raise expired(over if len(holds) > 1 else ())
        obstacle = next((o for hold in holds if (o := hold.obstacle()) is not None), None)
        if obstacle is not None:
            raise Refusal(
                obstacle.code,
                f"A reservation cannot be ordered: {obstacle.reason}.",
                "Nothing was ordered; what is held lapses unused. Choose another offer.",
            )
        # The larger of total and sum of lines counts (A15), so that a limit is never passed.
        amount = total([h.worth for h in holds if h.worth is not None])
        tickets = sum(h.tickets for h in holds)
        most = OneOrder.of(self.settings)
        if not most.fits(tickets, amount.amount):
            raise _over_limit(
                f"These are {tickets} tickets for {amount}; the operator allows at most {most} in "
                "one order."
            )
        return amount

    async def _intent(
        self, call: OrderCall, question: Question, customer: CustomerInput, *, agreed: str
    ) -> Intent:
        installation = await self.journal.installation()
        now, intent_id = self.clock.now(), self.fresh_id()
        return Intent(
            id=intent_id,
            owner=call.owner,
            fingerprint=call.fingerprint(installation),
            external_reference=installation.reference_of(intent_id, call.owner),
            caller_reference=call.reference,
            reservation_ids=call.reservation_ids,
            attempt=question.attempt,
            approved_total=question.total.amount,
            agreed=agreed,
            buyer=buyer_of(installation, customer.email),
            sent_at=now,
            fence_at=fence_of(question.holds_end, now, self.settings.settle_seconds),
        )

    def _answer_at(self) -> float:
        """Until when a call that comes now waits for the request that orders, its own or an equal
        call's. What is read first is not cut short.
        """
        return anyio.current_time() + self.settings.answer_seconds

    async def _carried_out(self, dispatch: Dispatch, until: float) -> Ordered:
        """Have a task of the server claim and send the order, and answer its outcome."""
        self.operations.check_open()
        owner = dispatch.intent.owner
        # Counted against the limit of writes before it is known whether this call will write: many
        # equal calls at once must not pass it.
        self.pace.write(owner)
        sending = self.sender.start(dispatch)
        await sending.awaited(until)  # the send goes on
        try:
            if sending.refused is not None:
                raise sending.refused
        except AlreadyClaimed as other:
            # Two equal calls of two processes: the journal let one claim, the other waits for its
            # outcome.
            if other.holder.fingerprint != dispatch.intent.fingerprint:
                raise claimed(other.holder) from None
            self.pace.was_no_write(owner)
            earlier = await self.earlier.awaited(other.holder, until=until)
            if earlier is None:
                raise _too_slow() from None
            return await self._answer(earlier)
        except ApprovalUsed:
            raise approval.not_open() from None
        except DayLimitReached:
            raise _over_limit("With this order the day's total passes the limit.") from None
        except OrdersStopped:
            raise _stopped() from None
        except OrdersWait as waits:
            raise _waiting(waits) from None
        except LeaseLost:
            raise _too_slow() from None
        if sending.busy is not None and state_of(sending.intent) is OrderState.FAILED:
            wait = sending.busy.retry_after_seconds or LOOK_AGAIN_SECONDS
            why = "KorusTicket asks to slow down"
            if isinstance(sending.busy, Crowded):
                why = "Too many bookings are on their way"
            # The order's data may be right, so the caller need not correct them.
            raise Refusal(
                Code.SERVER_BUSY,
                f"{why}; nothing was ordered, and the reservation stays held.",
                "Wait for the named seconds, then call place_order again without confirmation.",
                retry_after_seconds=max(1, math.ceil(wait)),
            )
        return await self._answer(sending.intent, dispatch.question, sending.answered)

    async def _answer(
        self, intent: Intent, sent: Question | None = None, answered: Sequence[Order] = ()
    ) -> Ordered:
        """The outcome of a call, with its orders read. `sent`: the question of a call that was
        sent just now; None for an earlier one. `answered`: the orders in the API's answer to it.
        """
        by_id = {order.id: order for order in answered}
        tickets = {hold.id: hold.tickets for hold in sent.holds} if sent is not None else {}
        steps = [
            partial(self._placed, intent, r, by_id.get(o), tickets.get(r))
            for r, o in intent.orders.items()
        ]
        orders = tuple(await side_by_side(steps))
        is_under_way = self.earlier.is_under_way(intent)
        again = JOIN_SECONDS if is_under_way else LOOK_AGAIN_SECONDS
        return Ordered(
            state=state_told(intent, orders),
            orders=orders,
            agreed=agreed_instead(intent, orders),
            failed=tuple(FailedOrder(i, reason) for i, reason in intent.failures.items()),
            replayed=sent is None,
            can_be_tried_again=bool(intent.freed),
            is_under_way=is_under_way,
            check_again_after=None if intent.is_final else again,
            not_later_than=None if intent.is_final else self._settled_by(intent),
        )

    def _settled_by(self, intent: Intent) -> datetime:
        """When its outcome is known at the latest, in the zone in which its holds were told."""
        return by_clock(intent.fence_at, self.holds.zone_of(intent.reservation_ids))

    async def _placed(
        self, intent: Intent, reservation_id: str, answered: Order | None, tickets: int | None
    ) -> PlacedOrder:
        """The order as it is now; if it cannot be read, as it was in the answer to its call."""
        order_id = intent.orders[reservation_id]
        order, is_whole = answered, answered is not None and _is_whole(answered, tickets)
        if not is_whole:  # how complete that answer is is not published
            with suppress(ApiError):
                order = await self.booking.get_order(order_id)
        if order is None:  # nothing of it could be read, but it exists
            return PlacedOrder(
                id=order_id, reservation_id=reservation_id, standing=Standing.NOT_READ
            )
        # If it was read without a status, the one in the answer to its call counts.
        is_silent = order.status is None and order.cancelled_at is None
        said = answered if is_silent and answered is not None else order
        standing = standing_of(said, self.clock.now(), intent.sent_at)
        count = tickets_in(order)
        return PlacedOrder(
            id=order_id,
            reservation_id=reservation_id,
            reference=number_of(order),
            total=value_of(total_of(order)),
            tickets=count if order is not answered or count == tickets else None,
            standing=standing,
            status=None if standing is Standing.CONFIRMED else order_told(said),
        )


def _needed(
    question: Question,
    state: OrderState,
    *,
    by: datetime,
    code: str | None = None,
    confirmation: str | None = None,
) -> Ordered:
    """What a person has to agree to, and how."""
    return Ordered(
        state=state,
        confirm_by=_as_at_the_venue(by, question),
        open_seconds=int((by - question.asked_at).total_seconds()),
        code=code,
        confirmation=confirmation,
        holds=question.holds,
        conditions=question.conditions,
        doubts=question.doubts,
        total=question.total,
    )


def _is_whole(order: Order, tickets: int | None) -> bool:
    """Whether the answer to an order call already has all that a caller is shown of an order."""
    count = tickets_in(order)
    has_total = isinstance(order.total_amount_incl_tax, Decimal)
    return count is not None and count == tickets and has_total and bool(order.reference)


def _as_at_the_venue(at: datetime, question: Question) -> datetime:
    """A moment with the offset in which the end of the holds is told."""
    return at if question.ends_at is None else at.astimezone(question.ends_at.tzinfo)


def _check_known(doubts: Sequence[Doubt]) -> None:
    """Check that no order of the same offers is in doubt, where the model asks the person.

    Raises:
        Refusal: ALREADY_BEING_ORDERED. The model might not tell the person of the doubt.
    """
    unknown = [doubt.reservation_id for doubt in doubts if doubt.order_id is None]
    if unknown:
        raise Refusal(
            Code.ALREADY_BEING_ORDERED,
            "An order of the same is on its way or in doubt; nothing was ordered now.",
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
    if any(hold.may_have_been_ordered for hold in holds):
        raise Refusal(
            Code.NOT_BOOKABLE,
            f"{ITS_ORDER.capitalize()} cannot be read of one; nothing was ordered by this call.",
            "Do not reserve it again. Call find_orders to see what became of it.",
        )


def _too_slow() -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        "The server was too slow to send the order.",
        "Nothing was ordered. Call place_order without confirmation and ask again.",
        retry_after_seconds=LOOK_AGAIN_SECONDS,
    )


def _check_taken(standing: ReservationFacts) -> None:
    """Check that new orders are taken, before a person is asked and before anything is read.

    Raises:
        Refusal: ORDERS_STOPPED, SERVER_BUSY.
    """
    _check_no_wait(standing)
    if standing.stopped_at is not None:
        raise _stopped()


def _check_no_wait(standing: ReservationFacts) -> None:
    """Check that orders do not wait since the journal went back.

    Raises:
        Refusal: SERVER_BUSY.
    """
    if standing.waits is not None:
        raise _waiting(standing.waits)


def _waiting(waits: OrdersWait) -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        f"The journal was restored or is new to this server; orders wait until {waits.told}.",
        "Nothing was ordered now, so do not reserve again; call again after the named seconds.",
        retry_after_seconds=max(1, math.ceil(waits.seconds)),
    )


def _stopped() -> Refusal:
    return Refusal(
        Code.ORDERS_STOPPED,
        "The operator takes no new orders for now; nothing was ordered.",
        "Tell the person, and call again only if they ask. What is held lapses at no cost.",
    )


def _unread(down: JournalDown) -> Refusal:
    """The refusal of a call whose reservations may be ordered, while the journal cannot tell."""
    return Refusal(
        Code.OUTCOME_UNKNOWN,
        f"The journal of bookings does not work ({down.fault.value}); an order of this was sent "
        "before and may have been made.",
        "Do not reserve again. Call again with the same arguments to hear what became of it.",
        effect=Effect.UNKNOWN,
        retry_after_seconds=LOOK_AGAIN_SECONDS,
    )


def _over_limit(message: str) -> Refusal:
    next_step = "Nothing was ordered. Order less, or ask the operator."
    return Refusal(Code.LIMIT_EXCEEDED, message, next_step)
