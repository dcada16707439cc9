"""The words printed on a ticket document, in both languages."""

from collections.abc import Sequence

from korus_mcp.sandbox.bookings import Hold, IssuedTicket, Order
from korus_mcp.sandbox.jsonld import money
from korus_mcp.sandbox.model import Language, Text, day_of
from korus_mcp.sandbox.world import World

_LARGEST_PRINT = 6
_NO_DAY = Text("Non daté", "Undated")
_SAMPLE = Text(
    "SPÉCIMEN - bac à sable, sans valeur (billet fictif)",
    "SPECIMEN - sandbox, no value (invented ticket)",
)


def lines_of_document(
    world: World, order: Order, hold: Hold, tickets: Sequence[IssuedTicket], language: Language
) -> list[str]:
    """The lines of one document, the issuer first."""
    base, product = world.base(hold.offer.base), world.product(hold.offer)
    lines = [
        world.issuer_of(hold.offer).name,
        base.name.in_language(language),
        product.name.in_language(language),
        _when(world, hold, tickets[0], language),
        f"{order.reference} - {money(hold.unit_price)} EUR",
    ]
    lines += [_ticket_line(ticket, language) for ticket in tickets[:_LARGEST_PRINT]]
    if len(tickets) > _LARGEST_PRINT:
        lines.append(f"+ {len(tickets) - _LARGEST_PRINT}")
    return [*lines, _SAMPLE.in_language(language)]


def _when(world: World, hold: Hold, ticket: IssuedTicket, language: Language) -> str:
    day = day_of(hold.offer.day)
    if day is None:
        return _NO_DAY.in_language(language)
    slot = hold.slots[ticket.rank]
    if slot is None:
        return f"{day:%d/%m/%Y}" if language == "fr" else f"{day:%d %b %Y}"
    base = world.base(hold.offer.base)
    starts = world.starts_at(base, hold.offer.day, base.tickets[ticket.rank].slots[slot])
    return f"{starts:%d/%m/%Y %Hh%M}" if language == "fr" else f"{starts:%d %b %Y, %H:%M}"


def _ticket_line(ticket: IssuedTicket, language: Language) -> str:
    label = "Billet" if language == "fr" else "Ticket"
    holder = ticket.beneficiary or {}
    name = f"{holder.get('firstname', '')} {holder.get('lastname', '')}".strip()
    return f"{label} {ticket.voucher}" + (f" - {name}" if name else "")
