"""Semantic Kernel."""

import asyncio

from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    client = AsyncOpenAI(base_url=Model(row.script).url, api_key="scripted")
    async with MCPStdioPlugin(name="korus", command=row.command, args=[]) as korus:
        agent = ChatCompletionAgent(
            name="tickets",
            service=OpenAIChatCompletion(ai_model_id="gpt-5", async_client=client),
            plugins=[korus],
            function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=60),
        )
        await agent.get_response(messages=WISH)


with Row("semantic-kernel") as row:
    asyncio.run(main(row))
