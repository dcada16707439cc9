#!/usr/bin/env bash
# Seen with mcp 1.9.4 (client, pydantic 2.11.7) and mcp 2.3.0 (server), Python 3.11, November 2026.
#
# A server on mcp 2.3 that answers a tool call with a `resource_link` block sends it to every client, also to
# one that negotiated a protocol version older than the block type (it came with 2025-06-18). The client of
# mcp 1.9.4 then raises a pydantic ValidationError for the whole result: the text beside the link, which says
# the same, is lost with it. Leaving the link out for such clients is the server author's business.
#
# Output seen:
#   negotiated 2025-03-26
#   text alone: done
#   text and link: ValidationError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv old && python3 -m venv new
old/bin/pip install --quiet 'mcp==1.9.4' 'pydantic==2.11.7'
new/bin/pip install --quiet 'mcp==2.3.0'

cat >server.py <<'PYTHON'
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ResourceLink, TextContent

server = MCPServer("links")
DONE = TextContent(type="text", text="done")


@server.tool()
def text_alone() -> CallToolResult:
    return CallToolResult(content=[DONE])


@server.tool()
def text_and_link() -> CallToolResult:
    link = ResourceLink(type="resource_link", uri="memo://1", name="memo")
    return CallToolResult(content=[DONE, link])


server.run("stdio")
PYTHON

cat >client.py <<'PYTHON'
import asyncio

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import ValidationError


async def main() -> None:
    server = StdioServerParameters(command="new/bin/python", args=["server.py"])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        print("negotiated", (await session.initialize()).protocolVersion)
        for tool in ("text_alone", "text_and_link"):
            try:
                result = await session.call_tool(tool)
                said = result.content[0].text
            except ValidationError:
                said = "ValidationError"
            print(f"{tool.replace('_', ' ')}: {said}")


asyncio.run(main())
PYTHON

seen=$(old/bin/python client.py 2>/dev/null)
echo "$seen"
wanted='negotiated 2025-03-26
text alone: done
text and link: ValidationError'
[ "$seen" = "$wanted" ] || { echo "this has changed" >&2; exit 1; }
