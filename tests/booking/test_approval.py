"""A yes is good for its owner, its question and its time, once; a no is final for a while."""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from korus_mcp.api import CustomerInput
from korus_mcp.booking.approval import (
    KEPT_SECONDS,
    MOST_NOES,
    Question,
    agreed,
    check,
    confirmation,
    decline,
    given,
)
from korus_mcp.booking.confirmations import read
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.booking.timing import ORDER_MARGIN_SECONDS
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.records import ApprovalUsed, noes_of
from tests.journal.memory import MemoryJournal
from tests.journal.rows import LIMIT, MINE, intent

pytestmark = pytest.mark.anyio
CLOCK = ManualClock()
NOW = CLOCK.now()
SECOND = timedelta(seconds=1)


def hold(minutes: int) -> Hold:
    return Hold(
        id=f"r{minutes}",
        state=HoldState.HELD,
        lines=(Line(product="Entry", quantity=2, amount=Money(Decimal(90)), offer_id="o"),),
        total=Money(Decimal(90)),
        expires_at=NOW + timedelta(minutes=minutes),
        seconds_left=minutes * 60,
        order_id=None,
        seats=(),
        seats_together=None,
        catalog_id=None,
    )


QUESTION = Question(
    digest="d" * 64,
    attempt=0,
    owner="ada",
    holds=(hold(90), hold(60)),
    total=Money(Decimal(180)),
    customer=CustomerInput("Ada", "Lovelace", "ada@example.org"),
    notes=None,
    asked_at=NOW,
)


async def confirmed(journal: MemoryJournal, question: Question, text: str) -> None:
    """That a confirmation is good for a question, whatever was answered to it."""
    said = read(text)
    # Whatever was written down under such a text, be it no code of a confirmation.
    nonce = said.code or text
    await check(journal, (await journal.approvals([nonce])).get(nonce), question, said)


def asked_at(moment: datetime, **changes: object) -> Question:
    return replace(QUESTION, asked_at=moment, **changes)  # type: ignore[arg-type]


async def test_a_confirmation_fits_its_owner_and_digest_until_it_ends() -> None:
    journal = MemoryJournal(CLOCK)
    text, open_for = await confirmation(journal, QUESTION, "en")
    assert open_for.expires_at == NOW + timedelta(seconds=KEPT_SECONDS)
    await confirmed(journal, asked_at(open_for.expires_at - SECOND), text)
    for question, nonce, code in (
        (asked_at(NOW, owner="bob"), text, Code.APPROVAL_REQUIRED),
        (asked_at(NOW, digest="other"), text, Code.APPROVAL_REQUIRED),
        (asked_at(NOW), "other", Code.APPROVAL_REQUIRED),
        (asked_at(open_for.expires_at), text, Code.APPROVAL_EXPIRED),
        (asked_at(open_for.expires_at, owner="bob"), text, Code.APPROVAL_REQUIRED),
    ):
        with pytest.raises(Refusal) as refusal:
            await confirmed(journal, question, nonce)
        assert refusal.value.code is code


async def test_a_confirmation_ends_with_the_first_hold() -> None:
    journal = MemoryJournal(CLOCK)
    short = replace(QUESTION, holds=(hold(90), hold(5)))
    _, open_for = await confirmation(journal, short, "en")
    assert open_for.expires_at == NOW + timedelta(minutes=5, seconds=-ORDER_MARGIN_SECONDS)


async def test_confirmations_are_long_and_never_the_same() -> None:
    journal = MemoryJournal(CLOCK)
    given = [await confirmation(journal, QUESTION, "en") for _ in range(50)]
    assert len({each.nonce for _, each in given}) == 50
    assert all(len(each.nonce) >= 22 and text.endswith(each.nonce) for text, each in given)


async def used(journal: MemoryJournal, nonce: str) -> None:
    wish = intent(secrets.token_hex(4), owner="ada")
    await journal.claim(wish, lease=MINE, approval_nonce=nonce, day_limit=LIMIT)


async def test_a_yes_is_for_the_same_question_and_ten_minutes() -> None:
    journal = MemoryJournal(CLOCK)
    last = NOW + timedelta(seconds=KEPT_SECONDS)
    assert await agreed(journal, QUESTION, asked_at(last))
    for question, code in (
        (asked_at(NOW, digest="other"), Code.APPROVAL_REQUIRED),
        (asked_at(last + SECOND), Code.APPROVAL_EXPIRED),
    ):
        with pytest.raises(Refusal) as refusal:
            await agreed(journal, QUESTION, question)
        assert refusal.value.code is code


async def test_a_yes_that_was_ordered_upon_cannot_be_given_again() -> None:
    journal = MemoryJournal(CLOCK)
    nonce = await agreed(journal, QUESTION, QUESTION)
    await used(journal, nonce)
    again = await agreed(journal, QUESTION, QUESTION)
    with pytest.raises(ApprovalUsed):
        await used(journal, again)


async def test_a_no_is_final_for_its_question_for_ten_minutes() -> None:
    journal = MemoryJournal(CLOCK)
    await given(journal, QUESTION)
    await decline(journal, QUESTION)
    with pytest.raises(Refusal) as refusal:
        await given(journal, asked_at(NOW + timedelta(seconds=KEPT_SECONDS) - SECOND))
    assert refusal.value.code is Code.APPROVAL_DECLINED
    await given(journal, asked_at(NOW, digest="other"))
    await given(journal, asked_at(NOW + timedelta(seconds=KEPT_SECONDS)))


async def test_after_a_no_that_ran_out_a_yes_counts() -> None:
    journal = MemoryJournal(CLOCK)
    await decline(journal, QUESTION)
    later = asked_at(NOW + timedelta(seconds=KEPT_SECONDS))
    await used(journal, await agreed(journal, later, later))


async def test_a_no_is_no_confirmation() -> None:
    journal = MemoryJournal(CLOCK)
    await decline(journal, QUESTION)
    with pytest.raises(Refusal) as refusal:
        await confirmed(journal, QUESTION, f"asked-{QUESTION.digest}")
    assert refusal.value.code is Code.APPROVAL_REQUIRED


async def test_three_noes_to_a_hold_end_all_asking_about_it_for_ten_minutes() -> None:
    journal = MemoryJournal(CLOCK)
    for number in range(MOST_NOES):
        other = asked_at(NOW, digest=f"another {number}")
        await given(journal, other)
        await decline(journal, other)
    for hold_of_both in QUESTION.holds:
        alone = replace(QUESTION, digest="alone", holds=(hold_of_both,))
        for nonce in (None, "a confirmation"):
            with pytest.raises(Refusal) as refusal:
                await given(journal, alone, nonce)
            assert refusal.value.code is Code.APPROVAL_DECLINED
    await given(journal, replace(QUESTION, holds=(hold(30),)))
    await given(journal, asked_at(NOW + timedelta(seconds=KEPT_SECONDS), digest="later"))


async def test_a_count_of_noes_is_no_confirmation() -> None:
    journal = MemoryJournal(CLOCK)
    await decline(journal, QUESTION)
    with pytest.raises(Refusal) as refusal:
        await confirmed(journal, QUESTION, noes_of("r60"))
    assert refusal.value.code is Code.APPROVAL_REQUIRED
