"""Names and files outlive who asked for them: a repeat joins, or goes on where it stands."""

import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.api import BeneficiaryInput
from korus_mcp.booking.documents import DocumentQuery
from korus_mcp.booking.naming import NamingOutcome
from korus_mcp.booking.operations import SIDE_BY_SIDE
from korus_mcp.booking.tickets import MOST_UNCLAIMED, UNCLAIMED_SECONDS
from korus_mcp.foundation.refusals import MEANINGS, Code, Effect, Refusal
from tests.booking.stage import (
    OWNER,
    PAST_THE_ANSWER,
    Stage,
    staged,
    turn_the_loop,
    until,
)
from tests.booking.test_tickets import ADA, PATCH, issued

pytestmark = pytest.mark.anyio
DOWNLOAD = "downloadDocument"


class Gate:
    """Lets calls of the API through when it is told to; counts those that wait."""

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self.waiting = 0
        self.most = 0
        self.calls = 0
        self.is_open = anyio.Event()

    async def __call__(self, *given: Any, **more: Any) -> Any:
        self.calls += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.is_open.wait()
        self.waiting -= 1
        return await self._call(*given, **more)


def gated(stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(getattr(stage.app.api.booking, name))
    monkeypatch.setattr(stage.app.api.booking, name, gate)
    return gate


@pytest.fixture
async def ski() -> Any:
    async with staged(selling=("ski",)) as each:
        yield each


async def group_of(
    stage: Stage, number: int = 12
) -> tuple[str, list[tuple[str, BeneficiaryInput]]]:
    made = await stage.bought("beneficiary_offer", quantity=number)
    tickets = (await issued(stage, made)).tickets
    people = [replace(ADA, firstname=f"Ada {n}") for n in range(number)]
    return made, [(t.id, person) for t, person in zip(tickets, people, strict=True)]


async def left(work: Callable[[], Coroutine[Any, Any, None]], gate: Gate, waiting: int) -> None:
    """Ask and go away once so many calls wait at the issuer."""
    async with anyio.create_task_group() as caller:
        caller.start_soon(work)
        await until(lambda: gate.waiting == waiting)
        caller.cancel_scope.cancel()


async def test_a_group_is_named_though_the_caller_left_and_a_repeat_joins(
    ski: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wished = await group_of(ski)
    gate = gated(ski, "set_ticket_beneficiary", monkeypatch)
    beneficiaries = ski.app.booking.beneficiaries

    async def asked() -> None:
        await beneficiaries.name(OWNER, made, wished, "en")

    await left(asked, gate, SIDE_BY_SIDE)
    heard: list[tuple[int, int]] = []

    async def told(done: int, total: int) -> None:
        heard.append((done, total))

    gate.is_open.set()
    _, namings = await beneficiaries.name(OWNER, made, wished, "en", told)
    assert {n.outcome for n in namings} == {NamingOutcome.NAMED}
    assert ski.sent(PATCH) == 12
    assert gate.most == SIDE_BY_SIDE
    assert heard
    assert {total for _, total in heard} == {12}
    heard.clear()
    _, namings = await beneficiaries.name(OWNER, made, wished, "en", told)
    assert {n.outcome for n in namings} == {NamingOutcome.NAMED}
    assert ski.sent(PATCH) == 12, "the same names are not sent again"
    assert heard[0] == (0, 12), "a call that joins nobody counts from its own beginning"
    shown = (await issued(ski, made)).tickets
    assert [t.beneficiary for t in shown] == [f"Ada {n} Byron" for n in range(12)]


async def test_a_call_for_some_of_the_same_waits_its_turn_and_another_name_is_sent(
    ski: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wished = await group_of(ski, 2)
    gate = gated(ski, "set_ticket_beneficiary", monkeypatch)
    beneficiaries = ski.app.booking.beneficiaries
    (first, person), _ = wished
    other = replace(person, lastname="Lovelace")
    async with anyio.create_task_group() as callers:
        callers.start_soon(beneficiaries.name, OWNER, made, wished, "en")
        await until(lambda: gate.waiting == 2)
        callers.start_soon(beneficiaries.name, OWNER, made, [(first, person)], "en")
        callers.start_soon(beneficiaries.name, OWNER, made, [(first, other)], "en")
        await anyio.wait_all_tasks_blocked()
        assert gate.calls == 2
        gate.is_open.set()
    assert ski.sent(PATCH) == 3
    (ticket, _) = (await issued(ski, made)).tickets
    assert ticket.beneficiary == "Ada 0 Lovelace"


async def test_who_waited_too_long_is_told_that_names_may_have_been_set(
    ski: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wished = await group_of(ski, 6)
    gate = gated(ski, "set_ticket_beneficiary", monkeypatch)
    refused = list[Refusal]()

    async def asked() -> None:
        with pytest.raises(Refusal) as refusal:
            await ski.app.booking.beneficiaries.name(OWNER, made, wished, "en")
        refused.append(refusal.value)

    async with anyio.create_task_group() as callers:
        callers.start_soon(asked)
        await until(lambda: gate.waiting == SIDE_BY_SIDE)
        turn_the_loop(PAST_THE_ANSWER)
    gate.is_open.set()
    (told,) = refused
    assert told.code in (c for c, m in MEANINGS.items() if told.effect in m.effects)
    assert (told.code, told.effect) == (Code.OUTCOME_UNKNOWN, Effect.UNKNOWN)
    assert told.retry_after_seconds is not None
    _, namings = await ski.app.booking.beneficiaries.name(OWNER, made, wished, "en")
    assert {n.outcome for n in namings} == {NamingOutcome.NAMED}
    assert ski.sent(PATCH) == 6


async def test_what_began_is_carried_through_at_the_end_and_nothing_else_begins(
    ski: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wished = await group_of(ski, 6)
    gate = gated(ski, "set_ticket_beneficiary", monkeypatch)
    beneficiaries = ski.app.booking.beneficiaries

    async def asked() -> None:
        await beneficiaries.name(OWNER, made, wished, "en")

    await left(asked, gate, SIDE_BY_SIDE)
    async with anyio.create_task_group() as ending:
        ending.start_soon(ski.app.booking.drain, 10)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Refusal) as refusal:
            await beneficiaries.name(OWNER, made, wished[:1], "en")
        assert refusal.value.code is Code.SERVER_BUSY
        gate.is_open.set()
    assert ski.sent(PATCH) == 6


async def test_a_file_is_saved_though_the_caller_left_and_once_only(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await stage.bought()
    stage.move(600)
    (document,) = (await issued(stage, made)).documents
    gate = gated(stage, "download_document", monkeypatch)
    where = DocumentQuery(OWNER, made, document.id, "en")
    documents = stage.app.booking.documents

    async def asked() -> None:
        await documents.saved(where, tmp_path, "tickets-1")

    await left(asked, gate, 1)
    gate.is_open.set()
    for _ in range(2):
        assert await documents.saved(where, tmp_path, "tickets-1") == tmp_path / "tickets-1.pdf"
    assert gate.calls == 1
    (tmp_path / "tickets-1.pdf").unlink()
    assert await documents.saved(where, tmp_path, "tickets-1") == tmp_path / "tickets-1.pdf"
    assert gate.calls == 2, "a file that was taken away is fetched anew"
    assert os.listdir(tmp_path) == ["tickets-1.pdf"]


async def test_an_order_is_read_though_the_caller_left_and_is_there_for_the_repeat(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await stage.bought()
    stage.move(600)
    tickets = stage.app.booking.tickets
    arrived, may_go_on, calls = anyio.Event(), anyio.Event(), list[str]()
    of_order = tickets.of_order

    async def slowly(*given: Any) -> Any:
        calls.append(made)
        arrived.set()
        await may_go_on.wait()
        return await of_order(*given)

    monkeypatch.setattr(tickets, "of_order", slowly)

    async def asked() -> None:
        await tickets.issued(OWNER, made, "en")

    for _ in range(3):  # a host that gives up each time before the answer
        async with anyio.create_task_group() as caller:
            caller.start_soon(asked)
            await arrived.wait()
            await anyio.wait_all_tasks_blocked()
            caller.cancel_scope.cancel()
    may_go_on.set()
    await tickets.operations.flights.landed()
    found = await tickets.issued(OWNER, made, "en")
    assert found.order.id == made
    assert len(calls) == 1, "all of them waited for one reading"
    await tickets.issued(OWNER, made, "en")
    assert len(calls) == 2, "what was told is read anew"


async def test_what_was_read_for_nobody_is_not_told_later(stage: Stage) -> None:
    made = await stage.bought()
    tickets = stage.app.booking.tickets
    first = await tickets.read_on((tickets.namings, OWNER, made, "en"))
    assert await tickets.issued(OWNER, made, "en") is first
    await tickets.read_on((tickets.namings, OWNER, made, "en"))
    stage.move(UNCLAIMED_SECONDS)
    assert await tickets.issued(OWNER, made, "en") is not first
    for number in range(2 * MOST_UNCLAIMED):
        await tickets.read_on((tickets.namings - number, OWNER, made, "en"))
    assert len(tickets.unclaimed) == MOST_UNCLAIMED


async def test_another_process_finds_the_file_that_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        async with staged() as stage:
            made = await stage.bought()
            stage.move(600)
            (document,) = (await issued(stage, made)).documents
            where = DocumentQuery(OWNER, made, document.id, "en")
            content = await stage.app.booking.documents.pdf(where)
            path = await stage.app.booking.documents.saved(where, tmp_path, "tickets-1")
            assert path is not None
            assert await anyio.Path(path).read_bytes() == content
    assert os.listdir(tmp_path) == ["tickets-1.pdf"]
