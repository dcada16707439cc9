"""The calendar file of an order (RFC 5545): an entry for each moment or day its tickets are for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from anyio import to_thread

from korus_mcp.answers import addresses
from korus_mcp.answers.seats import SeatsView, seats_of
from korus_mcp.api.models.order import Order
from korus_mcp.app import App
from korus_mcp.booking.tickets import IssuedTickets
from korus_mcp.booking.visits import Visit
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import value_of

if TYPE_CHECKING:
    from icalendar import Event

MAKER: Final = "-//korus-mcp//EN"
FRENCH: Final = "fr"


@dataclass(frozen=True)
class _Words:
    """The words of an entry in one language; of each pair one is for several."""

    tickets: tuple[str, str]
    zone: str
    row: str
    seats: tuple[str, str]
    entrance: str
    category: str
    order: str
    at_issuer: str


_EN: Final = _Words(
    tickets=("ticket", "tickets"),
    zone="zone",
    row="row",
    seats=("seat", "seats"),
    entrance="entrance",
    category="category",
    order="Order",
    at_issuer="Number at the issuer:",
)
_FR: Final = _Words(
    tickets=("billet", "billets"),
    zone="zone",
    row="rang",
    seats=("place", "places"),
    entrance="entrée",
    category="catégorie",
    order="Commande",
    at_issuer="Numéro chez l'émetteur :",
)


async def calendar_of(services: App, issued: IssuedTickets, language: str) -> bytes | None:
    """The calendar file of an order; None if it is not confirmed, or no ticket has a day."""
    visits = await services.booking.visits.of(issued, language)
    if not visits:
        return None
    # The first one imports what writes it.
    return await to_thread.run_sync(calendar_file, issued.order, visits, language)


def calendar_file(order: Order, visits: Sequence[Visit], language: str) -> bytes:
    """The entries of an order's visits, in the language of the answer: French, else English.

    The same order gives the same bytes, and an entry keeps its UID when its time moves: a calendar
    that takes the file again has each entry once.
    """
    # Few calls need it, and none of them is the first.
    from icalendar import Calendar

    said = _FR if language.lower().startswith(FRENCH) else _EN
    calendar = Calendar()
    calendar.add("prodid", MAKER)
    calendar.add("version", "2.0")
    for visit in visits:
        calendar.add_component(_entry(order, visit, said))
    made: bytes = calendar.to_ical()
    return made


def _entry(order: Order, visit: Visit, said: _Words) -> "Event":
    from icalendar import Event

    entry = Event()
    # Tickets keep their ids, whatever becomes of their time.
    first = min(ticket.id for ticket in visit.tickets)
    entry.add("uid", str(uuid5(NAMESPACE_URL, f"{addresses.calendar(order.id)}#{first}")))
    # Not the present moment: the file would be another one each time.
    entry.add("dtstamp", (value_of(order.created_at) or _beginning(visit.starts)).astimezone(UTC))
    # A moment goes out in UTC, which needs no table of a zone's rules beside it; a day without a
    # time fills it, wherever the reader is.
    starts = visit.starts
    entry.add("dtstart", starts.astimezone(UTC) if isinstance(starts, datetime) else starts)
    if visit.ends is not None:
        entry.add("dtend", visit.ends.astimezone(UTC))
    entry.add("summary", visit.product)
    if visit.place:
        entry.add("location", visit.place)
    entry.add("description", "\n".join(_described(order, visit, said)))
    return entry


def _beginning(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time(), UTC)


def _described(order: Order, visit: Visit, said: _Words) -> Iterator[str]:
    """What to look for at the door, and by which number the order goes."""
    count = len(visit.tickets)
    yield f"{count} {said.tickets[count > 1]}"
    yield from (_seated(group, said) for group in seats_of(visit.seats))
    for named, number in (
        (said.order, order.reference),
        (said.at_issuer, order.connector_reference),
    ):
        if number and (shown := clean_line(number, 60)):
            yield f"{named} {shown}"


def _seated(group: SeatsView, said: _Words) -> str:
    """Seats of one row, or places of one zone."""
    facts = (
        (said.zone, group.zone),
        (said.row, group.row),
        (said.seats[len(group.seats) > 1], ", ".join(group.seats)),
        (said.entrance, group.entrance),
        (said.category, group.category),
    )
    told = ", ".join(
        filter(None, (*(f"{name} {fact}" for name, fact in facts if fact), group.also))
    )
    return told[:1].upper() + told[1:]
