"""AgentScope: its tool objects."""

import asyncio

from agentscope.mcp import MCPClient, StdioMCPConfig

from tests.hosts.steps import Row


async def main(row: Row) -> None:
    config = StdioMCPConfig(command=row.command, args=[])
    client = MCPClient(name="korus", mcp_config=config, is_stateful=True)
    await client.connect()
    tools = {tool.name: tool for tool in await client.list_tools()}

    async def ask(tool: str, arguments: dict) -> str:
        name = next(name for name in tools if name.endswith(tool))
        return str(await tools[name](**arguments))

    await row.aplay(ask)
    await client.close()


with Row("agentscope") as row:
    asyncio.run(main(row))
