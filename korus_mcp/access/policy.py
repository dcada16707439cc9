"""Policy: which tools exist in a world and profile. What does not exist cannot be called."""

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
"""What changes nothing at KorusTicket, and saves files on this machine when asked to: its hint does
not say that it only reads, though pages may call it, which never ask for files to be saved."""

# Each profile has all of the one before: the command line may only step down.
_BY_PROFILE = {
    Profile.BROWSE: BROWSE_TOOLS,
    Profile.BUYER: BUYER_TOOLS,
    Profile.SERVICE_DESK: ALL_TOOLS,
}


def tool_names(settings: Settings) -> tuple[str, ...]:
    """The tools that exist, in the order they are listed.

    Raises:
        Misconfigured: `tools` names something that does not exist here.
    """
    existing = _BY_PROFILE[settings.profile]
    if settings.tools is None:
        return existing
    # What does not exist here is not repeated: only what does is of use.
    missing = [name for name in settings.tools if name not in existing]
    if missing:
        raise Misconfigured(f"--tools may only narrow; available here: {', '.join(existing)}.")
    return tuple(name for name in existing if name in settings.tools)
