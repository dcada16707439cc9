"""A yes beside the host: what it is bound to, how often it counts, and that nothing replaces it."""

import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from korus_mcp.booking.by_hand import ByHand, Seal, Shown
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.booking.ordering import BY_HAND
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import Journal
from korus_mcp.journal.records import APPROVALS_KEPT
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.sandbox import Answer, Delay
from korus_mcp.settings import Approval
from korus_mcp.tools.by_hand import answered
from tests.booking.stage import (
    CUSTOMER,
    OTHER,
    OWNER,
    PAST_THE_ANSWER,
    GatedClock,
    Stage,
    order_call,
    over,
    staged,
    turn_the_loop,
    until,
)
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createOrders"
SECRET = "the secret of an account"
BOB = replace(CUSTOMER, firstname="Bob")
HALF = 20.0
"""Seconds for which a call waits for the person: half of what it takes at most."""


def by_hand_of(stage: Stage, journal: Journal, secret: str = SECRET) -> ByHand:
    seal = Seal(secret, stage.settings.account.key())
    return ByHand(journal=journal, seal=seal, environment="sandbox", clock=stage.app.api)


def asking(stage: Stage, journal: Journal) -> Stage:
    """The stage of a server that can ask beside its host, over a journal."""
    other = over(stage, journal)
    ordering = other.app.booking.ordering
    ordering.by_hand = by_hand_of(stage, ordering.journal)
    return other


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with human() as each:
        yield each


@asynccontextmanager
async def human(**changes: Any) -> AsyncIterator[Stage]:
    async with staged(approval=Approval.HUMAN, **changes) as each:
        yield asking(each, MemoryJournal(each.clock))


async def needed(stage: Stage, *holds: Any, **changes: Any) -> str:
    """The code of the question that an order needs an answer to."""
    asked = await stage.place(*holds, **changes)
    assert asked.state is OrderState.APPROVAL_NEEDED
    assert asked.code is not None
    return asked.code


async def said(stage: Stage, code: str, *, yes: bool = True) -> bool:
    """What the person says to a question. Whether it counts."""
    by_hand = stage.app.booking.ordering.by_hand
    assert by_hand is not None
    found = await by_hand.found(code)
    return found is not None and await by_hand.answer(found[0], is_yes=yes, way="page")


async def refused(stage: Stage, *holds: Any, **changes: Any) -> Code:
    with pytest.raises(Refusal) as refusal:
        await stage.place(*holds, **changes)
    return refusal.value.code


async def test_a_yes_orders_with_the_next_equal_call_and_once(stage: Stage) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    assert await needed(stage, hold) == code, "it is one question"
    assert stage.sent(POST) == 0
    assert await said(stage, code)
    made = await stage.place(hold)
    assert made.state is OrderState.ORDERED
    intent = (await stage.app.booking.journal.intents_of([hold.id]))[hold.id]
    assert intent.agreed == BY_HAND
    assert (await stage.place(hold)).replayed
    assert not await said(stage, code), "it was said"
    assert stage.sent(POST) == 1


async def test_an_invented_confirmation_is_no_yes(stage: Stage) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    for told in (code, "made-up", f"asked-{code}"):
        assert await needed(stage, hold, confirmation=told) == code
    assert stage.sent(POST) == 0


async def test_a_no_is_remembered_like_a_no_to_the_host(stage: Stage) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    assert await said(stage, code, yes=False)
    assert not await said(stage, code), "the first word stands"
    for _ in range(2):
        assert await refused(stage, hold) is Code.APPROVAL_DECLINED
    for changed in ({"notes": "aisle"}, {"customer": BOB}):
        await said(stage, await needed(stage, hold, **changed), yes=False)
    assert await refused(stage, hold, notes="window") is Code.APPROVAL_DECLINED, "three noes"
    assert stage.sent(POST) == 0


@pytest.mark.parametrize("changed", [{"customer": BOB}, {"notes": "aisle"}])
async def test_a_yes_is_to_exactly_that_call(stage: Stage, changed: dict[str, Any]) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    await said(stage, code)
    other = await needed(stage, hold, **changed)
    assert other != code
    assert not await said(stage, code), "another question took its place"
    assert await needed(stage, hold) not in (code, other), "and its yes with it"
    assert stage.sent(POST) == 0


async def test_a_yes_to_another_price_is_void() -> None:
    totals = ["45.00"]

    def dearer(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path and "totalAmountInclTax" in body:
            body["totalAmountInclTax"] = totals[-1]

    async with human(rewrite=dearer) as stage:
        hold = await stage.held()
        code = await needed(stage, hold)
        await said(stage, code)
        totals.append("46.00")
        dear = await needed(stage, hold)
        assert dear != code
        totals.append("45.00")
        assert await needed(stage, hold) != code, "the yes does not come back with the price"
        assert stage.sent(POST) == 0


async def test_a_yes_after_the_time_to_answer_does_not_count(stage: Stage) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    stage.move(600)
    assert not await said(stage, code)
    assert await needed(stage, hold) != code
    assert stage.sent(POST) == 0


async def test_a_yes_dies_with_the_hold(stage: Stage) -> None:
    hold = await stage.held()
    await said(stage, await needed(stage, hold))
    assert hold.seconds_left is not None
    stage.move(hold.seconds_left)
    assert await refused(stage, hold) is Code.HOLD_EXPIRED
    assert stage.sent(POST) == 0


async def test_a_yes_outlives_the_question(stage: Stage) -> None:
    hold = await stage.held()
    code = await needed(stage, hold)
    stage.move(599)
    assert await said(stage, code)
    stage.move(60)
    assert (await stage.place(hold)).state is OrderState.ORDERED


async def test_a_yes_is_its_owners(stage: Stage) -> None:
    hold = await stage.held()
    await said(stage, await needed(stage, hold))
    assert await refused(stage, hold, owner=OTHER) is Code.NOT_FOUND
    assert stage.sent(POST) == 0


async def test_a_person_reads_everything_that_is_ordered(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    code = await needed(stage, hold, notes="wheelchair <b>")
    by_hand = stage.app.booking.ordering.by_hand
    assert by_hand is not None
    found = await by_hand.found(code)
    assert found is not None
    shown = found[1]
    assert isinstance(shown, Shown)
    (line,) = shown.lines
    assert (line.quantity, line.product) == (2, hold.lines[0].product)
    assert shown.total == line.amount == "90.00 EUR"
    for fact in ("Ada Martin", "ada@example.test", "0611223344"):
        assert fact in shown.customer
    assert shown.notes == "wheelchair <b>"
    assert shown.environment == "sandbox"
    assert shown.terms, "the park has terms of sale"
    await said(stage, code)
    found = await by_hand.found(code)
    assert found is not None
    assert found[1] is None, "what is answered is not kept"


async def test_a_person_reads_all_that_is_sent_whatever_markup_is_in_it(stage: Stage) -> None:
    """A page is no Markdown: what would hide there is shown, and nothing is too long."""
    hold = await stage.held()
    email = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 50}.example.test"
    named = replace(CUSTOMER, firstname="![Bob](x)", lastname="L" * 100, email=email)
    notes = "![ten more](http://example.test) for [Eve](y)"
    code = await needed(stage, hold, customer=named, notes=notes)
    by_hand = stage.app.booking.ordering.by_hand
    assert by_hand is not None
    found = await by_hand.found(code)
    assert found is not None
    assert found[1] is not None
    shown = found[1]
    assert shown.notes == notes
    for fact in ("Bob", named.lastname, email, "0611223344", "language fr"):
        assert fact in shown.customer


async def test_a_person_reads_what_the_purchase_brings_with_it(stage: Stage) -> None:
    holds = [await stage.held(quantity=2), await stage.held("undated_offer")]
    code = await needed(stage, *holds)
    by_hand = stage.app.booking.ordering.by_hand
    assert by_hand is not None
    found = await by_hand.found(code)
    assert found is not None
    assert found[1] is not None
    attached = found[1].attached
    assert (attached.orders, attached.units) == (2, 3)
    assert attached.tickets == sum(hold.tickets for hold in holds)


async def test_the_journal_cannot_read_who_orders(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    async with staged(approval=Approval.HUMAN) as plain:
        journal = SqlJournal.at(f"sqlite:///{file}", "account", clock=plain.clock)
        stage = asking(plain, journal)
        code = await needed(stage, await stage.held(), notes="a canary of a note")
        other = by_hand_of(plain, journal, "another secret")
        assert await other.found(code) is None
        await journal.close()
    with sqlite3.connect(file) as db:
        (row,) = db.execute("SELECT shown FROM korus_asked").fetchall()
    db.close()
    assert row[0]
    content = file.read_bytes()
    for known in (b"Martin", b"ada@example.test", b"0611223344", b"canary"):
        assert known not in content


async def test_two_servers_on_one_journal_share_question_and_yes(tmp_path: Path) -> None:
    async with staged(approval=Approval.HUMAN) as plain:
        url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
        journals = [SqlJournal.at(url, "account", clock=plain.clock) for _ in range(3)]
        one, other, third = (asking(plain, each) for each in journals)
        hold = await one.held()
        code = await needed(one, hold)
        assert await needed(other, hold) == code
        assert await said(third, code)
        made = [await each.place(hold) for each in (other, one)]
        assert [each.state for each in made] == [OrderState.ORDERED] * 2
        assert [each.replayed for each in made] == [False, True]
        assert plain.sent(POST) == 1
        for each in journals:
            await each.close()


async def test_a_refused_order_needs_another_yes(stage: Stage) -> None:
    hold = await stage.held()
    await said(stage, code := await needed(stage, hold))
    stage.sandbox.faults.add(Answer(status=422, body="problem"), POST)
    assert (await stage.place(hold)).state is OrderState.FAILED
    assert await needed(stage, hold) != code


async def test_questions_that_ended_are_not_kept(stage: Stage) -> None:
    journal = stage.app.booking.journal
    codes = [await needed(stage, await stage.held(), notes=str(n)) for n in range(3)]
    stage.move(APPROVALS_KEPT / timedelta(seconds=1))
    last = await needed(stage, await stage.held())
    assert [await journal.asked(code) for code in codes] == [None] * 3
    assert await journal.asked(last) is not None


async def test_ten_thousand_sequences_of_calls_without_a_yes_order_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of calls, invented confirmations, noes and time, in any order; only what upstream says of the
    holds is told from here, since there is much of it.
    """
    async with human() as stage:
        rng = random.Random(22)
        journal, clock = stage.app.booking.journal, stage.app.api
        model = await stage.held()
        ends: dict[str, datetime] = {}

        async def read(
            reader: HoldReader, owner: str, reservation_ids: Sequence[str], language: str
        ) -> list[Hold]:
            del reader, owner, language
            left = {i: int((ends[i] - clock.now()).total_seconds()) for i in reservation_ids}
            return [
                replace(model, id=i, expires_at=ends[i], seconds_left=max(0, left[i]))
                for i in reservation_ids
            ]

        monkeypatch.setattr(HoldReader, "read", read)
        answers = Counter[object]()
        for number in range(10_000):
            hold = f"hold-{number}"
            ends[hold] = clock.now() + timedelta(seconds=900)
            await journal.own(OWNER, hold)
            told = ["made-up"]
            for _ in range(rng.randint(1, 2)):
                if rng.random() < 0.1:
                    await said(stage, rng.choice(told), yes=False)
                if rng.random() < 0.1:
                    stage.move(rng.choice([1, 400, 700]))
                wish: dict[str, Any] = {
                    "customer": rng.choice([CUSTOMER, BOB]),
                    "confirmation": rng.choice([None, *told[-3:]]),
                    "owner": rng.choice([OWNER, OWNER, OWNER, OTHER]),
                }
                try:
                    answer = await stage.place(hold, **wish)
                except Refusal as refusal:
                    answers[refusal.code] += 1
                else:
                    answers[answer.state] += 1
                    told += [str(answer.code), f"asked-{answer.code}"]
        assert stage.sent(POST) == 0
        assert not stage.sandbox.orders()
        assert set(answers) == {
            OrderState.APPROVAL_NEEDED,
            Code.APPROVAL_DECLINED,
            Code.HOLD_EXPIRED,
            Code.NOT_FOUND,
        }
        assert answers[OrderState.APPROVAL_NEEDED] > 5_000


class Bell:
    """A page that is before the person already."""

    signs_in = False

    def __init__(self) -> None:
        self.looked = anyio.Event()

    async def page(self) -> str:
        return "http://127.0.0.1:1"

    def is_shown(self, code: str) -> bool:
        self.looked.set()
        return bool(code)

    async def open(self, code: str, address: str) -> bool:
        raise AssertionError(f"{code} is open, and not {address}")


async def test_waiting_for_a_yes_and_for_its_order_takes_no_longer_than_a_call() -> None:
    gated = GatedClock()
    async with staged(approval=Approval.HUMAN, sandbox_clock=gated) as plain:
        stage = asking(plain, MemoryJournal(plain.clock))
        bell = stage.app.doorbell = Bell()
        call = order_call(await stage.held())
        question = await stage.app.booking.ordering.place(call)
        assert question.code is not None
        stage.sandbox.faults.add(Delay(seconds=50), POST)
        calling = SimpleNamespace(lifespan_context=stage.app)
        context: Any = SimpleNamespace(request_context=calling, client_capabilities=None)
        answers = list[Ordered]()

        async def place() -> None:
            answers.append((await answered(context, call, question))[0])

        async with anyio.create_task_group() as callers:
            callers.start_soon(place)
            await bell.looked.wait()
            await anyio.wait_all_tasks_blocked()
            turn_the_loop(HALF - 1)
            assert await said(stage, question.code)
            await gated.asleep.wait()
            turn_the_loop(PAST_THE_ANSWER - HALF + 1)
            await until(lambda: bool(answers))
            gated.gate.set()
        assert [each.state for each in answers] == [OrderState.IN_DOUBT]
