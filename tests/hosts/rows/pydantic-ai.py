"""Pydantic AI."""

import asyncio

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    provider = OpenAIProvider(base_url=Model(row.script).url, api_key="scripted")
    korus = MCPToolset(StdioTransport(command=row.command, args=[]), init_timeout=60)
    agent = Agent(OpenAIChatModel("gpt-5", provider=provider), toolsets=[korus])
    async with korus:
        await agent.run(WISH)


with Row("pydantic-ai-slim", "fastmcp-slim") as row:
    asyncio.run(main(row))
