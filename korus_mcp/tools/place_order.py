"""place_order: turn reservations into an order, once a person agreed."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from korus_mcp.answers.conditions import conditions_text
from korus_mcp.answers.holds import IF_WANTED, HoldsInShort, HoldView, total_text
from korus_mcp.answers.views import Moment, Part, Price, View, lines_of, moment_told
from korus_mcp.app import app_of
from korus_mcp.booking.customers import described
from korus_mcp.booking.order_status import Standing
from korus_mcp.booking.ordered import FailedOrder, OrderCall, Ordered, OrderState
from korus_mcp.foundation.refusals import TO_SUPPORT, Faults, Refusal
from korus_mcp.journal.records import NEVER_SENT
from korus_mcp.tools import agreement, by_hand
from korus_mcp.tools.arguments import WRITABLE, ReservationIds, Sendable
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_reservations
from korus_mcp.tools.question_text import doubt_text, quoted_text

NOBODY: Final = agreement.Customer()
LONGEST_CONFIRMATION: Final = 200
"""Some more than one has: whoever hands it on may write dashes and blanks anew."""
_STILL_HELD: Final = f"As for what failed, which may still be held: {IF_WANTED}"
_OVER: Final = "What failed is over: reserve only that again, if the person still wants it."


class PlacedView(Part):
    """An order that exists."""

    order_id: str
    reservation_id: str
    reference: str | None = None
    total: Price = None
    tickets: int | None = None
    status: str | None = None


class FailedOrderView(Part):
    """A reservation that was not ordered: the issuer's own words, or our reason."""

    reservation_id: str
    message: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, failed: FailedOrder) -> "FailedOrderView":
        """The failure as shown."""
        said = {"reason" if failed.is_ours else "message": failed.message}
        return cls(reservation_id=failed.reservation_id, **said)

    def text(self) -> str:
        """One line of text."""
        said = self.reason or f'the issuer says: "{self.message}"'
        return f"reservation_id {self.reservation_id} not ordered: {said}"


class OrderView(View):
    """Where the order stands."""

    state: OrderState
    confirmation: str | None = None
    code: str | None = None
    open_seconds: int | None = None
    """How long the confirmation, or the question beside the host, is open."""
    missing: str | None = None
    """Fields of the customer that are still to be named, with commas."""
    check_again_after: int | None = None
    not_later_than: Moment = None
    orders: list[PlacedView] = []
    failed: list[FailedOrderView] = []
    summary: HoldsInShort = []
    customer: str | None = None
    notes: str | None = None
    total: Price = None
    replayed: bool = False
    environment: str

    def text(self) -> str:
        """The orders or the summary, and what to do next."""
        # The summary is shown to a person who agrees. Where the host asks instead, the question is
        # `question_text.order_question`: both must name the same facts. The confirmation comes
        # first: a host that cuts the middle of a long result would else lose it in both halves.
        orders = [
            f"order_id {o.order_id}: reference {o.reference or '?'}, tickets: {o.tickets or '?'}, "
            f"total {o.total or '?'} (reservation_id {o.reservation_id})"
            + (f', which the issuer calls "{o.status}"' if o.status else "")
            for o in self.orders
        ]
        again = " (the same call again; it was sent once)" if self.replayed else ""
        how = f"code {self.code}, open for {self.open_seconds} s" if self.code else None
        if self.confirmation:
            how = f'confirmation "{self.confirmation}", to be given within {self.open_seconds} s'
        return lines_of(
            f"{self.state.value} in the {self.environment} environment{again}.",
            how,
            *(hold.text() for hold in self.summary),
            *orders,
            *(failed.text() for failed in self.failed),
            total_text(self.total, self.summary),
            f"Buyer: {self.customer}" if self.customer else None,
            f"Note for the issuer: {self.notes}" if self.notes else None,
            self.end,
        )


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    customer, confirmation = given.get("customer"), given.get("confirmation")
    if customer is not None:
        with faults:
            agreement.check_named(ctx, customer, confirmation)
    await check_reservations(faults, ctx, given)
    if faults and confirmation is not None:
        services = app_of(ctx)
        with faults.about("confirmation"):
            await services.booking.ordering.check_open(services.principal.key, confirmation)


@tool(
    title="Place order",
    read_only=False,
    destructive=True,
    idempotent=True,
    checks=_check,
    early="Looking at what is to be ordered",
)
async def place_order(
    ctx: ToolContext,
    *,
    # First, since hosts that ask before a call show its arguments in this order.
    confirmation: Annotated[
        Annotated[str, Field(max_length=LONGEST_CONFIRMATION), WRITABLE] | None,
        Field(description="Not at first; then word for word", min_length=1),
    ] = None,
    reservation_ids: ReservationIds,
    call: agreement.Call,
    asked: agreement.Asked,
    answer: agreement.Agreement,
    customer: Annotated[
        agreement.Customer,
        Field(
            description="Optional at first: firstname, lastname, email; "
            "maybe phone, country, language, title"
        ),
    ] = NOBODY,
    notes: Annotated[Sendable | None, Field(description="For the issuer")] = None,
    reference: Annotated[
        Annotated[str, Field(max_length=50), WRITABLE] | None,
        Field(description="Your own", min_length=1),
    ] = None,
) -> Reply[OrderView]:
    """Buy the held seats or tickets (concert, theatre, match, museum, theme park).

    Spends money: a person must agree first. If in_doubt, order nothing: get_reservation. Cannot be
    cancelled here. The host asks them, or the first call answers a summary and
    confirmation. A repeated call never orders twice.
    """
    del confirmation, reservation_ids, customer, notes, reference  # `call` has them
    services = app_of(ctx)
    # Even if nobody agreed to this call an order is looked for: another call may have ordered.
    whole, agreed = await agreement.agreed_to(ctx, call, asked, answer)
    if isinstance(agreed, Refusal):
        ordered = await services.booking.ordering.instead(call, agreed)
    else:
        ordered = await services.booking.ordering.place(whole, agreed=agreed)
    told: dict[str, Any] = {}
    if ordered.state is OrderState.APPROVAL_NEEDED:
        ordered, told = await by_hand.answered(ctx, whole, ordered)
    view = _view(ordered, call, services.settings.environment.value).model_copy(update=told)
    # Whoever typed the customer into the host's form did not tell the assistant: its same arguments
    # would be another call.
    if ordered.is_under_way and call.missing:
        return Reply(view.model_copy(update={"next": _under_way_beside_a_form(ordered)}))
    return Reply(view)


def _view(ordered: Ordered, call: OrderCall, environment: str) -> OrderView:
    asks = ordered.confirm_by is not None
    return OrderView.read(
        ordered,
        orders=[PlacedView.read(order, order_id=order.id) for order in ordered.orders],
        failed=[FailedOrderView.of(failed) for failed in ordered.failed],
        summary=[HoldView.of(hold) for hold in ordered.holds],
        customer=(described(call.customer) or None) if asks else None,
        notes=quoted_text(call.notes) if asks and call.notes else None,
        missing=", ".join(ordered.missing) or None,
        environment=environment,
        note=conditions_text(ordered.holds, ordered.conditions) if asks else None,
        next=_next(ordered),
    )


def _next(ordered: Ordered) -> str:
    said = _not_confirmed(ordered)
    if said is not None:
        return said
    match ordered.state:
        case OrderState.CONFIRMATION_NEEDED:
            doubts = "".join(
                f"{doubt_text(doubt)} Tell the person so. " for doubt in ordered.doubts
            )
            return (
                f"Nothing is ordered yet. {doubts}Show the person goods, seats, total, buyer, "
                "notes and terms, without ids. Ask once, for their "
                f"yes{_asking(ordered.missing)} and this confirmation, word for word. No earlier "
                "yes counts."
            )
        case OrderState.APPROVAL_NEEDED:
            return "Nothing is ordered yet: only the person can say yes."
        case OrderState.ORDERED:
            moved = (
                f" The person agreed to {ordered.agreed}, and the issuer's total is another: tell "
                "them, and quote the reference to KorusTicket support."
            )
            told = moved if ordered.agreed is not None else ""
            each = " for each order" if len(ordered.orders) > 1 else ""
            return f"Call get_tickets{each}; save: true saves the PDFs, too.{told}"
        case OrderState.PARTIALLY_ORDERED:
            rest = _STILL_HELD if ordered.can_be_tried_again else _OVER
            return f"Call get_tickets for what was ordered; do not order that again. {rest}"
        case OrderState.FAILED if not ordered.can_be_tried_again:
            return (
                "Nothing was ordered, and the hold is over. Call reserve again only if the person "
                "still wants it."
            )
        # The request never left this machine, so nothing says that its data is wrong.
        case OrderState.FAILED if all(f.message == NEVER_SENT for f in ordered.failed):
            return (
                "Nothing was ordered; the reservation stays held, and its data was not the matter. "
                "Wait a minute, then call place_order without confirmation."
            )
        case OrderState.FAILED:
            return (
                "Nothing was ordered; the reservation stays held. Correct what was refused, call "
                "place_order without confirmation, and show the person the new summary."
            )
        case OrderState.IN_DOUBT if ordered.is_under_way:
            return (
                "The order is on its way. Do not reserve again. Ask again: call place_order with "
                f"the same arguments after {ordered.check_again_after} s; it is sent "
                f"once{_until(ordered)}."
            )
        case OrderState.IN_DOUBT:
            return (
                "The answer is missing; the order may exist. Do not reserve again. Call "
                f"get_reservation after {ordered.check_again_after} s, and again while it is "
                f"in_doubt{_until(ordered)}. The same place_order call again sends no second order."
            )


def _until(ordered: Ordered) -> str:
    """Until when it is asked again, if that is known: nobody is to wait for longer."""
    at = moment_told(ordered.not_later_than)
    return f": it is settled by {at} at the latest" if at else ""


def _asking(missing: Sequence[str]) -> str:
    """For what else the person is asked, and with what to call then."""
    if not missing:
        return "; then call place_order with the same arguments"
    return f" and {', '.join(missing)}; then call place_order with the same arguments, customer"


def _under_way_beside_a_form(ordered: Ordered) -> str:
    return (
        "The order is on its way. Do not reserve or order again. Call get_reservation after "
        f"{ordered.check_again_after} s, and again while it is in_doubt{_until(ordered)}."
    )


def _not_confirmed(ordered: Ordered) -> str | None:
    """The next step for orders that exist but are not confirmed. None if there are none, or if it
    is not known which orders exist.
    """
    standings = {order.standing for order in ordered.orders}
    is_known = ordered.not_later_than is None
    if not is_known or standings <= {Standing.CONFIRMED}:
        return None
    others = " Call get_tickets for the others." if Standing.CONFIRMED in standings else ""
    if {Standing.FAILED, Standing.OVER, Standing.UNREAD, Standing.OVERDUE} & standings:
        said = "The issuer did not confirm an order, and it may stand all the same."
        return f"{said} {TO_SUPPORT}{others}"
    if Standing.NOT_READ in standings:
        return (
            "An order was made, and whether the issuer confirmed it cannot be read just now. Do "
            f"not order again. Call get_tickets with its order_id in a minute.{others}"
        )
    if Standing.UNCONFIRMED in standings:
        return (
            "The issuer has not confirmed an order yet. Do not order again. Call get_tickets with "
            f"its order_id in a minute, until it is confirmed.{others}"
        )
    if Standing.CONFIRMED in standings or ordered.failed:
        return f"The issuer cancelled one of these orders. {TO_SUPPORT}{others}"
    return "The issuer cancelled this order. Quote the reference to KorusTicket support."
