"""Options of the command line: numbers in bounds, and the commands that find, hold and order."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

SHELLS: Final = ("bash", "zsh", "fish")
LONGEST_WAIT: Final = 600
Run: TypeAlias = Callable[[argparse.Namespace], int]
_NUMBER: Final = "its number in the last list, or its id"


def whole(least: int, most: int) -> Callable[[str], int]:
    """An argparse type for a whole number from `least` to `most`, written with digits alone."""

    def read(text: str) -> int:
        # int() also takes 1_000, +5, blanks and the digits of other scripts.
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not is_number or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


class Proposals:
    """Values that a shell proposes for an argument, read when they are asked for; any other value
    is taken, too.
    """

    def __init__(self, read: Callable[[], Iterable[str]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __contains__(self, value: object) -> bool:
        return True


def checked(read: Callable[[object], object]) -> Callable[[str], str]:
    """An argparse type for a text that the tools can read: by their rule, before one is called."""

    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check


# A server is waited for when it starts, and reads none of these: they are imported where they are.
def _day(text: object) -> object:
    from korus_mcp.foundation.wishes import wished_day

    return wished_day(text)


def _amount(text: object) -> object:
    from korus_mcp.foundation.wishes import wished_amount

    return wished_amount(text)


def _amount_or_none(text: object) -> object:
    from korus_mcp.foundation.wishes import is_zero

    return is_zero(text) or _amount(text)


def _weekdays(text: object) -> object:
    from korus_mcp.foundation.wishes import wished_weekdays

    return wished_weekdays(text)


DAY: Final = checked(_day)
AMOUNT: Final = checked(_amount)


def completed_by(action: argparse.Action, kind: Literal["file", "directory"]) -> None:
    """Say what a shell proposes as the value of an option (see `completion`)."""
    action.complete = kind  # type: ignore[attr-defined] # where shtab looks for it


def add_shop(commands: Any, run: Callable[[str], Run]) -> None:
    """Add the commands of `shop` to a parser; `run(name)` is the function of each."""

    def command(name: str, what: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
        parser.set_defaults(run=run(name))
        parser.add_argument("--json", action="store_true", help="for a program")
        return parser

    search = command("search", "find what is on sale, by words, place and days")
    search.add_argument("words", metavar="WORDS", nargs="*")
    search.add_argument("--city", help="a town")
    search.add_argument("--catalog", help="the name of a catalog")
    _add_days(search)
    _add_list(search, most=20)

    offers = command("offers", "list days and prices of a product")
    offers.add_argument("product", metavar="PRODUCT", nargs="?", help=_NUMBER)
    _add_days(offers)
    _add_choices(offers)
    offers.add_argument("--zone", help="names of zones, commas")
    offers.add_argument("--days-count", help="how many days a pass is for, as it is named")
    offers.add_argument("--weekdays", type=checked(_weekdays), help="these only: sat,sun")
    offers.add_argument("--by-price", action="store_true", help="the cheapest first")
    _add_list(offers, most=40)

    terms = command("terms", "print the terms of sale of a product, whole")
    terms.add_argument("product", metavar="PRODUCT", help=_NUMBER)

    available = command("availability", "ask the issuer now for price, stock and sessions")
    available.add_argument("offer", metavar="OFFER", nargs="+", help=_NUMBER)
    available.add_argument("--quantity", type=whole(1, 1000), help="how many of each (1)")
    _add_language(available)

    seats = command("seats", "draw the seat map of a venue, with the offers of its zones")
    seats.add_argument("product", metavar="PRODUCT", help=_NUMBER)
    seats.add_argument("--date", type=DAY, metavar="DAY", help="YYYY-MM-DD")
    seats.add_argument("--session", metavar="SESSION", help=_NUMBER)
    seats.add_argument("--quantity", type=whole(1, 1000), help="how many seats (1)")
    _add_choices(seats)
    order = ("cheapest", "closest", "together")
    seats.add_argument("--prefer", choices=order, help="which zones come first (cheapest)")
    picture = seats.add_argument("--png", metavar="FILE", help="save the map as a picture")
    completed_by(picture, "file")
    seats.add_argument("--open", action="store_true", help="show the picture")
    _add_language(seats)

    reserve = command("reserve", "hold offers for some minutes, at no cost")
    reserve.add_argument("offer", metavar="OFFER", nargs="+", help=_NUMBER)
    reserve.add_argument(
        "--quantity", type=whole(1, 1000), action="append", help="for all (1), or once for each"
    )
    reserve.add_argument(
        "--session", metavar="SESSION", action="append", help=f"{_NUMBER}; for all offers"
    )
    reserve.add_argument(
        "--max-total", type=checked(_amount_or_none), metavar="EUR", help="hold nothing above"
    )
    reserve.add_argument("--again", action="store_true", help="hold once more what is held already")
    _add_language(reserve)

    order_parser = command("order", "order what is held, once you said yes at this terminal")
    order_parser.add_argument(
        "reservation",
        metavar="RESERVATION",
        nargs="*",
        help="its number in the lists of reserve, or its id (what the last reserve held)",
    )
    for name in ("firstname", "lastname", "email"):
        order_parser.add_argument(f"--{name}", help="of the buyer; asked for where it is missing")
    for name in ("phone", "country", "title"):
        order_parser.add_argument(f"--{name}", help="of the buyer")
    order_parser.add_argument("--notes", help="for the issuer")
    order_parser.add_argument("--reference", help="your own, kept in the journal")

    orders = command("orders", "list orders, newest first")
    orders.add_argument(
        "reference", metavar="REFERENCE", nargs="?", help="KT-ORD-..., another reference, an e-mail"
    )
    _add_days(orders)
    orders.add_argument("--limit", type=whole(1, 50), help="how many (10)")
    orders.add_argument("--more", action="store_true", help="go on with the last list")

    tickets = command("tickets", "show the tickets of an order, and save its PDFs")
    tickets.add_argument("order", metavar="ORDER", help=f"KT-ORD-..., {_NUMBER}")
    tickets.add_argument("--save", action="store_true", help="save PDFs and calendar")
    tickets.add_argument(
        "--wait",
        type=whole(0, LONGEST_WAIT),
        default=120,
        metavar="SECONDS",
        help="for PDFs that are not ready (120)",
    )
    tickets.add_argument("--vouchers", action="store_true", help="show voucher numbers")
    _add_language(tickets)

    call = command("call", "call a tool as an assistant does")
    call.add_argument("tool", metavar="TOOL", help="search_products, get_offers, ...")
    call.add_argument(
        "arguments",
        metavar="JSON",
        nargs="?",
        default="{}",
        help="an object; - reads it from stdin",
    )


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="date_from", type=DAY, metavar="DAY", help="YYYY-MM-DD")
    parser.add_argument("--to", dest="date_to", type=DAY, metavar="DAY", help="the last day")


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--price-type", metavar="NAMES", help="such as adult,child")
    parser.add_argument("--category", metavar="NAMES", help="seating category, or seated")
    parser.add_argument("--max-price", type=AMOUNT, metavar="EUR", help="not above")


def _add_list(parser: argparse.ArgumentParser, *, most: int) -> None:
    parser.add_argument("--limit", type=whole(1, most), help="how many")
    parser.add_argument("--more", action="store_true", help="go on with the last list")
    _add_language(parser)


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", metavar="CODE", help="of names and texts (KORUS_LANGUAGE)")
