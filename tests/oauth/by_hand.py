"""A sign-in by hand: for a token that no program of ours would ask for."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from tests.oauth.client import CALLBACK, MOST_STEPS


async def token_for(client: httpx.AsyncClient, issuer: str, resource: str) -> str:
    """A token of a provider for a server of any name (code flow with PKCE)."""
    registered: Any = (
        await client.post(
            f"{issuer}/reg",
            json={
                "redirect_uris": [CALLBACK],
                "application_type": "native",
                "token_endpoint_auth_method": "none",
                "scope": "korus:browse korus:book",
            },
        )
    ).json()
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    params = {
        "client_id": registered["client_id"],
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "korus:browse korus:book",
        "resource": resource,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    address = str(httpx.URL(f"{issuer}/auth", params=params))
    for _ in range(MOST_STEPS):
        answer = await client.get(address)
        address = urljoin(address, answer.headers["location"])
        if address.startswith(CALLBACK):
            break
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(address).query)["code"][0],
        "redirect_uri": CALLBACK,
        "client_id": registered["client_id"],
        "code_verifier": verifier,
        "resource": resource,
    }
    told: Any = (await client.post(f"{issuer}/token", data=form)).json()
    return str(told["access_token"])
