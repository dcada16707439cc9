"""Resources: the catalog to browse, bookings to read, and help."""

from mcp.server.mcpserver import MCPServer

from korus_mcp.app import App, Running
from korus_mcp.resources.bookings import register_bookings
from korus_mcp.resources.catalog import register_catalog
from korus_mcp.resources.completions import register_completions
from korus_mcp.resources.help import register_help


def register_resources(server: MCPServer[App], running: Running, *, with_bookings: bool) -> None:
    """Offer the resources; those of bookings only where the tools for bookings exist."""
    register_catalog(server, running)
    if with_bookings:
        register_bookings(server)
    register_help(server)
    register_completions(server, running)
