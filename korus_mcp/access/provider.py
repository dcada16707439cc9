"""The sign-in provider (OpenID Connect or OAuth 2.0): where its endpoints are, and its keys."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx

from korus_mcp import __version__
from korus_mcp.access.keys import KeySet, ProviderDown, ProviderRefused
from korus_mcp.api import ConnectionFault
from korus_mcp.api.failures import from_network
from korus_mcp.foundation.origins import is_unread_on_the_way

ANSWER_SECONDS: Final = 10.0
"""The longest an answer of the provider may take in all."""
ANSWER_BYTES: Final = 512 * 1024
_REFUSALS: Final = frozenset({400, 401, 403})
_OPENID: Final = "/.well-known/openid-configuration"
_OAUTH: Final = "/.well-known/oauth-authorization-server"


class Provider:
    """A provider, asked through `transport`; `issuer` is its name, compared as text."""

    def __init__(
        self, issuer: str, transport: httpx.AsyncBaseTransport, *, keys_url: str | None = None
    ) -> None:
        self.issuer = issuer
        self._transport = transport
        self._keys_url = keys_url
        self._told: Mapping[str, Any] | None = None

    async def keys(self) -> KeySet:
        """The keys it lists now.

        Raises:
            ProviderDown: they cannot be read.
        """
        url = self._keys_url or await self.endpoint("jwks_uri")
        listed = (await self._asked("GET", url)).get("keys")
        if not isinstance(listed, list):
            raise ProviderDown(f"no list of keys at {url}")
        return [each for each in listed if isinstance(each, dict)]

    async def endpoint(self, name: str) -> str:
        """The address of an endpoint, by its name in the provider's metadata.

        Raises:
            ProviderDown: the metadata cannot be read, or does not name it.
        """
        url = (await self._of_itself()).get(name)
        if not isinstance(url, str) or not is_safe(url):
            raise ProviderDown(f"its metadata names no {name} with https")
        return url

    async def listed(self, name: str) -> Sequence[str]:
        """What its metadata lists under this name; nothing where it lists nothing.

        Raises:
            ProviderDown: the metadata cannot be read.
        """
        found = (await self._of_itself()).get(name)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The JSON object that answers a form.

        Raises:
            ProviderRefused: the form is refused.
            ProviderDown: there is no such object.
        """
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._asked("POST", url, body, {**kind, **headers})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _of_itself(self) -> Mapping[str, Any]:
        # Kept for good: an endpoint that moves is told by its old address, which fails.
        if self._told is None:
            self._told = await self._metadata()
        return self._told

    async def _metadata(self) -> Mapping[str, Any]:
        """What the provider tells of itself, at one of the places that are usual."""
        failures = []
        for url in _places(self.issuer):
            try:
                told = await self._asked("GET", url)
            except ProviderDown as failure:
                failures.append(str(failure))
                continue
            # As text: who answers for another issuer may not name the keys of this one.
            if told.get("issuer") != self.issuer:
                raise ProviderDown(f"the metadata at {url} is of another issuer")
            return told
        raise ProviderDown("; ".join(failures))

    async def _asked(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Mapping[str, Any]:
        said = {"user-agent": f"korus-mcp/{__version__}", "accept": "application/json", **headers}
        limits = httpx.Timeout(ANSWER_SECONDS).as_dict()
        request = httpx.Request(
            method,
            url,
            headers={**said, "accept-encoding": "identity"},
            content=body,
            extensions={"timeout": limits},
        )
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                response = await self._transport.handle_async_request(request)
                try:
                    content = await _beginning(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, OSError, TimeoutError) as failure:
            raise ProviderDown(f"{url}: {_why(failure)}") from None
        if response.status_code != httpx.codes.OK:
            kind = ProviderRefused if response.status_code in _REFUSALS else ProviderDown
            raise kind(f"status {response.status_code} at {url}")
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ProviderDown(f"no JSON object at {url}")
        return told


def _why(failure: Exception) -> str:
    """Why nothing was answered, in the words of other hosts that are not reached."""
    reason = from_network("", "GET", failure).reason
    is_late = isinstance(failure, httpx.TimeoutException | TimeoutError)
    late = str(ConnectionFault.SILENT) if is_late else type(failure).__name__
    return str(reason) if reason else late


def is_safe(url: str) -> bool:
    """Whether an address has https, or is of this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and is_unread_on_the_way(parts.scheme, host)


def _places(issuer: str) -> list[str]:
    """Where an issuer may tell of itself: OpenID Connect Discovery, then RFC 8414."""
    base = issuer.removesuffix("/")
    parts = urlsplit(base)
    origin = f"{parts.scheme}://{parts.netloc}"
    return [base + _OPENID, origin + _OAUTH + parts.path]


async def _beginning(response: httpx.Response) -> bytes:
    """The body of an answer, cut where it is longer than any that is meant well."""
    held = bytearray()
    async for part in response.stream:  # type: ignore[union-attr]  # a transport answers a stream
        held += part
        if len(held) > ANSWER_BYTES:
            break
    return bytes(held[:ANSWER_BYTES])
