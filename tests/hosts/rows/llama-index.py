"""LlamaIndex, which starts a server for each call."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = OpenAILike(
        model="gpt-5",
        api_base=Model(row.script).url,
        api_key="scripted",
        is_chat_model=True,
        is_function_calling_model=True,
    )
    client = BasicMCPClient(row.command, args=[], timeout=90)
    tools = await McpToolSpec(client=client).to_tool_list_async()
    await FunctionAgent(tools=tools, llm=llm).run(WISH, max_iterations=60)


with Row("llama-index-tools-mcp", "llama-index-core") as row:
    asyncio.run(main(row))
