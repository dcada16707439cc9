"""Organisations and their access tokens: client credentials, renewal, expiry."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    client_secret: str
    sells: bool


@dataclass(frozen=True, slots=True)
class _Grant:
    organization: Organization
    until: datetime


class Tokens:
    """The token endpoint and the memory of what it gave out."""

    def __init__(
        self,
        organizations: tuple[Organization, ...],
        clock: Clock,
        key: bytes,
        *,
        lifetime_seconds: int,
        gives_refresh_token: bool,
    ) -> None:
        self._by_client = {each.client_id: each for each in organizations}
        self._clock = clock
        self._key = key
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._gives_refresh_token = gives_refresh_token
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}

    def organization(self, authorization: str | None) -> Organization | None:
        """Who calls, by the Authorization header; None for a missing, wrong or expired token."""
        scheme, _, token = (authorization or "").partition(" ")
        grant = self._access.get(token) if scheme.lower() == "bearer" else None
        return grant.organization if grant and self._clock.now() < grant.until else None

    async def endpoint(self, request: Request) -> Response:
        """Answer a token request."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return _error(400, "invalid_request", "Form data expected")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        client = self._client(form)
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
        client = self._by_client.get(form.get("client_id", ""))
        given = form.get("client_secret", "").encode()
        if client is None or not hmac.compare_digest(given, client.client_secret.encode()):
            return None
        return client

    def _renewed(self, client: Organization, token: str) -> Response:
        grant = self._refresh.pop(token, None)
        if grant is None or grant.organization != client or self._clock.now() >= grant.until:
            return _error(400, "invalid_grant", "Token is not active")
        return self._issued(client)

    def _issued(self, client: Organization) -> Response:
        grant = _Grant(client, self._clock.now() + self._lifetime)
        access = self._token("access", len(self._access))
        self._access[access] = grant
        seconds = int(self._lifetime.total_seconds())
        body: dict[str, object] = {
            "access_token": access,
            "expires_in": seconds,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
        }
        if self._gives_refresh_token:
            refresh = self._token("refresh", len(self._access))
            self._refresh[refresh] = grant
            body |= {"refresh_expires_in": seconds, "refresh_token": refresh}
        return _json(200, body)

    def _token(self, kind: str, number: int) -> str:
        message = f"{kind}:{number}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _error(status: int, code: str, description: str) -> Response:
    return _json(status, {"error": code, "error_description": description})


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(json.dumps(body), status_code=status, media_type="application/json")
