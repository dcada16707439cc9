"""FastMCP's proxy, in a process of its own, before korus-mcp."""

import asyncio
import sys
from pathlib import Path

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from tests.hosts.steps import Row

PROXY = """
import sys
from fastmcp.server import create_proxy

korus = {"mcpServers": {"korus": {"command": sys.argv[1], "args": []}}}
create_proxy(korus, name="proxy").run(show_banner=False)
"""


async def main(row: Row) -> None:
    transport = StdioTransport(command=sys.executable, args=["proxy.py", row.command])
    async with Client(transport) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


Path("proxy.py").write_text(PROXY, "utf-8")
with Row("fastmcp") as row:
    asyncio.run(main(row))
