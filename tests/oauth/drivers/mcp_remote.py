"""A host that knows stdio only, here the Python SDK, and mcp-remote between it and the server."""

import asyncio
import json
import os

from mcp import Client, StdioServerParameters
from relay import ASKED, relayed


async def main():
    known = []
    if ASKED.fixed:
        known = ["--static-oauth-client-info", json.dumps({"client_id": ASKED.fixed})]
    if ASKED.document:
        known = ["--client-metadata-url", ASKED.document]
    bridge = StdioServerParameters(
        command="node_modules/.bin/mcp-remote",
        args=[ASKED.url, str(ASKED.port), "--allow-http", *known],
        env=dict(os.environ),
    )
    async with Client(bridge, mode="legacy") as client:

        async def call(tool, arguments):
            told = await client.call_tool(tool, arguments)
            return told.structured_content, told.is_error

        await client.list_tools()
        await relayed(call, client.protocol_version)


asyncio.run(main())
