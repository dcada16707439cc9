"""Approvals: a person agreed to exactly these lines, this total, this customer, once.

A yes is bound to a digest of what was shown: whatever changes, changes the digest, and the yes is
void. Beside it stand digests of what is looked up by ids and cannot always be read, such as when a
session begins: it voids the yes when it reads differently, and not when it cannot be read.

The host asks the person (a `Question`, whose answer the journal keeps under its digest), or the
caller shows them a summary and passes a random confirmation on. Digests are keyed with the
installation's key: they are kept, and must not tell who the customer is.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from korus_mcp.api import CustomerInput
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold, Line
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.protocol import Approval, ApprovalState, Installation, Journal, noes_of

KEPT_SECONDS: Final = 600
"""How long a question stays open, and how long a no is final."""
MOST_NOES: Final = 3
"""After so many to a reservation nobody is asked about it for a while, whatever else differs."""
_CODE_LENGTH: Final = 6
_PART_LENGTH: Final = 16


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person has to agree to, all of it; equal digests mean equal questions.

    `attempt`: how many order calls there had been for the holds. `read`: digests of times and
    terms by what they are of, as far as they could be read.
    """

    digest: str = ""
    attempt: int
    owner: str
    holds: tuple[Hold, ...]
    total: Money
    customer: CustomerInput
    notes: str | None
    terms: tuple[Handle, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    read: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime

    @property
    def code(self) -> str:
        """Tells one question from the next, in the text a person reads."""
        return hashlib.sha256(self.seal.encode()).hexdigest()[:_CODE_LENGTH]

    @property
    def seal(self) -> str:
        """All that a yes is bound to, in one text."""
        return " ".join(
            [self.digest, *(f"{what}={how}" for what, how in sorted(self.read.items()))]
        )

    def is_of(self, seal: str) -> bool:
        """Whether this is the question that was sealed; times and terms that only one of both could
        read are passed over.
        """
        # Parts that only one reading had are passed over: that terms could not be read is no
        # change.
        digest, *parts = seal.split(" ")
        then = dict(part.split("=") for part in parts)
        is_as_read = all(then.get(what, how) == how for what, how in self.read.items())
        return secrets.compare_digest(digest, self.digest) and is_as_read

    @property
    def ends_at(self) -> datetime | None:
        """When the first of the holds ends, as far as that is known."""
        return min((h.expires_at for h in self.holds if h.expires_at is not None), default=None)

    @property
    def holds_end(self) -> datetime:
        """When the last of the holds ends, at the latest."""
        return max(h.ends_by(self.asked_at) for h in self.holds)

    @property
    def closes_at(self) -> datetime:
        """How long it can be answered: 600 seconds, or until the first hold ends for certain."""
        kept = self.asked_at + timedelta(seconds=KEPT_SECONDS)
        # By our own clock alone nothing ends: then the 600 seconds decide.
        ends = (h.expires_at for h in self.holds if h.seconds_left is not None)
        return min([kept, *(end for end in ends if end is not None)])


def digest_of(installation: Installation, question: Question) -> str:
    """A fingerprint of all that a person agrees to, and of how often it was tried before."""
    return _digest(
        installation,
        {
            "doubts": [asdict(doubt) for doubt in question.doubts],
            "attempt": question.attempt,
            "reservations": [_held(h) for h in sorted(question.holds, key=lambda h: h.id)],
            "total": str(question.total),
            "customer": asdict(question.customer),
            "notes": question.notes,
        },
    )


def read_of(
    installation: Installation, holds: Sequence[Hold], terms: Mapping[Handle, str]
) -> Mapping[str, str]:
    """Digests of when the sessions of holds begin, and of the terms of sale of their bases."""
    lines = [line for hold in holds for line in hold.lines]
    times = {i: _moment(at) for line in lines for i, at in line.times.items()}
    read = times | {str(base): text for base, text in terms.items()}
    short = slice(_PART_LENGTH)
    return {
        installation.digest(what)[short]: installation.digest(f"{what} {how}")[short]
        for what, how in read.items()
    }


def fingerprint_of(
    installation: Installation,
    reservation_ids: Sequence[str],
    customer: CustomerInput,
    notes: str | None,
) -> str:
    """A fingerprint of what a call asks for: tells a repeat of a call from a changed one."""
    return _digest(installation, [sorted(reservation_ids), asdict(customer), notes])


async def confirmation(journal: Journal, question: Question) -> Approval:
    """Keep a question open under a random confirmation: 600 seconds, or as long as the holds."""
    approval = Approval(
        nonce=secrets.token_urlsafe(16),
        owner=question.owner,
        digest=question.seal,
        expires_at=question.closes_at,
    )
    await journal.approve(approval)
    return approval


def check(approval: Approval | None, question: Question) -> str:
    """The nonce of a confirmation (which the order uses up), once it fits what is to be ordered.

    Raises:
        Refusal: APPROVAL_REQUIRED for another's, a used or a changed one; APPROVAL_EXPIRED.
    """
    # A used, a foreign and an invented confirmation look alike: nobody can try them out.
    if (
        approval is None
        or approval.owner != question.owner
        or approval.state is not ApprovalState.OPEN
    ):
        raise not_open()
    _check_same(question, approval.digest, is_late=approval.expires_at <= question.asked_at)
    return approval.nonce


async def agreed(journal: Journal, asked: Question, question: Question) -> str:
    """Keep the yes a person gave to a question they were asked; the nonce that uses it up.

    `asked` is the question as they saw it, `question` the same made anew just now.


    Raises:
        Refusal: APPROVAL_REQUIRED when it is another question by now; APPROVAL_EXPIRED.
    """
    waited = (question.asked_at - asked.asked_at).total_seconds()
    _check_same(question, asked.seal, is_late=waited > KEPT_SECONDS)
    await journal.approve(_answered(question, ApprovalState.OPEN, question.holds_end))
    return _nonce_of(question)


async def decline(journal: Journal, question: Question) -> None:
    """Keep a no: it is final for this question, for 600 seconds, and counts for its holds."""
    until = question.asked_at + timedelta(seconds=KEPT_SECONDS)
    no = _answered(question, ApprovalState.DECLINED, until)
    await journal.decline(no, [hold.id for hold in question.holds])


async def turned_away(
    journal: Journal, owner: str, reservation_ids: Sequence[str], now: datetime
) -> None:
    """Count a no to the question who orders, not whether: it is a no to the holds, too."""
    no = Approval(
        nonce=f"no-{secrets.token_urlsafe(16)}",
        owner=owner,
        digest="",
        expires_at=now + timedelta(seconds=KEPT_SECONDS),
        state=ApprovalState.DECLINED,
    )
    await journal.decline(no, reservation_ids)


async def given(
    journal: Journal, question: Question, confirmation: str | None = None
) -> Approval | None:
    """The approval that a confirmation stands for, if one is given; nobody may have said no.

    Raises:
        Refusal: APPROVAL_DECLINED.
    """
    answered = [_nonce_of(question), *(noes_of(hold.id) for hold in question.holds)]
    # One reading for all: between two, a no could come.
    nonces = answered if confirmation is None else [*answered, confirmation]
    approvals = await journal.approvals(nonces)
    _check_noes((approvals[nonce] for nonce in answered if nonce in approvals), question.asked_at)
    return None if confirmation is None else approvals.get(confirmation)


async def check_noes(journal: Journal, reservation_ids: Sequence[str], now: datetime) -> None:
    """That a person may be asked about these at all.

    Raises:
        Refusal: APPROVAL_DECLINED.
    """
    _check_noes((await journal.approvals([noes_of(i) for i in reservation_ids])).values(), now)


def _check_noes(answers: Iterable[Approval], now: datetime) -> None:
    """Refuse while a no to the question stands, or too many to one of its reservations."""
    for answer in answers:
        is_standing = answer.state is ApprovalState.DECLINED and answer.expires_at > now
        # Noes to a reservation are counted in one row, under a name of its own, which holds a
        # number.
        is_count = answer.nonce.startswith(noes_of(""))
        if is_standing and (not is_count or int(answer.digest) >= MOST_NOES):
            raise declined()


def declined() -> Refusal:
    """The refusal after a no."""
    return Refusal(
        Code.APPROVAL_DECLINED,
        "The person was asked and said no; nothing was ordered by this call.",
        "Do not ask again for the same. Ask what they would like instead.",
    )


def dismissed() -> Refusal:
    """The refusal after a question that was closed without an answer."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        "The question was closed without an answer; nothing was ordered by this call.",
        "Ask the person whether they still want it; call place_order again to have them asked.",
    )


def unavailable() -> Refusal:
    """The refusal where a person must be asked by the host, and it cannot ask."""
    return Refusal(
        Code.APPROVAL_UNAVAILABLE,
        "The operator wants a person to be asked by the host, and this one cannot ask.",
        "Nothing was ordered. Tell the person to order where they can be asked.",
    )


def not_open() -> Refusal:
    """The refusal of a confirmation that was used, or never given."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        "This confirmation is not open: it was used already or never given.",
        "Call place_order without confirmation and show the person the summary.",
    )


def unanswered() -> Refusal:
    """The refusal after a question whose answer came too late, or in no form the protocol knows."""
    return Refusal(
        Code.APPROVAL_EXPIRED,
        "The question for the person was not answered in time as the protocol wants it; nothing "
        "was ordered by this call.",
        "Call place_order again if the person still wants it: an order that exists already is "
        "told, otherwise they are asked anew.",
    )


def unseen(refusal: Refusal) -> Refusal:
    """The refusal where nobody agreed, and it cannot be read whether there is an order."""
    return Refusal(
        refusal.code,
        refusal.message,
        "Call get_reservation before anything else is bought: whether another call ordered this "
        "cannot be read now.",
        effect=refusal.effect,
        fields=refusal.fields,
    )


def _check_same(question: Question, seal: str, *, is_late: bool) -> None:
    """That what is about to be ordered is what was agreed to, not long ago."""
    if is_late:
        raise Refusal(
            Code.APPROVAL_EXPIRED,
            "This agreement is too old; nothing was ordered.",
            "Call place_order without confirmation: the person has to see it again.",
        )
    if not question.is_of(seal):
        raise Refusal(
            Code.APPROVAL_REQUIRED,
            "Reservations, seats, terms, total, customer or what is in doubt differ from what was "
            "agreed to; nothing was ordered.",
            "Call place_order without confirmation: the person has to see it anew.",
        )


def _answered(question: Question, state: ApprovalState, until: datetime) -> Approval:
    return Approval(
        nonce=_nonce_of(question),
        owner=question.owner,
        digest=question.digest,
        expires_at=until,
        state=state,
    )


def _nonce_of(question: Question) -> str:
    """The nonce under which the answer to a question is kept, where the host asked the person."""
    # Equal questions have one answer, so a yes and a no cannot both stand.
    return f"asked-{question.digest}"


def _held(hold: Hold) -> list[object]:
    return [
        hold.id,
        hold.catalog_id,
        str(hold.total),
        _moment(hold.expires_at) if hold.expires_at else None,
        hold.seats_together,
        sorted(map(_lined, hold.lines)),
        hold.units,
    ]


def _lined(line: Line) -> str:
    # By ids, not by names: a name that could not be read just then is no other agreement.
    what = [line.offer_id, line.product_id, *sorted(line.session_ids)]
    return json.dumps([what, line.quantity, str(line.amount), str(line.day)])


def _moment(at: datetime) -> str:
    """A moment as text, in UTC: however its offset is told, it is the same moment."""
    return at.astimezone(UTC).isoformat()


def _digest(installation: Installation, content: object) -> str:
    return installation.digest(
        json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    )
