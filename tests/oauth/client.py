"""A program that signs its person in by itself: the SDK's client, with a browser that says yes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from tests.fixtures.assistant import Assistant

CALLBACK = "http://127.0.0.1:53682/callback"
"""Where the provider sends the browser back to; nobody has to listen there."""
MOST_STEPS = 12


@dataclass
class Memory:
    """What a program keeps of its registration and of its person's tokens."""

    tokens: OAuthToken | None = None
    registered: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.registered

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.registered = client_info


@dataclass
class Browser:
    """The browser of a person, who signs in and agrees to whatever is asked."""

    person: str
    sign_ins: int = 0
    _arrived: str = ""

    async def visit(self, address: str) -> None:
        """Follow the way from an address to the program's own."""
        self.sign_ins += 1
        async with httpx.AsyncClient(headers={"x-person": self.person}, timeout=30) as client:
            for _ in range(MOST_STEPS):
                answer = await client.get(address)
                answer.raise_for_status() if not answer.is_redirect else None
                address = urljoin(address, answer.headers["location"])
                if address.startswith(CALLBACK):
                    self._arrived = address
                    return
        raise AssertionError(f"the provider leads nowhere: {address}")

    async def arrived(self) -> AuthorizationCodeResult:
        """What the provider told the program."""
        told = {k: v[0] for k, v in parse_qs(urlsplit(self._arrived).query).items()}
        assert "code" in told, told
        return AuthorizationCodeResult(
            code=told["code"], state=told.get("state"), iss=told.get("iss")
        )


@dataclass
class Program:
    """One installed program of a person."""

    url: str
    browser: Browser
    name: str = "oauth-test"
    memory: Memory = field(default_factory=Memory)

    @asynccontextmanager
    async def assistant(self, mode: str = "auto") -> AsyncIterator[Assistant]:
        """Its assistant, signed in where it has to be."""
        signing_in = OAuthClientProvider(
            self.url,
            OAuthClientMetadata(client_name=self.name, redirect_uris=[AnyUrl(CALLBACK)]),
            self.memory,
            self.browser.visit,
            self.browser.arrived,
        )
        async with (
            create_mcp_http_client(auth=signing_in) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield Assistant(client)

    @property
    def token(self) -> str:
        """The token it has now."""
        assert self.memory.tokens is not None
        return self.memory.tokens.access_token
