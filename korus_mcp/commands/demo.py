"""korus-mcp demo: shows a booking, carried out by a server in a child process on stdio.

The child always uses the embedded sandbox: it gets no KORUS_ variable of the caller's, and its
cache, sandbox and downloads are in a temporary folder, which goes with the demo.
"""

import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
from mcp import Client, StdioServerParameters
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import TextContent
from pydantic_core import to_json

from korus_mcp.commands.launch import as_typed, this_start
from korus_mcp.commands.screen import Screen
from korus_mcp.settings import PREFIX, Misconfigured

CUSTOMER: Final = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.org"}
HOLDER: Final = {
    "firstname": "Ada",
    "lastname": "Lovelace",
    "title": "mrs",
    "date_of_birth": "1990-12-10",
    "place_of_birth": "Lyon",
    "nationality": "FR",
    "email": "ada@example.org",
    "phone": "+33610203040",
}


ADULT: Final = "Adult"
"""What the name of a ski pass for the holder above has in it."""
_ID: Final = re.compile(
    r"\b(?:[a-z0-9]{6}\.)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{8}([0-9a-f]{4})\b"
)
"""An id of the API, with the catalog before it if it is an offer's."""


class DemoFailed(Exception):
    """A step of the demo failed."""


def run_demo(environ: Mapping[str, str], keep: Path | None = None) -> int:
    """Run the demo. Its PDFs stay in `keep`, if that is given. Returns 1 if a step fails.

    Raises:
        Misconfigured: `keep` is no folder.
    """
    if keep is not None and not keep.is_dir():
        raise Misconfigured("--keep must name a folder that is there.")
    with tempfile.TemporaryDirectory(prefix="korus-demo-") as state:
        downloads = Path(state) / "downloads" if keep is None else keep.absolute()
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "korus_mcp"],
            # The caller's own settings may be those of production.
            env=child_environment(environ, downloads, Path(state)),
        )
        return anyio.run(_tell, server, keep is not None)


def child_environment(environ: Mapping[str, str], downloads: Path, state: Path) -> dict[str, str]:
    """The caller's environment without any KORUS_ variable, with folders of its own."""
    kept = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    return {
        **kept,
        "KORUS_LANGUAGE": "en",
        "KORUS_CACHE_DIR": str(state / "cache"),
        "KORUS_DOWNLOAD_DIR": str(downloads),
        "KORUS_SANDBOX_DIR": str(state / "sandbox"),
    }


async def _tell(server: StdioServerParameters, is_kept: bool) -> int:  # noqa: FBT001 - by anyio
    screen = Screen()
    async with Client(server) as client:
        try:
            await _Story(client, screen, is_kept=is_kept).tell()
        except DemoFailed as failed:
            screen.line("")
            screen.line(f"The demo failed: {failed}.")
            return 1
    return 0


@dataclass
class _Story:
    """The demo: books a seat at a match and a ski pass in one order call."""

    client: Client
    screen: Screen
    is_kept: bool = field(kw_only=True)
    calls: int = 0
    tokens: int = 0
    are_exact: bool = True

    async def tell(self) -> None:
        line = self.screen.line
        line("An assistant books for Ada: two places at a match, and a ski pass.", "bold")
        line(
            "Everything is invented. A line with > is what the assistant calls, and below it stands"
        )
        line("what it reads; of ids only the ends are shown.")
        seat = await self._choose_seat()
        ski = await self._choose_ski_pass()
        self._chapter("Both are held for some minutes, at no cost.")
        held = await self._hold([seat, ski])
        orders = await self._order(held)
        named = [order for order in orders if await self._name_holders(order)]
        self._chapter("The PDF is ready some seconds later, and is saved.")
        saved = [path for order in named for path in await self._fetch(order)]
        if not saved:
            raise DemoFailed("no document was saved")
        about = "" if self.are_exact else "about "
        self._chapter(f"Done: {self.calls} calls, {about}{self.tokens} tokens of replies.")
        for order in orders:
            line(f"Order reference: {order['reference']}")
        for path in saved:
            # Read: the file is gone soon, and whoever watches has to know that there was one.
            size = len(await anyio.Path(path).read_bytes()) // 1000
            told = path if self.is_kept else f"{Path(path).name}, {size} kB"
            self.screen.whole_line(f"PDF: {told}")
        program = as_typed(this_start())
        if not self.is_kept:
            line(f"The files are gone with the demo; `{program} demo --keep FOLDER` keeps PDFs.")
        line(
            f"Next: `{program} search derby` does the same by hand, `{program} config` prints how "
            "to connect an assistant."
        )

    async def _choose_seat(self) -> dict[str, Any]:
        """A seat at a match, chosen on the seat map."""
        self._chapter("It looks for the match.")
        found = await self._call("search_products", query="Herons derby", limit=3)
        base = _first(found.get("products", []), has_seat_map=True)
        base_id = base["product_base_id"]
        self._chapter("The stadium has zones: which of them suit two people?")
        plan = await self._call("get_seat_map", product_base_id=base_id, quantity=2)
        zone = _first(plan.get("zones", []), enough=True)
        self._chapter("Prices of a match follow demand, so the issuer is asked.")
        return await self._available(zone["offers"][0]["offer_id"], 2)

    async def _choose_ski_pass(self) -> dict[str, Any]:
        """A pass whose holder must be named."""
        self._chapter("Now the ski pass, for an adult.")
        found = await self._call("search_products", query="named ski pass", limit=3)
        base_id = found["products"][0]["product_base_id"]
        table = await self._call("get_offers", product_base_id=base_id, price_type=ADULT, limit=3)
        offers = [o for day in table.get("days", []) for o in day["offers"] if o.get("left") != 0]
        fitting = [o for o in offers if ADULT in o["product"]]
        if not fitting:
            raise DemoFailed("there is no pass for an adult")
        return await self._available(fitting[0]["offer_id"], 1)

    async def _available(self, offer_id: str, quantity: int) -> dict[str, Any]:
        """The item to reserve, with a session where one is needed."""
        asked: dict[str, Any] = {"offer_id": offer_id, "quantity": quantity}
        answer = await self._call("check_availability", **asked)
        if not answer["bookable"]:
            raise DemoFailed(f"the offer cannot be booked: {answer['reason']}")
        # The first session with room; a person would choose one.
        open_sessions = [s["session_id"] for s in answer.get("sessions", []) if s["enough"]]
        return {**asked, "session_ids": open_sessions[:1]} if open_sessions else asked

    async def _hold(self, items: list[dict[str, Any]]) -> list[str]:
        answer = await self._call("reserve", items=items)
        if answer["state"] != "held":
            raise DemoFailed(f"the hold is {answer['state']}")
        return [hold["reservation_id"] for hold in answer["reservations"]]

    async def _order(self, reservation_ids: list[str]) -> list[dict[str, Any]]:
        """Order in two steps: a summary first, then the order, as if a person had agreed."""
        order: dict[str, Any] = {"reservation_ids": reservation_ids, "customer": CUSTOMER}
        self._chapter("Before it orders, Ada has to see exactly this:")
        asked = await self._call("place_order", **order)
        self._chapter("Ada reads the summary and says yes. Only now something is bought.")
        made = await self._call("place_order", **order, confirmation=asked["confirmation"])
        if made["state"] != "ordered":
            raise DemoFailed(f"the order is {made['state']}")
        orders: list[dict[str, Any]] = made["orders"]
        return orders

    async def _name_holders(self, order: dict[str, Any]) -> bool:
        """Name the holders if the issuer wants that. Returns whether it did."""
        self._chapter(f"The tickets of {order['reference']}.")
        tickets = await self._call("get_tickets", order_id=order["order_id"])
        # The issuer says which fields it needs: only those are sent.
        waiting = [t for t in tickets["tickets"] if t.get("beneficiary_fields_needed")]
        if not waiting:
            return False
        self._chapter("This issuer wants to know who will use the pass.")
        people = [
            {"ticket_id": t["ticket_id"]}
            | {f: v for f, v in HOLDER.items() if f in t["beneficiary_fields_needed"]}
            for t in waiting
        ]
        await self._call("name_beneficiaries", order_id=order["order_id"], beneficiaries=people)
        return True

    async def _fetch(self, order: dict[str, Any]) -> list[str]:
        """Wait for the documents, as a host that follows progress does, and save them."""
        order_id = order["order_id"]
        answer = await self._call("get_tickets", self._waiting, order_id=order_id, save=True)
        return [d["saved_to"] for d in answer.get("documents", []) if "saved_to" in d]

    async def _call(
        self, name: str, progress: ProgressFnT | None = None, **arguments: Any
    ) -> dict[str, Any]:
        self.calls += 1
        self.screen.line(_folded(f"> {name} {to_json(arguments).decode()}"), "cyan")
        result = await self.client.call_tool(name, arguments, progress_callback=progress)
        text = "\n".join(each.text for each in result.content if isinstance(each, TextContent))
        tokens, self.are_exact = _tokens(text, to_json(result.structured_content).decode())
        self.tokens += tokens
        for each in text.splitlines():
            self.screen.line(_folded(each), "dim")
        if result.is_error:
            raise DemoFailed(f"{name} was refused")
        answer: dict[str, Any] = result.structured_content or {}
        return answer

    async def _waiting(self, progress: float, total: float | None, message: str | None) -> None:
        del total
        self.screen.line(f"  ... {message or 'waiting'} ({progress:.0f} s)", "dim")

    def _chapter(self, text: str) -> None:
        self.screen.line("")
        self.screen.line(text, "bold")


def _folded(text: str) -> str:
    """A text in which ids are short enough to be read over."""
    return _ID.sub(r"...\1", text)


def _first(rows: list[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row
    raise DemoFailed("nothing fits")


def _tokens(*halves: str) -> tuple[int, bool]:
    """The tokens (o200k) of the larger half of a reply, and whether they were counted exactly."""
    try:
        from bpe_openai import get_encoding
    # The tokenizer is installed with the development tools only.
    except ImportError:
        return max(len(re.findall(r"\w{1,6}|[^\w\s]", half)) for half in halves), False
    encoding = get_encoding("o200k_base")
    return max(len(encoding.encode(half)) for half in halves), True
