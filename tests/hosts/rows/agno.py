"""Agno."""

import asyncio

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.tools.mcp import MCPTools
from mcp import StdioServerParameters

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = OpenAIChat(id="gpt-5", base_url=Model(row.script).url, api_key="scripted")
    korus = StdioServerParameters(command=row.command, args=[])
    async with MCPTools(server_params=korus, timeout_seconds=90) as tools:
        await Agent(model=llm, tools=[tools], telemetry=False).arun(WISH)


with Row("agno", "fastmcp") as row:
    asyncio.run(main(row))
