"""Ordering: a reservation becomes an order at most once, and an order that exists is found.

The order call is the spend: no payment step, no cancel, no idempotency key. So it is written down
before it is sent, sent once from a task that outlives the caller, and when its answer is lost, the
orders are looked up by reservation and by our reference. Nothing in doubt is ever sent again.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import (
    ApiError,
    Booking,
    CustomerInput,
    NotFound,
    OrderFilters,
    OrderRequest,
    Outcome,
    Unprocessable,
)
from korus_mcp.api.jsonld import reservation_iri
from korus_mcp.api.models.order import OrderBulkResult
from korus_mcp.booking import approval
from korus_mcp.booking.desk import ANSWER_SECONDS, POST_SECONDS, BookingDesk
from korus_mcp.booking.hold import ORDER_MARGIN_SECONDS, Hold, HoldState
from korus_mcp.booking.ports import ApiClock, Catalog
from korus_mcp.flights import kept_apart, side_by_side
from korus_mcp.handles import Handle, id_at_end
from korus_mcp.journal.records import (
    AlreadyClaimed,
    ApprovalUsed,
    DayLimitReached,
    Intent,
    Journal,
)
from korus_mcp.money import Money, money, total
from korus_mcp.refusals import Code, Effect, Refusal
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.settings import Settings
from korus_mcp.untrusted import clean_line, issuers_words

LOOK_AGAIN_SECONDS: Final = 10
REFERENCE_PREFIX: Final = "km1"


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

    @property
    def fingerprint(self) -> str:
        """Equal for a repeated call, different for a changed one."""
        return approval.fingerprint_of(self.reservation_ids, self.customer, self.notes)


@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """An order that exists; what is None could not be read just now."""

    id: str
    reservation_id: str
    reference: str | None = None
    total: Money | None = None
    tickets: int | None = None


@dataclass(frozen=True)
class FailedOrder:
    """A reservation that was not ordered; `message` is the issuer's own text, cleaned."""

    reservation_id: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """The answer of an order call."""

    state: OrderState
    orders: tuple[PlacedOrder, ...] = ()
    failed: tuple[FailedOrder, ...] = ()
    replayed: bool = False
    confirmation: str | None = None
    confirm_by: datetime | None = None
    holds: tuple[Hold, ...] = ()
    terms: tuple[Handle, ...] = ()
    total: Money | None = None
    check_again_after: int | None = None
    not_later_than: datetime | None = None


class OrderDesk:
    """Places orders for their owners. Its calls upstream live in the given task group."""

    def __init__(
        self,
        booking: Booking,
        desk: BookingDesk,
        *,
        catalog: Catalog,
        journal: Journal,
        settings: Settings,
        clock: ApiClock,
        tasks: TaskGroup,
    ) -> None:
        self._booking = booking
        self._desk = desk
        self._catalog = catalog
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._tasks = tasks
        self._sending: dict[str, _Sending] = {}
        self._closing = False

    async def place(self, call: OrderCall) -> Ordered:
        """Order the reservations once a person agreed; the same call again answers the same.

        Raises:
            Refusal: what stands against it: expiry, limits, approval, another order under way.
            ApiError: a reservation cannot be read; nothing was sent.
        """
        earlier = await self._earlier(call)
        if earlier is not None:
            return await self._replayed(earlier)
        holds = await self._desk.holds(call.owner, call.reservation_ids, call.language)
        earlier = await self._earlier(call)  # an equal call may have come first meanwhile
        if earlier is not None:
            return await self._replayed(earlier)
        amount = self._check_holds(holds)
        digest = approval.digest_of(holds, amount, call.customer, call.notes)
        if call.confirmation is None:
            return await self._ask(call, holds, amount, digest)
        if self._closing:
            raise _closing()
        intent = self._intent(call, holds, amount)
        try:
            await approval.check(
                self._journal, call.owner, digest, call.confirmation, self._clock.now()
            )
            await self._claim(intent, call.confirmation)
        except Refusal:
            earlier = await self._earlier(call)  # an equal call may have come first meanwhile
            if earlier is None:
                raise
            return await self._replayed(earlier)
        return await self._send_and_wait(intent, call)

    async def look(self, owner: str, reservation_id: str) -> Intent | None:
        """The order call that claims a reservation, after one look upstream when it is in doubt."""
        intent = await self._journal.intent_of(reservation_id)
        if intent is None or intent.owner != owner:
            return None
        if intent.is_in_doubt and intent.id not in self._sending:
            return await self._look_up(intent)
        return intent

    def close(self) -> None:
        """Take no new order."""
        self._closing = True

    async def drain(self, seconds: float) -> None:
        """Take no new order and wait for those on their way, so long at most.

        One that takes longer is given up; its intent stays in doubt.
        """
        self.close()
        with anyio.move_on_after(seconds):
            for sent in list(self._sending.values()):
                await sent.done.wait()
        for sent in list(self._sending.values()):
            sent.scope.cancel()

    async def _earlier(self, call: OrderCall) -> Intent | None:
        """The intent this call repeats.

        Raises:
            Refusal: ALREADY_ORDERED or ALREADY_BEING_ORDERED by a different call.
        """
        for reservation_id in call.reservation_ids:
            intent = await self.look(call.owner, reservation_id)
            if intent is None or reservation_id not in (*intent.orders, *intent.missing):
                continue
            if intent.fingerprint == call.fingerprint:
                return intent
            raise _claimed(intent)
        return None

    def _check_holds(self, holds: Sequence[Hold]) -> Money:
        for hold in holds:
            self._check_hold(hold)
        amounts = [h.total for h in holds if h.total is not None]
        if len(amounts) < len(holds):
            raise Refusal(
                Code.NOT_BOOKABLE,
                "A reservation states no total, so nobody can agree to it.",
                "Reserve again.",
            )
        amount = total(amounts)
        tickets = sum(h.tickets for h in holds)
        if amount.amount > self._settings.max_order_amount:
            raise _over_limit("The total passes the operator's limit for one order.")
        if tickets > self._settings.max_tickets:
            raise _over_limit("These are more tickets than the operator allows in one order.")
        return amount

    def _check_hold(self, hold: Hold) -> None:
        if hold.state is HoldState.ORDERED:
            raise Refusal(
                Code.ALREADY_ORDERED,
                "A reservation was ordered already.",
                "Call get_reservation for its order, then get_tickets.",
                effect=Effect.ORDERED,
            )
        margin = ORDER_MARGIN_SECONDS + self._clock.skew_bound_seconds
        if not hold.can_be_ordered(margin):
            raise Refusal(
                Code.HOLD_EXPIRED,
                "A reservation has expired or ends too soon to be ordered safely.",
                "Call reserve again, then place_order with the new reservation_id.",
            )

    async def _ask(
        self, call: OrderCall, holds: Sequence[Hold], amount: Money, digest: str
    ) -> Ordered:
        if self._settings.approval is ApprovalWay.HUMAN:
            raise Refusal(
                Code.APPROVAL_UNAVAILABLE,
                "The operator wants a person to be asked by the host, and this one cannot ask.",
                "Nothing was ordered. Tell the person to order where they can be asked.",
            )
        ends = min(h.expires_at for h in holds if h.expires_at is not None)
        asked = await approval.ask(
            self._journal, call.owner, digest, holds_end=ends, now=self._clock.now()
        )
        return Ordered(
            state=OrderState.CONFIRMATION_NEEDED,
            confirmation=asked.nonce,
            confirm_by=asked.expires_at,
            holds=tuple(holds),
            terms=await self._terms(holds, call.language),
            total=amount,
        )

    async def _terms(self, holds: Sequence[Hold], language: str) -> tuple[Handle, ...]:
        """The product bases whose terms of sale a person may want to read first."""
        found: dict[Handle, None] = {}
        for hold in holds:
            for product_id in {line.product_id for line in hold.lines}:
                if hold.catalog_id is not None and product_id is not None:
                    where = (hold.catalog_id, product_id, language)
                    base = await self._catalog.base_with_terms(*where)
                    found |= {base: None} if base is not None else {}
        return tuple(found)

    def _intent(self, call: OrderCall, holds: Sequence[Hold], amount: Money) -> Intent:
        now = self._clock.now()
        answer_by = now + timedelta(seconds=POST_SECONDS)
        ends = [h.expires_at for h in holds if h.expires_at is not None]
        return Intent(
            id=secrets.token_hex(16),
            owner=call.owner,
            fingerprint=call.fingerprint,
            external_reference=f"{REFERENCE_PREFIX}-{secrets.token_urlsafe(16)}",
            caller_reference=call.reference,
            reservation_ids=call.reservation_ids,
            approved_total=amount.amount,
            sent_at=now,
            fence_at=max([*ends, answer_by]) + timedelta(seconds=self._settings.settle_seconds),
        )

    async def _claim(self, intent: Intent, nonce: str) -> None:
        try:
            await self._journal.claim(
                intent, approval_nonce=nonce, day_limit=self._settings.max_day_amount
            )
        except AlreadyClaimed as other:
            raise _claimed(other.holder) from None
        except ApprovalUsed:
            raise approval.not_open() from None
        except DayLimitReached:
            raise _over_limit("With this order the day's total passes the limit.") from None

    async def _send_and_wait(self, intent: Intent, call: OrderCall) -> Ordered:
        self._sending[intent.id] = sending = _Sending(intent)
        self._tasks.start_soon(kept_apart, partial(self._send, sending, call))
        return await self._answer(await self._sent(intent), replayed=False)

    async def _replayed(self, earlier: Intent) -> Ordered:
        return await self._answer(await self._sent(earlier), replayed=True)

    async def _sent(self, intent: Intent) -> Intent:
        """The intent once its send is over, or as it is when that takes too long to wait for."""
        sending = self._sending.get(intent.id)
        if sending is None:
            return intent
        with anyio.move_on_after(ANSWER_SECONDS):
            await sending.done.wait()
        return sending.intent

    async def _send(self, sending: "_Sending", call: OrderCall) -> None:
        """The one send of an intent. Whoever waits for it may leave; it goes on."""
        with sending.scope:
            try:
                sending.intent = await self._send_once(sending.intent, call)
            finally:
                del self._sending[sending.intent.id]
                sending.done.set()

    async def _send_once(self, intent: Intent, call: OrderCall) -> Intent:
        request = OrderRequest(
            reservation_iris=tuple(reservation_iri(i) for i in intent.reservation_ids),
            customer=call.customer,
            external_reference=intent.external_reference,
            notes=call.notes,
        )
        try:
            result = await self._booking.create_orders(request, language=call.language)
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN:
                return await self._look_up(intent)
            return await self._settled(intent, {}, dict.fromkeys(intent.missing, _refused(error)))
        orders, failures = _read(result, intent)
        settled = await self._settled(intent, orders, failures)
        return await self._look_up(settled) if settled.is_in_doubt else settled

    async def _look_up(self, intent: Intent) -> Intent:
        """What became of an order whose answer was lost: by reservation, then by our reference.

        Only what was read after the fence proves that an order will not appear any more.
        """
        is_past_fence = self._clock.now() > intent.fence_at
        orders: dict[str, str] = {}
        everything_read = True
        for ways in (self._orders_by_reservation, self._orders_by_reference):
            if len(orders) == len(intent.missing):
                break
            try:
                orders |= await ways(intent)
            except ApiError:
                everything_read = False
        failures: dict[str, str] = {}
        if everything_read and is_past_fence:
            failures = {i: _NEVER_APPEARED for i in intent.missing if i not in orders}
        return await self._settled(intent, orders, failures)

    async def _orders_by_reservation(self, intent: Intent) -> dict[str, str]:
        linked = await side_by_side([partial(self._order_of, i) for i in intent.missing])
        both = zip(intent.missing, linked, strict=True)
        return {reservation: order for reservation, order in both if order is not None}

    async def _order_of(self, reservation_id: str) -> str | None:
        """The order a reservation tells of; a reservation that is gone tells nothing."""
        try:
            return id_at_end((await self._booking.get_reservation(reservation_id)).order)
        except NotFound:
            return None

    async def _orders_by_reference(self, intent: Intent) -> dict[str, str]:
        filters = OrderFilters(external_reference=intent.external_reference)
        found: dict[str, str] = {}
        async for order in self._booking.list_orders(filters):
            reservation_id = id_at_end(order.reservation)
            if order.external_reference == intent.external_reference and reservation_id:
                found[reservation_id] = order.id
        return {i: order for i, order in found.items() if i in intent.missing}

    async def _settled(
        self, intent: Intent, orders: dict[str, str], failures: dict[str, str]
    ) -> Intent:
        return await self._journal.settle(intent.told(orders, failures))

    async def _answer(self, intent: Intent, *, replayed: bool) -> Ordered:
        steps = [partial(self._placed, i, order) for i, order in intent.orders.items()]
        return Ordered(
            state=_state_of(intent),
            orders=tuple(await side_by_side(steps)),
            failed=tuple(FailedOrder(i, reason) for i, reason in intent.failures.items()),
            replayed=replayed,
            check_again_after=LOOK_AGAIN_SECONDS if intent.is_in_doubt else None,
            not_later_than=intent.fence_at if intent.is_in_doubt else None,
        )

    async def _placed(self, reservation_id: str, order_id: str) -> PlacedOrder:
        """The order as it reads now; that it exists is told even when it cannot be read."""
        try:
            order = await self._booking.get_order(order_id)
        except ApiError:
            return PlacedOrder(id=order_id, reservation_id=reservation_id)
        return PlacedOrder(
            id=order_id,
            reservation_id=reservation_id,
            reference=clean_line(order.reference or "", 60) or None,
            total=money(order.total_amount_incl_tax),
            tickets=sum(len(item.tickets) for item in order.items),
        )


@dataclass
class _Sending:
    """An order on its way."""

    intent: Intent
    done: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=partial(anyio.CancelScope, shield=True))


_NEVER_APPEARED = "the order was not made"


def _state_of(intent: Intent) -> OrderState:
    if intent.is_in_doubt:
        return OrderState.IN_DOUBT
    if not intent.orders:
        return OrderState.FAILED
    return OrderState.PARTIALLY_ORDERED if intent.failures else OrderState.ORDERED


def _read(result: OrderBulkResult, intent: Intent) -> tuple[dict[str, str], dict[str, str]]:
    """Order ids and failure texts by reservation id; both lists count (T14).

    Failures that name no reservation are those of the reservations left over, when there is one
    outcome for each (A12).
    """
    wanted = intent.reservation_ids
    orders = {i: o.id for o in result.orders if (i := id_at_end(o.reservation)) in wanted}
    named = {id_at_end(f.reservation): issuers_words(f.message) for f in result.failed_orders}
    failures = {i: why for i, why in named.items() if i in wanted and i not in orders}
    left = [i for i in wanted if i not in orders and i not in failures]
    nameless = [f for f in result.failed_orders if id_at_end(f.reservation) not in wanted]
    if len(left) == len(nameless) and len(orders) == len(result.orders):
        failures |= {i: issuers_words(f.message) for i, f in zip(left, nameless, strict=True)}
    return orders, failures


def _refused(error: ApiError) -> str:
    if error.outcome is Outcome.NOT_SENT:
        return "the order was not sent; try again later"
    paths = error.violations if isinstance(error, Unprocessable) else ()
    named = {path.rpartition(".")[2] for path, _ in paths}
    fields = [f.name for f in dataclass_fields(CustomerInput) if f.name in named]
    about = f": {', '.join(fields)}" if fields else ""
    return f"KorusTicket refused the order data{about}"


def _claimed(holder: Intent) -> Refusal:
    if holder.is_in_doubt:
        return Refusal(
            Code.ALREADY_BEING_ORDERED,
            "Another order of one of these reservations is under way.",
            "Do not reserve again. Call get_reservation to see what became of it.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=LOOK_AGAIN_SECONDS,
        )
    return Refusal(
        Code.ALREADY_ORDERED,
        "One of these reservations was ordered already, with other data.",
        "Call get_reservation for its order, then get_tickets.",
        effect=Effect.ORDERED,
    )


def _closing() -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        "The server is stopping and takes no new order.",
        "Nothing was ordered. Call again with the same confirmation once it is back.",
        retry_after_seconds=LOOK_AGAIN_SECONDS,
    )


def _over_limit(message: str) -> Refusal:
    return Refusal(
        Code.LIMIT_EXCEEDED,
        message,
        "Nothing was ordered. Order less, or ask the operator.",
    )
