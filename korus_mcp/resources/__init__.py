"""Resources: the catalog to browse, bookings to read, and help."""

from mcp.server.mcpserver import MCPServer

from korus_mcp.app import App, Running
from korus_mcp.resources.bookings import offer_bookings
from korus_mcp.resources.catalog import offer_catalog
from korus_mcp.resources.completions import PromptArguments, register_completions
from korus_mcp.resources.help import offer_help
from korus_mcp.resources.offering import Offering


def register_resources(
    server: MCPServer[App], running: Running, *, with_bookings: bool, completed: PromptArguments
) -> Offering:
    """Offer the resources; those of bookings only where the tools for bookings exist.

    `completed` says which arguments of prompts are completed like those of resources.
    """
    offering = Offering(server)
    offer_catalog(offering, running)
    if with_bookings:
        offer_bookings(offering)
    offer_help(offering)
    register_completions(server, running, completed)
    return offering
