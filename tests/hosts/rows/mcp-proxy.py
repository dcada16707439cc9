"""mcp-proxy: one korus-mcp for all that connect over HTTP."""

import asyncio

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from tests.hosts.steps import Row, bridge


async def main(row: Row, url: str) -> None:
    async with (
        streamablehttp_client(f"{url}/mcp") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await session.call_tool(tool, arguments)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row("mcp-proxy") as row, bridge("mcp-proxy", "--port", "{port}", "--", row.command) as url:
    asyncio.run(main(row, url))
