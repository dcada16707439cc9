"""Downloads the file behind a signed address. Neither the address nor the file is trusted."""

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
"""PDF readers accept a file whose header begins within this many bytes, whatever precedes it."""
_PAGE: Final = re.compile(rb"[\s\xef\xbb\xbf]*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)

# Printable ASCII without the characters that URL parsers disagree about; the host ends at the first
# slash.
_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*",
    re.ASCII,
)


class Downloads:
    """Fetches signed addresses (T26, A21): without token, cookies or redirects."""

    def __init__(self, config: ApiConfig, pools: Pools, clock: Clock) -> None:
        self._config = config
        self._pools = pools
        self._clock = clock

    async def fetch(self, link: OrderDocumentLink) -> bytes:
        """The PDF file as it came, at most `document_limit` bytes.

        A refused address or file is logged with host and reason: only the operator can help.

        Raises:
            DocumentRefused: The address is not allowed, or the file is no PDF.
            ApiError: Redirected, TooLarge, Forbidden (expired), or the network's errors.
        """
        # Checked before anything is sent: a request to a wrong host can already do harm.
        try:
            address = checked_address(link.temporary_url, self._config)
            exchange = Exchange(OPERATION, "GET", address, headers={"accept": "application/pdf"})
            # A download changes nothing, so it may be repeated, each time from the beginning.
            return await patiently(
                lambda: self._once(exchange), self._config, self._clock, self._pools.budget
            )
        except (DocumentRefused, TooLarge, Redirected) as refused:
            reason = refused.reason or refused.cause
            _log.warning("a document is refused: %s (host %s)", reason, _host(link.temporary_url))
            raise

    async def reach(self, host: str) -> None:
        """Connect to a host of documents as a download would; nothing is downloaded.

        Raises:
            ApiError: The network's errors.
        """
        # A sandbox on this machine serves documents as it serves its API.
        is_here = is_loopback(urlsplit(f"//{host}").hostname or "")
        scheme = urlsplit(self._config.api_url).scheme if is_here else "https"
        await self._pools.documents.reach(OPERATION, f"{scheme}://{host}/")

    async def _once(self, exchange: Exchange) -> bytes:
        answer = await self._pools.documents.send(exchange, limit=self._config.document_limit)
        check_status(exchange, answer, self._clock)
        # The content type is ignored: file stores serve a PDF as octet-stream, too (A21).
        if not is_pdf(answer.body):
            raise _refused(NO_PDF)
        return answer.body


def is_pdf(body: bytes) -> bool:
    """Whether a file has the header of a PDF, at its beginning or after a byte order mark, blanks
    or a notice. An HTML page that merely mentions such a header does not count.
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
    # The host comes from outside and goes into a log: anything but host characters becomes "?".
    shown = re.sub(r"[^A-Za-z0-9.:-]", "?", name, flags=re.ASCII)
    return shown[:100] or "not named"


def checked_address(url: str, config: ApiConfig) -> str:
    """Return the address unchanged if it leads to an allowed host over https on port 443.

    When the API itself is on loopback, so may be the documents, over http and on a listed port.

    Raises:
        DocumentRefused: The address leads elsewhere; the message does not repeat it.
    """
    # Not urlsplit: an address that it and httpx parse differently would get around the host list.
    shape = _SHAPE.fullmatch(url) if len(url) <= URL_LIMIT else None
    if shape is None:
        raise _refused("not a plain address")
    host, port = shape["host"].lower(), shape["port"]
    # Loopback only when the API is on this machine, too: a real API must not send us to our ports.
    local = is_loopback(host) and is_loopback(urlsplit(config.api_url).hostname or "")
    if shape["scheme"] != "https" and not local:
        raise _refused("not https")
    # Another port of an allowed host is another program, which nobody has allowed.
    if port and int(port) != 443 and not local:
        raise _refused("not port 443")
    entry = f"{host}:{port}" if port and local else host
    if entry not in config.document_hosts:
        raise _refused(HOST_NOT_LISTED)
    return url


def _refused(reason: str) -> DocumentRefused:
    return DocumentRefused(OPERATION, Outcome.REFUSED, reason=reason)
