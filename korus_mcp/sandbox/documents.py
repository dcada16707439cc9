"""Files of orders: signed addresses that expire, and small real PDFs behind them (T26)."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from korus_mcp.sandbox.bookings import Hold, IssuedTicket, Ledger
from korus_mcp.sandbox.calendars import day_of
from korus_mcp.sandbox.texts import Language, Text
from korus_mcp.sandbox.world import World

_LINK_LIFETIME = timedelta(minutes=5)
FOLDER = "/korus-sandbox-documents/"
"""The path of signed addresses on the document host."""

_LARGEST_PRINT = 6
"""The most tickets that are printed on a page."""
_NO_DAY = Text("Non daté", "Undated")
_TICKET = Text("Billet", "Ticket")
_DAY = Text("%d/%m/%Y", "%d %b %Y")
_MOMENT = Text("%d/%m/%Y %Hh%M", "%d %b %Y, %H:%M")
_SAMPLE = Text(
    "SPÉCIMEN - bac à sable, sans valeur (billet fictif)",
    "SPECIMEN - sandbox, no value (invented ticket)",
)


@dataclass(eq=False, slots=True)
class Downloads:
    """The document host: makes signed addresses and serves the files."""

    origin: str
    key: bytes = field(repr=False)
    world: World
    ledger: Ledger

    def signed_address(self, document: str, language: Language) -> str:
        """A new signed address for a document."""
        expires = int((self.world.now() + _LINK_LIFETIME).timestamp())
        signature = self._signature(document, language, str(expires))
        # The signature covers document, language and expiry, so that none can be changed (A21).
        query = urlencode({"Expires": expires, "Signature": signature})
        return f"{self.origin}{FOLDER}{document}.{language}.pdf?{query}"

    async def endpoint(self, request: Request) -> Response:
        """Serve a signed address to callers that send no token."""
        # T26: a real file store checks the signature, and refuses requests that also have a token.
        if "authorization" in request.headers:
            return PlainTextResponse("Only one auth mechanism allowed", 400)
        document, _, extension = request.path_params["name"].partition(".")
        if extension not in {"fr.pdf", "en.pdf"}:
            return PlainTextResponse("No such object", 404)
        language: Language = "en" if extension == "en.pdf" else "fr"
        expires = request.query_params.get("Expires", "")
        signature = request.query_params.get("Signature", "")
        expected = self._signature(document, language, expires)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return PlainTextResponse("Signature does not match", 403)
        # After the signature was checked, `expires` is a number that we wrote.
        if self.world.now().timestamp() >= int(expires):
            return PlainTextResponse("Request has expired", 403)
        # Imported here: the PDF library takes longer to load than the whole sandbox.
        from korus_mcp.sandbox.pdf import page_of_text

        lines = _lines_of(self.world, self.ledger, document, language)
        return Response(page_of_text(lines), media_type="application/pdf")

    def _signature(self, document: str, language: str, expires: str) -> str:
        message = f"{document}:{language}:{expires}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _lines_of(world: World, ledger: Ledger, document: str, language: Language) -> list[str]:
    """The lines of one document; the first is the issuer."""
    order = ledger.orders[ledger.documents[document]]
    hold = ledger.holds[order.hold_id]
    tickets = [ledger.tickets[each] for each in order.tickets]
    # Some issuers make a file for each ticket, others one for the order.
    if len(order.documents) > 1:
        tickets = [tickets[order.documents.index(document)]]
    lines = [
        world.issuer_of(hold.offer).name,
        world.base(hold.offer.base).name.in_language(language),
        world.product(hold.offer).name.in_language(language),
        _when(world, hold, tickets[0], language),
        f"{order.reference} - {hold.unit_price:.2f} EUR",
    ]
    for ticket in tickets[:_LARGEST_PRINT]:
        holder = ticket.beneficiary or {}
        name = f"{holder.get('firstname', '')} {holder.get('lastname', '')}".strip()
        label = f"{_TICKET.in_language(language)} {ticket.voucher}"
        lines.append(f"{label} - {name}" if name else label)
    if len(tickets) > _LARGEST_PRINT:
        lines.append(f"+ {len(tickets) - _LARGEST_PRINT}")
    # Nobody should take the file for a valid ticket.
    return [*lines, _SAMPLE.in_language(language)]


def _when(world: World, hold: Hold, ticket: IssuedTicket, language: Language) -> str:
    day, slot = day_of(hold.offer.day), hold.slots[ticket.rank]
    if day is None:
        return _NO_DAY.in_language(language)
    if slot is None:
        return day.strftime(_DAY.in_language(language))
    starts_at = world.starts_at(hold.offer, ticket.rank, slot)
    return starts_at.strftime(_MOMENT.in_language(language))
