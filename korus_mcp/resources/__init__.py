"""Resources: the catalog to browse, bookings to read, and help."""

from collections.abc import Collection

from mcp.server.mcpserver import MCPServer

from korus_mcp.app import App, Running
from korus_mcp.resources.bookings import offer_bookings
from korus_mcp.resources.catalog import offer_catalog
from korus_mcp.resources.completions import PromptArguments, register_completions
from korus_mcp.resources.help import offer_help
from korus_mcp.resources.offering import Offering
from korus_mcp.resources.pages import offer_pages
from korus_mcp.resources.pictures import offer_pictures


def register_resources(
    server: MCPServer[App],
    running: Running,
    names: Collection[str],
    *,
    prompt_arguments: PromptArguments,
) -> Offering:
    """Offer the resources of a server with these tools; those of bookings only if it has
    get_tickets.

    `prompt_arguments` says which arguments of prompts are completed, and with what.
    """
    offering = Offering(server)
    offer_pictures(offering)  # before the map whose address is the same without .svg
    offer_catalog(offering, running)
    if "get_tickets" in names:
        offer_bookings(offering)
    offer_help(offering)
    offer_pages(offering, names)
    register_completions(server, running, prompt_arguments)
    return offering
