"""The MCP Python SDK 2.x: a client without anything opted in."""

import asyncio

from mcp import Client, StdioServerParameters

from tests.hosts.steps import Row


async def main(row: Row) -> None:
    async with Client(StdioServerParameters(command=row.command)) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row() as row:
    asyncio.run(main(row))
