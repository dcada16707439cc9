"""Griptape over HTTP: its tool opens a session for each call."""

from griptape.drivers.prompt.openai import OpenAiChatPromptDriver
from griptape.structures import Agent
from griptape.tools import MCPTool

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row, served

with Row("griptape") as row:
    llm = OpenAiChatPromptDriver(model="gpt-4o", base_url=Model(row.script).url, api_key="scripted")
    korus = MCPTool(connection={"transport": "streamable_http", "url": served()})
    Agent(prompt_driver=llm, tools=[korus], max_subtasks=60).run(WISH)
