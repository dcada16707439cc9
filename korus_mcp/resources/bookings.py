"""Bookings as resources: reservations, orders, documents. Only their owner reads them."""

from korus_mcp.access.policy import TokenScope
from korus_mcp.answers import addresses
from korus_mcp.app import app_of
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.resources.boundary import ReadContext, compact
from korus_mcp.resources.offering import OWNED, Offering


def offer_bookings(offering: Offering) -> None:
    """Offer the resources of bookings."""
    offering.add(
        reservation,
        "korus://reservations/{reservation_id}",
        "Reservation",
        OWNED,
        needs=TokenScope.BOOK,
    )
    offering.add(order, "korus://orders/{order_id}", "Order", OWNED, needs=TokenScope.BOOK)
    pdf = addresses.document("{order_id}", "{document_id}")
    offering.add(document, pdf, "Document of an order", OWNED, addresses.PDF, needs=TokenScope.BOOK)
    entries = addresses.calendar("{order_id}")
    offering.add(
        calendar,
        entries,
        "Calendar file of an order",
        OWNED,
        addresses.CALENDAR,
        needs=TokenScope.BOOK,
    )


async def reservation(reservation_id: str, ctx: ReadContext) -> str:
    """What a reservation holds, and until when."""
    # Imported here: a server that only searches need not wait for it at its start.
    from korus_mcp.answers.reservations import reservations_view

    services = app_of(ctx)
    view = await reservations_view(services, [reservation_id], services.language(None))
    shown = view.model_dump(mode="json", exclude_defaults=True)
    (held,) = shown.pop("reservations")
    return compact(held | shown)


async def order(order_id: str, ctx: ReadContext) -> str:
    """Tickets and documents of an order."""
    from korus_mcp.answers.orders import whole_view

    services = app_of(ctx)
    issued = await services.booking.tickets.of_order(
        services.principal.key, order_id, services.language(None)
    )
    return compact(whole_view(services, issued).model_dump(mode="json", exclude_defaults=True))


async def document(order_id: str, document_id: str, ctx: ReadContext) -> bytes:
    """The PDF, once it is ready."""
    from korus_mcp.booking.documents import DocumentQuery

    services = app_of(ctx)
    return await services.booking.documents.pdf(
        DocumentQuery(services.principal.key, order_id, document_id, services.language(None))
    )


async def calendar(order_id: str, ctx: ReadContext) -> str:
    """When, where and which places, for a calendar (iCalendar)."""
    from korus_mcp.answers.calendar_file import calendar_of

    services = app_of(ctx)
    language = services.language(None)
    owner = services.principal.key
    issued = await services.booking.tickets.of_order(owner, order_id, language)
    content = await calendar_of(services, issued, language)
    if content is None:
        raise Refusal(
            Code.NOT_FOUND,
            "This order has nothing for a calendar: it is not confirmed, or good on any day.",
            "Call get_tickets to see which.",
        )
    return content.decode()
