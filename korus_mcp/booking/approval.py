"""Approvals: a person agreed to exactly these lines, this total, this customer, once.

The confirmation is random and means nothing by itself: it is bound to a digest of what was shown.
Whatever changes, changes the digest, and the confirmation is void. Digests are keyed with the
installation's key: they are kept, and must not tell who the customer is.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from korus_mcp.api import CustomerInput
from korus_mcp.booking.hold import Hold, Line
from korus_mcp.journal.records import Approval, Installation, Journal
from korus_mcp.money import Money
from korus_mcp.refusals import Code, Refusal

KEPT_SECONDS: Final = 600


def digest_of(
    keeper: Installation,
    holds: Sequence[Hold],
    total: Money,
    customer: CustomerInput,
    notes: str | None,
) -> str:
    """A fingerprint of all that a person agrees to."""
    return _digest(
        keeper,
        {
            "reservations": [_held(h) for h in sorted(holds, key=lambda h: h.id)],
            "total": str(total),
            "customer": asdict(customer),
            "notes": notes,
        },
    )


def fingerprint_of(
    keeper: Installation,
    reservation_ids: Sequence[str],
    customer: CustomerInput,
    notes: str | None,
) -> str:
    """A fingerprint of what a call asks for: tells a repeat of a call from a changed one."""
    return _digest(keeper, [sorted(reservation_ids), asdict(customer), notes])


async def ask(
    journal: Journal, owner: str, digest: str, *, holds_end: datetime, now: datetime
) -> Approval:
    """Keep a question open for 600 seconds, or as long as the shortest hold."""
    approval = Approval(
        nonce=secrets.token_urlsafe(16),
        owner=owner,
        digest=digest,
        expires_at=min(holds_end, now + timedelta(seconds=KEPT_SECONDS)),
    )
    await journal.approve(approval)
    return approval


async def check(journal: Journal, owner: str, digest: str, nonce: str, now: datetime) -> None:
    """That a confirmation fits what is about to be ordered.

    Raises:
        Refusal: APPROVAL_REQUIRED for another's, a used or a changed one; APPROVAL_EXPIRED.
    """
    approval = await journal.approval(nonce)
    if approval is None or approval.owner != owner:
        raise not_open()
    if approval.expires_at <= now:
        raise Refusal(
            Code.APPROVAL_EXPIRED,
            "This confirmation has run out.",
            "Call place_order without confirmation and show the person the new summary.",
        )
    if not secrets.compare_digest(approval.digest, digest):
        raise Refusal(
            Code.APPROVAL_REQUIRED,
            "Reservations, total or customer differ from what was confirmed.",
            "Call place_order without confirmation and show the person the new summary.",
        )


def not_open() -> Refusal:
    """The refusal of a confirmation that was used, or never given."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        "This confirmation is not open: it was used already or never given.",
        "Call place_order without confirmation and show the person the summary.",
    )


def _held(hold: Hold) -> list[object]:
    expires_at = hold.expires_at.isoformat() if hold.expires_at else None
    return [hold.id, str(hold.total), expires_at, [_lined(line) for line in hold.lines]]


def _lined(line: Line) -> list[object]:
    """By ids, not by names: a name that could not be read just then is no other agreement."""
    what = [line.offer_id, line.product_id, *line.session_ids]
    return [what, line.quantity, str(line.amount), str(line.day)]


def _digest(keeper: Installation, content: object) -> str:
    return keeper.digest(
        json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    )
