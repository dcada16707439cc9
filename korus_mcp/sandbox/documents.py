"""Files of orders: signed addresses that end, and small real PDFs behind them (T26)."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.texts import Language

_LINK_LIFETIME = timedelta(minutes=5)
FOLDER = "/korus-sandbox-documents/"
"""Where signed addresses point to on the document host."""

TicketLines = Callable[[str, Language], list[str]]
"""What is printed on a document: its identifier and language to lines of text."""


@dataclass(frozen=True, slots=True)
class Downloads:
    """The document host: gives out addresses and serves what is behind them."""

    origin: str
    key: bytes = field(repr=False)
    clock: Clock
    lines: TicketLines

    def signed_address(self, document: str, language: Language) -> str:
        """A fresh address for a document."""
        expires = int((self.clock.now() + _LINK_LIFETIME).timestamp())
        signature = self._signature(document, language, str(expires))
        query = urlencode({"Expires": expires, "Signature": signature})
        return f"{self.origin}{FOLDER}{document}.{language}.pdf?{query}"

    async def endpoint(self, request: Request) -> Response:
        """Serve a signed address, to callers that bring nothing but the address."""
        # T26: the store has its own check of the address and fails at a token beside it.
        if "authorization" in request.headers:
            return _text(400, "Only one auth mechanism allowed")
        document, _, extension = request.path_params["name"].partition(".")
        if extension not in {"fr.pdf", "en.pdf"}:
            return _text(404, "No such object")
        language: Language = "en" if extension == "en.pdf" else "fr"
        expires = request.query_params.get("Expires", "")
        signature = request.query_params.get("Signature", "")
        expected = self._signature(document, language, expires)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return _text(403, "Signature does not match")
        if self.clock.now().timestamp() >= int(expires):
            return _text(403, "Request has expired")
        # Here and not above: the PDF library takes longer to load than all of the sandbox.
        from korus_mcp.sandbox.pdf import page_of_text

        return Response(page_of_text(self.lines(document, language)), media_type="application/pdf")

    def _signature(self, document: str, language: str, expires: str) -> str:
        message = f"{document}:{language}:{expires}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _text(status: int, message: str) -> Response:
    return Response(message, status_code=status, media_type="text/plain")
