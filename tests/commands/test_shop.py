"""Finding, holding and ordering from a terminal, as a person types it."""

import io
import json
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import anyio
import pytest
from anyio import from_thread
from mcp import Client
from mcp_types import CallToolResult

from korus_mcp.booking.approval import declined
from korus_mcp.booking.limits import how_to_split
from korus_mcp.commands import shop, shop_words, terminal
from korus_mcp.commands.cli import EXIT_INTERRUPTED, EXIT_MISCONFIGURED, main
from korus_mcp.commands.desk import (
    COMMANDS,
    NOTHING_ORDERED,
    Answer,
    Desk,
    Person,
    ToolRefused,
    for_people,
)
from korus_mcp.commands.screen import Screen
from korus_mcp.commands.short_numbers import ShortNumbers
from korus_mcp.commands.zone_map import LETTERS
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.settings import Settings, read_settings
from tests.fixtures.assistant import CUSTOMER
from tests.fixtures.by_hand import at_a_terminal, through_a_pipe
from tests.fixtures.hosts import PROJECT, child_environment

BUYER = ("--firstname", "Ada", "--lastname", "Lovelace", "--email", "ada@example.org")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
Said = tuple[int, str, str]
Typed = Callable[..., Said]
COLOR = "\x1b["
NO_FOLDER = {"KORUS_DOWNLOAD_DIR": "/dev/null/tickets"}


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """Types a command in this process: how it ended, and what it wrote to stdout and stderr."""
    for name in [n for n in os.environ if n.startswith("KORUS_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    for name, value in child_environment(tmp_path).items():
        if name.startswith("KORUS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "80")

    def type_(*arguments: str) -> Said:
        ended = main(arguments)
        said = capsys.readouterr()
        return ended, said.out, said.err

    return type_


def in_the_list(text: str, *words: str) -> str:
    """The number of the row of a printed list that has these words."""
    rows = [line for line in text.splitlines() if all(word in line for word in words)]
    return rows[0].split()[0]


@POSIX
def test_a_booking_takes_a_process_for_each_command(tmp_path: Path) -> None:
    there = child_environment(tmp_path)

    def piped(*arguments: str, code: int = 0) -> str:
        ran = through_a_pipe([*arguments], "y\n", there)
        assert ran.returncode == code, ran.stderr
        assert COLOR not in ran.stdout + ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    assert "Permanent collection" in piped("search", "permanent", "collection")
    offer = in_the_list(piped("offers", "1", "--limit", "6"), "Full price")
    session = in_the_list(re.sub(".*not enough", "", piped("availability", offer)), ":")
    assert "Held" in piped("reserve", offer, "--session", session)
    # A program has no terminal: what it writes to stdin is no person's yes.
    assert "a person at a terminal" in piped("order", *BUYER, code=1)
    assert "No order was found" in piped("orders")

    ended, screen = at_a_terminal(["order", *BUYER], "\n", there)
    assert (ended, "Nothing was ordered" in screen) == (1, True), screen
    ended, screen = at_a_terminal(["order", *BUYER], "y\n", there)
    assert ended == 0, screen
    for fact in ("Permanent collection", "Ada Lovelace", "ada@example.org", "14.00 EUR"):
        assert fact in screen
    (reference,) = set(re.findall(r"KT-ORD-\d+", screen))

    nowhere = there | {"KORUS_DOWNLOAD_DIR": os.devnull}
    ran = through_a_pipe(["tickets", "1", "--save"], "", nowhere)
    assert (ran.returncode, "(MISCONFIGURED)" in ran.stderr) == (EXIT_MISCONFIGURED, True)
    saved = piped("tickets", "1", "--save")
    (path,) = re.findall(r"^PDF: (.+)$", saved, re.MULTILINE)
    assert Path(path).read_bytes().startswith(b"%PDF")
    assert reference in piped("orders", reference)
    assert reference in piped("tickets", reference)


@POSIX
def test_nobody_but_a_person_at_the_terminal_orders(tmp_path: Path) -> None:
    there = child_environment(tmp_path)
    for command in (["search", "undated", "1-day", "ticket"], ["offers", "1"], ["reserve", "1"]):
        ran = through_a_pipe(command, "", there)
        assert ran.returncode == 0, ran.stderr
    ended, screen = at_a_terminal(["order", *BUYER], "n\n", there)
    assert (ended, "Nothing was ordered" in screen) == (1, True), screen
    # `call` is no way around the person, neither are settings that ask nobody.
    wish = {"reservation_ids": ids_of(tmp_path, "reservation"), "customer": CUSTOMER}
    two_steps = there | {"KORUS_APPROVAL": "two_step"}
    asked = through_a_pipe(["call", "place_order", json.dumps(wish)], "y\n", two_steps)
    assert asked.returncode == 1
    assert "APPROVAL_UNAVAILABLE" in asked.stderr


def next_in(text: str) -> list[str]:
    """The command that is proposed behind an answer."""
    (command,) = re.findall(r"Next: korus-mcp (.+?) holds it", " ".join(text.split()))
    return str(command).split()


def test_what_is_proposed_to_hold_can_be_typed_as_it_stands(typed: Typed) -> None:
    typed("search", "permanent", "collection")
    offer = in_the_list(typed("offers", "1", "--limit", "6")[1], "Full price")
    code, out, _ = typed("availability", offer, "--quantity", "3")
    assert code == 0
    proposed = next_in(out)
    assert proposed[:2] == ["reserve", offer]
    assert proposed[-2:] == ["--quantity", "3"]
    code, out, err = typed(*proposed)
    assert (code, "3 x" in out) == (0, True), err


def test_what_is_missing_is_named_as_it_is_typed(typed: Typed) -> None:
    typed("search", "permanent", "collection")
    offer = in_the_list(typed("offers", "1", "--limit", "6")[1], "Full price")
    code, _, err = typed("reserve", offer)
    assert (code, "(SESSION_REQUIRED)" in err) == (1, True)
    assert "--session" in err
    assert "session_ids" not in err
    # Numbers stand for sessions at a terminal: an id would be nothing that anybody types.
    assert "`korus-mcp availability`" in err
    assert not re.search("[0-9a-f]{8}-", err)
    _, _, err = typed("reserve", "abcdef")
    assert "OFFER 1 of those typed: neither a number of the last list nor an id" in err
    assert "fields" not in err
    # Here the arguments are an assistant's, and so is what it reads of them.
    _, _, err = typed("call", "get_offers", "{}")
    assert "- product_base_id: required" in err


@dataclass
class Refusing:
    """A server that refuses each call with this error."""

    error: Mapping[str, object]

    async def call_tool(self, *_: object, **__: object) -> CallToolResult:
        return CallToolResult(content=[], structured_content={"error": self.error}, is_error=True)


@pytest.mark.anyio
async def test_after_a_no_the_person_reads_what_they_said_and_how_they_are_asked_anew() -> None:
    refusal = declined()
    error = {"code": refusal.code.value, "message": refusal.message, "next": refusal.next_step}
    desk = Desk(cast("Client", Refusing(error)), Person())
    with pytest.raises(ToolRefused, match="You said no") as refused:
        await desk.call("place_order", {})
    (line,) = refused.value.lines
    assert "The person" not in line
    assert "`korus-mcp reserve` with --again" in line


@POSIX
def test_who_leaves_the_question_reads_on_a_new_line_that_nothing_was_ordered(
    tmp_path: Path,
) -> None:
    there = child_environment(tmp_path)
    for each in (["search", "undated", "1-day", "ticket"], ["offers", "1"], ["reserve", "1"]):
        assert through_a_pipe(each, "", there).returncode == 0
    told = f"korus-mcp: {NOTHING_ORDERED}"
    for key, code in (("\x03", EXIT_INTERRUPTED), ("\x04", 1)):
        ended, screen = at_a_terminal(["order", *BUYER], key, there)
        assert ended == code, screen
        assert [line for line in screen.splitlines() if NOTHING_ORDERED in line] == [told], screen
    # Also where the buyer is asked for, which comes before the question.
    ended, screen = at_a_terminal(["order"], "\x03", there, asks=": ")
    assert (ended, told in screen.splitlines()) == (EXIT_INTERRUPTED, True), screen
    assert "No order was found" in through_a_pipe(["orders"], "", there).stdout


@pytest.mark.anyio
@pytest.mark.parametrize("is_answered", [True, False])
async def test_that_nothing_was_ordered_is_said_of_a_question_without_an_answer_alone(
    is_answered: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def at_hand() -> Iterator[tuple[io.StringIO, io.StringIO]]:
        yield io.StringIO(), io.StringIO()

    @shop.command
    def run(settings: Settings, given: Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "terminal", at_hand)
    is_left = Event()
    with anyio.CancelScope() as asked:

        def talk(_: terminal.Conversation) -> str:
            if not is_answered:
                from_thread.run_sync(asked.cancel)
                is_left.wait(5)
            return "y"

        assert await terminal.converse(talk) == "y"
    is_left.set()
    with pytest.raises(KeyboardInterrupt):
        run(read_settings({}), Namespace(json=False))
    assert capsys.readouterr().err == ("" if is_answered else f"korus-mcp: {NOTHING_ORDERED}\n")


@POSIX
def test_after_a_no_another_hold_is_asked_about(tmp_path: Path) -> None:
    there = child_environment(tmp_path)
    for command in (["search", "undated", "1-day", "ticket"], ["offers", "1"], ["reserve", "1"]):
        assert through_a_pipe(command, "", there).returncode == 0
    assert at_a_terminal(["order", *BUYER], "n\n", there)[0] == 1
    assert through_a_pipe(["reserve", "1", "--again"], "", there).returncode == 0
    ended, screen = at_a_terminal(["order", *BUYER], "y\n", there)
    assert (ended, "Not in this order: reservation 1" in " ".join(screen.split())) == (0, True)


@POSIX
def test_the_question_is_in_the_words_and_times_of_the_terminal(tmp_path: Path) -> None:
    there = {**child_environment(tmp_path), "KORUS_LANGUAGE": "fr"}

    def piped(*arguments: str) -> str:
        ran = through_a_pipe([*arguments], "", there)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    piped("search", "derby")
    piped("offers", "1", "--category", "standing", "--by-price")
    hold = "reserve", "1", "--session", "1", "--quantity", "2"
    assert f"korus-mcp {' '.join(hold)}" in piped("availability", "1", "--quantity", "2")
    assert in_the_list(piped(*hold), "held for") == "1"
    again = piped(*hold)
    assert in_the_list(again, "held for") == "1", "one hold has one number"
    assert "unless you said no to it" in again
    ended, screen = at_a_terminal(["order", *BUYER], "y\n", there)
    asked, _, _ = " ".join(screen.split()).partition("Ordered in")
    assert ended == 0, screen
    assert "Order this? y = yes" in asked
    assert re.search(r"seats: 2 x zone [^;]*Kop debout Buyer", asked)
    (begins,) = set(re.findall(r"Sun \d\d \w{3} \d{4} 20:45", asked))
    assert begins
    # By the clock of the machine: the hold ends within minutes.
    (until,) = re.findall(r"Held until: (\w{3} \d\d \w{3} \d{4} \d\d:\d\d)\.", asked)
    ends = datetime.strptime(until, "%a %d %b %Y %H:%M").astimezone()
    assert abs(ends - SystemClock().now()) < timedelta(minutes=10)
    assert not re.search(r"\dT\d|Question", asked)
    refused = through_a_pipe(["tickets", "1", "--save"], "", {**there, **NO_FOLDER})
    assert refused.returncode != 0
    assert f"KORUS_DOWNLOAD_DIR is {NO_FOLDER['KORUS_DOWNLOAD_DIR']}" in refused.stderr


def test_numbers_are_of_the_last_table_that_was_shown(typed: Typed, tmp_path: Path) -> None:
    typed("search", "derby")
    shown = ids_of(tmp_path, "product")
    assert "Nothing was found" in typed("search", "zzzqqq")[1]
    assert typed("search", "museum", "--json")[0] == 0
    assert ids_of(tmp_path, "product") == shown


@POSIX
def test_an_order_is_of_the_last_hold_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    there = child_environment(tmp_path)

    def piped(*arguments: str) -> str:
        ran = through_a_pipe([*arguments], "", there)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    piped("search", "undated", "1-day", "ticket")
    piped("offers", "1")
    assert in_the_list(piped("reserve", "1"), "held for") == "1"
    assert in_the_list(piped("reserve", "1", "--quantity", "2"), "held for") == "2"
    ended, screen = at_a_terminal(["order", *BUYER], "y\n", there)
    assert ended == 0, screen
    asked, _, made = screen.partition("Ordered in")
    assert "Not in this order: reservation 1" in " ".join(asked.split())
    assert "2 x" in asked
    assert len(set(re.findall(r"KT-ORD-\d+", made))) == 1

    # What was ordered is held no more, and its number is of nothing else.
    for again in (["order", *BUYER], ["order", "2", *BUYER]):
        ended, screen = at_a_terminal(again, "y\n", there)
        assert (ended, "korus-mcp orders" in screen) == (1, True), screen
    ended, screen = at_a_terminal(["order", "1", *BUYER], "y\n", there)
    assert (ended, "Not in this order" in screen) == (0, False), screen
    assert in_the_list(piped("reserve", "1", "--again"), "held for") == "1"


@POSIX
def test_what_another_call_ordered_is_held_no_more(tmp_path: Path) -> None:
    there = child_environment(tmp_path)
    for command in (["search", "undated", "1-day", "ticket"], ["offers", "1"], ["reserve", "1"]):
        assert through_a_pipe(command, "", there).returncode == 0
    (held,) = ids_of(tmp_path, "reservation")
    assert at_a_terminal(["order", *BUYER], "y\n", there)[0] == 0
    ended, screen = at_a_terminal(["order", held, *BUYER[2:], "--firstname", "Eve"], "y\n", there)
    assert (ended, "get_reservation" in screen) == (1, False), screen
    assert "Nothing is held any more" in screen
    assert "korus-mcp orders" in screen


@POSIX
def test_what_is_typed_of_the_buyer_is_checked_before_the_question(tmp_path: Path) -> None:
    there = child_environment(tmp_path)
    for command in (["search", "undated", "1-day", "ticket"], ["offers", "1"], ["reserve", "1"]):
        assert through_a_pipe(command, "", there).returncode == 0
    order = ["order", *BUYER[:4]]
    ended, screen = at_a_terminal(order, "ada@\n\nada\n", there, asks="E-mail:")
    assert (ended, "Order this?" in screen) == (1, False), screen
    assert "Nothing was ordered" in screen
    typed = "ada@\nada@example.org\ny\n"
    ended, screen = at_a_terminal(order, typed, there, asks="E-mail:")
    assert ended == 0, screen
    wrong, _, asked = screen.partition("Order this?")
    assert "plain e-mail address" in wrong
    assert "Ordered in" in asked


def test_help_says_which_holds_are_ordered(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        typed("order", "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "what the last reserve held" in said
    assert "all that is held" not in said


def ids_of(folder: Path, kind: str) -> list[str]:
    """What the short numbers stand for."""
    (file,) = (folder / "cache" / "terminal").glob("*.json")
    found: list[str] = json.loads(file.read_text())["lists"][kind]["ids"]
    return found


def test_a_list_is_read_on_80_columns_without_a_broken_word(typed: Typed) -> None:
    code, out, err = typed("search", "derby")
    assert (code, err) == (0, "")
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines() if "Next" not in line)
    code, as_json, _ = typed("search", "derby", "--json")
    (product,) = json.loads(as_json)["products"]
    assert set(f"{product['name']} {product['venue']}, {product['city']}".split()) <= set(
        out.split()
    )
    assert product["product_base_id"] not in out
    assert COLOR not in out


@pytest.mark.parametrize("width", [30, 40, 50])
def test_on_a_narrow_screen_each_number_day_and_price_is_whole(
    width: int, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    def read(*arguments: str) -> tuple[str, Mapping[str, Any]]:
        structure = json.loads(typed(*arguments, "--json")[1])
        _, out, _ = typed(*arguments)
        return out, structure

    typed("search", "derby")
    out, found = read("offers", "1", "--limit", "2")
    for offer in (each for day in found["days"] for each in day["offers"]):
        assert {offer["price"], str(offer["left"])} <= facts_in(out)
    assert numbers_in(out) == ["1", "2"]
    assert out.count("Sun 27 Dec 2026") in (1, 2)
    out, found = read("availability", "1")
    assert "Sun 27 Dec 2026 20:45" in out
    assert str(found["left"]) in facts_in(out)
    out, found = read("seats", "1")
    _, _, table = out.partition("zones suit")
    for zone in found["zones"]:
        assert str(zone["left"]) in facts_in(table)
        assert {offer["price"] for offer in zone["offers"]} <= facts_in(table)
    numbers = numbers_in(table)
    assert numbers == [str(n) for n, _ in enumerate(numbers, 1)]
    assert len(numbers) == sum(len(zone["offers"]) for zone in found["zones"])


def numbers_in(text: str) -> list[str]:
    """The numbers of the rows of a printed list."""
    found: list[str] = re.findall(r"^ ?(\d+)  ", text, re.MULTILINE)
    return found


def facts_in(text: str) -> set[str]:
    """The amounts and numbers that stand in a printed text, each in one line."""
    return {*re.findall(r"\d+\.\d\d EUR", text), *re.findall(r"(?<![\d.])\d+(?![\d.])", text)}


@pytest.mark.parametrize("width", [30, 40, 50, 80])
def test_orders_and_tickets_are_whole_on_any_screen(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    order = {
        "order_id": "o1",
        "reference": "KT-ORD-100008",
        "status": "confirmed",
        "created_at": "2026-12-01T16:00",
        "total": "1297.00 EUR",
        "tickets": 12,
        "customer": "Ada Lovelace, a...@e...",
    }
    shop_words.orders(Screen(), {"orders": [order]}, 10)
    shop_words.placed(
        Screen(), {"state": "ordered", "environment": "sandbox", "orders": [order], "next": ""}
    )
    listed = capsys.readouterr().out
    for fact in ("10 ", "KT-ORD-100008", "Tue 01 Dec 2026", "16:00", "1297.00 EUR", "12"):
        assert fact in listed
    voucher = "4006381333931400638133393"
    ticket = {
        "product": "Season 2026 - 2027 - Full price",
        "when": "2026-12-27T20:45",
        "seat": {"zone": "South 104", "row": "12", "seats": ["101", "102"]},
        "status": "valid",
        "voucher": voucher,
    }
    shop_words.tickets(Screen(), {**order, "tickets": [ticket] * 10, "next": ""})
    listed = capsys.readouterr().out
    for fact in ("10", "Sun 27 Dec 2026", "20:45", "101", "102", voucher):
        assert fact in listed


def test_the_page_shows_the_line_that_names_who_uses_a_ticket(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting = {
        "ticket_id": "...",
        "product": "Pass",
        "status": "waiting_beneficiary_data",
        "beneficiary_fields_needed": ["firstname", "lastname", "date_of_birth"],
    }
    found = {"order_id": "...", "status": "confirmed", "tickets": [waiting], "next": ""}
    shop_words.tickets(Screen(), found)
    out = capsys.readouterr().out
    assert "1 needs the name of its user" in out
    (line,) = [line for line in out.splitlines() if line.startswith("korus-mcp call")]
    assert line in (PROJECT / "docs" / "terminal.md").read_text("utf-8").splitlines()


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Screen().has_colors
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Screen().has_colors


def test_a_list_goes_on_and_its_numbers_with_it(typed: Typed) -> None:
    _, first, _ = typed("search", "museum", "--limit", "2")
    assert "korus-mcp search --more" in first
    code, rest, _ = typed("search", "--more")
    assert code == 0
    assert in_the_list(rest, "Musée") == "3"
    code, _, err = typed("search", "--more")
    assert (code, err) == (1, "korus-mcp: The last list of products was shown to its end.\n")


def test_a_seat_map_is_drawn_in_characters_and_saved_as_a_picture(
    typed: Typed, tmp_path: Path
) -> None:
    typed("search", "derby")
    picture = tmp_path / "map.png"
    code, out, err = typed("seats", "1", "--quantity", "2", "--png", str(picture))
    assert (code, err) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    drawn, _, table = out.partition("for sale")
    numbers = re.findall(r"^ *(\d+) ", table, re.MULTILINE)
    assert numbers
    assert set(re.findall(r"\d+", drawn.split("\n", 1)[1])) <= set(numbers)
    # Without colours prices are letters.
    assert sum(drawn.count(letter) for letter in LETTERS) > 300
    assert re.search(r"for sale from aa \S+  bb ", out)
    code, _, err = typed("seats", "1", "--png", str(tmp_path / "nowhere" / "map.png"))
    assert (code, "cannot be written" in err) == (1, True)


def test_zones_that_share_an_offer_are_one_row_with_one_number(typed: Typed) -> None:
    typed("search", "mists")
    asked = "seats", "1", "--price-type", "full price"
    code, out, err = typed(*asked)
    assert (code, err) == (0, "")
    found = json.loads(typed(*asked, "--json")[1])
    stocks = [stock["left"] for each in found["categories"] for stock in each.get("shared", ())]
    (row,) = [line for line in out.splitlines() if "Odd gallery" in line]
    assert re.split(" {2,}", row.strip())[1] == "Even gallery, Odd gallery"
    assert row.split()[-1] == str(*stocks)
    # Both halves of the drawing carry its number, and each number is of another offer.
    drawn, _, table = out.partition("zones suit")
    number = row.split()[0]
    assert len(re.findall(rf"(?<=[^\w ]){number}(?=[^\w ])", drawn)) == 2
    numbers = numbers_in(table)
    both = typed("availability", *numbers, "--json")[1]
    assert sum(len(group["offers"]) for group in json.loads(both)["groups"]) == len(numbers)


def shared(zone: str, *offers: str, **more: object) -> dict[str, object]:
    told = [{"offer_id": each, "product": each, "price": "9.00 EUR"} for each in offers]
    return {"zone": zone, "category": "Gallery", "shared": True, "offers": told, **more}


def test_what_is_left_of_a_shared_stock_is_said_only_where_it_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    def row_of(*stocks: tuple[int, int], left: int | None = 9) -> list[str]:
        zones = [shared("Even", "adult", "child"), shared("Odd", "adult"), shared("Box", "box")]
        offers = {"adult": left, "child": 9}
        sheet = {
            "title": "",
            "width": 10,
            "height": 10,
            "zones": [
                {"outlines": [], "at": [n, n], "shared": 2, "offers": [{"id": id_, "left": each}]}
                for n, (id_, each) in enumerate(offers.items())
            ],
        }
        told = [{"left": left, "zones": zones} for left, zones in stocks]
        found = {
            "zones": zones,
            "counts": {"fit": 3, "zones": 3},
            "categories": [{"category": "Gallery", "shared": told}],
        }
        numbers = ShortNumbers.of(read_settings({"KORUS_CACHE_DIR": str(tmp_path)}))
        shop_words.seats(Screen(), Answer(found, "", sheet), numbers, "1")
        out = capsys.readouterr().out
        assert numbers_in(out) == ["1", "2", "3"]
        (row,) = [line.strip() for line in out.splitlines() if "Odd" in line]
        return re.split(" {2,}", row)

    assert row_of((35, 2)) == ["1", "Even, Odd", "Gallery", "adult", "9.00 EUR", "35"]
    assert row_of((35, 2), (20, 3))[-1] == "35"
    # One of two that look alike, another one than is told, and one without a limit.
    for unknown in (row_of((35, 2), (20, 2)), row_of((20, 3)), row_of((35, 2), left=None)):
        assert unknown[-1] == "9.00 EUR"


def test_after_a_map_more_says_whose_list_was_the_last_one(typed: Typed) -> None:
    typed("search", "derby")
    typed("offers", "1", "--limit", "2")
    typed("seats", "1")
    code, out, err = typed("offers", "--more")
    assert (code, out) == (1, "")
    assert "that of `korus-mcp seats`" in err
    assert "`korus-mcp offers 1`" in err
    assert "to its end" not in err


@POSIX
def test_a_picture_is_shown_by_the_viewer_of_the_machine(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed("search", "derby")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    code, _, err = typed("seats", "1", "--open")
    assert (code, "no `xdg-open` here" in err) == (1, True)
    opened = tmp_path / "opened"
    viewer = tmp_path / "bin" / "xdg-open"
    viewer.parent.mkdir()
    shown = f'#!/bin/sh\nexport -p > {opened}.new\necho "$1" >> {opened}.new\n'
    viewer.write_text(f"{shown}/bin/mv {opened}.new {opened}\n")
    viewer.chmod(0o700)
    assert typed("seats", "1", "--open")[0] == 0
    assert opened.exists()
    *environ, path = opened.read_text().splitlines()
    assert Path(path).read_bytes().startswith(b"\x89PNG")
    assert not any("KORUS_" in line for line in environ)


@pytest.mark.parametrize(
    "arguments", [["reserve", "x"], ["order"], ["orders"], ["tickets", "x"]], ids=lambda a: a[0]
)
def test_a_profile_that_only_browses_says_which_setting_allows_more(
    arguments: list[str], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KORUS_PROFILE", "browse")
    code, out, err = typed(*arguments)
    assert (code, out) == (EXIT_MISCONFIGURED, "")
    assert "KORUS_PROFILE=buyer" in err
    assert err.count("\n") == 1


def test_a_refusal_is_for_people_on_stderr_and_for_programs_on_stdout(typed: Typed) -> None:
    code, out, err = typed("offers", "nonsense")
    assert (code, out) == (1, "")
    assert "(INVALID_ARGUMENTS)" in err
    code, out, err = typed("offers", "nonsense", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "INVALID_ARGUMENTS"
    code, out, err = typed("availability", "1")
    assert (code, out) == (1, "")
    assert "No list of offers was shown" in err


@pytest.mark.parametrize(
    "arguments",
    [["reserve", "99"], ["availability", "1"], ["tickets", "3"], ["search", "--more"], ["order"]],
    ids=" ".join,
)
def test_what_is_refused_before_a_tool_is_called_is_a_structure_for_programs_too(
    arguments: list[str], typed: Typed
) -> None:
    code, out, err = typed(*arguments, "--json")
    assert code == 1
    message = json.loads(out)["error"]["message"]
    assert err == f"korus-mcp: {message}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["offers"], "which product"),
        (["reserve", "a", "b", "c", "--quantity", "1", "--quantity", "2"], "--quantity once"),
    ],
    ids=["offers", "reserve"],
)
def test_a_command_without_what_it_needs_ends_with_2(
    arguments: list[str], said: str, typed: Typed
) -> None:
    code, out, err = typed(*arguments)
    assert (code, out) == (EXIT_MISCONFIGURED, "")
    assert said in err


@pytest.mark.parametrize(
    ("refused", "ends_with"),
    [("MISCONFIGURED", EXIT_MISCONFIGURED), ("UPSTREAM_UNAVAILABLE", 1)],
)
def test_a_tool_that_is_refused_for_a_setting_ends_with_2(
    refused: str, ends_with: int, capsys: pytest.CaptureFixture[str]
) -> None:
    structure = {"error": {"code": refused, "message": "It cannot be written."}}

    @shop.command
    def run(settings: Settings, given: Namespace) -> int:
        del settings, given
        raise ToolRefused(structure, "It cannot be written.")

    assert run(read_settings({}), Namespace(json=True)) == ends_with
    assert json.loads(capsys.readouterr().out) == structure


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["call", "rm"], "search_products, get_offers"),
        (["call", "get_offers", "{"], "are no JSON"),
        (["call", "get_offers", "[]"], "must be a JSON object"),
    ],
)
def test_a_call_that_is_none_is_said_in_a_line(
    arguments: list[str], said: str, typed: Typed
) -> None:
    code, out, err = typed(*arguments)
    assert (code, out) == (EXIT_MISCONFIGURED, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "derby", "--from", "tomorrow"],
        ["search", "derby", "--to", "2026-02-30"],
        ["offers", "1", "--max-price", "abc"],
        ["offers", "1", "--weekdays", "someday"],
        ["seats", "1", "--date", "1.6.2026"],
        ["seats", "1", "--max-price", "0"],
        ["reserve", "1", "--max-total", "-1"],
    ],
    ids=" ".join,
)
def test_an_option_that_cannot_be_read_ends_with_2(
    arguments: list[str], typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(*arguments)
    assert ended.value.code == EXIT_MISCONFIGURED
    said = capsys.readouterr()
    assert said.out == ""
    assert f"argument {arguments[2]}: " in said.err


def test_any_tool_of_the_profile_can_be_called(typed: Typed) -> None:
    code, out, _ = typed("call", "search_products", '{"query": "derby"}')
    assert (code, "product_base_id" in out) == (0, True)
    code, out, _ = typed("call", "search_products", '{"query": "derby"}', "--json")
    assert json.loads(out)["shown"] == 1


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is five hours behind UTC."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "EST5")
        time.tzset()
        yield
    time.tzset()


@POSIX
@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize("made", ["2026-12-02T03:30Z", "2026-12-02T04:30:00+01:00"])
def test_when_an_order_was_made_is_told_by_the_clock_of_the_machine(
    made: str, capsys: pytest.CaptureFixture[str]
) -> None:
    order = {"order_id": "o1", "reference": "KT-ORD-1", "status": "open", "created_at": made}
    shop_words.orders(Screen(), {"orders": [order]}, 1)
    assert "Tue 01 Dec 2026 22:30" in capsys.readouterr().out
    aged = shop_words.note_told(f"Today is 2026-12-02. Catalog as of {made}. It begins at {made}.")
    told = f"Catalog as of Tue 01 Dec 2026 22:30. It begins at {made}."
    assert aged == f"Today is 2026-12-02. {told}"


def test_terms_that_are_told_in_part_are_printed_whole(typed: Typed) -> None:
    assert typed("search", "jazz")[0] == 0
    _, out, _ = typed("offers", "1")
    (named,) = re.findall(r"\(all: korus-mcp terms ([\w.-]+)\)", " ".join(out.split()))
    for product in ("1", named):
        code, out, _ = typed("terms", product)
        assert code == 0
        assert out.startswith("Blue jazz night\nNumbered seats are allocated by the box office")
        assert len(out) > 1000
    code, out, _ = typed("terms", "1", "--json")
    assert json.loads(out)["terms_of_sale"].startswith("Numbered seats")
    code, out, err = typed("terms", "abcdef.none")
    assert (code, out) == (1, "")
    assert "korus-mcp search" in err


def test_how_more_than_one_order_may_have_is_bought_is_told_in_what_is_typed() -> None:
    for quantity, said in (
        (
            8,
            "Make two `korus-mcp reserve` commands (6 and 2), one `korus-mcp order` with the "
            "numbers of both.",
        ),
        (
            12,
            "Make two `korus-mcp reserve` commands (6 and 6; equal ones with --again), one "
            "`korus-mcp order` with the numbers of both.",
        ),
    ):
        assert for_people(how_to_split(quantity, 6)) == said


def test_people_read_of_commands_and_options_where_assistants_read_of_tools() -> None:
    said = "Call reserve again: get_offers with price_type; go on with the cursor, reserve less."
    assert for_people(said) == (
        "Call `korus-mcp reserve` again: `korus-mcp offers` with --price-type; go on with --more, "
        "reserve less."
    )
    for tool in COMMANDS.keys() - {"reserve"}:
        assert for_people(f"{tool}: x").startswith(f"`{COMMANDS[tool]}`: x")
