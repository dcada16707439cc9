"""The MCP Python SDK 2.x with a person who is asked."""

import asyncio

from mcp import Client, StdioServerParameters
from mcp_types import ElicitResult

from tests.hosts.steps import Row, is_whole


async def ask_person(context, params) -> ElicitResult:
    await asyncio.sleep(2)  # a person reads before they answer
    action = "accept" if is_whole(params.message) else "decline"
    return ElicitResult(action=action, content={"order": True})


async def main(row: Row) -> None:
    korus = StdioServerParameters(command=row.command)
    async with Client(korus, elicitation_callback=ask_person) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row() as row:
    asyncio.run(main(row))
