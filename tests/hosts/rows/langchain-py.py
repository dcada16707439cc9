"""LangChain: an agent with the tools of its client, which starts a server for each call."""

import asyncio

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = ChatOpenAI(model="gpt-5", base_url=Model(row.script).url, api_key="scripted")
    client = MultiServerMCPClient(
        {"korus": {"transport": "stdio", "command": row.command, "args": []}}
    )
    agent = create_agent(llm, await client.get_tools())
    await agent.ainvoke({"messages": [("user", WISH)]}, {"recursion_limit": 100})


with Row("langchain-mcp-adapters", "langchain", "langchain-openai") as row:
    asyncio.run(main(row))
