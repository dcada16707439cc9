"""get_reservation: what a hold is now, and what became of an order in doubt."""

from typing import Annotated

from pydantic import Field

from korus_mcp.app import App
from korus_mcp.booking.hold import Hold, HoldState
from korus_mcp.tools.arguments import Language, ReservationId
from korus_mcp.tools.declare import Reply, ToolContext, View, app, tool
from korus_mcp.tools.holds import HoldsInShort, HoldView
from korus_mcp.tools.views import lines_of

IN_DOUBT = "in_doubt"


class ReservationsView(View):
    """The reservations as they are now."""

    reservations: HoldsInShort
    environment: str
    next: str

    def text(self) -> str:
        """Each reservation, and what to do next."""
        head = f"In the {self.environment} environment:"
        return lines_of(head, *(hold.text() for hold in self.reservations), self.next)


@tool(title="Get reservation", read_only=True, destructive=False, idempotent=True)
async def get_reservation(
    ctx: ToolContext,
    reservation_ids: Annotated[
        list[ReservationId], Field(min_length=1, max_length=10, description="From reserve")
    ],
    language: Language = None,
) -> Reply[ReservationsView]:
    """See what reservations are now: held, expired, ordered or in_doubt."""
    services = app(ctx)
    owner = services.principal.key
    wished = services.language(language)
    ids = list(dict.fromkeys(reservation_ids))
    intents = await services.booking.ordering.look(owner, ids)
    holds = await services.booking.desk.holds(owner, ids, wished)
    in_doubt = {i for i, intent in intents.items() if not intent.is_final}
    shown = [_shown(hold, in_doubt=hold.id in in_doubt) for hold in holds]
    return Reply(
        ReservationsView(
            reservations=shown,
            environment=_environment(services),
            next=_next(holds, in_doubt=bool(in_doubt)),
        )
    )


def _environment(services: App) -> str:
    return services.settings.environment.value


def _shown(hold: Hold, *, in_doubt: bool) -> HoldView:
    view = HoldView.of(hold)
    if in_doubt and hold.state is not HoldState.ORDERED:
        return view.model_copy(update={"state": IN_DOUBT})
    return view


def _next(holds: list[Hold], *, in_doubt: bool) -> str:
    if in_doubt:
        return "Do not reserve again; call get_reservation again in 10 s."
    states = {hold.state for hold in holds}
    if states == {HoldState.ORDERED}:
        return "Call get_tickets with the order_id."
    if HoldState.HELD in states:
        return "Call place_order before the time is up."
    return "Call reserve again if the tickets are still wanted."
