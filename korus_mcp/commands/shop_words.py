"""What a person at a terminal reads of the tools' answers: tables with short numbers for ids."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from typing import Any, Final

from korus_mcp.commands import zone_map
from korus_mcp.commands.desk import Answer, for_people
from korus_mcp.commands.screen import (
    NUMBER,
    Column,
    Screen,
    moment_here,
    moment_told,
    span_told,
)
from korus_mcp.commands.short_numbers import MAP_OF, OFFERS, Kind, ShortNumbers

Found = Mapping[str, Any]
NEXT: Final = "Next: korus-mcp {}"
_UNDATED: Final = "any day"
ALL_ORDERED: Final = "ordered"
SOLD_OUT: Final = "sold out"
_CATALOG_AT: Final = re.compile(r"(?<=Catalog as of )[0-9T:+Z-]+")
_SURE: Final = frozenset({"ordered", "partially_ordered"})


def ids_in(kind: Kind, found: Found) -> list[str]:
    """The ids of the rows of a list, in the order in which they are shown."""
    match kind:
        case Kind.PRODUCT:
            return [each["product_base_id"] for each in found.get("products", ())]
        case Kind.OFFER:
            return [offer["offer_id"] for _, offer in _offers_in(found)]
        case _:
            return [each["order_id"] for each in found.get("orders", ())]


def products(screen: Screen, found: Found, first: int) -> None:
    """The products of a search."""
    rows = [
        (
            number,
            each["name"],
            ", ".join(filter(None, (each.get("venue") or each.get("sold_by"), each.get("city")))),
            each.get("from_price"),
            _days_told(each.get("dates", ())),
        )
        for number, each in enumerate(found.get("products", ()), first)
    ]
    screen.line(_counted(found, len(rows), first), "bold")
    if not rows:
        return
    facts = [Column("from", is_fact=True), Column("days")]
    screen.table([NUMBER, Column("what"), Column("where"), *facts], rows)
    has_map = [n for n, each in enumerate(found["products"], first) if each.get("has_seat_map")]
    maps = f"; seats {has_map[0]} draws the venue" if has_map else ""
    screen.line(NEXT.format(f"offers {first} lists days and prices{maps}"), "dim")
    _more(screen, found, "search")


def offers(screen: Screen, found: Found, first: int) -> None:
    """The offers of a product, by days."""
    rows = []
    for number, (day, offer) in enumerate(_offers_in(found), first):
        when = moment_told(day.get("date")) or _UNDATED
        needs = day.get("session_required") or offer.get("session_required")
        was = f"was {offer['was']}" if "was" in offer else None
        facts = (was, "with a session" if needs else None, offer.get("problem"))
        told = ", ".join(filter(None, facts))
        left = _left(offer)
        rows.append((number, when, offer["product"], offer.get("price"), left, told))
    screen.line(f"{found['name']}: {_counted(found, len(rows), first)}", "bold")
    if not rows:
        return
    screen.table(
        [
            NUMBER,
            Column("day", is_fact=True, is_once=True),
            Column("what"),
            Column("price", is_number=True),
            Column("left", is_number=True),
            Column(""),
        ],
        rows,
    )
    if most := found.get("at_most_per_order"):
        screen.line(f"At most {most} in one order.")
    screen.line(NEXT.format(f"availability {first} asks for the price and sessions now"), "dim")
    _more(screen, found, "offers")


def availability(
    screen: Screen,
    found: Found,
    numbers: ShortNumbers,
    typed: Mapping[str, str],
    quantity: int | None,
) -> None:
    """One offer, or several by the sessions they share. `typed`: by the id of an offer, what the
    person wrote for it; `quantity`: how many they asked for, if they said.
    """
    groups = found.get("groups") or [{"offers": [found], "sessions": found.get("sessions", ())}]
    sessions = [session for group in groups for session in group.get("sessions", ())]
    of = {OFFERS: [offer["offer_id"] for group in groups for offer in group["offers"]]}
    number = numbers.begin(Kind.SESSION, [each["session_id"] for each in sessions], of)
    for group in groups:
        for offer in group["offers"]:
            screen.line(offer["product"], "bold")
            listed = f"listed at {offer['listed']}" if "listed" in offer else None
            state = "can be booked" if offer["bookable"] else f"no: {offer['reason']}"
            day = moment_told(offer.get("date"))
            left = None if offer.get("reason") == SOLD_OUT else _left_told(offer)
            facts = (day, state, offer.get("price"), listed, left)
            screen.line("  " + ", ".join(filter(None, facts)))
        shown = group.get("sessions", ())
        _sessions(screen, shown, number)
        number += len(shown)
    if most := found.get("at_most_per_order"):
        screen.line(f"At most {most} in one order.")
    for line in _instead(found.get("alternatives", ()), numbers):
        screen.line(line)
    many = f" --quantity {quantity}" if quantity is not None else ""
    ways = list(_to_reserve(groups, typed))
    for options in ways:
        screen.line(NEXT.format(f"reserve {options}{many} holds it, at no cost"), "dim")
    if not ways and not found.get("alternatives"):
        screen.line(for_people(found["next"]))


def _to_reserve(groups: Sequence[Found], typed: Mapping[str, str]) -> Iterator[str]:
    """What to type for the offers that can be booked, together where they share sessions, and the
    first session of theirs with enough left.
    """
    before = 0
    for group in groups:
        sessions = group.get("sessions", ())
        can = [offer["offer_id"] for offer in group["offers"] if offer["bookable"]]
        if can:
            enough = [n for n, each in enumerate(sessions, before + 1) if each["enough"]]
            session = f" --session {enough[0]}" if enough else ""
            yield " ".join(typed.get(each, each) for each in can) + session
        before += len(sessions)


def seats(screen: Screen, answer: Answer, numbers: ShortNumbers, product: str) -> None:
    """The map of a venue, and its best zones with their offers. `product`: as it was typed."""
    found = answer.structure
    zones = _by_stock(found.get("zones", ()))
    shown = [(zone, offer) for zone in zones for offer in zone["offers"]]
    ids = [offer["offer_id"] for _, offer in shown]
    if ids:
        numbers.begin(Kind.OFFER, ids, {MAP_OF: product})
    by_id = {each: number for number, each in enumerate(ids, 1)}
    sheet, day = answer.sheet, moment_told(found.get("date"))
    if sheet is not None:
        title = ", ".join(filter(None, (sheet["title"], sheet.get("venue"), day)))
        screen.line(title, "bold")
        marks = zone_map.FINE if screen.can_show(zone_map.FINE.all) else zone_map.PLAIN
        screen.drawn(
            zone_map.drawn(
                sheet, by_id, width=screen.width, marks=marks, has_colors=screen.has_colors
            )
        )
    counts = found["counts"]
    screen.line(f"{counts['fit']} of {counts['zones']} zones suit; the first of them:", "bold")
    rows = []
    for number, (zone, offer) in enumerate(shown, 1):
        price = f"{offer['price']}{' now' if offer.get('live') else ''}" if "price" in offer else ""
        about = (zone["zone"], zone.get("category"))
        left = _left_in(zone, found, sheet or {})
        rows.append((number, *about, offer["product"], price, left))
    if rows:
        where = [Column("zone", is_once=True), Column("category", is_once=True), Column("for")]
        stock = Column("left", is_number=True, is_once=True)
        screen.table([NUMBER, *where, Column("price", is_number=True), stock], rows)
    for each in found.get("yours", ()):
        state = "ordered" if each.get("ordered") else "held"
        screen.line(f"Yours: {_seat_told(each)} ({state})")
    if rows:
        what = "availability 1 asks for the price and sessions now"
        screen.line(NEXT.format(what), "dim")
    else:
        screen.line(for_people(found["next"]))


def _by_stock(zones: Sequence[Found]) -> Sequence[Found]:
    """The zones with their offers; those that share a stock as one, with the names of all: their
    offers are the same, and a second number for one would be a second thing to buy.
    """
    merged: list[dict[str, Any]] = []
    for zone in zones:
        offers = {offer["offer_id"]: offer for offer in zone.get("offers", ())}
        same = next((m for m in merged if zone.get("shared") and m["ids"] & offers.keys()), None)
        if same is None:
            merged.append({**zone, "offers": [*offers.values()], "ids": {*offers}})
            continue
        same["zone"] += f", {zone['zone']}"
        # The first zone may show prices for others, too, which hold in all of them.
        same["offers"] += [each for id_, each in offers.items() if id_ not in same["ids"]]
        same["ids"] |= offers.keys()
    return merged


def _left_in(zone: Found, found: Found, sheet: Found) -> int | None:
    """What is left in a zone; of a stock that zones share, what is left for all of them."""
    if not zone.get("shared") or "left" in zone:
        left: int | None = zone.get("left")
        return left
    sharers = [
        (each.get("shared"), offer.get("left"))
        for each in sheet.get("zones", ())
        for offer in each.get("offers", ())
        if offer["id"] in zone["ids"]
    ]
    if any(left is None for _, left in sharers):
        return None
    stocks = {
        stock["left"]
        for category in found.get("categories", ())
        if category.get("category") == zone.get("category")
        for stock in category.get("shared", ())
        if stock["zones"] in {count for count, _ in sharers}
    }
    # They are told by category: of several of as many zones nobody knows which one this is.
    return stocks.pop() if len(stocks) == 1 else None


def holds(screen: Screen, found: Found, numbers: ShortNumbers, first: int) -> None:
    """What is held, what is not, and what it costs. `first` is the number of the first hold."""
    held = found.get("reservations", ())
    again = " (held before: the same call again)" if found.get("replayed") else ""
    screen.line(f"{_state_told(found)}{again}", "bold")
    for number, hold in enumerate(held, first):
        left = hold.get("seconds_left")
        until = f"for {span_told(left)}" if left is not None else "until a time not stated"
        screen.line(f"{number}  held {until}, {hold.get('total', 'no total')}")
        for line in hold.get("lines", ()):
            screen.line(f"   {_line_told(line)}")
        for seat in hold.get("seats", ()):
            screen.line(f"   {_seat_told(seat)}")
        if "problem" in hold:
            screen.line(f"   cannot be ordered: {hold['problem']}")
    for failed in found.get("failed", ()):
        said = failed.get("reason") or f'the issuer says: "{failed.get("message")}"'
        screen.line(f"not held: {said}")
        for line in _instead(failed.get("alternatives", ()), numbers):
            screen.line(line)
    if len(held) > 1 and "total" in found:
        screen.line(f"Total {found['total']}")
    for move in found.get("price_moves", ()):
        screen.line(f"The price moved: {move.get('was')} was shown, {move.get('now')} now.")
    if found["state"] != "held":
        screen.line(for_people(found["next"]))
    if held:
        # A no to the same is kept for a while, whoever calls again.
        unless = ", unless you said no to it" if found.get("replayed") else ""
        what = f"order shows what was held now and asks for your yes{unless}"
        screen.line(NEXT.format(what), "dim")


def left_out(numbers: Sequence[int]) -> str:
    """What is held at this terminal and not part of the order that is asked about."""
    several = "reservations" if len(numbers) > 1 else "reservation"
    told = ", ".join(map(str, numbers))
    return (
        f"Not in this order: {several} {told}, held before; `korus-mcp order NUMBER ...` orders "
        "what it names."
    )


def placed(screen: Screen, found: Found) -> None:
    """What was ordered."""
    again = " before: nothing was sent again" if found.get("replayed") else ""
    screen.line(f"{_state_told(found)}{again}", "bold")
    rows = [
        (number, each.get("reference") or "?", each.get("total"), each.get("tickets"))
        for number, each in enumerate(found.get("orders", ()), 1)
    ]
    if rows:
        number = Column("tickets", is_number=True)
        order = Column("order", is_fact=True)
        screen.table([NUMBER, order, Column("total", is_number=True), number], rows)
    for each in found.get("failed", ()):
        said = each.get("reason") or f'the issuer says: "{each.get("message")}"'
        screen.line(f"not ordered: {said}")
    # In the usual case it only says which tool comes next.
    if found["state"] != "ordered" or not found["next"].startswith("Call get_tickets"):
        screen.line(for_people(found["next"]))
    if rows and found["state"] in _SURE:
        screen.line(NEXT.format("tickets 1 --save fetches the PDFs"), "dim")


def orders(screen: Screen, found: Found, first: int) -> None:
    """Orders, newest first."""
    rows = [
        (
            number,
            each.get("reference") or "?",
            each["status"],
            moment_here(each.get("created_at")),
            each.get("total"),
            each.get("tickets"),
            each.get("customer"),
        )
        for number, each in enumerate(found.get("orders", ()), first)
    ]
    if not rows:
        screen.line("No order was found.", "bold")
        return
    columns = [NUMBER, Column("order", is_fact=True), Column("state"), Column("made")]
    amounts = [Column("total", is_fact=True), Column("tickets", is_number=True)]
    screen.table([*columns, *amounts, Column("customer")], rows)
    screen.line(NEXT.format(f"tickets {first} shows its tickets"), "dim")
    _more(screen, found, "orders")


def tickets(screen: Screen, found: Found) -> None:
    """The tickets of an order and its files."""
    facts = (found.get("reference"), found["status"], found.get("total"))
    screen.line(f"Order {', '.join(filter(None, facts))}", "bold")
    alike: dict[tuple[str | None, ...], int] = {}
    for each in found.get("tickets", ()):
        told = (
            each["product"],
            moment_told(each.get("when")) or each.get("admits_to"),
            _seat_told(each["seat"]) if "seat" in each else None,
            each.get("beneficiary"),
            each["status"],
            each.get("voucher"),
        )
        alike[told] = alike.get(told, 0) + 1
    columns = ["ticket", "when", "seat", "for", "state"]
    rows = [(count, *told) for told, count in alike.items()]
    voucher = Column("voucher", is_fact=True)
    screen.table([Column("n", is_number=True), *map(Column, columns), voucher], rows)
    _names_needed(screen, found)
    for file in found.get("documents", ()):
        if "saved_to" in file:
            screen.whole_line(f"PDF: {file['saved_to']}")
        elif not file["ready"]:
            when = f"in about {file['ready_in']} s" if "ready_in" in file else "later"
            screen.line(f"{file['name']}: ready {when}")
        else:
            screen.line(f"{file['name']}: ready; --save saves it")
    if "calendar" in found:
        screen.whole_line(f"Calendar: {found['calendar']}")
    if found.get("note"):
        screen.line(for_people(found["note"]), "dim")
    # Whatever else there is to do or to know; how to save files was said above.
    if "save: true" not in found["next"]:
        screen.line(for_people(found["next"]))


def instead_told(structure: Found, numbers: ShortNumbers) -> Sequence[str]:
    """What a refusal names instead, numbered behind the offers that were shown."""
    return list(_instead((structure.get("error") or {}).get("alternatives", ()), numbers))


def note_told(note: str) -> str:
    """A note of an answer, with the age of a catalog by the clock of this machine."""
    return _CATALOG_AT.sub(lambda found: moment_here(found.group()) or "", for_people(note))


def _names_needed(screen: Screen, found: Found) -> None:
    """How to name those who use the tickets, where the issuer asks for that."""
    waiting = [each for each in found.get("tickets", ()) if each.get("beneficiary_fields_needed")]
    if not waiting:
        return
    people = [
        {"ticket_id": each["ticket_id"], **dict.fromkeys(each["beneficiary_fields_needed"], "...")}
        for each in waiting
    ]
    many = f"{len(waiting)} need the name of their"
    need = "1 needs the name of its" if len(waiting) == 1 else many
    screen.line(f"{need} user before there is a PDF. Fill in:")
    arguments = dumps({"order_id": found["order_id"], "beneficiaries": people})
    screen.whole_line(f"korus-mcp call name_beneficiaries {shlex.quote(arguments)}")


def _offers_in(found: Found) -> Iterator[tuple[Found, Found]]:
    for day in found.get("days", ()):
        for offer in day["offers"]:
            yield day, offer


def _sessions(screen: Screen, sessions: Sequence[Found], first: int) -> None:
    rows = []
    for number, each in enumerate(sessions, first):
        left = "unknown" if each.get("stock_unknown") else each.get("left")
        problem = None if each["enough"] else each.get("problem", "not enough")
        ends = (each.get("ends_at") or "").partition("T")[2][:5] or None
        begins = moment_told(each.get("starts_at")) or "no time stated"
        rows.append((number, begins, ends, left, each.get("ticket"), problem))
    if rows:
        times = [Column("session", is_fact=True), Column("ends", is_fact=True)]
        stock = Column("left", is_number=True)
        screen.table([NUMBER, *times, stock, Column("ticket"), Column("")], rows)


def _instead(alternatives: Sequence[Found], numbers: ShortNumbers) -> Iterator[str]:
    """What can be booked instead, with numbers of its offers and sessions."""
    unnamed = []
    for each in alternatives:
        offer = numbers.go_on(Kind.OFFER, [each["offer_id"]])
        ids = each.get("session_ids") or [i for i in (each.get("session_id"),) if i]
        first = numbers.go_on(Kind.SESSION, ids) if ids else 0
        sessions = "".join(f" --session {first + n}" for n in range(len(ids)))
        when = moment_told(each.get("starts_at") or each.get("date"))
        facts = (each.get("product"), when, each.get("price"), _left_told(each))
        told = ", ".join(filter(None, facts))
        yield f"instead: {told}: korus-mcp reserve {offer}{sessions}"
        if "product" not in each:
            unnamed.append(str(offer))
    if unnamed:
        yield f"What these are: korus-mcp availability {' '.join(unnamed)}"


def _counted(found: Found, shown: int, first: int) -> str:
    """How many of how many there are."""
    total = found.get("total")
    if not shown and first == 1:
        return "Nothing was found."
    rows = f"{first} to {first + shown - 1}" if first > 1 else str(shown)
    return f"{rows} of {total}" if total is not None else rows


def _more(screen: Screen, found: Found, command: str) -> None:
    """How the list goes on."""
    if found.get("next_cursor"):
        screen.line(f"More: korus-mcp {command} --more", "dim")


def _days_told(days: Sequence[str]) -> str:
    told = [moment_told(day) or day for day in days]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _left(offer: Found) -> str | None:
    left = offer.get("left")
    if left is None:
        return None
    return str(left) if left else SOLD_OUT


def _left_told(offer: Found) -> str | None:
    left = _left(offer)
    return left if left in (None, SOLD_OUT) else f"{left} left"


def _line_told(line: Found) -> str:
    when = [moment_told(each) for each in line.get("when", ())]
    facts = (f"{line['quantity']} x {line['product']}", *when, line.get("amount"))
    return ", ".join(filter(None, facts))


def _seat_told(seat: Found) -> str:
    """A place as it is printed on a ticket."""
    numbers = seat.get("seats", ())
    facts = (
        f"{seat['places']} places" if "places" in seat else None,
        f"zone {seat['zone']}" if "zone" in seat else None,
        f"row {seat['row']}" if "row" in seat else None,
        f"{'seats' if len(numbers) > 1 else 'seat'} {', '.join(numbers)}" if numbers else None,
        f"entrance {seat['entrance']}" if "entrance" in seat else None,
        f"category {seat['category']}" if "category" in seat else None,
        seat.get("also"),
    )
    return ", ".join(filter(None, facts))


def _state_told(found: Found) -> str:
    """The state in words, and the world it is of."""
    state = found["state"].replace("_", " ")
    return f"{state[0].upper()}{state[1:]} in the {found['environment']} environment"
