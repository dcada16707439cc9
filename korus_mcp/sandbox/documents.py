"""Files of orders: signed addresses that end, and small real PDFs behind them (T26)."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.model import Language

LINK_LIFETIME = timedelta(minutes=5)
FOLDER = "/korus-sandbox-documents/"
"""Where signed addresses point to on the document host."""

TicketLines = Callable[[str, Language], list[str]]
"""What is printed on a document: its identifier and language to lines of text."""


class Downloads:
    """The document host: gives out addresses and serves what is behind them."""

    def __init__(self, origin: str, key: bytes, clock: Clock, lines: TicketLines) -> None:
        self._origin = origin
        self._key = key
        self._clock = clock
        self._lines = lines

    def signed_address(self, document: str, language: Language) -> str:
        """A fresh address for a document."""
        expires = int((self._clock.now() + LINK_LIFETIME).timestamp())
        signature = self._signature(document, language, str(expires))
        query = urlencode({"Expires": expires, "Signature": signature})
        return f"{self._origin}{FOLDER}{document}.{language}.pdf?{query}"

    async def endpoint(self, request: Request) -> Response:
        """Serve a signed address, to callers that bring nothing but the address."""
        if "authorization" in request.headers:
            return _text(400, "Only one auth mechanism allowed")
        found = _parts(request.path_params["name"])
        if found is None:
            return _text(404, "No such object")
        document, language = found
        expires = request.query_params.get("Expires", "")
        signature = request.query_params.get("Signature", "")
        if not hmac.compare_digest(
            signature.encode(), self._signature(document, language, expires).encode()
        ):
            return _text(403, "Signature does not match")
        if self._clock.now().timestamp() >= int(expires):
            return _text(403, "Request has expired")
        from korus_mcp.sandbox.pdf import page_of_text

        return Response(page_of_text(self._lines(document, language)), media_type="application/pdf")

    def _signature(self, document: str, language: str, expires: str) -> str:
        message = f"{document}:{language}:{expires}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _parts(name: str) -> tuple[str, Language] | None:
    document, dot, rest = name.partition(".")
    if not dot or rest not in {"fr.pdf", "en.pdf"}:
        return None
    return document, "en" if rest == "en.pdf" else "fr"


def _text(status: int, message: str) -> Response:
    return Response(message, status_code=status, media_type="text/plain")
