"""CAMEL: an agent with a toolkit."""

import asyncio

from camel.agents import ChatAgent
from camel.models import ModelFactory
from camel.toolkits import MCPToolkit
from camel.types import ModelPlatformType
from camel.utils import BaseTokenCounter

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


class Roughly(BaseTokenCounter):
    """Its own counter fetches a table from the network."""

    def count_tokens_from_messages(self, messages):
        return len(str(messages)) // 4

    def encode(self, text):
        return list(text.encode())

    def decode(self, token_ids):
        return bytes(token_ids).decode()


async def main(row: Row) -> None:
    llm = ModelFactory.create(
        model_platform=ModelPlatformType.OPENAI_COMPATIBLE_MODEL,
        model_type="gpt-5",
        url=Model(row.script).url,
        api_key="scripted",
        token_counter=Roughly(),
    )
    config = {"mcpServers": {"korus": {"command": row.command, "args": []}}}
    async with MCPToolkit(config_dict=config, timeout=90) as toolkit:
        agent = ChatAgent(model=llm, tools=toolkit.get_tools(), max_iteration=60)
        await agent.astep(WISH)


with Row("camel-ai") as row:
    asyncio.run(main(row))
