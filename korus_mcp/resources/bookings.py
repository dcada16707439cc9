"""Bookings as resources: reservations, orders, documents. Only their owner reads them."""

from typing import TYPE_CHECKING

from korus_mcp.resources.offering import OWNED, Offering
from korus_mcp.resources.reading import JSON, PDF, ReadContext, app, compact

if TYPE_CHECKING:
    from korus_mcp.booking.hold import Hold
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
    services = app(ctx)
    language = services.language(None)
    holds = await services.booking.desk.holds(services.principal.key, [reservation_id], language)
    return compact(_held(holds[0]))


async def order(order_id: str, ctx: ReadContext) -> str:
    """One order as it is now."""
    services = app(ctx)
    issued = await services.booking.office.of_order(
        services.principal.key, order_id, services.language(None)
    )
    return compact(_issued(issued))


async def document(order_id: str, document_id: str, ctx: ReadContext) -> bytes:
    """The bytes of a document."""
    services = app(ctx)
    return await services.booking.office.pdf(
        services.principal.key, order_id, document_id, services.language(None)
    )


def _held(hold: "Hold") -> dict[str, object]:
    return {
        "reservation_id": hold.id,
        "state": hold.state.value,
        "expires_at": hold.expires_at.isoformat() if hold.expires_at else None,
        "seconds_left": hold.seconds_left or None,
        "order_id": hold.order_id,
        "total": str(hold.total) if hold.total else None,
        "lines": [{"product": ln.product, "quantity": ln.quantity} for ln in hold.lines],
        "seats": hold.seats,
    }


def _issued(issued: "IssuedTickets") -> dict[str, object]:
    return {
        "order_id": issued.order.id,
        "status": issued.order.status,
        "tickets": [
            {"ticket_id": t.id, "product": t.product, "when": t.when, "status": t.status}
            for t in issued.tickets
        ],
        "documents": [
            f"korus://orders/{issued.order.id}/documents/{d.id}"
            for d in issued.documents
            if d.is_ready
        ],
    }
