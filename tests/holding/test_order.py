"""Whoever asks beside a megabyte is answered before it: of a host's requests and of the API's.

The order of answers is what is asserted, over lines as on stdio, with the server's event loop in a
thread of its own. How long a step holds that loop is measured by `make bench`.
"""

import gc
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.prompts import load_prompts
from korus_mcp.sandbox import ServedSandbox
from korus_mcp.server import long_requests
from korus_mcp.server.composition import build_server
from korus_mcp.server.long_requests import LONG, is_long
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import Json
from tests.fixtures.held_loop import HeldLoop, held_loop
from tests.fixtures.hosts import child_environment
from tests.fixtures.megabytes import FILLERS, MIB, Swollen, requests
from tests.fixtures.swollen_world import conversation, only, swollen_world
from tests.journeys.upstream import CATALOG_READS

PING: tuple[str, Json] = ("ping", {})
PATIENCE_SECONDS = 30
AGAIN = 3
"""How often a round is run again in which a ping came late."""


@dataclass
class Pause:
    """How long requests that are too long are delayed here: until a test ends it.

    As long as a server delays them, a busy machine may not have read what was sent behind them.
    """

    ended: threading.Event = field(default_factory=threading.Event)

    async def __call__(self) -> None:
        await anyio.to_thread.run_sync(self.ended.wait, PATIENCE_SECONDS)
        self.ended.clear()


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Long requests wait until a test ends their pause."""
    pause = Pause()
    monkeypatch.setattr(long_requests, "_pause", pause)
    return pause


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeldLoop]:
    """A host of a server that has all tools, on the embedded sandbox."""
    given = child_environment(tmp_path_factory.mktemp("held"), PROFILE="service-desk")
    kept = {name: value for name, value in given.items() if name.startswith("KORUS_")}
    with held_loop(partial(build_server, read_settings(kept))) as each:
        yield each


def answered_behind_a_ping(host: HeldLoop, pause: Pause, method: str, params: Json) -> Any:
    """The answer to a request, behind which a ping was sent in the same piece."""
    asked, ping = host.send((method, params), PING)
    first = host.answer()
    assert first == {"jsonrpc": "2.0", "id": ping, "result": {}}
    pause.ended.set()
    second = host.answer()
    assert second["id"] == asked
    return second


@pytest.mark.parametrize("filler", FILLERS[:2])
def test_a_ping_is_answered_before_the_megabyte_that_was_sent_ahead_of_it(
    filler: str, host: HeldLoop, pause: Pause
) -> None:
    for each in requests(filler):
        answer = answered_behind_a_ping(host, pause, each.method, each.params)
        said = str(answer)
        assert len(said) < 3000, each.place
        match each.method:
            case "tools/call":
                assert answer["result"]["isError"], each.place
                assert "must have at most" in said, each.place
            case "prompts/get":
                assert "must have at most 500 characters" in answer["error"]["message"]
            case "resources/read":
                assert "at most 2048 characters" in answer["error"]["message"]
            case _:
                assert answer["result"]["completion"]["values"] == []


def test_the_megabytes_come_in_every_text_there_is(host: HeldLoop) -> None:
    places = {each.place.split(" ")[0] for each in requests("a")}
    assert {*ALL_TOOLS, "prompt", "completion", "resource"} == places
    offered = host.ask("resources/templates/list", {})["result"]["resourceTemplates"]
    sent = {each.place.split(" ")[1] for each in requests("a") if each.method == "resources/read"}
    assert sent == {each["uriTemplate"] for each in offered}
    prompts = {each.params["name"] for each in requests("a") if each.method == "prompts/get"}
    assert prompts == {prompt.name for prompt in load_prompts()}


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "a" * MIB, "arguments": {}},
        {"name": "search_products", "arguments": {"a" * MIB: 1}},
        {"name": "search_products", "arguments": {"query": ["a"] * 100_000}},
        {"name": "get_reservation", "arguments": {"reservation_ids": ["a"] * 100_000}},
        {"name": "get_reservation", "arguments": {"reservation_ids": '["a",' * 50_000}},
        {
            "name": "place_order",
            "arguments": {"customer": {"firstname": "a" * MIB, "x": "a" * MIB}},
        },
        {"name": "search_products", "arguments": dict.fromkeys(map(str, range(50_000)), "a")},
        {"name": "search_products", "arguments": {"limit": "9" * MIB}},
        {"name": "reserve", "arguments": {"items": [], "max_total": "0." + "0" * MIB}},
    ],
    ids=lambda odd: str(odd)[:60],
)
def test_a_ping_is_answered_before_what_is_long_in_another_way(
    odd: Json, host: HeldLoop, pause: Pause
) -> None:
    answer = answered_behind_a_ping(host, pause, "tools/call", odd)
    assert answer["result"]["isError"]
    assert len(str(answer)) < 3000


def test_what_is_long_is_known_after_a_look_at_so_much() -> None:
    assert not is_long({"name": "search_products", "arguments": {"query": "a" * 200}})
    assert not is_long({"a": "b" * (LONG - 2)})
    assert not is_long(None)
    assert is_long({"a": ["b" * LONG]})
    assert is_long({"a" * LONG: {}})
    assert is_long([{"a": 1}] * LONG)
    deep: Any = "a"
    for _ in range(LONG + 1):
        deep = [deep]
    assert is_long(deep)


@dataclass
class Beside:
    """Pings that are sent beside the answers of an API, and those that came too late."""

    host: HeldLoop
    pings: dict[int, str] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    late: set[str] = field(default_factory=set)

    def ping(self, operation: str) -> None:
        """Send one, from the thread of the API."""
        (number,) = self.host.send(PING)
        self.pings[number] = operation

    def ask(self, method: str, params: Json) -> Any:
        """The answer to a request; whose pings, sent beside an answer it waited for, came after it
        is noted. The catalog is read in the background: pings beside its reads may come later.
        """
        (asked,) = self.host.send((method, params))
        while (message := self.host.answer())["id"] != asked:
            self.answered.add(message["id"])
        late = {op for n, op in self.pings.items() if n > asked and n not in self.answered}
        self.late |= late - CATALOG_READS
        return message

    def rest(self) -> None:
        """All pings are answered."""
        while not self.pings.keys() <= self.answered:
            self.answered.add(self.host.answer()["id"])


def conversed(served: ServedSandbox, swollen: Swollen, folder: Path) -> Beside:
    """What came of a whole conversation with a server of its own."""
    # The two it is about: others would be read as these are, each time.
    only_two = only(served.sandbox, "park", "stadium")
    chosen = {"PROFILE": "service-desk", "APPROVAL": "two_step", "CATALOGS": only_two}
    own = {**child_environment(folder, **chosen), **served.environment}
    kept = {name: value for name, value in own.items() if name.startswith("KORUS_")}
    with held_loop(partial(build_server, read_settings(kept))) as host:
        beside = Beside(host)
        swollen.told = beside.ping
        conversation(served.sandbox, beside.ask)
        swollen.told = None
        beside.rest()
    gc.collect()
    return beside


def test_a_ping_is_answered_before_a_call_whose_answer_of_the_api_holds_a_megabyte(
    tmp_path: Path,
) -> None:
    """Each text of each answer of a whole conversation, round by round another one of each."""
    swollen, pinged = Swollen(), set[str]()
    with swollen_world(swollen) as served:
        chosen_bases = (served.sandbox.landmarks[f"{each}_base"] for each in ("park", "stadium"))
        swollen.bases = frozenset(chosen_bases)
        while swollen.round < swollen.rounds:
            beside = conversed(served, swollen, tmp_path / str(swollen.round))
            pinged |= set(beside.pings.values())
            late, again = beside.late, 0
            # On a busy machine a thread that reads an answer may overtake a ping for once, not
            # each time.
            while late and again < AGAIN:
                again += 1
                folder = tmp_path / f"{swollen.round} again {again}"
                late &= conversed(served, swollen, folder).late
            assert not late, f"round {swollen.round}"
            swollen.round += 1
            swollen.filler = FILLERS[swollen.round % len(FILLERS)]
    assert swollen.rounds > 4
    assert pinged > CATALOG_READS
    assert {"listOffers", "getOffer", "createReservations", "createOrders", "getOrder"} < pinged
    known = {(operation, name) for operation, names in swollen.fields.items() for name in names}
    assert len(known) > 100
    assert len(swollen.struck) > 0.8 * len(known), known - swollen.struck
