"""Fetching the file behind a signed address: outside data, nothing of it is taken on trust."""

import re
from urllib.parse import urlsplit

from korus_mcp.api.config import ApiConfig, is_loopback
from korus_mcp.api.errors import DocumentRefused, Outcome
from korus_mcp.api.models.order import OrderDocumentLink
from korus_mcp.api.retries import patiently
from korus_mcp.api.transport import Exchange, Lanes, check_status
from korus_mcp.clock import Clock

OPERATION = "downloadDocument"
MAGIC = b"%PDF-"
URL_LIMIT = 4096

# Printable ASCII without what parsers disagree about; the host ends at the first slash.
_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*",
    re.ASCII,
)


class Downloads:
    """The one client of signed addresses: no token, no cookies, no redirects."""

    def __init__(self, config: ApiConfig, lanes: Lanes, clock: Clock) -> None:
        self._config = config
        self._lanes = lanes
        self._clock = clock

    async def fetch(self, link: OrderDocumentLink) -> bytes:
        """The PDF file, at most `document_limit` bytes.

        Raises:
            DocumentRefused: The address is not allowed, or the file is no PDF.
            ApiError: Redirected, TooLarge, Forbidden (expired), or the network's errors.
        """
        exchange = Exchange(
            OPERATION,
            "GET",
            checked_address(link.temporary_url, self._config),
            headers={"accept": "application/pdf"},
        )
        return await patiently(lambda: self._once(exchange), self._config, self._clock)

    async def _once(self, exchange: Exchange) -> bytes:
        answer = await self._lanes.documents.send(exchange, limit=self._config.document_limit)
        check_status(exchange, answer, self._clock)
        if not answer.body.startswith(MAGIC):
            raise _refused("not a PDF file")
        return answer.body


def checked_address(url: str, config: ApiConfig) -> str:
    """The address itself, if it leads to an allowed host over https on port 443.

    When the API itself is on loopback, so may be the documents, over http and on a listed port.

    Raises:
        DocumentRefused: It does not; the address is not repeated.
    """
    shape = _SHAPE.fullmatch(url) if len(url) <= URL_LIMIT else None
    if shape is None:
        raise _refused("not a plain address")
    host, port = shape["host"].lower(), shape["port"]
    local = is_loopback(host) and is_loopback(urlsplit(config.api_url).hostname or "")
    if shape["scheme"] != "https" and not local:
        raise _refused("not https")
    if port and int(port) != 443 and not local:
        raise _refused("not port 443")
    entry = f"{host}:{port}" if port and local else host
    if entry not in config.document_hosts:
        raise _refused("host not allowed")
    return url


def _refused(reason: str) -> DocumentRefused:
    return DocumentRefused(OPERATION, Outcome.REFUSED, reason=reason)
