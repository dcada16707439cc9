"""get_reservation: what a hold is now, and what became of an order in doubt."""

from korus_mcp.answers.reservations import ReservationsView, reservations_view
from korus_mcp.app import app_of
from korus_mcp.tools.arguments import Language, ReservationIds
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import check_reservations


@tool(
    title="Get reservation",
    read_only=True,
    destructive=False,
    idempotent=True,
    checks=check_reservations,
)
async def get_reservation(
    ctx: ToolContext, reservation_ids: ReservationIds, language: Language = None
) -> Reply[ReservationsView]:
    """Reservations now: held, expired, ordered, in_doubt."""
    services = app_of(ctx)
    ids = list(dict.fromkeys(reservation_ids))
    return Reply(await reservations_view(services, ids, services.language(language)))
