"""Google's ADK, with a model of its own base class that reads the function responses."""

import asyncio
import json

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from google.genai import types
from mcp import StdioServerParameters

from tests.hosts.steps import WISH, Row, Script


class Scripted(BaseLlm):
    script: Script
    model_config = {"arbitrary_types_allowed": True}

    async def generate_content_async(self, llm_request, stream=False):
        answered = llm_request.contents[-1].parts[-1].function_response
        if answered and self.script.call:
            self.script.shown(json.dumps(answered.response, ensure_ascii=False, default=str))
        if self.script.call and llm_request.config.tools:
            name, arguments = self.script.call
            part = types.Part.from_function_call(name=name, args=arguments)
        else:
            part = types.Part(text="Booked.")
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def main(row: Row) -> None:
    korus = McpToolset(
        connection_params=StdioConnectionParams(
            server_params=StdioServerParameters(command=row.command, args=[]), timeout=90
        )
    )
    agent = LlmAgent(name="tickets", model=Scripted(model="x", script=row.script), tools=[korus])
    runner = InMemoryRunner(agent=agent, app_name="tickets")
    session = await runner.session_service.create_session(app_name="tickets", user_id="ada")
    wish = types.Content(role="user", parts=[types.Part(text=WISH)])
    async for _ in runner.run_async(user_id="ada", session_id=session.id, new_message=wish):
        pass
    await korus.close()


with Row("google-adk", "google-genai") as row:
    asyncio.run(main(row))
