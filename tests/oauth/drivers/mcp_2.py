"""The client of the Python SDK 2, in either era."""

import asyncio

from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata
from relay import ASKED, Memory, Person, fixed_client, relayed


async def main():
    person = Person()

    async def arrived():
        told = person.told
        return AuthorizationCodeResult(
            code=told["code"], state=told.get("state"), iss=told.get("iss")
        )

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
        Client(streamable_http_client(ASKED.url, http_client=http), mode=ASKED.mode) as client,
    ):

        async def call(tool, arguments):
            told = await client.call_tool(tool, arguments)
            return told.structured_content, told.is_error

        await client.list_tools()
        await relayed(call, client.protocol_version)


asyncio.run(main())
