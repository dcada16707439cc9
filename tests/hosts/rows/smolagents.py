"""smolagents: an agent that calls tools."""

from mcp import StdioServerParameters
from smolagents import MCPClient, OpenAIServerModel, ToolCallingAgent

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row

with Row("smolagents", "mcpadapt") as row:
    llm = OpenAIServerModel("gpt-5", api_base=Model(row.script).url, api_key="scripted")
    korus = StdioServerParameters(command=row.command, args=[])
    with MCPClient(korus, structured_output=False) as tools:
        ToolCallingAgent(tools=tools, model=llm, max_steps=60).run(WISH)
