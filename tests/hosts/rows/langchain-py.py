"""LangChain: an agent with the tools of one session."""

import asyncio

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from langchain_openai import ChatOpenAI

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = ChatOpenAI(model="gpt-5", base_url=Model(row.script).url, api_key="scripted")
    client = MultiServerMCPClient(
        {"korus": {"transport": "stdio", "command": row.command, "args": []}}
    )
    async with client.session("korus") as session:
        agent = create_agent(llm, await load_mcp_tools(session))
        await agent.ainvoke({"messages": [("user", WISH)]}, {"recursion_limit": 100})


with Row("langchain-mcp-adapters", "langchain", "langchain-openai") as row:
    asyncio.run(main(row))
