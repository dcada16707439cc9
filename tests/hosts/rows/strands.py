"""Strands Agents."""

from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from strands import Agent
from strands.models.openai import OpenAIModel
from strands.tools.mcp import MCPClient

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row

with Row("strands-agents") as row:
    endpoint = {"base_url": Model(row.script).url, "api_key": "scripted"}
    korus = StdioServerParameters(command=row.command, args=[])
    with MCPClient(lambda: stdio_client(korus)) as client:
        llm = OpenAIModel(client_args=endpoint, model_id="gpt-5")
        Agent(model=llm, tools=client.list_tools_sync(), callback_handler=None)(WISH)
