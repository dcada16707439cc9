"""Intents, approvals and holds for the tests of the journal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from korus_mcp.journal import Journal
from korus_mcp.journal.records import Approval, Asked, HoldIntent, Intent, Lease

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
FENCE = NOW + timedelta(minutes=10)
LIMIT = Decimal(1000)
ADA, BOB = "local/ada", "local/bob"
MINE = Lease("me", 30)
OTHER = Lease("another", 30)
RUN_OUT = Lease("one that died", 0)
"""A lease that is over as soon as it is given: no test waits, and no clock is turned."""


def intent(name: str, *reservation_ids: str, **changes: Any) -> Intent:
    given: dict[str, Any] = {
        "id": name,
        "owner": ADA,
        "fingerprint": f"fingerprint of {name}",
        "external_reference": f"km1-{name}",
        "caller_reference": None,
        "reservation_ids": reservation_ids or (f"reservation of {name}",),
        "approved_total": Decimal(100),
        "sent_at": NOW,
        "fence_at": FENCE,
    }
    return Intent(**(given | changes))


def hold(name: str, key: str = "key", **changes: Any) -> HoldIntent:
    given: dict[str, Any] = {
        "id": name,
        "owner": ADA,
        "key": key,
        "sent_at": NOW,
        "fence_at": FENCE,
    }
    return HoldIntent(**(given | changes))


def approval(nonce: str, **changes: Any) -> Approval:
    given: dict[str, Any] = {"nonce": nonce, "owner": ADA, "digest": "d", "expires_at": FENCE}
    return Approval(**(given | changes))


def all_of(one: Intent, text: str) -> Mapping[str, str]:
    return {i: f"{text} {i}" for i in one.reservation_ids}


async def claimed(
    journal: Journal, one: Intent, *, lease: Lease = MINE, day_limit: Decimal = LIMIT
) -> None:
    nonce = f"nonce of {one.id}"
    if not await journal.approvals([nonce]):
        await journal.approve(approval(nonce, owner=one.owner))
    await journal.claim(one, lease=lease, approval_nonce=nonce, day_limit=day_limit)


async def sent(journal: Journal, one: Intent, *, lease: Lease = MINE) -> Intent:
    await claimed(journal, one, lease=lease)
    return await journal.start_sending(one, lease=lease, sent_at=NOW, fence_at=FENCE)


def asked(name: str, *reservation_ids: str, **changes: Any) -> Asked:
    given: dict[str, Any] = {
        "nonce": f"asked-{name}",
        "code": f"CODE-{name}",
        "owner": ADA,
        "digest": f"digest of {name}",
        "reservation_ids": reservation_ids or (f"reservation of {name}",),
        "open_until": FENCE,
        "ends_at": datetime(9000, 1, 1, tzinfo=UTC),
        "shown": "sealed",
    }
    return Asked(**(given | changes))
