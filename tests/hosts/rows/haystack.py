"""Haystack."""

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret
from haystack_integrations.tools.mcp import MCPToolset, StdioServerInfo

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row

with Row("mcp-haystack", "haystack-ai") as row:
    llm = OpenAIChatGenerator(
        api_key=Secret.from_token("scripted"), api_base_url=Model(row.script).url, model="gpt-5"
    )
    korus = MCPToolset(
        server_info=StdioServerInfo(command=row.command, args=[]),
        connection_timeout=60,
        invocation_timeout=90,
    )
    agent = Agent(chat_generator=llm, tools=korus, max_agent_steps=60)
    agent.warm_up()
    agent.run(messages=[ChatMessage.from_user(WISH)])
    korus.close()
