"""Approvals: a person agreed, once, to exactly these lines, this total and this customer.

A yes is bound to a digest of what was shown: if anything in it changes, the digest does, and the
yes is void. Facts that are looked up by id and cannot always be read, such as when a session
begins, have digests of their own: they void the yes if they changed, not if they are unreadable.

A person may agree before it is known who orders. That yes is bound to all the rest, and to what of
the customer they were shown; what was missing is bound by the call that brings it with the yes.

There are three ways to ask. The host asks the person a `Question`, and the journal keeps the answer
under the question's digest. Or the person is asked beside the host (`by_hand`), and the journal
keeps their answer in the same place. Or the model shows the person a summary and passes on the
confirmation that came with it, whose code is random and whose words say what is bought. Digests are
keyed with the installation's key: they are kept, and must not reveal who the customer is.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from korus_mcp.booking import confirmations
from korus_mcp.booking.conditions import NO_CONDITIONS, Conditions
from korus_mcp.booking.confirmations import Confirmation
from korus_mcp.booking.customers import Customer, missing_of, named_in
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold, Line
from korus_mcp.booking.timing import ORDER_MARGIN_SECONDS
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import Journal
from korus_mcp.journal.records import (
    Approval,
    ApprovalState,
    Asked,
    Installation,
    canonical_json,
    noes_of,
)

KEPT_SECONDS: Final = 600
"""How long a question may be answered, and how long a no to it stands."""
MOST_NOES: Final = 3
"""After this many noes to a reservation nobody is asked about it for `KEPT_SECONDS`, even if the
customer or the price is another one by then.
"""
_CODE_LENGTH: Final = 6
_PART_LENGTH: Final = 16
_WORDS: Final = "words"
_LANGUAGE: Final = "language"
"""Parts of a seal as it is kept: the language in which a person was asked, and, of a confirmation,
the digest of its words.
"""
_CUSTOMER: Final = "customer."


@dataclass(frozen=True, kw_only=True)
class Question:
    """All that a person has to agree to. Two questions with the same digest are the same question.

    `attempt`: how many order calls there were for the holds before. `read`: digest of the id of a
    session or product base -> digest of its time or terms, as far as these could be read.
    `unnamed` is the digest of the same question with nothing of a customer in it; where the
    customer is not whole, it is the question's own. `named` has a digest for each field of the
    customer that is known, as far as it is: "customer.email" -> digest.
    """

    digest: str = ""
    unnamed: str | None = None
    attempt: int
    owner: str
    holds: tuple[Hold, ...]
    total: Money
    customer: Customer
    notes: str | None = field(repr=False)
    conditions: Conditions = NO_CONDITIONS
    doubts: tuple[Doubt, ...] = ()
    read: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime

    @property
    def code(self) -> str:
        """Six characters in the text a person reads, by which two questions can be told apart."""
        return hashlib.sha256(self.seal.encode()).hexdigest()[:_CODE_LENGTH]

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields of the customer that are still to be named."""
        return missing_of(self.customer)

    @property
    def seal(self) -> str:
        """All that a yes is bound to, in one text: `digest`, then the digests of `read`, and those
        of what is known of a customer who is not whole.
        """
        parts = {**self.read, **(self.named if self.missing else {})}
        return " ".join([self.digest, *(f"{what}={how}" for what, how in sorted(parts.items()))])

    @property
    def digests(self) -> tuple[str, ...]:
        """Its digest, and that of the same question for nobody yet: a no to that is for anybody."""
        return tuple(dict.fromkeys((self.digest, self.unnamed or self.digest)))

    def is_of(self, seal: str) -> bool:
        """Whether this question is the one that has this seal, or completes it with a customer."""
        # Times and terms that only one of the two readings has are not compared: that terms could
        # not be read is no change.
        digest, *parts = seal.split(" ")
        then = dict(part.split("=") for part in parts)
        is_as_read = all(then.get(what, how) == how for what, how in self.read.items())
        # Of a customer who was not whole by then: what the person was shown of them has to stay.
        shown = {what: how for what, how in then.items() if what.startswith(_CUSTOMER)}
        is_as_named = all(self.named.get(what) == how for what, how in shown.items())
        is_same = any(secrets.compare_digest(digest, own) for own in self.digests)
        return is_same and is_as_read and is_as_named

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
        """Until when it can be answered: 600 seconds, or less if a hold surely ends before.

        A yes to what is too near its end to be ordered would be one for nothing.
        """
        kept, margin = timedelta(seconds=KEPT_SECONDS), timedelta(seconds=ORDER_MARGIN_SECONDS)
        # Without `seconds_left` the API's time is not known, so the end of a hold decides nothing.
        ends = (h.expires_at for h in self.holds if h.seconds_left is not None)
        return min([self.asked_at + kept, *(end - margin for end in ends if end is not None)])


def digested(installation: Installation, question: Question) -> Question:
    """The question with its digests."""
    named = named_in(question.customer)
    unnamed = _digest_of(installation, question, None)
    is_whole = not question.missing
    return replace(
        question,
        digest=digest_of(installation, question) if is_whole else unnamed,
        unnamed=unnamed,
        named={
            f"{_CUSTOMER}{name}": installation.digest(f"{name} {said}")[:_PART_LENGTH]
            for name, said in named.items()
        },
    )


def digest_of(installation: Installation, question: Question) -> str:
    """The digest of all that a person agrees to, and of how often it was tried before."""
    return _digest_of(installation, question, asdict(question.customer))


def _digest_of(
    installation: Installation, question: Question, customer: Mapping[str, object] | None
) -> str:
    agreed_to = {
        "doubts": [asdict(doubt) for doubt in question.doubts],
        "attempt": question.attempt,
        "reservations": [_held(h) for h in sorted(question.holds, key=lambda h: h.id)],
        "total": str(question.total),
        "customer": customer,
        "notes": question.notes,
    }
    return installation.digest(canonical_json(agreed_to))


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


def sealed_in(question: Question, language: str) -> str:
    """The seal of a question, to be kept: with the language in which it is put."""
    return f"{question.seal} {_LANGUAGE}={language}"


def language_in(seal: str) -> str | None:
    """The language in which a question with this seal was put; None if it does not say."""
    return _part_of(seal, _LANGUAGE)


async def confirmation(journal: Journal, question: Question, language: str) -> tuple[str, Approval]:
    """Write a question down under a new confirmation, valid until the question closes.

    Answers the confirmation as a person reads it, in the language of the holds, and its approval.
    """
    code = confirmations.fresh_code()
    text = confirmations.written(question.holds, question.total, code)
    words = _words_key(await journal.installation(), confirmations.read(text))
    approval = Approval(
        nonce=code,
        owner=question.owner,
        digest=f"{sealed_in(question, language)} {_WORDS}={words}",
        expires_at=question.closes_at,
    )
    await journal.approve(approval, now=question.asked_at)
    return text, approval


async def check(
    journal: Journal, approval: Approval | None, question: Question, said: Confirmation
) -> str:
    """The nonce of a confirmation, which the order will use up, if it is one for this question.

    `said`: the confirmation as the caller gave it.

    Raises:
        Refusal: APPROVAL_REQUIRED when the confirmation is another owner's, was used, is for a
            different question, or has other words; APPROVAL_EXPIRED when it is too old.
    """
    found = check_open(approval, question.owner)
    _check_same(question, found.digest, is_late=found.expires_at <= question.asked_at)
    words = _words_key(await journal.installation(), said)
    if _part_of(found.digest, _WORDS) != words:
        raise Refusal(
            Code.APPROVAL_REQUIRED,
            "The words of this confirmation are not those of its summary; nothing was ordered.",
            "Call place_order with the confirmation as the summary has it, word for word.",
        )
    return found.nonce


def was_open(approval: Approval, question: Question) -> bool:
    """Whether a confirmation was given before all was known of who orders."""
    return approval.digest.partition(" ")[0] != question.digest


def _part_of(seal: str, name: str) -> str | None:
    """A part of a seal that is kept."""
    parts = (part.partition("=") for part in seal.split(" "))
    return next((how for what, _, how in parts if what == name), None)


def _words_key(installation: Installation, said: Confirmation) -> str:
    return installation.digest(f"{_WORDS} {said.words}")[:_PART_LENGTH]


def check_open(approval: Approval | None, owner: str) -> Approval:
    """The approval of a confirmation, if it is this owner's and not used.

    Raises:
        Refusal: APPROVAL_REQUIRED.
    """
    # Used, foreign and invented confirmations are refused alike, so that trying reveals nothing.
    if approval is None or approval.owner != owner or approval.state is not ApprovalState.OPEN:
        raise not_open()
    return approval


async def agreed(journal: Journal, asked: Question, question: Question) -> str:
    """Write down the yes a person gave to the host. Returns its nonce, which the order uses up.

    `asked` is the question as they saw it, `question` the same question made anew just now.

    Raises:
        Refusal: APPROVAL_REQUIRED when the two differ; APPROVAL_EXPIRED when the yes came too late.
    """
    waited = (question.asked_at - asked.asked_at).total_seconds()
    _check_same(question, asked.seal, is_late=waited > KEPT_SECONDS)
    yes = _answered(question, ApprovalState.OPEN, question.holds_end)
    await journal.approve(yes, now=question.asked_at)
    return nonce_of(question)


def by_hand(asked: Asked, question: Question) -> str:
    """The nonce of the yes that a person gave beside the host, which the order uses up.

    `question` is the one they answered, made anew just now.

    Raises:
        Refusal: as `agreed` says; APPROVAL_DECLINED when they said no.
    """
    if not asked.is_yes:
        raise declined()
    _check_same(question, asked.digest, is_late=not asked.stands(question.asked_at))
    return asked.nonce


async def decline(journal: Journal, question: Question) -> None:
    """Write down a no. It is final for this question for 600 seconds, and counts for each hold."""
    until = question.asked_at + timedelta(seconds=KEPT_SECONDS)
    no = _answered(question, ApprovalState.DECLINED, until)
    await journal.decline(no, [hold.id for hold in question.holds])


async def given(journal: Journal, question: Question, code: str | None = None) -> Approval | None:
    """The approval with the code of a confirmation, None where none is given or known.

    Raises:
        Refusal: APPROVAL_DECLINED when the person said no to this question, or too often to one
            of its reservations.
    """
    answered = [*map(_nonce, question.digests), *(noes_of(hold.id) for hold in question.holds)]
    # All are read at once: between two readings a no could be written.
    nonces = answered if code is None else [*answered, code]
    approvals = await journal.approvals(nonces)
    _check_noes((approvals[nonce] for nonce in answered if nonce in approvals), question.asked_at)
    return None if code is None else approvals.get(code)


def _check_noes(answers: Iterable[Approval], now: datetime) -> None:
    """Refuse while a no to the question stands, or too many noes to one of its reservations do."""
    for answer in answers:
        is_standing = answer.state is ApprovalState.DECLINED and answer.expires_at > now
        # The noes to a reservation are counted in a row of their own; its digest is the number.
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


def unseen_by_anybody() -> Refusal:
    """The refusal where a host answered the question by itself, in production."""
    return Refusal(
        Code.APPROVAL_UNAVAILABLE,
        "No answer of a person was seen, only one of the host or an unreadable one; nothing was "
        "ordered by this call.",
        "Tell the person to order in a host that asks them. An operator can also set "
        'KORUS_APPROVAL to "two_step".',
    )


def not_open() -> Refusal:
    """The refusal of a confirmation that was used before, or that no summary ever had."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        "This confirmation is not open: it was used already or never given.",
        'Call place_order with confirmation "" (or without it) and show the person the summary.',
    )


def unanswered() -> Refusal:
    """The refusal where the host's answer came too late, or in a form the protocol lacks."""
    return Refusal(
        Code.APPROVAL_EXPIRED,
        "The question for the person was not answered in time as the protocol wants it; nothing "
        "was ordered by this call.",
        "Call place_order again if the person still wants it: an order that exists already is "
        "told, otherwise they are asked anew.",
    )


def unseen(refusal: Refusal) -> Refusal:
    """The refusal of a call nobody agreed to, where it cannot be read whether an order exists."""
    return Refusal(
        refusal.code,
        refusal.message,
        "Call get_reservation before anything else is bought: whether another call ordered this "
        "cannot be read now.",
        effect=refusal.effect,
        fields=refusal.fields,
    )


def _check_same(question: Question, seal: str, *, is_late: bool) -> None:
    """Check that what is about to be ordered is what a person agreed to, and not too long ago."""
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
        nonce=nonce_of(question),
        owner=question.owner,
        digest=question.digest,
        expires_at=until,
        state=state,
    )


def nonce_of(question: Question) -> str:
    """The nonce under which the answer to this question is kept, where a person was asked it."""
    return _nonce(question.digest)


def _nonce(digest: str) -> str:
    """The nonce under which the answer to a question is kept, where the host asked the person."""
    # Equal questions have one answer, so a yes and a no cannot both stand.
    return f"asked-{digest}"


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
    # By ids, not by names: that a name could not be read must not void a yes.
    what = [line.offer_id, line.product_id, *sorted(line.session_ids)]
    return json.dumps([what, line.quantity, str(line.amount), str(line.day)])


def _moment(at: datetime) -> str:
    """A moment as text, in UTC, so that the same moment with another offset gives the same text."""
    return at.astimezone(UTC).isoformat()
