"""AutoGen: an agent with a workbench."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = OpenAIChatCompletionClient(
        model="gpt-4o", base_url=Model(row.script).url, api_key="scripted"
    )
    korus = StdioServerParams(command=row.command, args=[], read_timeout_seconds=90)
    async with McpWorkbench(korus) as workbench:
        agent = AssistantAgent(
            "tickets", model_client=llm, workbench=workbench, max_tool_iterations=60
        )
        await agent.run(task=WISH)


with Row("autogen-ext", "autogen-agentchat") as row:
    asyncio.run(main(row))
