"""Bookings as resources: reservations, orders, documents. Only their owner reads them."""

from korus_mcp.answers import addresses
from korus_mcp.app import app_of
from korus_mcp.resources.boundary import ReadContext, compact
from korus_mcp.resources.offering import OWNED, Offering


def offer_bookings(offering: Offering) -> None:
    """Offer the resources of bookings."""
    offering.add(
        "korus://reservations/{reservation_id}",
        name="reservation",
        title="Reservation",
        description="What a reservation holds, and until when.",
        fresh=OWNED,
    )(reservation)
    offering.add(
        "korus://orders/{order_id}",
        name="order",
        title="Order",
        description="Tickets and documents of an order.",
        fresh=OWNED,
    )(order)
    offering.add(
        addresses.document("{order_id}", "{document_id}"),
        name="document",
        title="Document of an order",
        description="The PDF, once it is ready.",
        mime_type=addresses.PDF,
        fresh=OWNED,
    )(document)


async def reservation(reservation_id: str, ctx: ReadContext) -> str:
    """One reservation as it is now."""
    # Imported here: a server that only searches need not wait for it at its start.
    from korus_mcp.answers.reservations import reservations_view

    services = app_of(ctx)
    view = await reservations_view(services, [reservation_id], services.language(None))
    shown = view.model_dump(mode="json", exclude_defaults=True)
    (held,) = shown.pop("reservations")
    return compact(held | shown)


async def order(order_id: str, ctx: ReadContext) -> str:
    """One order as get_tickets shows it, whole; read now."""
    from korus_mcp.answers.orders import whole_view

    services = app_of(ctx)
    issued = await services.booking.tickets.of_order(
        services.principal.key, order_id, services.language(None)
    )
    return compact(whole_view(services, issued).model_dump(mode="json", exclude_defaults=True))


async def document(order_id: str, document_id: str, ctx: ReadContext) -> bytes:
    """The bytes of a document."""
    from korus_mcp.booking.documents import DocumentQuery

    services = app_of(ctx)
    return await services.booking.documents.pdf(
        DocumentQuery(services.principal.key, order_id, document_id, services.language(None))
    )
