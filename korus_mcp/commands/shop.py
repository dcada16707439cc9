"""korus-mcp search, offers, availability, seats, reserve, order, orders, tickets, call.

Each calls the tool that an assistant calls, and prints its structure for a person, or as JSON.
"""

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio

from korus_mcp.access.policy import tool_names
from korus_mcp.answers import addresses
from korus_mcp.commands import shop_words
from korus_mcp.commands.console import error_of, tell_json
from korus_mcp.commands.desk import (
    NOTHING_HELD,
    NOTHING_ORDERED,
    Answer,
    Desk,
    ToolRefused,
    allowed,
    open_desk,
)
from korus_mcp.commands.screen import NotDone, Screen, busy, complain
from korus_mcp.commands.short_numbers import ORDERED, Kind, ShortNumbers, terminal_folder
from korus_mcp.commands.terminal import has_terminal, unanswered
from korus_mcp.foundation import private_files
from korus_mcp.foundation.refusals import Code
from korus_mcp.settings import PREFIX, Misconfigured, Settings

Command: TypeAlias = Callable[[Settings, Namespace], int]
PICTURE: Final = "seat-map.png"
UNKNOWN_WAIT_SECONDS: Final = 5.0
"""The pause before a PDF is asked for again of which nobody says when it will be ready."""
MOST_PAGES: Final = 100
VIEWER_SECONDS: Final = 2.0
"""How long a viewer is waited for that may fail at once."""
NO_TERMINAL: Final = (
    "An order needs a yes from a person at a terminal, and there is none here; nothing was ordered."
)
_VIEWERS: Final = {"darwin": "open", "win32": "explorer"}


def command(run: Command) -> Command:
    """A command that ends with 1 and a sentence on stderr where something is refused; with 2 where
    a setting is the reason.
    """

    @wraps(run)
    def ended(settings: Settings, given: Namespace) -> int:
        try:
            return run(settings, given)
        except NotDone as ended:
            lines = list(ended.lines)
            structure = error_of(" ".join(lines))
            if isinstance(ended, ToolRefused):
                lines += shop_words.instead_told(ended.structure, ShortNumbers.of(settings))
                structure = ended.structure or structure
            if given.json:
                tell_json(structure)
            complain(lines)
            is_misconfigured = structure.get("error", {}).get("code") == Code.MISCONFIGURED
            return 2 if is_misconfigured else 1
        except KeyboardInterrupt:
            if unanswered.is_set():
                # What stands before it is the question, or what was typed behind it.
                if sys.stderr is not None and sys.stderr.isatty():
                    Screen(sys.stderr).line("")
                complain([NOTHING_ORDERED])
            raise

    return ended


@command
def run_search(settings: Settings, given: Namespace) -> int:
    """Find what is on sale, by words, place and days."""
    numbers = ShortNumbers.of(settings)
    asked: Mapping[str, Any] = _stated(
        query=" ".join(given.words),
        city=given.city,
        catalog=given.catalog,
        date_from=given.date_from,
        date_to=given.date_to,
        limit=given.limit,
        language=given.language,
    )
    asked = numbers.rest(Kind.PRODUCT) if given.more else asked
    answer = _read(settings, "search_products", asked, "Reading the catalog")
    return _listed(given, numbers, Kind.PRODUCT, answer, asked, shop_words.products)


@command
def run_offers(settings: Settings, given: Namespace) -> int:
    """List days and prices of a product."""
    numbers = ShortNumbers.of(settings)
    if given.product is None and not given.more:
        raise Misconfigured("Say which product: its number in the last search, or its id.")
    asked = (
        numbers.rest(Kind.OFFER)
        if given.more
        else _stated(
            product_base_id=numbers.id_of(Kind.PRODUCT, given.product),
            date_from=given.date_from,
            date_to=given.date_to,
            price_type=given.price_type,
            seating_category=given.category,
            zone=given.zone,
            days_count=given.days_count,
            weekdays=given.weekdays,
            max_price=given.max_price,
            by_price=given.by_price or None,
            limit=given.limit,
            language=given.language,
        )
    )
    answer = _read(settings, "get_offers", asked, "Reading the prices")
    return _listed(given, numbers, Kind.OFFER, answer, asked, shop_words.offers)


@command
def run_terms(settings: Settings, given: Namespace) -> int:
    """Print all that the issuer of a product says of its sale; of a hold its beginning is told."""
    product = ShortNumbers.of(settings).id_of(Kind.PRODUCT, given.product)

    async def work(desk: Desk) -> Answer:
        with busy("Reading the terms"):
            return await desk.read(addresses.product_base(product))

    answer = _run(settings, work)
    if given.json:
        return _told(answer)
    terms = answer.structure.get("terms_of_sale") or "The issuer states no terms of sale."
    screen = Screen()
    for line in (str(answer.structure.get("name") or product), *str(terms).splitlines()):
        screen.line(line)
    return 0


@command
def run_availability(settings: Settings, given: Namespace) -> int:
    """Ask the issuer now for price, stock and sessions of offers."""
    numbers = ShortNumbers.of(settings)
    ids = [numbers.id_of(Kind.OFFER, each) for each in given.offer]
    asked = _stated(offer_id=",".join(ids), quantity=given.quantity, language=given.language)
    answer = _read(settings, "check_availability", asked, "Asking the issuer")
    if given.json:
        return _told(answer)
    screen = Screen()
    typed = dict(zip(ids, given.offer, strict=True))
    shop_words.availability(screen, answer.structure, numbers, typed, given.quantity)
    _end(screen, numbers, answer.structure)
    return 0


@command
def run_seats(settings: Settings, given: Namespace) -> int:
    """Draw a venue in characters, with the offers of its zones; or as a picture."""
    numbers = ShortNumbers.of(settings)
    wants_picture = given.png is not None or given.open
    session = given.session and numbers.id_of(Kind.SESSION, given.session)
    asked = _stated(
        product_base_id=numbers.id_of(Kind.PRODUCT, given.product),
        session_id=session,
        date=given.date,
        quantity=given.quantity,
        max_price=given.max_price,
        price_type=given.price_type,
        seating_category=given.category,
        prefer=given.prefer,
        picture=wants_picture or None,
        language=given.language,
    )
    answer = _read(settings, "get_seat_map", asked, "Reading the seat map")
    saved = _saved_picture(settings, given.png, answer) if wants_picture else None
    if given.json:
        _told(answer)
    else:
        screen = Screen()
        shop_words.seats(screen, answer, numbers, given.product)
        _end(screen, numbers, answer.structure)
        if saved is not None:
            screen.whole_line(f"Picture: {saved}")
    if given.open and saved is not None:
        _open(saved, given.environ)
    return 0


@command
def run_reserve(settings: Settings, given: Namespace) -> int:
    """Hold offers for some minutes, at no cost."""
    settings = allowed(settings, "reserve")
    numbers = ShortNumbers.of(settings)
    sessions = [numbers.id_of(Kind.SESSION, each) for each in given.session or ()]
    offers = [numbers.id_of(Kind.OFFER, each) for each in given.offer]
    quantities = _for_each(given.quantity or [1], len(offers))
    items = [
        {"offer_id": offer, "quantity": quantity, "session_ids": sessions}
        for offer, quantity in zip(offers, quantities, strict=True)
    ]
    asked = _stated(
        items=items, max_total=given.max_total, again=given.again or None, language=given.language
    )
    answer = _read(settings, "reserve", asked, "Asking the issuer to hold it")
    held = [hold["reservation_id"] for hold in answer.structure.get("reservations", ())]
    # Where nothing was held what was held before can still be ordered.
    first = numbers.hold(held) if held else 1
    if given.json:
        _told(answer)
    else:
        screen = Screen()
        shop_words.holds(screen, answer.structure, numbers, first)
        _end(screen, numbers, answer.structure)
    return 0 if held else 1


@command
def run_order(settings: Settings, given: Namespace) -> int:
    """Order what is held, once a person at this terminal said yes."""
    settings = allowed(settings, "place_order")
    if not has_terminal():
        raise NotDone(NO_TERMINAL)
    numbers = ShortNumbers.of(settings)
    ids = _to_order(given, numbers)
    fields = ("firstname", "lastname", "email", "phone", "country", "title")
    asked = _stated(
        reservation_ids=ids,
        customer=_stated(**{name: getattr(given, name) for name in fields}) or None,
        notes=given.notes,
        reference=given.reference,
    )
    earlier = {} if given.reservation else numbers.held_before()
    answer = _run(settings, partial(_place, asked, earlier))
    if answer.structure.get("state") == shop_words.ALL_ORDERED:
        numbers.order(ids)
    orders = [order["order_id"] for order in answer.structure.get("orders", ())]
    if orders:
        numbers.begin(Kind.ORDER, orders)
    if given.json:
        _told(answer)
    else:
        screen = Screen()
        shop_words.placed(screen, answer.structure)
        _end(screen, numbers, answer.structure)
    return 0 if orders else 1


@command
def run_orders(settings: Settings, given: Namespace) -> int:
    """List orders, newest first; or the one with a number or reference."""
    settings = allowed(settings, "find_orders")
    numbers = ShortNumbers.of(settings)
    asked = (
        numbers.rest(Kind.ORDER)
        if given.more
        else _stated(
            reference=given.reference,
            created_from=given.date_from,
            created_to=given.date_to,
            limit=given.limit,
        )
    )
    answer = _read(settings, "find_orders", asked, "Looking for orders")
    _listed(given, numbers, Kind.ORDER, answer, asked, shop_words.orders)
    return 0 if answer.structure.get("orders") or not given.reference else 1


@command
def run_tickets(settings: Settings, given: Namespace) -> int:
    """Show the tickets of an order, and save its PDFs."""
    settings = allowed(settings, "get_tickets")
    numbers = ShortNumbers.of(settings)
    asked = _stated(
        order_id=numbers.id_of(Kind.ORDER, given.order),
        save=given.save or None,
        vouchers=given.vouchers or None,
        language=given.language,
    )
    try:
        answer = _run(settings, partial(_tickets, asked, given.wait if given.save else 0))
    except ToolRefused as refused:
        # An assistant is told no folder of this machine; whoever typed this has to find it.
        if (refused.structure.get("error") or {}).get("code") != Code.MISCONFIGURED:
            raise
        named = f"KORUS_DOWNLOAD_DIR is {settings.download_dir or 'not set'}."
        raise ToolRefused(refused.structure, *refused.lines, named) from None
    if given.json:
        return _told(answer)
    screen = Screen()
    shop_words.tickets(screen, answer.structure)
    return 0


@command
def run_call(settings: Settings, given: Namespace) -> int:
    """Call any tool with arguments in JSON, as an assistant does."""
    names = tool_names(settings)
    if given.tool not in names:
        raise Misconfigured(f"the tools here are {', '.join(names)}.")
    text = sys.stdin.read() if given.arguments == "-" else given.arguments
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise Misconfigured(f"the arguments of {given.tool} are no JSON: {error}.") from None
    if not isinstance(arguments, dict):
        raise Misconfigured(f"the arguments of {given.tool} must be a JSON object: {{...}}.")
    answer = _run(settings, partial(_call, given.tool, arguments))
    if given.json:
        return _told(answer)
    screen = Screen()
    for line in answer.text.splitlines():
        screen.whole_line(line)
    return 0


COMMANDS: Final[Mapping[str, Command]] = {
    "search": run_search,
    "offers": run_offers,
    "terms": run_terms,
    "availability": run_availability,
    "seats": run_seats,
    "reserve": run_reserve,
    "order": run_order,
    "orders": run_orders,
    "tickets": run_tickets,
    "call": run_call,
}


# Calling


def _run(settings: Settings, work: Callable[[Desk], Awaitable[Answer]]) -> Answer:
    """The answer of some work at a desk.

    Raises:
        NotDone: it was refused.
    """
    ended = anyio.run(_ended, settings, work)
    if isinstance(ended, NotDone):
        raise ended
    return ended


async def _ended(settings: Settings, work: Callable[[Desk], Awaitable[Answer]]) -> Answer | NotDone:
    async with open_desk(settings) as desk:
        # Returned: through the tasks of the server it would come as a group of exceptions.
        try:
            return await work(desk)
        except NotDone as ended:
            return ended


async def _call(tool: str, arguments: Mapping[str, Any], desk: Desk) -> Answer:
    return await desk.call(tool, arguments, is_for_people=False)


def _read(settings: Settings, tool: str, arguments: Mapping[str, Any], words: str) -> Answer:
    """The answer of a tool that asks nobody at this terminal, which says meanwhile what it does."""

    async def work(desk: Desk) -> Answer:
        with busy(words) as told:
            return await desk.call(tool, arguments, told)

    return _run(settings, work)


def _to_order(given: Namespace, numbers: ShortNumbers) -> Sequence[str]:
    """The ids of the reservations that are to be ordered: those named, or what was held last.

    Raises:
        NotDone: nothing is held.
    """
    if given.reservation:
        return [numbers.id_of(Kind.RESERVATION, each) for each in given.reservation]
    held = [each for each in numbers.all_of(Kind.HELD) if each != ORDERED]
    if not held:
        raise NotDone(NOTHING_HELD)
    return held


async def _place(arguments: Mapping[str, Any], earlier: Mapping[int, str], desk: Desk) -> Answer:
    """The order, once the person agreed. What else they hold they are told of before."""
    if numbers := await _still_held(earlier, desk):
        desk.person.beforehand = [shop_words.left_out(numbers)]
    return await desk.call("place_order", arguments)


async def _still_held(earlier: Mapping[int, str], desk: Desk) -> Sequence[int]:
    """The numbers of those reservations that can still be ordered."""
    numbers = []
    for number, each in earlier.items():
        # One that lapsed long ago is refused: there is nothing to tell of it.
        with suppress(ToolRefused):
            seen = await desk.call("get_reservation", {"reservation_ids": [each]})
            if any(hold["state"] == "held" for hold in seen.structure.get("reservations", ())):
                numbers.append(number)
    return numbers


async def _tickets(arguments: Mapping[str, Any], seconds: float, desk: Desk) -> Answer:
    """The tickets of an order with all their pages. PDFs that are to be saved and are not ready
    are waited for.
    """
    with busy("Asking for the tickets") as told:
        answer = await _all_pages(arguments, desk)
        while (left := _unready(answer)) is not None and seconds > 0:
            pause = min(left, seconds)
            told(0, None, f"The PDFs are ready in about {pause:.0f} s")
            await anyio.sleep(pause)
            seconds -= pause
            answer = await _all_pages(arguments, desk)
    return answer


async def _all_pages(arguments: Mapping[str, Any], desk: Desk) -> Answer:
    first = await desk.call("get_tickets", arguments)
    whole = dict(first.structure)
    for _ in range(MOST_PAGES):
        cursor = whole.pop("next_cursor", None)
        if cursor is None:
            break
        page = (await desk.call("get_tickets", {**arguments, "cursor": cursor})).structure
        lists = {
            name: [*whole.get(name, ()), *page.get(name, ())] for name in ("tickets", "documents")
        }
        whole |= {**page, "calendar": whole.get("calendar"), **lists}
    return Answer({k: v for k, v in whole.items() if v is not None}, first.text)


def _unready(answer: Answer) -> float | None:
    """In how many seconds all PDFs are ready; None where they are."""
    unready = [d for d in answer.structure.get("documents", ()) if not d["ready"]]
    if not unready:
        return None
    return float(max(d.get("ready_in") or UNKNOWN_WAIT_SECONDS for d in unready))


def _stated(**arguments: Any) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in arguments.items() if value not in (None, "", [])}


def _for_each(quantities: Sequence[int], count: int) -> Sequence[int]:
    """A quantity for each offer: one for all, or one each."""
    if len(quantities) == 1:
        return [*quantities] * count
    if len(quantities) != count:
        raise Misconfigured(f"Give --quantity once, or once for each of the {count} offers.")
    return quantities


# Printing


def _told(answer: Answer) -> int:
    tell_json(answer.structure)
    return 0


def _listed(
    given: Namespace,
    numbers: ShortNumbers,
    kind: Kind,
    answer: Answer,
    asked: Mapping[str, Any],
    show: Callable[[Screen, Mapping[str, Any], int], None],
) -> int:
    """Print a list whose rows get numbers; with `--more` they go on."""
    if given.json:
        return _told(answer)
    found = answer.structure
    ids = shop_words.ids_in(kind, found)
    cursor = found.get("next_cursor")
    # A reference may be somebody's e-mail address, which is kept nowhere.
    more = {**asked, "cursor": cursor} if cursor and "reference" not in asked else {}
    first = 1
    # What was found nowhere is no table: the numbers of the one before go on to count.
    if ids or given.more:
        first = (numbers.go_on if given.more else numbers.begin)(kind, ids, more)
    screen = Screen()
    show(screen, found, first)
    _end(screen, numbers, found)
    return 0


def _end(screen: Screen, numbers: ShortNumbers, found: Mapping[str, Any]) -> None:
    """What else is to be known of an answer."""
    if note := found.get("note"):
        screen.line(shop_words.note_told(note), "dim")
    if numbers.why_not_kept is not None:
        complain([f"numbers are not kept, since {numbers.why_not_kept}; --json shows the ids."])


# Pictures


def _saved_picture(settings: Settings, wished: str | None, answer: Answer) -> Path:
    """The file of the map's picture: the one that was named, else one in the user's cache.

    Raises:
        NotDone: there is no picture, or it cannot be written.
    """
    if answer.picture is None:
        raise NotDone("No picture could be drawn of this map.")
    if wished is not None:
        path = Path(wished)
    else:
        folder = terminal_folder(settings)
        if folder is None:
            raise NotDone("This user has no home folder: name a file with --png.")
        path = folder / PICTURE
    try:
        if wished is None:
            private_files.private_folder(path.parent, ours="", is_read_again=True)
            path.unlink(missing_ok=True)
            private_files.write_new(path, answer.picture)
        else:
            path.write_bytes(answer.picture)
    except OSError as error:
        raise NotDone(f"{path} cannot be written: {error.strerror}.") from None
    return path


def _open(path: Path, environ: Mapping[str, str]) -> None:
    """Show a file with the viewer of this machine.

    Raises:
        NotDone: there is none.
    """
    viewer = _VIEWERS.get(sys.platform, "xdg-open")
    try:
        # A viewer need not know the secrets of an account, and stays when this command has ended.
        showing = subprocess.Popen(  # noqa: S603 - one of three programs, and a file of ours
            [viewer, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in environ.items() if not k.startswith(PREFIX)},
            start_new_session=True,
        )
        # One that stays in the foreground shows it.
        with suppress(subprocess.TimeoutExpired):
            if showing.wait(VIEWER_SECONDS):
                raise NotDone(f"`{viewer}` could not show the picture: {path}")
    except OSError:
        raise NotDone(f"There is no `{viewer}` here to show the picture with: {path}") from None
