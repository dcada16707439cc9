"""chatlas."""

import asyncio

from chatlas import ChatOpenAICompletions

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row


async def main(row: Row) -> None:
    chat = ChatOpenAICompletions(model="gpt-5", base_url=Model(row.script).url, api_key="scripted")
    await chat.register_mcp_tools_stdio_async(command=row.command, args=[])
    await chat.chat_async(WISH, echo="none")
    await chat.cleanup_mcp_tools()


with Row("chatlas") as row:
    asyncio.run(main(row))
