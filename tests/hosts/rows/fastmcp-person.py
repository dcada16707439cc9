"""FastMCP's client with a person who is asked."""

import asyncio

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult

from tests.hosts.steps import Row, is_whole


async def ask_person(message, response_type, params, context):
    await asyncio.sleep(2)  # a person reads before they answer
    action = "accept" if is_whole(message) else "decline"
    return ElicitResult(action=action, content={"order": True})


async def main(row: Row) -> None:
    config = {"mcpServers": {"korus": {"command": row.command, "args": []}}}
    async with Client(config, elicitation_handler=ask_person) as client:
        await client.list_tools()

        async def ask(tool: str, arguments: dict) -> str:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return "\n".join(block.text for block in result.content if block.type == "text")

        await row.aplay(ask)


with Row("fastmcp") as row:
    asyncio.run(main(row))
