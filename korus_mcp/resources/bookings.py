"""Bookings as resources: reservations, orders, documents. Only their owner reads them."""

from typing import TYPE_CHECKING

from korus_mcp.app import App
from korus_mcp.resources.boundary import JSON, PDF, ReadContext, app, compact
from korus_mcp.resources.offering import OWNED, Offering

if TYPE_CHECKING:
    from korus_mcp.booking.tickets import IssuedTickets


def offer_bookings(offering: Offering) -> None:
    """Offer the resources of bookings."""
    offering.add(
        "korus://reservations/{reservation_id}",
        name="reservation",
        title="Reservation",
        description="What a reservation holds, and until when.",
        mime_type=JSON,
        fresh=OWNED,
    )(reservation)
    offering.add(
        "korus://orders/{order_id}",
        name="order",
        title="Order",
        description="Tickets and documents of an order.",
        mime_type=JSON,
        fresh=OWNED,
    )(order)
    offering.add(
        "korus://orders/{order_id}/documents/{document_id}",
        name="document",
        title="Document of an order",
        description="The PDF, once it is ready.",
        mime_type=PDF,
        fresh=OWNED,
    )(document)


async def reservation(reservation_id: str, ctx: ReadContext) -> str:
    """One reservation as it is now."""
    from korus_mcp.answers.reservations import reservations_view

    services = app(ctx)
    view = await reservations_view(services, [reservation_id], services.language(None))
    shown = view.model_dump(mode="json", exclude_defaults=True)
    (held,) = shown.pop("reservations")
    return compact(held | shown)


async def order(order_id: str, ctx: ReadContext) -> str:
    """One order as it is now."""
    services = app(ctx)
    issued = await services.booking.tickets.of_order(
        services.principal.key, order_id, services.language(None)
    )
    return compact(_issued(services, issued))


async def document(order_id: str, document_id: str, ctx: ReadContext) -> bytes:
    """The bytes of a document."""
    services = app(ctx)
    return await services.booking.tickets.pdf(
        services.principal.key, order_id, document_id, services.language(None)
    )


def _issued(services: App, issued: "IssuedTickets") -> dict[str, object]:
    """The order as get_tickets shows it, whole; of its documents the addresses of those ready."""
    from korus_mcp.answers.orders import whole_view

    view = whole_view(services, issued)
    ready = [document.uri for document in view.documents if document.ready]
    return view.model_dump(mode="json", exclude_defaults=True) | {"documents": ready}
