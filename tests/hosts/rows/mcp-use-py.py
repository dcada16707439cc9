"""mcp-use: its agent, on LangChain."""

import asyncio

from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    llm = ChatOpenAI(model="gpt-5", base_url=Model(row.script).url, api_key="scripted")
    client = MCPClient.from_dict({"mcpServers": {"korus": {"command": row.command, "args": []}}})
    await MCPAgent(llm=llm, client=client, max_steps=60).run(WISH)
    await client.close_all_sessions()


with Row("mcp-use", "langchain", "langchain-openai") as row:
    asyncio.run(main(row))
