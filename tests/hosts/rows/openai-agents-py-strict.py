"""The OpenAI Agents SDK with strict schemas: the model has to give every argument."""

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from openai import AsyncOpenAI

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=Model(row.script).url, api_key="scripted")
    async with MCPServerStdio(
        params={"command": row.command}, cache_tools_list=True, client_session_timeout_seconds=90
    ) as korus:
        agent = Agent(
            name="tickets",
            mcp_servers=[korus],
            mcp_config={"convert_schemas_to_strict": True},
            model=OpenAIChatCompletionsModel(model="gpt-5", openai_client=client),
        )
        await Runner.run(agent, WISH, max_turns=60)


with Row("openai-agents") as row:
    asyncio.run(main(row))
