"""get_reservation: what a hold is now, and what became of an order in doubt."""

from typing import Annotated

from pydantic import Field

from korus_mcp.answers.reservations import ReservationsView, reservations_view
from korus_mcp.app import app_of
from korus_mcp.tools.arguments import Language, ReservationId
from korus_mcp.tools.declare import Reply, ToolContext, tool


@tool(title="Get reservation", read_only=True, destructive=False, idempotent=True)
async def get_reservation(
    ctx: ToolContext,
    reservation_ids: Annotated[
        list[ReservationId], Field(min_length=1, max_length=10, description="From reserve")
    ],
    language: Language = None,
) -> Reply[ReservationsView]:
    """See what reservations are now: held, expired, ordered or in_doubt."""
    services = app_of(ctx)
    ids = list(dict.fromkeys(reservation_ids))
    return Reply(await reservations_view(services, ids, services.language(language)))
