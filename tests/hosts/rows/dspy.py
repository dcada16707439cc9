"""DSPy: ReAct, with a model of its own base class that reads the observations."""

import asyncio
import json
import re
from types import SimpleNamespace

import dspy
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.hosts.steps import WISH, Row, Script

OBSERVED = re.compile(r"\[\[ ## observation_(\d+) ## \]\]\n(.*?)(?=\n\[\[ ## |\n\nRespond)", re.S)


class Scripted(dspy.BaseLM):
    def __init__(self, script: Script) -> None:
        super().__init__(model="scripted", cache=False)
        self.script = script

    def forward(self, prompt=None, messages=None, **kwargs):
        read = OBSERVED.findall(messages[-1]["content"])
        if self.script.call and len(read) > self.script.facts.calls:
            self.script.shown(read[-1][1])
        name, arguments = self.script.call or ("finish", {})
        said = {
            "next_thought": "On.",
            "next_tool_name": name,
            "next_tool_args": json.dumps(arguments),
            "reasoning": "All is done.",
            "answer": "Booked.",
            "completed": "",
        }
        text = "\n\n".join(f"[[ ## {field} ## ]]\n{value}" for field, value in said.items())
        message = SimpleNamespace(content=text, tool_calls=None)
        choice = SimpleNamespace(message=message, finish_reason="stop")
        return SimpleNamespace(choices=[choice], usage={}, model="scripted")

    async def aforward(self, prompt=None, messages=None, **kwargs):
        return self.forward(prompt, messages, **kwargs)


async def main(row: Row) -> None:
    korus = StdioServerParameters(command=row.command, args=[])
    async with stdio_client(korus) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        listed = (await session.list_tools()).tools
        tools = [dspy.Tool.from_mcp_tool(session, tool) for tool in listed]
        dspy.configure(lm=Scripted(row.script))
        await dspy.ReAct("wish -> answer", tools=tools, max_iters=60).acall(wish=WISH)


with Row("dspy") as row:
    asyncio.run(main(row))
