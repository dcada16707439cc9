"""CAMEL: an agent with a toolkit."""

import asyncio

from camel.agents import ChatAgent
from camel.models import ModelFactory
from camel.toolkits import MCPToolkit
from camel.types import ModelPlatformType

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = ModelFactory.create(
        model_platform=ModelPlatformType.OPENAI_COMPATIBLE_MODEL,
        model_type="gpt-5",
        url=Model(row.script).url,
        api_key="scripted",
    )
    config = {"mcpServers": {"korus": {"command": row.command, "args": []}}}
    async with MCPToolkit(config_dict=config, timeout=90) as toolkit:
        agent = ChatAgent(model=llm, tools=toolkit.get_tools(), max_iteration=60)
        await agent.astep(WISH)


with Row("camel-ai") as row:
    asyncio.run(main(row))
