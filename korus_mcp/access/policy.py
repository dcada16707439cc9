"""Policy: which tools a server has, by its profile, and which of them a token may call.

Any other tool cannot be called.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from korus_mcp.settings import Misconfigured, Profile, Settings

BROWSE_TOOLS = ("search_products", "get_offers", "check_availability", "get_seat_map")
BUYER_TOOLS = (
    *BROWSE_TOOLS,
    "reserve",
    "place_order",
    "get_tickets",
    "name_beneficiaries",
    "get_reservation",
)
ALL_TOOLS = (*BUYER_TOOLS, "find_orders")
SAVING_TOOLS = frozenset({"get_tickets"})
"""Tools that change nothing at KorusTicket but can save files on this machine. So they are not
hinted as read-only; interactive pages may still call them, as they never ask for files."""

SPENDING_TOOLS = frozenset({"place_order"})
"""Tools that spend money, which nothing here gives back."""


class TokenScope(StrEnum):
    """What a token may allow, as the sign-in provider names it."""

    BROWSE = "korus:browse"
    BOOK = "korus:book"
    READ_TENANT = "korus:orders:read.tenant"


NEEDED: Final[Mapping[str, TokenScope]] = {
    "search_products": TokenScope.BROWSE,
    "get_offers": TokenScope.BROWSE,
    "check_availability": TokenScope.BROWSE,
    "get_seat_map": TokenScope.BROWSE,
    "reserve": TokenScope.BOOK,
    "place_order": TokenScope.BOOK,
    "get_tickets": TokenScope.BOOK,
    "name_beneficiaries": TokenScope.BOOK,
    "get_reservation": TokenScope.BOOK,
    "find_orders": TokenScope.READ_TENANT,
}
"""The one scope that a token needs for a tool, whatever else it allows: nobody's tool becomes
callable because another one needs more."""


def scopes_of(names: Collection[str]) -> tuple[TokenScope, ...]:
    """The scopes of a server with these tools. Clients ask for all at once: one that registered
    itself keeps to those it asked for first.
    """
    return tuple(scope for scope in TokenScope if scope in {NEEDED[name] for name in names})


# Each profile has all tools of the one before it. The command line may only choose a smaller one.
_BY_PROFILE = {
    Profile.BROWSE: BROWSE_TOOLS,
    Profile.BUYER: BUYER_TOOLS,
    Profile.SERVICE_DESK: ALL_TOOLS,
}


def tool_names(settings: Settings) -> tuple[str, ...]:
    """The names of the server's tools, in the order they are listed.

    Raises:
        Misconfigured: the setting `tools` names one that the profile does not have.
    """
    existing = _BY_PROFILE[settings.profile]
    if settings.tools is None:
        return existing
    # The message lists the tools there are, and does not repeat the unknown names.
    missing = [name for name in settings.tools if name not in existing]
    if missing:
        raise Misconfigured(f"--tools may only narrow; available here: {', '.join(existing)}.")
    return tuple(name for name in existing if name in settings.tools)
