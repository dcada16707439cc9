"""A yes that only a person can give, over real stdio: no host asks, and no assistant can press."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread
from mcp import Client
from mcp.client.session import ClientSession
from mcp_types import (
    ElicitationCapability,
    ElicitResult,
    Implementation,
    UrlElicitationCapability,
)

from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from korus_mcp.tools.asking import FORWARDING
from tests.fixtures.assistant import CUSTOMER, ERAS, SEED, Answer, Assistant, Json, handle_of
from tests.fixtures.by_hand import Desktop, at_a_terminal, origin_of, pressed, told_address
from tests.fixtures.hosts import child_environment, raw_host, serving_http, stdio_server
from tests.fixtures.one_call import MUSEUM, Host, host

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)


@pytest.fixture
async def served(anyio_backend: str) -> AsyncIterator[ServedSandbox]:
    async with served_sandbox(SandboxOptions(seed=SEED)) as each:
        yield each


def environment(served: ServedSandbox, folder: Path) -> dict[str, str]:
    """Of a server without a desktop."""
    own = child_environment(folder, APPROVAL="human", ANSWER_SECONDS="10")
    no_desktop = {k: v for k, v in own.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return no_desktop | dict(served.environment)


@asynccontextmanager
async def on_stdio(
    environ: dict[str, str], mode: str = "auto", **client: Any
) -> AsyncIterator[Assistant]:
    async with Client(stdio_server(environ), mode=mode, **client) as connected:
        yield Assistant(connected)


async def wish_of(one: Assistant, served: ServedSandbox) -> Json:
    """The arguments of an order of two tickets that are held."""
    items = [{"offer_id": handle_of(served.sandbox, "park_offer"), "quantity": 2}]
    held = await one.call("reserve", items=items)
    return {
        "reservation_ids": [held["reservations"][0]["reservation_id"]],
        "customer": CUSTOMER,
    }


@asynccontextmanager
async def placing(one: Assistant, wish: Json) -> AsyncIterator[list[Answer]]:
    """A call that waits; its answer is there once the block has ended."""
    answers: list[Answer] = []

    async def place() -> None:
        answers.append(await one.ask("place_order", wish))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place)
        yield answers


def orders(served: ServedSandbox) -> int:
    return len(served.sandbox.orders())


@BOTH_ERAS
async def test_a_booking_with_the_page(mode: str, served: ServedSandbox, tmp_path: Path) -> None:
    desktop = Desktop(tmp_path)
    environ = environment(served, tmp_path) | desktop.environment
    async with on_stdio(environ, mode) as one:
        wish = await wish_of(one, served)
        async with placing(one, wish) as answers:
            address = await desktop.address()
            assert orders(served) == 0
            assert (await pressed(address)).status_code == 303
        assert answers[0].data["state"] == "ordered"
        assert (await one.call("place_order", **wish))["replayed"]
        assert orders(served) == 1
        assert len(desktop.opened) == 1


@BOTH_ERAS
async def test_a_booking_with_the_terminal(
    mode: str, served: ServedSandbox, tmp_path: Path
) -> None:
    environ = environment(served, tmp_path)
    async with on_stdio(environ, mode) as one:
        wish = await wish_of(one, served)
        asked = await one.call("place_order", **wish)
        assert asked["state"] == "approval_needed"
        assert "browser" not in asked["next"]
        ended, screen = await to_thread.run_sync(
            at_a_terminal, ["approve", asked["code"]], "y\n", environ
        )
        assert ended == 0, screen
        assert orders(served) == 0
        assert (await one.call("place_order", **wish))["state"] == "ordered"
        assert orders(served) == 1


def only_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients announce that they open addresses, and no forms."""
    build = ClientSession._build_capabilities

    def built(session: ClientSession, version: str) -> Any:
        url = ElicitationCapability(url=UrlElicitationCapability())
        return build(session, version).model_copy(update={"elicitation": url})

    monkeypatch.setattr(ClientSession, "_build_capabilities", built)


@BOTH_ERAS
@pytest.mark.parametrize("presses", [True, False])
async def test_a_host_opens_the_page_and_only_the_press_is_a_yes(
    mode: str, presses: bool, served: ServedSandbox, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    only_addresses(monkeypatch)
    desktop = Desktop(tmp_path)
    asked: list[Any] = []

    async def person(context: object, params: Any) -> ElicitResult:
        asked.append(params)
        if presses:
            await pressed(params.url)
        return ElicitResult(action="accept")

    environ = environment(served, tmp_path) | desktop.environment
    async with on_stdio(environ, mode, elicitation_callback=person) as one:
        wish = await wish_of(one, served)
        answer = await one.call("place_order", **wish)
        assert "90.00 EUR" in asked[0].message
        if presses:
            assert answer["state"] == "ordered"
            assert not desktop.opened, "the host has opened it"
            return
        assert answer["state"] == "approval_needed"
        assert orders(served) == 0
        assert desktop.opened == [asked[0].url], "nobody had asked for the page"
        assert (await pressed(asked[0].url)).status_code == 303
        assert (await one.call("place_order", **wish))["state"] == "ordered"


@BOTH_ERAS
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_host_that_opens_nothing_leaves_the_terminal(
    mode: str, action: Any, served: ServedSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_addresses(monkeypatch)

    async def nobody(context: object, params: Any) -> ElicitResult:
        return ElicitResult(action=action)

    environ = environment(served, tmp_path)
    async with on_stdio(environ, mode, elicitation_callback=nobody) as one:
        asked = await one.call("place_order", **await wish_of(one, served))
        assert asked["state"] == "approval_needed"
        assert f"korus-mcp approve {asked['code']}" in asked["next"]
        assert orders(served) == 0


async def test_who_announces_what_it_only_passes_on_is_not_asked_where_there_is_the_page(
    served: ServedSandbox, tmp_path: Path
) -> None:
    """A host behind it that shows no form would end each call with an error."""
    forms: list[object] = []

    async def passed_on(context: object, params: object = None) -> Any:
        forms.append(params)
        return ElicitResult(action="accept", content={"order": True})

    environ = environment(served, tmp_path)
    proxy: dict[str, Any] = {
        "client_info": Implementation(name=FORWARDING, version="4.2.3"),
        "elicitation_callback": passed_on,
        "sampling_callback": passed_on,
        "list_roots_callback": passed_on,
    }
    async with on_stdio(environ, **proxy) as one:
        asked = await one.call("place_order", **await wish_of(one, served))
        assert asked["state"] == "approval_needed"
        assert not forms
        assert orders(served) == 0


async def test_two_processes_on_one_journal(served: ServedSandbox, tmp_path: Path) -> None:
    desktop = Desktop(tmp_path)
    environ = environment(served, tmp_path)
    async with on_stdio(environ) as one, on_stdio(environ | desktop.environment) as other:
        wish = await wish_of(one, served)
        asked = await one.call("place_order", **wish)
        again = await other.call("place_order", **wish)
        assert again["code"] == asked["code"]
        assert told_address(again["next"]) != told_address(asked["next"]), (
            "each has a page of its own"
        )
        await pressed(await desktop.address())
        made = [await each.call("place_order", **wish) for each in (one, other)]
        assert [each["state"] for each in made] == ["ordered"] * 2
        assert made[0]["orders"] == made[1]["orders"]
        assert orders(served) == 1


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("is_pressed", [True, False])
async def test_a_server_that_is_killed_between_loses_no_yes_and_adds_none(
    is_pressed: bool, language: str, served: ServedSandbox, tmp_path: Path
) -> None:
    """Whatever language the hold was made in: the next server is not told of it."""
    desktop = Desktop(tmp_path)
    environ = environment(served, tmp_path) | desktop.environment
    async with raw_host(environ) as dying:
        items = [{"offer_id": handle_of(served.sandbox, "park_offer"), "quantity": 2}]
        held = await dying.call("reserve", {"items": items, "language": language})
        ids = [held["reservations"][0]["reservation_id"]]
        wish = {"reservation_ids": ids, "customer": CUSTOMER}
        asked = await dying.call("place_order", wish)
        address = await desktop.address()
        if is_pressed:
            await pressed(address)
        dying.process.send_signal(signal.SIGKILL)
        await dying.process.wait()
    with pytest.raises(httpx.ConnectError):
        await pressed(address)
    async with on_stdio(environ) as later:
        answer = await later.call("place_order", **wish)
        assert answer["state"] == ("ordered" if is_pressed else "approval_needed")
        assert is_pressed or answer["code"] == asked["code"]
        assert orders(served) == int(is_pressed)


def of_one_call(folder: Path, mode: str, desktop: Desktop | None = None) -> Host:
    """A host that starts a server for each call, in the embedded sandbox."""
    own = host(folder, mode, APPROVAL="human", ANSWER_SECONDS="10").environment
    bare = {k: v for k, v in own.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return Host(bare | (desktop.environment if desktop else {}), mode)


async def held_by(one: Host) -> Json:
    """The arguments of an order in the embedded sandbox."""
    async with one.staying():
        reservation = await one.held(await one.bookable(MUSEUM))
    return {"reservation_ids": [reservation], "customer": CUSTOMER}


@BOTH_ERAS
async def test_in_the_embedded_sandbox_the_next_process_shows_the_page_of_the_one_that_ended(
    mode: str, tmp_path: Path
) -> None:
    desktop = Desktop(tmp_path)
    one = of_one_call(tmp_path, mode, desktop)
    wish = await held_by(one)
    asked = await one.call("place_order", **wish)
    assert asked["state"] == "approval_needed"
    answers: list[Json] = []

    async def place() -> None:
        answers.append(await one.call("place_order", **wish))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place)
        address = await desktop.address(2)
        assert asked["code"] in address, "it is the same question"
        assert (await pressed(address)).status_code == 303
    assert answers[0]["state"] == "ordered"
    assert (await one.call("place_order", **wish))["replayed"]


@BOTH_ERAS
async def test_in_the_embedded_sandbox_a_terminal_answers_what_a_process_asked_that_ended(
    mode: str, tmp_path: Path
) -> None:
    one = of_one_call(tmp_path, mode)
    wish = await held_by(one)
    asked = await one.call("place_order", **wish)
    assert asked["state"] == "approval_needed"
    command = ["approve", asked["code"]]
    ended, screen = await to_thread.run_sync(at_a_terminal, command, "y\n", one.environment)
    assert ended == 0, screen
    assert (await one.call("place_order", **wish))["state"] == "ordered"


async def test_over_http_a_host_that_cannot_ask_is_refused_as_ever(
    served: ServedSandbox, tmp_path: Path
) -> None:
    desktop = Desktop(tmp_path)
    environ = environment(served, tmp_path) | desktop.environment
    async with serving_http(environ) as url, Client(url) as client:
        one = Assistant(client)
        refused = await one.ask("place_order", await wish_of(one, served))
        assert refused.code == "APPROVAL_UNAVAILABLE"
        assert not desktop.opened


async def test_with_all_it_was_told_an_assistant_presses_nothing(
    served: ServedSandbox, tmp_path: Path
) -> None:
    desktop = Desktop(tmp_path)
    environ = environment(served, tmp_path) | desktop.environment
    async with on_stdio(environ) as one:
        wish = await wish_of(one, served)
        asked = await one.ask("place_order", wish)
        assert asked.data["state"] == "approval_needed"
        secret = (await desktop.address()).rsplit("/", 1)[1]
        told = " ".join(answer.wire for _, answer in one.calls)
        assert secret not in told
        words = sorted({*re.findall(r"[\w.@-]{4,}", told), *wish["reservation_ids"]})
        address = told_address(asked.data["next"])
        origin = origin_of(address)
        async with httpx.AsyncClient(follow_redirects=True) as client:
            places = [address, f"{address}/", f"{address}/yes", origin]
            places += [f"{address}/{word}" for word in words]
            for place in places:
                for body in ({"answer": "yes"}, {"answer": "yes", "token": asked.data["code"]}):
                    found = await client.get(place, params=body)
                    sent = await client.post(place, data=body, headers={"Origin": origin})
                    assert "token" not in found.text
                    assert sent.status_code >= 400
        for more in ({}, {"confirmation": asked.data["code"]}, {"confirmation": secret}):
            again = await one.call("place_order", **wish, **more)
            assert again["state"] == "approval_needed"
        assert orders(served) == 0
