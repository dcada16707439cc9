"""Each half of a result is enough: hosts show their models the text, the structure, or the ends.

Whole bookings by readers who know of each result only what such a host passes on, and of the next
call only what they read. They read as a model does: a name, and behind it a value.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from korus_mcp.sandbox import Sandbox, SandboxOptions, served_sandbox
from tests.fixtures.assistant import CUSTOMER, HOLDER, SEED, compact
from tests.fixtures.hosts import child_environment, on_stdio, serving_http

pytestmark = pytest.mark.anyio
END: Final = 4_000
"""What cline keeps of either end of a result."""
WAYS: Final = ("stdio", "http")
PassedOn: TypeAlias = Callable[[CallToolResult], str]


def text_of(result: CallToolResult) -> str:
    """What a host shows that drops the structure."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def structure_of(result: CallToolResult) -> str:
    """What a host shows that drops the text."""
    return compact(result.structured_content)


def ends_of(result: CallToolResult) -> str:
    """What a host shows that cuts the middle of a long result."""
    whole = compact(result.model_dump(mode="json", by_alias=True, exclude_none=True))
    return whole if len(whole) <= 2 * END else f"{whole[:END]}[...]{whole[-END:]}"


def halves_by_turns() -> PassedOn:
    """What a host shows that drops the one half, then the other."""
    turn = count()
    return lambda result: (text_of, structure_of)[next(turn) % 2](result)


HOSTS: Final[dict[str, Callable[[], PassedOn]]] = {
    "text": lambda: text_of,
    "structure": lambda: structure_of,
    "by turns": halves_by_turns,
    "ends": lambda: ends_of,
}


@dataclass
class Reader:
    """Calls tools, and knows of their results what its host passes on."""

    client: Client
    passed_on: PassedOn
    heard: str = ""
    remembered: str = "search_products"
    """All that was heard: a tool is called once something named it."""

    async def ask(self, tool: str, **asked: Any) -> None:
        """Hear what a tool answers."""
        assert tool in self.remembered, f"nothing says {tool}: {self.remembered}"
        self.heard = self.passed_on(await self.client.call_tool(tool, asked))
        self.remembered += self.heard.casefold()

    def value(self, name: str) -> str:
        """The first value behind a name."""
        return next(self.values(name))

    def values(self, name: str) -> Iterator[str]:
        """The values behind a name, of any half: `name value`, `"name":"value"`."""
        found = re.findall(rf'\b{name}s?\\?"?[ :\["\\]+([\w.:+=/@-]+)', self.heard)
        assert found, f"no {name} in: {self.heard}"
        yield from (value.rstrip(".:,") for value in found)

    def confirmation(self) -> str:
        """The confirmation, whole: in a text and in JSON it stands in quotes."""
        found = re.search(r'\bconfirmation\\?"?[ :]*\\?"([^"\\]+)', self.heard)
        assert found, f"no confirmation in: {self.heard}"
        return found[1]

    def session(self) -> str:
        """The first session that has room."""
        in_structure = r'"session_id":"([^"]+)"[^{}]*"enough":true'
        in_text = r"(?m)^(?!.*\(not enough\)).*; session_id (\S+)$"
        found = re.search(in_structure, self.heard) or re.search(in_text, self.heard)
        assert found, f"no session in: {self.heard}"
        return found[1]

    def fields(self) -> list[str]:
        """What is needed of a person."""
        found = re.search(r'(?:needs|fields_needed":\[)([\w ,"]+?)(?: by |\]|\n|$)', self.heard)
        assert found, f"nothing is needed in: {self.heard}"
        return re.findall(r"\w+", found[1])


async def a_seat(reader: Reader) -> str:
    """Two seats at a match, chosen on the map."""
    await reader.ask("search_products", query="herons derby")
    base = reader.value("product_base_id")
    await reader.ask("get_offers", product_base_id=base, limit=40)
    more = {"limit": 40, "cursor": reader.value("(?:next_)?cursor")}
    await reader.ask("get_offers", product_base_id=base, **more)
    await reader.ask("get_seat_map", product_base_id=base, quantity=2)
    offer = reader.value("offer_id")
    await reader.ask("check_availability", offer_id=offer, quantity=2)
    item = {"offer_id": offer, "quantity": 2, "session_ids": [reader.session()]}
    await reader.ask("reserve", items=[item])
    return await ordered(reader)


async def a_named_pass(reader: Reader) -> str:
    """A ski pass whose holder has to be named."""
    await reader.ask("search_products", query="named ski pass")
    await reader.ask("get_offers", product_base_id=reader.value("product_base_id"))
    offer = reader.value("offer_id")
    await reader.ask("reserve", items=[{"offer_id": offer, "quantity": 1}])
    order_id = await ordered(reader)
    ticket, needed = reader.value("ticket_id"), reader.fields()
    person = {"ticket_id": ticket, **{name: HOLDER[name] for name in needed}}
    await reader.ask("name_beneficiaries", order_id=order_id, beneficiaries=[person])
    assert "named" in reader.heard
    assert reader.value("ticket_id") == ticket
    await reader.ask("get_tickets", order_id=order_id)
    assert f"{HOLDER['firstname']} {HOLDER['lastname']}" in reader.heard
    return order_id


async def ordered(reader: Reader) -> str:
    """Both steps of an order of what was just held, and its tickets."""
    assert "sandbox" in reader.heard
    wish = {"reservation_ids": [reader.value("reservation_id")], "customer": CUSTOMER}
    await reader.ask("place_order", **wish)
    assert CUSTOMER["email"] in reader.heard
    await reader.ask("place_order", **wish, confirmation=reader.confirmation())
    order_id = reader.value("order_id")
    await reader.ask("get_tickets", order_id=order_id)
    assert reader.value("order_id") == order_id
    return order_id


@asynccontextmanager
async def connected(way: str, folder: Path) -> AsyncIterator[tuple[Client, Sandbox]]:
    """A client of the SDK on a real server, beside the world that the server acts in."""
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        own = child_environment(folder, PROFILE="service-desk")
        environment = {**own, **served.environment}
        if way == "stdio":
            async with on_stdio("auto", environment) as assistant:
                yield assistant.client, served.sandbox
        else:
            async with serving_http(environment) as address, Client(address) as client:
                yield client, served.sandbox


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", HOSTS)
async def test_whoever_is_shown_a_part_of_each_result_books_all_the_same(
    host: str, way: str, tmp_path: Path
) -> None:
    async with connected(way, tmp_path) as (client, sandbox):
        orders = [await book(Reader(client, HOSTS[host]())) for book in (a_seat, a_named_pass)]
        made = {order.id: order.quantity for order in sandbox.orders()}
    assert made == dict(zip(orders, (2, 1), strict=True))
