"""FastMCP's client, which opens a browser and listens for its return."""

import asyncio

from fastmcp import Client
from fastmcp.client.auth import OAuth
from relay import ASKED, relayed


async def main():
    known = {"client_id": ASKED.fixed, "client_metadata_url": ASKED.document}
    auth = OAuth(callback_port=ASKED.port, **{k: v for k, v in known.items() if v})
    async with Client(ASKED.url, auth=auth, mode=ASKED.mode) as client:

        async def call(tool, arguments):
            told = await client.call_tool(tool, arguments, raise_on_error=False)
            return told.structured_content, told.is_error

        await client.list_tools()
        await relayed(call, client.protocol_version)


asyncio.run(main())
