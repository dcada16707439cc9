"""The data of an order call, and of its outcome."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from korus_mcp.booking.conditions import NO_CONDITIONS, Conditions
from korus_mcp.booking.customers import Customer, missing_of
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.order_status import Standing
from korus_mcp.foundation.money import Money, total
from korus_mcp.journal.records import (
    NEVER_APPEARED,
    NEVER_SENT,
    Installation,
    Intent,
    canonical_json,
)


class OrderState(StrEnum):
    """What became of an order call as a whole."""

    CONFIRMATION_NEEDED = "confirmation_needed"
    APPROVAL_NEEDED = "approval_needed"
    ORDERED = "ordered"
    PARTIALLY_ORDERED = "partially_ordered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, kw_only=True)
class OrderCall:
    """An order call. `reference` is the caller's own text. No price: that comes from the holds.

    Of the customer something may be missing: such a call asks, and is never sent.
    """

    owner: str
    reservation_ids: tuple[str, ...]
    customer: Customer
    language: str
    notes: str | None = field(default=None, repr=False)
    reference: str | None = None
    confirmation: str | None = field(default=None, repr=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields of the customer that are still to be named."""
        return missing_of(self.customer)

    def fingerprint(self, installation: Installation) -> str:
        """A digest of the call: equal for a repeated call, different for a changed one."""
        arguments = [sorted(self.reservation_ids), asdict(self.customer), self.notes]
        return installation.digest(canonical_json(arguments))


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
    """The issuer's word for its status, cleaned; None when the order is confirmed."""


@dataclass(frozen=True)
class FailedOrder:
    """A reservation that was not ordered; `message` is the issuer's own text, cleaned, or ours."""

    reservation_id: str
    message: str

    @property
    def is_ours(self) -> bool:
        """Whether the message is ours: no issuer said anything of an order that was never made."""
        return self.message in (NEVER_SENT, NEVER_APPEARED)


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """The outcome of an order call. `can_be_tried_again`: what failed is still held.

    `is_under_way`: the call is still being sent, and the same call asks what came of it.

    `code`: by which a person is asked beside the host, where their answer is needed.

    `agreed`: the total that the person agreed to, if the orders have another one. `missing`: the
    fields of the customer that are to be named with the yes.
    """

    state: OrderState
    orders: tuple[PlacedOrder, ...] = ()
    failed: tuple[FailedOrder, ...] = ()
    replayed: bool = False
    is_under_way: bool = False
    can_be_tried_again: bool = False
    confirmation: str | None = None
    confirm_by: datetime | None = None
    code: str | None = None
    open_seconds: int | None = None
    missing: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    conditions: Conditions = NO_CONDITIONS
    doubts: tuple[Doubt, ...] = ()
    total: Money | None = None
    agreed: Money | None = None
    check_again_after: int | None = None
    not_later_than: datetime | None = None


def state_of(intent: Intent) -> OrderState:
    """The state of an order call, by its intent alone."""
    if not intent.is_final:
        return OrderState.IN_DOUBT
    if not intent.orders:
        return OrderState.FAILED
    return OrderState.PARTIALLY_ORDERED if intent.failures else OrderState.ORDERED


def state_told(intent: Intent, orders: Sequence[PlacedOrder]) -> OrderState:
    """The state of an order call, by its intent and by the status of the orders that it made.

    An order that is not confirmed may be valid or not: it must neither count as done nor be bought
    again.
    """
    state, standings = state_of(intent), {order.standing for order in orders}
    if not standings or standings == {Standing.CONFIRMED}:
        return state
    if standings - {Standing.CONFIRMED, Standing.CANCELLED}:
        return OrderState.IN_DOUBT
    if state is OrderState.IN_DOUBT:
        return state
    return OrderState.FAILED if standings == {Standing.CANCELLED} else OrderState.PARTIALLY_ORDERED


def agreed_instead(intent: Intent, orders: Sequence[PlacedOrder]) -> Money | None:
    """The total a person agreed to, if everything was ordered but the orders' total is another."""
    told = [order.total for order in orders if order.total is not None]
    is_whole = len(told) == len(orders) == len(intent.reservation_ids)
    # Compared only when everything was ordered: a part costs less by its nature.
    agreed = Money(intent.approved_total)
    is_other = any(each.is_foreign for each in told) or total(told) != agreed
    return agreed if is_whole and is_other else None
