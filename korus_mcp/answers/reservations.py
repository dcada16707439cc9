"""Reservations as answers show them, and the one next step for several together."""

from collections.abc import Sequence
from typing import Final

from korus_mcp.answers.holds import IF_WANTED, HoldsInShort, HoldView
from korus_mcp.answers.views import View, lines_of
from korus_mcp.app import App
from korus_mcp.booking.hold import ITS_ORDER, Hold, HoldState
from korus_mcp.booking.reservations import Reservations
from korus_mcp.booking.timing import LOOK_AGAIN_SECONDS
from korus_mcp.foundation.unread import moment

IF_STILL_WANTED: Final = (
    "Nothing of this was ordered, and it cost nothing. Call reserve again only if the person still "
    "wants it and has not ordered it since."
)


class ReservationsView(View):
    """The reservations as they are now."""

    reservations: HoldsInShort
    environment: str

    def text(self) -> str:
        """Each reservation, and what to do next."""
        head = f"In the {self.environment} environment:"
        return lines_of(head, *(hold.text() for hold in self.reservations), self.end)


async def reservations_view(services: App, ids: Sequence[str], language: str) -> ReservationsView:
    """The reservations of the caller as they are now.

    Raises:
        Refusal: NOT_FOUND.
        ApiError: one cannot be read.
    """
    found = await services.booking.reservations.now(services.principal.key, ids, language)
    return ReservationsView(
        reservations=[_now(hold, found) for hold in found.holds],
        environment=services.settings.environment.value,
        next=next_of(found),
    )


def _now(hold: Hold, found: Reservations) -> HoldView:
    view = HoldView.of(hold)
    # The journal outweighs the API: a reservation whose order is in doubt cannot be ordered.
    if hold.id in found.in_doubt:
        return view.model_copy(update={"state": HoldState.IN_DOUBT})
    return view.model_copy(update={"not_shown_yet": hold.id in found.not_shown})


def next_of(found: Reservations) -> str:
    """The one next step for several reservations. It never leads to buying something twice.

    One that has expired may have been reserved anew, and the new one be among the others. So a new
    reservation is only advised if none of them is held or ordered.
    """
    states = {hold.state for hold in found.holds}
    # The worst mistake is prevented first: buying twice, then losing a hold, then waiting in vain.
    if found.in_doubt:
        until = (
            f": it is settled by {moment(found.known_by)} at the latest" if found.known_by else ""
        )
        return (
            "Do not reserve or order again: the order may exist and is being looked up. "
            f"Call get_reservation again in {LOOK_AGAIN_SECONDS} s, while it is in_doubt{until}."
        )
    if any(hold.may_have_been_ordered for hold in found.holds):
        return (
            f"{ITS_ORDER.capitalize()} cannot be read of one: do not reserve or order it again. "
            "Call find_orders to see what became of it."
        )
    if found.look_again_in is not None:
        return _not_shown_yet(found, found.look_again_in)
    if any(hold.state is HoldState.ORDERED and hold.order_id is None for hold in found.holds):
        besides = f" As for what is held besides: {IF_WANTED}" if found.can_be_ordered else ""
        return (
            "One was ordered, and its order_id is not told: do not reserve or order it again. "
            f"Call find_orders for it, then get_tickets.{besides}"
        )
    if HoldState.ORDERED in states and found.can_be_ordered:
        return (
            "Call get_tickets with the order_id of what is ordered. As for what is held besides: "
            f"{IF_WANTED}"
        )
    if HoldState.ORDERED in states:
        over = " What is over was not ordered and cost nothing." if len(states) > 1 else ""
        return f"Call get_tickets with the order_id.{over}"
    # From here on none was ordered, and none may have been.
    if len(found.can_be_ordered) == len(found.holds):
        return IF_WANTED
    held = [hold for hold in found.holds if hold.state is HoldState.HELD]
    has_obstacles = any(hold.obstacle() is not None for hold in held)
    if found.can_be_ordered and has_obstacles:
        return f"Leave out what cannot be ordered: it lapses unused, at no cost. {IF_WANTED}"
    if found.can_be_ordered:
        return f"Leave out what is over: it cost nothing. {IF_WANTED}"
    if has_obstacles:
        return "It cannot be ordered and lapses unused, at no cost: choose another offer."
    # They may hold the last places, which are on sale again once they expire.
    ending = [hold.seconds_left for hold in held if hold.seconds_left is not None]
    wait = f"Too little time is left to order it: wait {max(ending)} s. " if ending else ""
    return f"{wait}{IF_STILL_WANTED}"


def _not_shown_yet(found: Reservations, seconds: int) -> str:
    ordered = [hold for hold in found.holds if hold.state is HoldState.ORDERED]
    tickets = " Then call get_tickets with the order_id of what is ordered." if ordered else ""
    besides = f" As for what is held besides: {IF_WANTED}" if found.can_be_ordered else ""
    return (
        "One hold was just made, and KorusTicket does not show it yet. Do not reserve it again. "
        f"Call get_reservation again in {seconds} s.{tickets}{besides}"
    )
