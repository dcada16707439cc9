"""The words printed on a ticket document, in both languages."""

from korus_mcp.sandbox.bookings import Hold, IssuedTicket, Ledger
from korus_mcp.sandbox.calendars import day_of
from korus_mcp.sandbox.texts import Language, Text
from korus_mcp.sandbox.world import World

_LARGEST_PRINT = 6
"""Lines of tickets that fit on a page."""
_NO_DAY = Text("Non daté", "Undated")
_TICKET = Text("Billet", "Ticket")
_DAY = Text("%d/%m/%Y", "%d %b %Y")
_MOMENT = Text("%d/%m/%Y %Hh%M", "%d %b %Y, %H:%M")
_SAMPLE = Text(
    "SPÉCIMEN - bac à sable, sans valeur (billet fictif)",
    "SPECIMEN - sandbox, no value (invented ticket)",
)


def lines_of_document(world: World, ledger: Ledger, document: str, language: Language) -> list[str]:
    """The lines of one document, the issuer first."""
    order = ledger.orders[ledger.documents[document]]
    hold = ledger.holds[order.hold_id]
    tickets = [ledger.tickets[each] for each in order.tickets]
    # Some issuers make a file for each ticket, others one for all.
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
    # Nobody shall take the file for something that opens a gate.
    return [*lines, _SAMPLE.in_language(language)]


def _when(world: World, hold: Hold, ticket: IssuedTicket, language: Language) -> str:
    day, slot = day_of(hold.offer.day), hold.slots[ticket.rank]
    if day is None:
        return _NO_DAY.in_language(language)
    if slot is None:
        return day.strftime(_DAY.in_language(language))
    starts_at = world.starts_at(hold.offer, ticket.rank, slot)
    return starts_at.strftime(_MOMENT.in_language(language))
