"""FastMCP's client with one server."""

import asyncio

from fastmcp import Client

from tests.hosts.steps import Row


async def main(row: Row) -> None:
    config = {"mcpServers": {"korus": {"command": row.command, "args": []}}}
    async with Client(config) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row("fastmcp") as row:
    asyncio.run(main(row))
