"""Fetching the file behind a signed address: outside data, nothing of it is taken on trust."""

import logging
import re
from typing import Final
from urllib.parse import urlsplit

from korus_mcp.api.config import ApiConfig
from korus_mcp.api.errors import DocumentRefused, Outcome, Redirected, TooLarge
from korus_mcp.api.models.order import OrderDocumentLink
from korus_mcp.api.retries import patiently
from korus_mcp.api.transport import Exchange, Pools, check_status
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.origins import is_loopback

OPERATION = "downloadDocument"
MAGIC = b"%PDF-"
URL_LIMIT = 4096
HOST_NOT_LISTED: Final = "host not allowed"
NO_PDF: Final = "not a PDF file"
_log = logging.getLogger(__name__)
_HEADER: Final = re.compile(rb"%PDF-[0-9]")
_HEADER_WITHIN: Final = 1024
"""Readers take a file whose header begins among its first bytes, whatever stands before it."""
_PAGE: Final = re.compile(rb"[\s\xef\xbb\xbf]*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)

# Printable ASCII without what parsers disagree about; the host ends at the first slash.
_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*",
    re.ASCII,
)


class Downloads:
    """The one client of signed addresses (T26, A21): no token, no cookies, no redirects."""

    def __init__(self, config: ApiConfig, pools: Pools, clock: Clock) -> None:
        self._config = config
        self._pools = pools
        self._clock = clock

    async def fetch(self, link: OrderDocumentLink) -> bytes:
        """The PDF file as it came, at most `document_limit` bytes.

        What is refused for good is logged with its host and reason: only the operator can help.

        Raises:
            DocumentRefused: The address is not allowed, or the file is no PDF.
            ApiError: Redirected, TooLarge, Forbidden (expired), or the network's errors.
        """
        # Before anything is sent: it is outside data, and a request alone can do harm.
        try:
            address = checked_address(link.temporary_url, self._config)
            exchange = Exchange(OPERATION, "GET", address, headers={"accept": "application/pdf"})
            # A download changes nothing, so it may be repeated; each attempt begins anew.
            return await patiently(lambda: self._once(exchange), self._config, self._clock)
        except (DocumentRefused, TooLarge, Redirected) as refused:
            reason = refused.reason or refused.cause
            _log.warning("a document is refused: %s (host %s)", reason, _host(link.temporary_url))
            raise

    async def _once(self, exchange: Exchange) -> bytes:
        answer = await self._pools.documents.send(exchange, limit=self._config.document_limit)
        check_status(exchange, answer, self._clock)
        # The content type is not asked: stores serve what was uploaded as octet-stream (A21).
        if not is_pdf(answer.body):
            raise _refused(NO_PDF)
        return answer.body


def is_pdf(body: bytes) -> bool:
    """Whether a file has the header of a PDF, at its begin or after a mark, blanks or a notice; a
    page of HTML that speaks of one has not.
    """
    if body.startswith(MAGIC):
        return True
    found = _HEADER.search(body, 0, _HEADER_WITHIN + len(MAGIC))
    return found is not None and found.start() < _HEADER_WITHIN and _PAGE.match(body) is None


def _host(url: str) -> str:
    """The host of an address as a log may show it, with its port."""
    try:
        parts = urlsplit(url[:URL_LIMIT])
        name = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        name = ""
    # A host comes from outside and goes into a log: only characters of hosts do.
    shown = re.sub(r"[^A-Za-z0-9.:-]", "?", name, flags=re.ASCII)
    return shown[:100] or "not named"


def checked_address(url: str, config: ApiConfig) -> str:
    """The address itself, if it leads to an allowed host over https on port 443.

    When the API itself is on loopback, so may be the documents, over http and on a listed port.

    Raises:
        DocumentRefused: It does not; the address is not repeated.
    """
    # Not urlsplit: what it and httpx read differently would be a way around the list of hosts.
    shape = _SHAPE.fullmatch(url) if len(url) <= URL_LIMIT else None
    if shape is None:
        raise _refused("not a plain address")
    host, port = shape["host"].lower(), shape["port"]
    # Only where the API itself is on this machine: a real API must not lead us to our own ports.
    local = is_loopback(host) and is_loopback(urlsplit(config.api_url).hostname or "")
    if shape["scheme"] != "https" and not local:
        raise _refused("not https")
    # Another port is another program of that host, which nobody put on the list.
    if port and int(port) != 443 and not local:
        raise _refused("not port 443")
    entry = f"{host}:{port}" if port and local else host
    if entry not in config.document_hosts:
        raise _refused(HOST_NOT_LISTED)
    return url


def _refused(reason: str) -> DocumentRefused:
    return DocumentRefused(OPERATION, Outcome.REFUSED, reason=reason)
