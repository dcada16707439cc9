"""A confirmation is good for its owner, its digest and its time, and says nothing by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from korus_mcp.booking.approval import KEPT_SECONDS, ask, check
from korus_mcp.journal.memory import MemoryJournal
from korus_mcp.refusals import Code, Refusal

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


async def test_a_confirmation_fits_its_owner_and_digest_until_it_ends() -> None:
    journal = MemoryJournal()
    asked = await ask(journal, "ada", "digest", holds_end=LATER, now=NOW)
    assert asked.expires_at == NOW + timedelta(seconds=KEPT_SECONDS)
    await check(journal, "ada", "digest", asked.nonce, asked.expires_at - timedelta(seconds=1))
    for owner, digest, nonce, now, code in (
        ("bob", "digest", asked.nonce, NOW, Code.APPROVAL_REQUIRED),
        ("ada", "other", asked.nonce, NOW, Code.APPROVAL_REQUIRED),
        ("ada", "digest", "other", NOW, Code.APPROVAL_REQUIRED),
        ("ada", "digest", asked.nonce, asked.expires_at, Code.APPROVAL_EXPIRED),
        ("bob", "digest", asked.nonce, asked.expires_at, Code.APPROVAL_REQUIRED),
    ):
        with pytest.raises(Refusal) as refusal:
            await check(journal, owner, digest, nonce, now)
        assert refusal.value.code is code


async def test_confirmations_are_long_and_never_the_same() -> None:
    journal = MemoryJournal()
    asked = [await ask(journal, "ada", "d", holds_end=LATER, now=NOW) for _ in range(50)]
    assert len({each.nonce for each in asked}) == 50
    assert all(len(each.nonce) >= 22 for each in asked)
