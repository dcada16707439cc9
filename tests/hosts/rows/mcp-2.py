"""The MCP Python SDK 2.x: a client without anything opted in."""

import asyncio

from mcp import Client, StdioServerParameters
from steps import Wire, aplay, finish


async def main() -> None:
    wire = Wire()
    async with Client(StdioServerParameters(command=wire.command)) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments)
            return "\n".join(block.text for block in result.content if block.type == "text")

        facts = await aplay(ask)
    finish(facts, wire=wire)


asyncio.run(main())
