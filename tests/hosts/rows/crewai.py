"""CrewAI: its native servers, of which it starts one for each call."""

import os

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true")

from crewai import LLM, Agent, Crew, Task
from crewai.mcp import MCPServerStdio

from tests.hosts.model import Model
from tests.hosts.steps import WISH, Row

with Row("crewai") as row:
    llm = LLM(model="openai/gpt-4o", base_url=Model(row.script).url, api_key="scripted")
    agent = Agent(
        role="ticket agent",
        goal="book what is asked for",
        backstory="knows the way",
        llm=llm,
        mcps=[MCPServerStdio(command=row.command, args=[])],
        max_iter=60,
    )
    task = Task(description=WISH, expected_output="tickets", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
