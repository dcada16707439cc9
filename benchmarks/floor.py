"""The floor: the SDK's own server with one trivial tool, on stdio."""

from mcp.server.mcpserver import MCPServer


def floor_server() -> MCPServer[None]:
    """A server that does nothing, as fast as the SDK allows."""
    server: MCPServer[None] = MCPServer("floor", log_level="WARNING")

    @server.tool(description="Answers what it is given.")
    async def echo(text: str) -> str:
        return text

    return server


if __name__ == "__main__":
    floor_server().run()
