"""Configuration of the client: addresses, credentials, and limits of time and size."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from korus_mcp.foundation.origins import canonical_origin, is_loopback, is_unread_on_the_way

if TYPE_CHECKING:
    import httpx

MIB = 1024 * 1024
CREATION_SECONDS: Final = 75
"""The longest a POST that holds or books may take, once it has its turn, to the end of its answer.

KorusTicket publishes no such time: this one is ours. It has to be longer than any caller is kept
waiting (`KORUS_ANSWER_SECONDS`, 60 at most), since the send goes on without them; 75 is a choice
among the values above that, and was not measured.

Only what is looked up after this time and `KORUS_SETTLE_SECONDS` (375 s by default, together)
proves that a call made nothing. So long last: the fence of an order, unless its hold ends later
(`fence_of`); the doubt about a lost hold and about what is not shown yet (`booking/settling.py`);
and the wait of all orders after the journal went back (`wait_of`).

A larger value makes these longer, and a request that is not answered keeps one of the few places
for bookings for longer. With a smaller one more answers come too late: more calls are in doubt and
have to be looked up. `settings.py`, `server/telemetry.py` and the documents name the number, too.
"""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z0-9*,;=. -]{1,64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ApiConfig:
    """Addresses, credentials and limits of one account; sizes in bytes, times in seconds.

    `api_url` and `token_url` must be https, or http on loopback. `document_hosts` are the
    exact hosts signed addresses may point to; `host:port` only for loopback.

    Raises:
        ValueError: An address is not acceptable.
    """

    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    document_hosts: frozenset[str]
    language: str = "fr"
    proxy: str | None = field(default=None, repr=False)
    """An http or https proxy for all requests but those to this machine itself."""
    no_proxy: str = ""
    """Hosts that are reached without the proxy, as in NO_PROXY: names with their subdomains,
    between commas, or `*`.
    """
    ca_file: str | None = None
    ca_folder: str | None = None
    """A file or folder of certificate authorities to trust instead of those of the system."""
    parallel: int = 16
    parallel_per_caller: int | None = None
    """Parallel reads of one caller, where there are several; None is no limit. Of what holds or
    books, and of downloads, one place is kept for others then."""
    # Parallel requests that hold or book, and parallel downloads: each has a pool of its own.
    parallel_orders: int = 4
    json_limit: int = 5 * MIB
    document_limit: int = 20 * MIB
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    read_total: float = 30.0
    """The longest one attempt of a read may take, however slowly bytes drip."""
    creation_timeout: float = CREATION_SECONDS
    """The longest a creating POST may take in all. In a server no longer than `CREATION_SECONDS`,
    which fences are counted with (`booking/sending.py`, `fence_of`)."""
    read_queue_timeout: float = 2.0
    """The longest a call waits for its turn to read; what it reads afterwards waits for longer."""
    queue_timeout: float = 10.0
    """The longest a creating POST or a token request waits for its turn."""
    reads_per_second: float | None = None
    """Reads a second, after twenty at once; half as many after each 429. None is no limit."""
    retry_total: float = 10.0
    # Three attempts, which are at most two repeats, within `retry_total`.
    retry_attempts: int = 3

    def __post_init__(self) -> None:
        # A path before /v1 would be lost: paths are built from the table in `jsonld` alone (T13).
        if urlsplit(_checked_url(self.api_url)).path not in ("", "/"):
            raise ValueError("the API address must be an origin, without a path")
        object.__setattr__(self, "api_url", canonical_origin(self.api_url))
        token = _checked_url(self.token_url)
        # A final dot would be asked of a name server, which may answer anything for "localhost.".
        object.__setattr__(self, "token_url", canonical_origin(token) + urlsplit(token).path)
        for host in self.document_hosts:
            _check_document_host(host)
        checked_language(self.language)


def checked_language(language: str) -> str:
    """Return the text unchanged if it can stand in an `Accept-Language` header.

    Raises:
        ValueError: The text is no language tag.
    """
    # In a header a line end would begin another header.
    if not _LANGUAGE.fullmatch(language):
        raise ValueError("not a language")
    return language


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Credentials in an address would be logged by whoever logs addresses.
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("not a plain https address")
    if is_unread_on_the_way(parts.scheme, host):
        return url
    raise ValueError("only https is allowed, or http on loopback")


def _check_document_host(entry: str) -> None:
    host, _, port = entry.rpartition(":") if re.search(r":[0-9]+$", entry) else (entry, "", "")
    if not _HOST.fullmatch(host):
        raise ValueError("not a host name in lower case")
    # Signed addresses are https on 443 (T26); other ports are for a sandbox on this machine.
    if port and not is_loopback(host):
        raise ValueError("a document host takes a port on loopback only")


class Transport(Protocol):
    """The interface of httpx's async transports."""

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Answer a request."""

    async def aclose(self) -> None:
        """Close what is open."""
