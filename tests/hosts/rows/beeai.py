"""BeeAI: its tool objects, and what they tell an agent of a refusal."""

import asyncio

from beeai_framework.tools import ToolError
from beeai_framework.tools.mcp import MCPTool
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.hosts.steps import Row


async def main(row: Row) -> None:
    korus = stdio_client(StdioServerParameters(command=row.command, args=[]))
    tools = {tool.name: tool for tool in await MCPTool.from_client(korus)}

    async def ask(tool: str, arguments: dict) -> str:
        try:
            return (await tools[tool].run(arguments)).get_text_content()
        except ToolError as refused:
            return refused.explain()

    await row.aplay(ask)


with Row("beeai-framework") as row:
    asyncio.run(main(row))
