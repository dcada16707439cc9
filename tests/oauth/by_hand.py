"""A sign-in by hand: for a token that no program of ours would ask for, and calls with it."""

import base64
import hashlib
import secrets
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from anyio import to_thread

from tests.oauth.browser import arrived

CALLBACK: Final = "http://127.0.0.1:53682/callback"
"""Where the provider sends the browser back to; nobody has to listen there."""
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def token_for(client: httpx.AsyncClient, issuer: str, resource: str, person: str) -> str:
    """A person's token of a provider for a server of any name (code flow with PKCE)."""
    scope = "korus:browse korus:book"
    registered: Any = (
        await client.post(
            f"{issuer}/reg",
            json={
                "redirect_uris": [CALLBACK],
                "application_type": "native",
                "token_endpoint_auth_method": "none",
                "scope": scope,
            },
        )
    ).json()
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    params = {
        "client_id": registered["client_id"],
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "resource": resource,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    address = str(httpx.URL(f"{issuer}/auth", params=params))
    came = await to_thread.run_sync(arrived, person, address)
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(came).query)["code"][0],
        "redirect_uri": CALLBACK,
        "client_id": registered["client_id"],
        "code_verifier": verifier,
        "resource": resource,
    }
    told: Any = (await client.post(f"{issuer}/token", data=form)).json()
    return str(told["access_token"])


async def posted(
    client: httpx.AsyncClient,
    url: str,
    token: str,
    method: str,
    params: dict[str, Any],
    **headers: str,
) -> httpx.Response:
    """The answer to a request of the newest revision."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}}
    named = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
        "Authorization": f"Bearer {token}",
    }
    if "name" in params:
        named["Mcp-Name"] = params["name"]
    return await client.post(url, json=message, headers={**named, **headers})
