"""find_orders: a service desk finds an order by reference or day."""

from datetime import datetime, tzinfo
from typing import Annotated, Final

from pydantic import Field

from korus_mcp.access.principal import signed_in
from korus_mcp.answers.views import (
    IN_SHORT,
    PagedView,
    Part,
    Price,
    lines_of,
    moment_told,
    total_told,
)
from korus_mcp.api.models.order import Order, OrderCustomer
from korus_mcp.app import app_of
from korus_mcp.booking.hold import tickets_in, total_of, untaxed_total_of
from korus_mcp.booking.order_search import OrderQuery, OrdersFound, OrderWindow
from korus_mcp.booking.order_status import order_told
from korus_mcp.foundation.paging import Pages, PageStart
from korus_mcp.foundation.refusals import Faults
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import UNREADABLE, by_clock
from korus_mcp.tools.arguments import WHOLE, WRITABLE, Cursor, Day
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given

_OF_ITS_BUYER: Final = "Only whoever bought them gets their tickets: get_tickets is for one's own."
_NONE_FOUND: Final = "Ask for another reference or other days."


class OrderRow(Part):
    """An order in short; the customer's e-mail and phone are masked."""

    order_id: str
    reference: str | None = None
    issuer_reference: str | None = None
    status: str
    created_at: str | None = None
    total: str | None = None
    net: Price = None
    tickets: int | None = None
    customer: str | None = None

    @classmethod
    def of(cls, order: Order, zone: tzinfo | None = None) -> "OrderRow":
        """The order as shown, by the clock of a venue."""
        created_at = order.created_at
        if isinstance(created_at, datetime):
            created_at = by_clock(created_at, zone)
        return cls(
            order_id=order.id,
            reference=clean_line(order.reference or "", 60) or None,
            issuer_reference=clean_line(order.connector_reference or "", 60) or None,
            status=order_told(order),
            created_at=moment_told(created_at),
            total=total_told(total_of(order)),
            net=untaxed_total_of(order),
            tickets=tickets_in(order),
            customer=_masked(order.customer),
        )

    def text(self) -> str:
        """One line of text."""
        facts = (
            self.reference,
            f"issuer's {self.issuer_reference}" if self.issuer_reference else None,
            self.status,
            self.created_at,
            "its tickets cannot be read" if self.tickets is None else f"{self.tickets} tickets",
            _total_text(self.total),
            f"{self.net} before tax" if self.net else None,
        )
        told = ", ".join(fact for fact in facts if fact)
        return f"{told}, {self.customer or '?'}; order_id {self.order_id}"


class OrdersView(PagedView):
    """Orders, newest first."""

    shown: int
    total: int | None = None
    orders: Annotated[list[OrderRow], IN_SHORT] = []
    environment: str

    def text(self) -> str:
        """A line for each order."""
        of_all = f" of {self.total}" if self.total is not None else ""
        head = f"{self.shown}{of_all} orders in the {self.environment} environment."
        return lines_of(head, *(order.text() for order in self.orders), self.end)


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    names = ("reference", "created_from", "created_to")
    if not given.are_right(*names):
        return
    sought = OrderQuery(*(given.get(name) for name in names))
    # What is missing may be what was misspelled.
    if given.wrong and sought.created_from is None:
        return
    with faults:
        app_of(ctx).booking.orders.check_days(sought)
    if not given.wrong:
        with faults:
            Pages.of("find_orders", [given.get(name) for name in names], given.get("cursor"))


@tool(title="Find orders", read_only=True, destructive=False, idempotent=True, checks=_check)
async def find_orders(
    ctx: ToolContext,
    reference: Annotated[
        Annotated[str, Field(min_length=1, max_length=254), WRITABLE] | None,
        Field(description="Or e-mail"),
    ] = None,
    created_from: Day | None = None,
    created_to: Annotated[Day | None, Field(description="Inclusive")] = None,
    limit: Annotated[int, Field(ge=1, le=50, description="1-50", examples=[10]), WHOLE] = 10,
    cursor: Cursor = None,
) -> Reply[OrdersView]:
    """Find orders by reference or day, newest first."""
    services = app_of(ctx)
    pages = Pages.of("find_orders", (reference, created_from, created_to), cursor)
    begin = pages.begin
    window = OrderWindow(begin.behind_id, begin.offset, limit)
    sought = OrderQuery(reference, created_from, created_to)
    orders, caller = services.booking.orders, signed_in()
    if caller is None:
        found = await orders.find(services.principal.key, sought, window)
    else:
        # Of staff, as their token said: of their own tenant, and of no other.
        who = caller.principal
        found = await orders.find_within(who.tenant, who.key, sought, window)
    to_read = "Call get_tickets with an order_id." if caller is None else _OF_ITS_BUYER
    zone = await services.booking.names.kept_zone(found.orders, services.language(None))
    # Days of the API are days of UTC, which begin at another hour than the service desk's.
    by_day = "Days are UTC." if created_from or created_to else None

    def view(count: int) -> OrdersView:
        return OrdersView(
            orders=[OrderRow.of(order, zone) for order in found.orders[:count]],
            shown=count,
            total=found.total,
            next_cursor=pages.cursor(_behind(found, count)),
            environment=services.settings.environment.value,
            note=" ".join(filter(None, (by_day, _not_read(found)))) or None,
            next=to_read if count else _NONE_FOUND,
        )

    return Reply.of_rows(len(found.orders), view)


def _total_text(total: str | None) -> str:
    if total is None:
        return "its total is not stated"
    return "its total cannot be read" if total == UNREADABLE else total


def _behind(found: OrdersFound, count: int) -> PageStart | None:
    """Where the next page begins if `count` orders of this one are shown."""
    # The rest of a shortened page is read again. New orders shift the places, so the id of the
    # last order that was shown is named, too.
    cut = len(found.orders) - count
    if cut:
        return PageStart(max(0, found.start - cut), behind_id=found.orders[count - 1].id)
    return PageStart(found.start, behind_id=found.behind) if found.behind else None


def _not_read(found: OrdersFound) -> str | None:
    if found.not_read is None:
        return None
    # Without this an order that could not be read would seem not to exist.
    said = found.not_read[0].upper() + found.not_read[1:]
    return f"{said}; go on with the cursor." if found.behind else f"{said}."


def _masked(customer: OrderCustomer | None) -> str | None:
    """A customer's data, masked: enough to recognise them, too little to contact them."""
    if customer is None:
        return None
    name = " ".join(p for p in (customer.firstname, customer.lastname) if p)
    local, _, domain = (customer.email or "").partition("@")
    email = f"{local[:1]}...@{domain[:1]}..." if customer.email else None
    phone = f"...{customer.phone[-2:]}" if customer.phone else None
    return clean_line(", ".join(p for p in (name, email, phone) if p), 120) or None
