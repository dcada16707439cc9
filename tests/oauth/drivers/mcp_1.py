"""The client of the Python SDK 1."""

import asyncio

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata
from relay import ASKED, Memory, Person, fixed_client, relayed


async def main():
    person = Person()

    async def arrived():
        return person.told["code"], person.told.get("state")

    signing_in = OAuthClientProvider(
        ASKED.url,
        OAuthClientMetadata(client_name="oauth-test", redirect_uris=[ASKED.callback]),
        Memory(fixed_client(OAuthClientInformationFull)),
        person.visit,
        arrived,
        client_metadata_url=ASKED.document,
    )
    async with (
        create_mcp_http_client(auth=signing_in) as http,
        streamable_http_client(ASKED.url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):

        async def call(tool, arguments):
            told = await session.call_tool(tool, arguments)
            return told.structuredContent, told.isError

        agreed = await session.initialize()
        await session.list_tools()
        await relayed(call, agreed.protocolVersion)


asyncio.run(main())
