"""What Python rows share: a booking that reads only what a host shows its model.

Python's own library only: it runs in the environment of a framework, beside the row's script.
"""

import json
import os
import re
import socket
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from time import sleep
from typing import Any, Final

CUSTOMER: Final = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.org"}
WISH: Final = "Two museum tickets, please: book them, I agree to the price."
QUANTITY: Final = 2
MOST_REPEATS: Final = 20
"""Of a call that says "not yet": more is a fault."""
_REFUSAL: Final = re.compile(r"\b(UNKNOWN_ID|NOT_FOUND|INVALID_ARGUMENTS)\b")
_WAY_ON: Final = re.compile(r"\b(search_products|get_offers)\b")

Call = tuple[str, dict[str, Any]]


@dataclass
class Facts:
    """How a booking went: `why` says what was missing in what the model read."""

    booked: bool = False
    refusal_read: bool = False
    order_id: str | None = None
    calls: int = 0
    why: str = ""

    def without(self, what: str, shown: str) -> "Facts":
        """The booking ends here, since `what` was not to be read in what was shown."""
        self.why = f"{what}: {' '.join(shown.split())[:400]}"
        return self


def booking(facts: Facts) -> Generator[Call, str, object]:
    """A booking, call by call, and a refusal; each call is sent what the model was shown for it.

    Words and JSON, escaped or not, are read alike: an id stands behind its name in both.
    """
    shown = yield "search_products", {"query": "museum"}
    bases = ids(shown, "product_base_id")
    if not bases:
        return facts.without("search_products showed no product_base_id", shown)
    shown = yield "get_offers", {"product_base_id": bases[0]}
    offers = ids(shown, "offer_id")
    if not offers:
        return facts.without("get_offers showed no offer_id", shown)
    item: dict[str, Any] = {"offer_id": offers[0], "quantity": QUANTITY}
    if re.search(r"session_required|choose a session", shown):
        shown = yield "check_availability", {"offer_id": offers[0], "quantity": QUANTITY}
        session = roomy(shown)
        if not session:
            return facts.without("check_availability showed no session_id", shown)
        item["session_ids"] = [session]
    shown = yield "reserve", {"items": [item]}
    reservations = list(dict.fromkeys(ids(shown, "reservation_id")))
    if not reservations:
        return facts.without("reserve showed no reservation_id", shown)
    wish = {"reservation_ids": reservations, "customer": CUSTOMER}
    shown = yield "place_order", wish
    if confirmation := confirmation_in(shown):
        shown = yield "place_order", {**wish, "confirmation": confirmation}
    for _ in range(MOST_REPEATS):
        if not re.search(r"\bin_doubt\b", shown):
            break
        shown = yield "get_reservation", {"reservation_ids": reservations}
    orders = ids(shown, "order_id")
    if not orders:
        return facts.without("place_order showed no order_id", shown)
    facts.order_id = orders[0]
    for _ in range(MOST_REPEATS):
        shown = yield "get_tickets", {"order_id": orders[0]}
        facts.booked = bool(ids(shown, "ticket_id"))
        if not (facts.booked and re.search(r"not[_ ]ready", shown, re.IGNORECASE)):
            break
    if not facts.booked:
        return facts.without("get_tickets showed no ticket_id", shown)
    unknown = f"{offers[0][:-12]}0123456789ab"
    shown = yield "reserve", {"items": [{"offer_id": unknown, "quantity": QUANTITY}]}
    # Which refusal it is, and what to do next: with either missing a model cannot go on.
    facts.refusal_read = bool(_REFUSAL.search(shown) and _WAY_ON.search(shown))
    return facts if facts.refusal_read else facts.without("the refusal was not read", shown)


def ids(shown: str, name: str) -> list[str]:
    """The values that stand behind a name, be it in a new line that is written as an escape."""
    return re.findall(rf"(?:\b|(?<=\\n)){name}\b[\\\"'\s:=]*([\w-][\w.-]{{15,}})", shown)


def confirmation_in(shown: str) -> str | None:
    """The confirmation, from its first word to its code: it stands in quotes, escaped or not.

    Some hosts take quotes away and leave what escaped them.
    """
    quote = r"\\*[\"']?"
    named = rf"(?:\b|(?<=\\n))confirmation\b{quote}[\s:=]*{quote}"
    found = re.search(rf"{named}([^\"\n]{{1,200}}? - c[A-Za-z0-9]{{22}})\b", shown)
    if found is None:
        return None
    # Who shows JSON of a text may write letters as escapes, which a model reads as letters.
    return re.sub(r"\\+u([0-9a-f]{4})", lambda sign: chr(int(sign[1], 16)), found[1])


def roomy(shown: str) -> str | None:
    """The first session with enough places: text says "(not enough)" before the id, JSON after."""
    parts = re.split(r"(?=\bsession_id\b[\\\"'\s:=]*[A-Za-z0-9][\w-]{15,})", shown)
    for before, part in pairwise(parts):
        few = re.search(r"enough[\\\"\s:]+false", part, re.IGNORECASE)
        if not few and not re.search(r"\([^)]*enough\)[;,]?\s*$", before):
            return ids(part, "session_id")[0]
    return None


class Script:
    """A booking whose calls are taken one by one, as a model does; `facts` tells how it went."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._steps = booking(self.facts)
        self.call: Call | None = next(self._steps)

    def shown(self, text: str) -> None:
        """What the model reads of the call's result; `call` is the next one, None at the end."""
        if self.call is None:
            raise RuntimeError("the booking is over: nobody asked for another call")
        self.facts.calls += 1
        note(self.call[0], text)
        try:
            self.call = self._steps.send(text)
        except StopIteration:
            self.call = None


def note(what: str, shown: str) -> None:
    """Into the row's log."""
    sys.stderr.write(f"## {what}\n{shown[:6000]}\n")


def is_whole(question: str) -> bool:
    """Whether the first three lines of a question say how many, the total, for whom and when."""
    first = "\n".join(question.splitlines()[:3])
    note("question", first)
    wanted = (rf"\b{QUANTITY}\b", r"\d+\.\d\d EUR", CUSTOMER["lastname"], r"\d{4}-\d\d-\d\d")
    return all(re.search(each, first) for each in wanted)


class Wire:
    """A command that is korus-mcp for every host, and keeps in files what went over its pipes."""

    def __init__(self) -> None:
        self._folder = Path.cwd() / "wire"
        self._folder.mkdir(exist_ok=True)
        self.command = str(self._folder / "korus-mcp")
        real = os.environ["KORUS_MCP"]
        kept = f"'{self._folder}'/$$"
        script = (
            "#!/bin/sh",
            "unset KORUS_MCP KORUS_HOSTS_HTTP",  # it would warn of them
            f"tee -a {kept}.in | '{real}' \"$@\" 2>>{kept}.err | tee -a {kept}.out",
        )
        Path(self.command).write_text("\n".join([*script, ""]))
        Path(self.command).chmod(0o755)

    def told(self) -> dict[str, Any]:
        """Which protocol, how many processes, and what became of questions to a person."""
        sent, answered = self._read("in"), self._read("out")
        announced = any(re.search(r'"elicitation":\s*\{', text) for text in sent)
        asked = any('"elicitation/create"' in text for text in answered)
        agreed = any(re.search(r'"action":\s*"accept"', text) for text in sent)
        protocols = [
            *_all(r'"io\.modelcontextprotocol/protocolVersion":\s*"([\d-]+)"', sent),
            *_all(r'"protocolVersion":\s*"([\d-]+)"', answered),
        ]
        question = ("yes" if asked and agreed else "no") if announced else "not announced"
        return {
            "protocol": max(protocols, default=""),
            "processes": len(sent),
            "tool_processes": sum('"tools/call"' in text for text in sent),
            "question": question,
        }

    def _read(self, end: str) -> list[str]:
        return [p.read_text("utf-8", "replace") for p in sorted(self._folder.glob(f"*.{end}"))]


def _all(pattern: str, texts: list[str]) -> list[str]:
    return [found for text in texts for found in re.findall(pattern, text)]


@contextmanager
def bridge(*command: str) -> Iterator[str]:
    """A program that serves korus-mcp at a free port of loopback, `{port}` in its command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.format(port=port) for word in command]
    with subprocess.Popen(words, stdout=sys.stderr) as child:
        try:
            while not _answers(port):
                if child.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {child.returncode}")
                sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def served() -> str:
    """The address of the korus-mcp that is served over HTTP for this row."""
    return os.environ["KORUS_HOSTS_HTTP"]


class Row:
    """A row from its start to its last line, which the driver reads; a crash is a result, too.

    `names` are packages whose versions are told; what is `said` stands in the line as it is.
    """

    def __init__(self, *names: str, **said: Any) -> None:
        self._names = names
        self.said = said
        self.script = Script()

    @cached_property
    def wire(self) -> Wire:
        """The command to give to the host."""
        return Wire()

    @property
    def command(self) -> str:
        """The same, as a text."""
        return self.wire.command

    def play(self, ask: Callable[[str, dict[str, Any]], str]) -> None:
        """The whole booking through a function that answers what the model is shown."""
        while call := self.script.call:
            self.script.shown(ask(*call))

    async def aplay(self, ask: Callable[[str, dict[str, Any]], Awaitable[str]]) -> None:
        """The same through one that is awaited."""
        while call := self.script.call:
            self.script.shown(await ask(*call))

    def __enter__(self) -> "Row":
        return self

    def __exit__(self, kind: object, crash: BaseException | None, trace: object) -> bool:
        facts = self.script.facts
        if crash is not None:
            traceback.print_exception(crash)
        if self.script.call is not None or crash is not None:
            ended = f"crashed: {crash!r}" if crash is not None else "the run ended"
            asked = self.script.call[0] if self.script.call else "the end"
            facts.without(f"before an answer to {asked} was read", ended)
        told = self.wire.told() if "wire" in vars(self) else {"question": "not announced"}
        versions = {name: found for name in (*self._names, "mcp") if (found := _version(name))}
        if protocol := told.pop("protocol", ""):
            versions["protocol"] = protocol
        line = {"version": versions, **asdict(facts), **told, **self.said}
        sys.stdout.write(f"\n{json.dumps(line)}\n")
        return isinstance(crash, Exception)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
