"""Files of an order: within a reply up to a size, else as links; saved once, and said so."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import EmbeddedResource

from korus_mcp.api import Booking, DocumentRefused, Outcome
from korus_mcp.api.documents import HOST_NOT_LISTED
from korus_mcp.booking.operations import SIDE_BY_SIDE
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, Sandbox, SandboxOptions
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings
from tests.booking.stage import turn_the_loop, until
from tests.fixtures.assistant import ERAS, SEED, Answer, Desk, Json, desk, settings_of
from tests.fixtures.hosts import over_http

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
PERSON = {"firstname": "Ada", "lastname": "Byron", "date_of_birth": "1990-12-10"}
MIB = 1024 * 1024


@asynccontextmanager
async def on_http(mode: str) -> AsyncIterator[tuple[Desk, str]]:
    """A desk over HTTP, and the address for others."""
    clock = ManualClock()
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=clock)
    ski = alias_of(sandbox.landmarks["ski_catalog"])
    settings = replace(settings_of(), catalogs=(ski,))
    server = build_server(settings, clock=clock, sandbox=sandbox)
    async with over_http(server.streamable_http_app()) as url, Client(url, mode=mode) as client:
        yield Desk(client, sandbox=sandbox, clock=clock), url


async def group(each: Desk, number: int) -> tuple[str, Json]:
    """An order for so many, and the call that names them."""
    order = await each.booked(each.handle("beneficiary_offer"), number)
    told = await each.call("get_tickets", order_id=order["order_id"])
    people = [{**PERSON, "ticket_id": t["ticket_id"]} for t in told["tickets"]]
    return order["order_id"], {"order_id": order["order_id"], "beneficiaries": people}


def pdfs_in(folder: Path) -> list[str]:
    """The names of the PDFs in a folder, beside which there is a calendar file."""
    return sorted(path.name for path in folder.glob("*.pdf"))


def sized(monkeypatch: pytest.MonkeyPatch, *sizes: int) -> list[int]:
    """Documents of these sizes, in turn; how many were fetched is the length of the answer."""
    fetched: list[int] = []

    async def download(self: object, link: object) -> bytes:
        fetched.append(sizes[len(fetched) % len(sizes)])
        return b"%PDF-1.7\n".ljust(fetched[-1], b"x")

    monkeypatch.setattr(Booking, "download_document", download)
    return fetched


async def files(each: Desk, order_id: str) -> Answer:
    each.clock.advance(600)
    return await each.ask("get_tickets", {"order_id": order_id, "save": True})


@BOTH_ERAS
@pytest.mark.parametrize(
    ("sizes", "sent"),
    [((700_000,), 1), ((300_000,), 2), ((900_000,), 0), ((MIB + 1, 1000), 3), ((1000,), 6)],
)
async def test_a_reply_holds_a_mebibyte_of_files_and_names_the_others(
    mode: str, sizes: tuple[int, ...], sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_http(mode) as (each, _):
        order_id, naming = await group(each, 6)
        await each.call("name_beneficiaries", **naming)
        sized(monkeypatch, *sizes)
        answer = await files(each, order_id)
    kinds = [block.type for block in answer.result.content]
    assert kinds == ["text", *["resource"] * (sent and sent + 1)], "the last is for the calendar"
    assert all(document["uri"] in answer.text for document in answer.data["documents"])
    assert len(answer.wire) < MIB, "clients drop a longer event"
    assert ("read the addresses" in answer.data["next"]) == (sent < 6)
    assert "save: true" not in answer.data["next"]


async def test_after_saving_it_is_not_offered_again_and_makes_no_second_copy(
    tmp_path: Path,
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        each.clock.advance(600)
        offered = await each.call("get_tickets", order_id=order["order_id"])
        assert "save: true" in offered["next"]
        paths = set()
        for _ in range(2):
            saved = await files(each, order["order_id"])
            paths |= {d["saved_to"] for d in saved.data["documents"]}
            assert "save: true" not in saved.text
        assert [os.path.basename(path) for path in paths] == pdfs_in(tmp_path)


async def test_a_call_that_saves_too_early_says_that_nothing_is_saved_and_when_it_will_be(
    tmp_path: Path,
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("ski",)) as each:
        order_id, naming = await group(each, 1)
        await each.call("name_beneficiaries", **naming)
        looked = await each.ask("get_tickets", {"order_id": order_id})
        early = await each.ask("get_tickets", {"order_id": order_id, "save": True})
        left = early.data["documents"][0]["ready_in"]
        assert early.data["next"] == (
            f"Not ready, nothing saved yet: make the same call again in about {left} s."
        )
        assert looked.data["next"] == (
            f"If the person wants the PDFs: get_tickets with save: true in about {left} s puts "
            "them in the download folder."
        )
        assert not os.listdir(tmp_path)
        assert {ticket["status"] for ticket in early.data["tickets"]} == {"valid"}
        assert ", valid; ticket_id" in early.text
        assert "validated" not in early.wire


async def test_over_http_the_files_are_promised_in_the_reply() -> None:
    async with on_http("auto") as (each, _):
        order_id, naming = await group(each, 1)
        await each.call("name_beneficiaries", **naming)
        each.clock.advance(600)
        looked = await each.call("get_tickets", order_id=order_id)
    assert "save: true puts them in its reply" in looked["next"]


@pytest.mark.parametrize(("links", "has_address"), [("auto", False), ("on", True)])
async def test_a_saved_file_is_told_by_its_path_and_by_its_address_only_beside_a_link(
    links: str, has_address: bool, tmp_path: Path
) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path), MCP_LINKS=links)
    async with desk(settings, only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        each.clock.advance(600)
        (listed,) = (await each.call("get_tickets", order_id=order["order_id"]))["documents"]
        saved = await files(each, order["order_id"])
        (document,) = saved.data["documents"]
    assert document["saved_to"] in saved.text
    assert ("uri" in document) == (listed["uri"] in saved.wire) == has_address


@BOTH_ERAS
async def test_a_group_is_named_once_though_its_callers_leave_again_and_again(mode: str) -> None:
    async with on_http(mode) as (each, url):
        _, naming = await group(each, 6)
        each.sandbox.faults.add(Delay(seconds=0.3), "setTicketBeneficiary", times=None)
        for _ in range(3):
            async with Client(url, mode=mode) as leaving:
                with anyio.move_on_after(0.15):
                    await leaving.call_tool("name_beneficiaries", naming)
        heard: list[Any] = []

        async def told(done: float, total: float | None, message: str | None) -> None:
            heard.append((done, total))

        answer = await each.ask("name_beneficiaries", naming, progress_callback=told)
        assert {t["outcome"] for t in answer.data["tickets"]} == {"named"}
        assert each.sent("setTicketBeneficiary") == 6
        assert all(total == 6 for _, total in heard)


@BOTH_ERAS
async def test_files_over_http_are_fetched_once_though_their_callers_leave(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_http(mode) as (each, url):
        order_id, naming = await group(each, 6)
        await each.call("name_beneficiaries", **naming)
        each.clock.advance(600)
        wish = {"order_id": order_id, "save": True}
        waiting, may_go = [0], anyio.Event()

        async def download(self: object, link: object) -> bytes:
            waiting[0] += 1
            await may_go.wait()
            return b"%PDF-1.7"

        monkeypatch.setattr(Booking, "download_document", download)
        for _ in range(2):
            async with Client(url, mode=mode) as leaving, anyio.create_task_group() as calls:
                calls.start_soon(leaving.call_tool, "get_tickets", wish)
                await until(lambda: waiting[0] == SIDE_BY_SIDE)
                calls.cancel_scope.cancel()
        may_go.set()
        answer = await each.ask("get_tickets", wish)
    assert sum(isinstance(b, EmbeddedResource) for b in answer.result.content) == 6 + 1
    assert waiting[0] == 6


@BOTH_ERAS
async def test_a_file_that_will_not_come_is_told_as_such_beside_those_that_came(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(chosen, mode=mode, only=("ski",)) as each:
        order_id, naming = await group(each, 3)
        await each.call("name_beneficiaries", **naming)
        fetched: list[object] = []

        async def download(self: object, link: object) -> bytes:
            fetched.append(link)
            if len(fetched) % 3 == 2:
                raise DocumentRefused("downloadDocument", Outcome.REFUSED, reason=HOST_NOT_LISTED)
            return b"%PDF-1.7 " + str(len(fetched)).encode()

        monkeypatch.setattr(Booking, "download_document", download)
        answer = await files(each, order_id)
        assert sum("saved_to" in d for d in answer.data["documents"]) == 2
        assert "KORUS_DOCUMENT_HOSTS" in answer.data["next"]
        assert "again" not in answer.data["next"]


async def test_when_no_file_is_to_be_had_the_operator_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def download(self: object, link: object) -> bytes:
        raise DocumentRefused("downloadDocument", Outcome.REFUSED, reason=HOST_NOT_LISTED)

    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        monkeypatch.setattr(Booking, "download_document", download)
        refused = await files(each, order["order_id"])
        assert refused.code == "MISCONFIGURED"
        assert "KORUS_DOCUMENT_HOSTS" in refused.error["next"]
        assert "retry_after_seconds" not in refused.error


@BOTH_ERAS
@pytest.mark.parametrize("late", [1, 3], ids=["one", "all"])
async def test_files_that_are_late_are_told_as_that_and_found_by_the_next_call(
    late: int, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(chosen, mode=mode, only=("ski",)) as each:
        order_id, naming = await group(each, 3)
        await each.call("name_beneficiaries", **naming)
        fetched, gate = [0], anyio.Event()

        async def download(self: object, link: object) -> bytes:
            fetched[0] += 1
            number = fetched[0]
            if number <= late:
                await gate.wait()
            return b"%PDF-1.7 " + str(number).encode()

        monkeypatch.setattr(Booking, "download_document", download)
        answers: list[Answer] = []

        async def ask() -> None:
            answers.append(await files(each, order_id))

        async with anyio.create_task_group() as group_of_one:
            group_of_one.start_soon(ask)
            await until(lambda: fetched[0] == 3 and len(pdfs_in(tmp_path)) == 3 - late)
            await anyio.sleep(0.05)
            assert not answers
            turn_the_loop(Settings.answer_seconds - 0.5)
        (answer,) = answers
        if late == 3:
            assert answer.code == "UPSTREAM_UNAVAILABLE"
            assert "still being fetched" in answer.text
        else:
            assert sum("saved_to" in d for d in answer.data["documents"]) == 2
            assert "still being fetched: call again" in answer.data["next"]
        gate.set()
        await until(lambda: len(pdfs_in(tmp_path)) == 3)
        again = await files(each, order_id)
        assert sum("saved_to" in d for d in again.data["documents"]) == 3
        assert fetched == [3], "none is fetched twice"


# What is told of files and tickets


async def seated(each: Desk, landmark: str, quantity: int) -> str:
    """An order of so many places in a session; its id."""
    offer = each.handle(landmark)
    live = await each.call("check_availability", offer_id=offer, quantity=quantity)
    session = next(s["session_id"] for s in live["sessions"] if s["enough"])
    items = [{"offer_id": offer, "quantity": quantity, "session_ids": [session]}]
    held = await each.call("reserve", items=items)
    made = await each.order(held["reservations"][0]["reservation_id"])
    return str(made["orders"][0]["order_id"])


@BOTH_ERAS
async def test_a_file_that_is_not_ready_is_told_in_seconds_and_has_no_link(mode: str) -> None:
    settings = settings_of(MCP_LINKS="on")
    async with desk(settings, mode=mode, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        early = await each.ask("get_tickets", {"order_id": order_id})
        for document in early.data["documents"]:
            assert (document["ready"], document["ready_in"]) == (False, 90)
            assert "uri" not in document
            assert f"ready in about 90 s, at {document['ready_at']}" in early.text
        assert "korus://" not in early.wire
        assert "in about 90 s" in early.data["next"]
        each.clock.advance(50)
        assert "in about 40 s" in (await each.call("get_tickets", order_id=order_id))["next"]
        each.clock.advance(40)
        ready = await each.ask("get_tickets", {"order_id": order_id})
        assert not any("ready_in" in document for document in ready.data["documents"])
        links = [b for b in ready.result.content if b.type == "resource_link"]
        assert [str(link.uri) for link in links] == [d["uri"] for d in ready.data["documents"]]
        assert [link.name for link in links] == [d["name"] for d in ready.data["documents"]]
        assert len({link.name for link in links}) == 2, "two files of an order have two names"


async def test_files_are_saved_under_the_names_that_are_told(tmp_path: Path) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        saved = await files(each, order_id)
        documents = saved.data["documents"]
        assert [Path(d["saved_to"]).name for d in documents] == [d["name"] for d in documents]
        assert len({d["name"] for d in documents}) == 2


@BOTH_ERAS
async def test_the_tickets_of_a_day_with_a_show_say_which_is_which(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        order_id = await seated(each, "night_show_offer", 2)
        answer = await each.ask("get_tickets", {"order_id": order_id})
        tickets = answer.data["tickets"]
        assert [t["admits_to"] for t in tickets] == ["entry", "session"] * 2
        assert all(("T" in t["when"]) == (t["admits_to"] == "session") for t in tickets)
        assert answer.data["note"] == "Each of the 2 bought has 2 tickets."
        assert answer.data["note"] in answer.text
        lines = [line for line in answer.text.splitlines() if "ticket_id" in line]
        assert [line.partition(" x ")[0] for line in lines] == ["2", "2"]
        assert ["entry, " in line for line in lines] == [True, False]


async def test_tickets_of_one_kind_are_not_told_apart() -> None:
    async with desk(only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"), 2)
        told = await each.call("get_tickets", order_id=order["order_id"])
        assert not any("admits_to" in ticket for ticket in told["tickets"])
        assert "note" not in told


@BOTH_ERAS
async def test_equal_places_are_one_line_with_all_ids(mode: str) -> None:
    async with desk(mode=mode, only=("stadium",)) as each:
        order_id = await seated(each, "stadium_offer", 6)
        answer = await each.ask("get_tickets", {"order_id": order_id})
        tickets = answer.data["tickets"]
        (line,) = (line for line in answer.text.splitlines() if "ticket_id" in line)
        assert line.startswith("6 x ")
        assert line.endswith("ticket_id " + ", ".join(t["ticket_id"] for t in tickets))
        with_vouchers = await each.ask("get_tickets", {"order_id": order_id, "vouchers": True})
        assert with_vouchers.text.count("ticket_id") == 6, "a voucher belongs to one ticket"


async def test_equal_places_of_a_hold_are_counted() -> None:
    async with desk(only=("stadium",)) as each:
        offer = each.handle("stadium_offer")
        live = await each.call("check_availability", offer_id=offer, quantity=6)
        session = live["sessions"][0]["session_id"]
        items = [{"offer_id": offer, "quantity": 6, "session_ids": [session]}]
        held = await each.ask("reserve", {"items": items})
        (seats,) = held.data["reservations"][0]["seats"]
        assert seats["places"] == 6
        assert f"6 x zone {seats['zone']}, entrance {seats['entrance']}" in held.text


@BOTH_ERAS
async def test_once_named_a_ticket_asks_for_no_name_by_no_time(mode: str) -> None:
    async with desk(mode=mode, only=("ski",)) as each:
        order_id, naming = await group(each, 2)
        before = await each.ask("get_tickets", {"order_id": order_id})
        deadlines = {ticket["deadline"] for ticket in before.data["tickets"]}
        assert deadlines
        assert all(f"by {deadline}" in before.text for deadline in deadlines)
        await each.call("name_beneficiaries", **naming)
        after = await each.ask("get_tickets", {"order_id": order_id})
        assert not any("deadline" in ticket for ticket in after.data["tickets"])
        assert not any(deadline in after.text for deadline in deadlines)


@BOTH_ERAS
async def test_the_total_without_tax_is_told_where_the_issuer_states_it(mode: str) -> None:
    async with desk(mode=mode, only=("hall", "museum")) as each:
        order_id = await seated(each, "seated_offer", 2)
        answer = await each.ask("get_tickets", {"order_id": order_id})
        (made,) = each.sandbox.orders()
        assert answer.data["total"] == f"{made.total} EUR"
        net = Decimal(answer.data["net"].removesuffix(" EUR"))
        assert made.total / Decimal("1.03") < net < made.total
        assert f"total {answer.data['total']} ({answer.data['net']} before tax)" in answer.text
        found = await each.ask("find_orders", {"reference": answer.data["reference"]})
        (row,) = found.data["orders"]
        assert row["net"] == answer.data["net"]
        assert f"{row['total']}, {row['net']} before tax" in found.text
        museum = await seated(each, "dynamic_price_offer", 1)
        untold = await each.ask("get_tickets", {"order_id": museum})
        assert "net" not in untold.data
        assert "before tax" not in untold.text
