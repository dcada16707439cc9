"""Microsoft's Agent Framework."""

import asyncio

from agent_framework import Agent, MCPStdioTool
from agent_framework_openai import OpenAIChatCompletionClient

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = OpenAIChatCompletionClient(
        model="gpt-5", base_url=Model(row.script).url, api_key="scripted"
    )
    llm.function_invocation_configuration["include_detailed_errors"] = True
    async with (
        MCPStdioTool(name="korus", command=row.command, args=[]) as korus,
        Agent(llm, tools=korus) as agent,
    ):
        await agent.run(WISH)


with Row("agent-framework-core", "agent-framework-openai") as row:
    asyncio.run(main(row))
