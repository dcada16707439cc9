"""korus-mcp: an MCP server for the KorusTicket ticketing API."""

__version__ = "0.1.0"
