"""Sends an order, once: writes it down first, holds a lease meanwhile, and sorts what came back.

Nothing here repeats a POST. A caller who waits for a send may leave; a task of the server goes on.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import (
    ApiError,
    Crowded,
    CustomerInput,
    OrderRequest,
    Outcome,
    RateLimited,
    Unprocessable,
)
from korus_mcp.api.config import CREATION_SECONDS
from korus_mcp.api.jsonld import RESERVATION
from korus_mcp.api.models.order import Order, OrderBulkResult
from korus_mcp.booking.approval import Question
from korus_mcp.booking.copies import ORDER, was_answered
from korus_mcp.booking.entries import read_entry
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.order_status import numbers_of
from korus_mcp.booking.ports import Service
from korus_mcp.booking.sent import SentHere
from korus_mcp.foundation.coalescing import Begun, begun_here, kept_apart, watched
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.measures import ORDERS, measure
from korus_mcp.journal.records import (
    IN_DOUBT,
    NEVER_SENT,
    AlreadyClaimed,
    ClaimRefused,
    Intent,
    IntentLost,
    JournalDown,
    Lease,
    LeaseLost,
    OrderResult,
)

RENEWAL_SECONDS: Final = 10
SETTLE_ATTEMPTS: Final = 3
SETTLE_PAUSE_SECONDS: Final = 0.2
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """An order that a person agreed to, ready to be claimed and sent. The customer's data is here
    only: the journal does not keep it.
    """

    intent: Intent
    question: Question = field(repr=False)
    customer: CustomerInput = field(repr=False)
    language: str
    approval_nonce: str = field(repr=False)
    day_limit: Decimal

    def request(self) -> OrderRequest:
        """The body of the request to the API."""
        return OrderRequest(
            reservation_iris=tuple(RESERVATION.iri(i) for i in self.intent.reservation_ids),
            customer=self.customer,
            external_reference=self.intent.external_reference,
            notes=self.question.notes,
        )


@dataclass
class Sending:
    """An order on its way: its intent as far as it is known, or why it was not sent (`refused`).

    `decided`: it is known whether it is sent. That takes the journal milliseconds.
    `answered`: the orders in the API's answer. `busy`: there was no place for it, or the API
    answered 429; what the look-up after that found is in the intent.
    """

    intent: Intent
    answered: tuple[Order, ...] = ()
    refused: Exception | None = None
    busy: Crowded | RateLimited | None = None
    decided: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)
    begun: Begun = field(default_factory=Begun)
    scope: anyio.CancelScope = field(default_factory=partial(anyio.CancelScope, shield=True))

    async def awaited(self, until: float) -> None:
        """Wait for the end of the send, at most until this moment of the event loop's time."""
        # Without a deadline: whoever left before would say that it is on its way, and nobody would
        # ever hear that the journal refused it.
        await self.decided.wait()
        with anyio.CancelScope(deadline=until):
            await self.done.wait()


@dataclass(kw_only=True)
class Sender(Service):
    """Claims, sends and settles orders in tasks of the server, under the lease of this process."""

    look_up: LookUp
    tasks: TaskGroup
    lease: Lease
    settle_seconds: int
    in_doubt: Callable[[], None]
    sent: SentHere
    sends: dict[str, Sending] = field(default_factory=dict)
    """Intent id -> its send, for those under way in this process."""

    def start(self, dispatch: Dispatch) -> Sending:
        """Claim and send an order in a task of the server."""
        sending = Sending(dispatch.intent)
        self.sends[dispatch.intent.id] = sending
        # The caller may leave at any moment. Whether bytes left this process is then asked of this
        # send.
        begun_here().join(sending.begun)
        self.tasks.start_soon(kept_apart, partial(self._run, sending, dispatch))
        return sending

    def under_way(self, intent: Intent) -> Sending | None:
        """The send of this intent, if this process is sending it now."""
        return self.sends.get(intent.id)

    def may_be_ordered(self, owner: str, reservation_ids: Sequence[str]) -> bool:
        """Whether this process is ordering one of these for its owner, or may have."""
        wanted, under_way = set(reservation_ids), [s.intent for s in self.sends.values()]
        is_under_way = any(i.owner == owner and wanted & {*i.missing} for i in under_way)
        return is_under_way or self.sent.may_be_ordered(owner, reservation_ids)

    async def drain(self, seconds: float) -> None:
        """Wait at most `seconds` for the sends under way; those that last longer stay in doubt."""
        with anyio.move_on_after(seconds):
            for sending in list(self.sends.values()):
                await sending.done.wait()
        for sending in list(self.sends.values()):
            sending.scope.cancel()
            if sending.intent.is_in_doubt:
                try:  # ends the lease, so that the next start looks at once
                    await self.journal.settle(sending.intent.id, IN_DOUBT, known=sending.intent)
                except JournalDown:
                    _log.warning("an order was left on its way; its lease ends by itself")

    async def _run(self, sending: Sending, dispatch: Dispatch) -> None:
        with sending.scope, watched() as begun:
            sending.begun.join(begun)
            try:
                await self._carry_out(sending, dispatch)
            except (ClaimRefused, LeaseLost, JournalDown) as refusal:
                sending.refused = refusal
            except Exception as crash:
                # Once bytes left, the order may exist whatever crashed: it is looked up, and no
                # failure is reported.
                if not begun.is_true:  # whoever waits learns that nothing was sent
                    sending.refused = crash
                raise
            finally:
                del self.sends[sending.intent.id]
                sending.decided.set()
                sending.done.set()
        if sending.intent.is_in_doubt:
            self.in_doubt()

    async def _carry_out(self, sending: Sending, dispatch: Dispatch) -> None:
        intent = dispatch.intent
        # Before the yes is used up, and once more before the first byte leaves.
        self._check_not_sent(intent)
        await self.journal.claim(
            intent,
            lease=self.lease,
            approval_nonce=dispatch.approval_nonce,
            day_limit=dispatch.day_limit,
        )
        # Measured here: if the machine sleeps, the lease may have ended when it wakes, and another
        # worker may have taken the intent over and closed it.
        leased_until = anyio.current_time() + self.lease.seconds
        # SENDING is committed before a socket is opened. A process that dies after it leaves a
        # doubt, which is looked up; one that dies before leaves an intent that was never sent.
        now = self.clock.now()
        try:
            sending.intent = await self.journal.start_sending(
                intent,
                lease=self.lease,
                sent_at=now,
                fence_at=fence_of(dispatch.question.holds_end, now, self.settle_seconds),
            )
            self._check_not_sent(intent)
        except Exception:
            # This worker will not send it, so it closes the intent: others could not know that.
            sending.intent = intent
            try:
                await self.journal.settle(intent.id, intent.none_made(NEVER_SENT))
            except JournalDown:
                _log.warning("an order that was not sent stays open until the journal works again")
                self.tasks.start_soon(kept_apart, partial(self._closed_later, intent))
            except IntentLost:
                _log.warning("the journal went back: an order that was not sent is not in it")
            raise
        # The machine slept: another worker may have the intent by now.
        if anyio.current_time() > leased_until:
            sending.intent = await self._recorded(sending.intent, intent.none_made(NEVER_SENT))
            return
        # Nothing is awaited between this and the check of it: of two sends one is the first.
        self.sent.note(sending.intent)
        sending.decided.set()
        try:
            send = partial(self._sent, sending, dispatch)
            sending.intent = await self._kept_leased(intent.id, send)
        finally:
            self.sent.note(sending.intent)
        measure(ORDERS, outcome=_outcome(sending.intent))

    def _check_not_sent(self, intent: Intent) -> None:
        """Check that this process sent no other order of its reservations: the database may have
        lost that.

        Raises:
            AlreadyClaimed: It did.
        """
        other = self.sent.in_the_way_of(intent)
        if other is not None:
            raise AlreadyClaimed(other)

    async def _closed_later(self, intent: Intent) -> None:
        """Close an intent that was not sent, as soon as the journal can be written again."""
        # Nobody else knows that it was not sent: it would be in doubt until its fence.
        pause = SETTLE_PAUSE_SECONDS
        while self.clock.now() < intent.fence_at:
            await anyio.sleep(pause)
            pause = min(2 * pause, RENEWAL_SECONDS)
            try:
                await self.journal.settle(intent.id, intent.none_made(NEVER_SENT))
            except JournalDown:
                continue
            except IntentLost:
                return
            return

    async def _kept_leased(self, intent_id: str, work: Callable[[], Awaitable[Intent]]) -> Intent:
        """Run the work and return its result; meanwhile the lease of the intent is renewed."""
        # A send may take longer than a lease. Without renewal another worker would look the order
        # up, find nothing yet, and after the fence write down that it was not made.
        async with anyio.create_task_group() as group:
            group.start_soon(self._renewing, intent_id)
            answer = await work()
            group.cancel_scope.cancel()
        return answer

    async def _renewing(self, intent_id: str) -> None:
        while True:
            await anyio.sleep(RENEWAL_SECONDS)
            try:
                if not await self.journal.renew(intent_id, self.lease):
                    return
            except JournalDown:
                _log.warning("a lease could not be renewed")

    async def _sent(self, sending: Sending, dispatch: Dispatch) -> Intent:
        intent = sending.intent
        try:
            result = await self.booking.create_orders(
                dispatch.request(), language=dispatch.language, on_leaving=begun_here().mark
            )
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN:
                return await self._looked_up(intent)
            # The same order may be sent later: its hold is still there.
            sending.busy = error if isinstance(error, Crowded | RateLimited) else None
            refused = intent.none_made(_refused(error))
            # There was no connection, so there is no order. A refusal is believed only after a
            # look-up.
            if error.outcome is Outcome.NOT_SENT and not was_answered(error, ORDER):
                return await self._recorded(intent, refused)
            return await self._failed(intent, refused)
        except Exception:  # noqa: BLE001 - logged with its traceback; the outcome is looked up
            _log.exception("a send crashed")
            if not sending.begun.is_true:
                return await self._recorded(intent, intent.none_made(NEVER_SENT))
            return await self._looked_up(intent)
        # A 200 may hold failures beside orders, or nothing at all (T14): both lists count.
        sending.answered = result.orders
        told = _read(result, intent)
        if told.failures:
            return await self._failed(intent, told)
        settled = await self._recorded(intent, told)
        return await self._looked_up(settled) if settled.is_in_doubt else settled

    async def _failed(self, intent: Intent, answer: OrderResult) -> Intent:
        """The intent after a refusal, which counts only if no order of it is found. Why: see
        booking/copies.py.
        """
        # Orders that the answer names need not be looked for.
        found = await self.look_up.find_orders(intent.told(OrderResult(answer.orders)))
        numbers = {**answer.numbers, **found.numbers}
        made = OrderResult({**answer.orders, **found.orders}, numbers=numbers)
        if not found.is_complete:
            return await self._recorded(intent, replace(made, ambiguous=True))
        certain = {i: why for i, why in answer.failures.items() if i not in found.orders}
        settled = await self._recorded(intent, replace(made, failures=certain))
        return await self._looked_up(settled) if settled.is_in_doubt else settled

    async def _looked_up(self, intent: Intent) -> Intent:
        """The intent after its answer was lost. That it is in doubt is written down before anything
        is looked up, so that no other call can claim its reservations.
        """
        # It stays marked even if the order is found at once: whoever holds the same offers again
        # has to read of it (booking/doubts.py).
        doubted = await self._recorded(intent, IN_DOUBT)
        try:
            return await self.look_up.settle(doubted)
        except JournalDown:
            return doubted

    async def _recorded(self, intent: Intent, result: OrderResult) -> Intent:
        """Write a result down and return the intent with it; if that fails, it stays in doubt."""
        # Tried again if the database is busy: later the outcome would have to be looked up.
        for attempt in range(SETTLE_ATTEMPTS):
            if attempt:
                await anyio.sleep(SETTLE_PAUSE_SECONDS)
            try:
                settled = await self.journal.settle(intent.id, result, known=intent)
                if result.orders.items() <= settled.orders.items():
                    return settled
                # Another worker closed the intent after its fence; the order exists all the same.
                _log.error("an order came after its intent was closed; it is in the journal now")
                return await self.journal.repair(
                    intent.id, result.orders, known=settled, numbers=result.numbers
                )
            except JournalDown as down:
                _log.error("the outcome of an order could not be written: %s", down.fault.value)
        return intent


def _outcome(intent: Intent) -> str:
    if intent.is_in_doubt:
        return "in_doubt"
    if intent.failures:
        return "partially_ordered" if intent.orders else "failed"
    return "ordered"


def fence_of(holds_end: datetime, sent_at: datetime, settle_seconds: int) -> datetime:
    """The fence of an order: the moment after which, if it was sent at `sent_at`, it cannot appear.

    By then its last hold is over (T22), the POST has timed out, and the API has finished what it
    was working on. Only what is looked up after the fence proves that there is no order.
    """
    settle = timedelta(seconds=settle_seconds)
    last = max(holds_end, sent_at + timedelta(seconds=CREATION_SECONDS))
    return min(last, _END_OF_TIME - settle) + settle  # an issuer may say that a hold never ends


def _read(result: OrderBulkResult, intent: Intent) -> OrderResult:
    """Order ids and failure texts of an answer, by reservation id; both lists count (T14).

    Failures that name no reservation go to the reservations left over, if there are as many (A12);
    so does a single order that names none (A13), if nothing failed.
    """
    # Matched by id, not by position: what the order of the lists means is not published.
    wanted = intent.reservation_ids
    orders = {i: o.id for o in result.orders if (i := id_at_end(o.reservation)) in wanted}
    entries = [read_entry(f, id_at_end(f.reservation), wanted) for f in result.failed_orders]
    failures = {e.id: e.message for e in entries if e.id in wanted and e.id not in orders}
    left = [i for i in wanted if i not in orders and i not in failures]
    nameless = [entry for entry in entries if entry.id not in wanted]
    unnamed = [o for o in result.orders if o.reservation is None]
    if len(left) == len(unnamed) == 1 and not nameless:
        orders[left[0]] = unnamed[0].id
    elif len(left) == len(nameless) and len(orders) == len(result.orders):
        failures |= {i: entry.message for i, entry in zip(left, nameless, strict=True)}
    return OrderResult(orders, failures, numbers=numbers_of(result.orders))


def _refused(error: ApiError) -> str:
    if error.outcome is Outcome.NOT_SENT:
        return NEVER_SENT
    paths = error.violations if isinstance(error, Unprocessable) else ()
    named = {path.rpartition(".")[2] for path, _ in paths}
    fields = [f.name for f in dataclass_fields(CustomerInput) if f.name in named]
    about = f": {', '.join(fields)}" if fields else ""
    return f"KorusTicket refused the order data{about}"
