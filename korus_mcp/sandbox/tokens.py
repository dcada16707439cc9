"""Organisations and their access tokens: client credentials, renewal, expiry."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from korus_mcp.foundation.clock import Clock

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Organization:
    """A distributor that calls the API."""

    id: str
    client_id: str
    client_secret: str = field(repr=False)
    sells: bool


class _Grant(NamedTuple):
    organization: Organization
    until: datetime


@dataclass(eq=False, slots=True)
class Tokens:
    """The token endpoint, with the tokens that it has issued."""

    organizations: tuple[Organization, ...]
    clock: Clock
    key: bytes = field(repr=False)
    lifetime: timedelta
    gives_refresh_token: bool
    _access: dict[str, _Grant] = field(default_factory=dict, repr=False)
    _refresh: dict[str, _Grant] = field(default_factory=dict, repr=False)

    def organization(self, authorization: str | None) -> Organization | None:
        """The organisation of an Authorization header; None if its token is missing or invalid."""
        scheme, _, token = (authorization or "").partition(" ")
        grant = self._access.get(token) if scheme.lower() == "bearer" else None
        return grant.organization if grant and self.clock.now() < grant.until else None

    async def endpoint(self, request: Request) -> Response:
        """Answer a token request."""
        # Form data, as in OpenID Connect; all other bodies are JSON.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return _error(400, "invalid_request", "Form data expected")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        client = self._client(form)
        # The answer does not say whether the id or the secret was wrong.
        if client is None:
            return _error(401, "unauthorized_client", "Invalid client or client credentials")
        grant_type = form.get("grant_type")
        if grant_type == "client_credentials":
            return self._issued(client)
        if grant_type == "refresh_token":
            return self._renewed(client, form.get("refresh_token", ""))
        code = "unsupported_grant_type" if grant_type else "invalid_request"
        return _error(400, code, "Unsupported or missing grant_type")

    def _client(self, form: dict[str, str]) -> Organization | None:
        given = form.get("client_secret", "").encode()
        for each in self.organizations:
            if each.client_id == form.get("client_id"):
                fits = hmac.compare_digest(given, each.client_secret.encode())
                return each if fits else None
        return None

    def _renewed(self, client: Organization, token: str) -> Response:
        # A refresh token can be used once, by its own client.
        grant = self._refresh.pop(token, None)
        if grant is None or grant.organization != client or self.clock.now() >= grant.until:
            return _error(400, "invalid_grant", "Token is not active")
        return self._issued(client)

    def _issued(self, client: Organization) -> Response:
        grant = _Grant(client, self.clock.now() + self.lifetime)
        # Numbered and not random, so that the same seed gives the same tokens.
        access = self._token("access", len(self._access))
        self._access[access] = grant
        seconds = int(self.lifetime.total_seconds())
        body: dict[str, object] = {
            "access_token": access,
            "expires_in": seconds,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
        }
        # A23: without one, clients that need a refresh token fail, and tests notice.
        if self.gives_refresh_token:
            refresh = self._token("refresh", len(self._access))
            self._refresh[refresh] = grant
            body |= {"refresh_expires_in": seconds, "refresh_token": refresh}
        return _json(200, body)

    def _token(self, kind: str, number: int) -> str:
        message = f"{kind}:{number}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _error(status: int, code: str, description: str) -> Response:
    return _json(status, {"error": code, "error_description": description})


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(json.dumps(body), status_code=status, media_type="application/json")
