"""The MCP Python SDK 1.x: a client without anything opted in."""

import asyncio

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.hosts.steps import Row


async def main(row: Row) -> None:
    korus = StdioServerParameters(command=row.command)
    async with stdio_client(korus) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await session.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await session.call_tool(tool, arguments)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row() as row:
    asyncio.run(main(row))
