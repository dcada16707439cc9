"""A yes that only a person can give, where no host asks them: on a page of ours, or on a terminal.

The question is put into the journal under a short code, so that every process over that journal
finds the answer. The assistant is told the code and where the page is; neither is enough to answer.
The page wants a secret that is derived from the account's own, and `korus-mcp approve CODE` wants a
terminal. Where people sign in, the page wants whoever was asked, and no terminal answers. What the
person reads is sealed with the account's secret: it names the customer, and the journal must not.
The embedded sandbox has no account; its secret is kept with its world.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias

import anyio
from cryptography.fernet import Fernet, InvalidToken

from korus_mcp.booking import approval
from korus_mcp.booking.approval import Question
from korus_mcp.booking.conditions import Attached
from korus_mcp.booking.customers import described
from korus_mcp.booking.hold import Line
from korus_mcp.booking.timing import POLL_SECONDS
from korus_mcp.foundation.text import clean, clean_line
from korus_mcp.journal import Journal
from korus_mcp.journal.records import Asked, canonical_json

CODE_LENGTH: Final = 8
_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Those that nobody mistakes for another when they read them aloud."""
CODE: Final = re.compile(f"[{_LETTERS}]{{{CODE_LENGTH}}}")
PAGE: Final = "page"
SIGNED_IN: Final = "page, signed in"
TERMINAL: Final = "terminal"


class Timed(Protocol):
    """What tells the time: the API's clock as a server knows it, or the machine's."""

    def now(self) -> datetime:
        """The present time, aware."""


@dataclass(frozen=True)
class ShownLine:
    """So many of one product; `when` are moments or a day, in ISO 8601."""

    quantity: int
    product: str
    when: tuple[str, ...]
    amount: str | None


@dataclass(frozen=True)
class ShownDoubt:
    """An order of the same offers that exists, or may; see `doubts.Doubt`."""

    reservation_id: str
    order_id: str | None


@dataclass(frozen=True, kw_only=True, repr=False)
class Shown:
    """All that a person reads before they answer: facts only, the words depend on who reads."""

    environment: str
    lines: tuple[ShownLine, ...]
    seats: tuple[str, ...]
    are_apart: bool
    total: str
    customer: str
    notes: str | None
    terms: tuple[str, ...]
    attached: Attached
    doubts: tuple[ShownDoubt, ...]

    @classmethod
    def read(cls, text: str) -> "Shown":
        """The facts in a text that `sealed` made."""
        told: dict[str, Any] = json.loads(text)
        lines = [ShownLine(**{**each, "when": tuple(each["when"])}) for each in told["lines"]]
        doubts = [ShownDoubt(**each) for each in told["doubts"]]
        lists = {name: tuple(told["attached"].get(name, ())) for name in ("most", "ages")}
        attached = Attached(**{**told["attached"], **lists})
        rest = {name: tuple(told[name]) for name in ("seats", "terms")}
        rest |= {"lines": tuple(lines), "doubts": tuple(doubts)}
        return cls(**{**told, **rest, "attached": attached})


Found: TypeAlias = tuple[Asked, Shown | None]


class Seal:
    """Hides what a person is shown from the journal, and makes the secret that may answer.

    Every process with the same secret has the same: the account's, or that of the embedded sandbox
    where it is kept. Without one it is this process's alone.
    """

    is_shared: bool
    """Whether another process can read what was sealed here, and answer it."""

    def __init__(self, secret: str, account: str) -> None:
        self._account = account
        self.change(secret)

    def change(self, secret: str) -> None:
        """Go on with another secret: what was sealed before is closed for good."""
        self.is_shared = bool(secret)
        key = secret.encode() or secrets.token_bytes(32)
        named = f"asked by hand {self._account}"
        self._key = hmac.new(key, named.encode(), hashlib.sha256).digest()
        self._box = Fernet(base64.urlsafe_b64encode(self._derived("shown")))

    def sealed(self, shown: Shown) -> str:
        """What a person is shown, as nobody else reads it."""
        return self._box.encrypt(canonical_json(asdict(shown)).encode()).decode()

    def opened(self, text: str) -> Shown | None:
        """What a person is shown; None if it was sealed with another secret, or was answered."""
        try:
            return Shown.read(self._box.decrypt(text.encode()).decode())
        except InvalidToken:
            return None

    def secret_of(self, code: str) -> str:
        """What the address of a question must carry so that it can be answered there."""
        return self._derived(f"press {code}").hex()

    def _derived(self, what: str) -> bytes:
        return hmac.new(self._key, what.encode(), hashlib.sha256).digest()


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """Puts questions to a person beside the host, and takes their answers."""

    journal: Journal
    seal: Seal
    environment: str
    clock: Timed

    async def asked(self, question: Question, terms: Sequence[str], language: str) -> Asked:
        """The question as it stands in the journal, where it is put if it was not yet."""
        standing = await self.journal.asked(approval.nonce_of(question))
        is_same = standing is not None and question.is_of(standing.digest)
        if standing is not None and is_same and standing.stands(question.asked_at):
            return standing
        put = self._put(question, terms, language)
        return await self.journal.ask(put, now=question.asked_at)

    async def language_of(self, reservation_ids: Sequence[str]) -> str | None:
        """The language of the question about exactly these reservations, where one was put."""
        about = await self.journal.asked_about(reservation_ids)
        same = (each for each in about if set(each.reservation_ids) == set(reservation_ids))
        return next((approval.language_in(each.digest) for each in same), None)

    async def awaited(self, code: str, within: float) -> bool:
        """Wait at most so many seconds for the answer to a question. Whether it has one, or is
        asked no more.
        """
        with anyio.move_on_after(within):
            while True:
                asked = await self.journal.asked(code)
                if asked is None or not asked.is_open(self.clock.now()):
                    return True
                await anyio.sleep(POLL_SECONDS)
        return False

    async def found(self, code: str, *, owner: str | None = None) -> Found | None:
        """The question with this code and what a person reads of it, which is nothing any more
        once it is answered. None for one that is not known here, or not put to this owner.
        """
        asked = await self.journal.asked(code)
        if asked is None or owner not in (None, asked.owner):
            return None
        shown = self.seal.opened(asked.shown)
        return None if shown is None and asked.is_yes is None else (asked, shown)

    async def answer(self, asked: Asked, *, is_yes: bool, way: str) -> bool:
        """Write down what the person said. Whether it counted: the question was still open."""
        now = self.clock.now()
        before = await self.journal.answer(
            asked.code,
            is_yes=is_yes,
            way=way,
            now=now,
            no_until=now + timedelta(seconds=approval.KEPT_SECONDS),
        )
        return before is not None and before.is_open(now)

    def _put(self, question: Question, terms: Sequence[str], language: str) -> Asked:
        return Asked(
            nonce=approval.nonce_of(question),
            code="".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH)),
            owner=question.owner,
            digest=approval.sealed_in(question, language),
            reservation_ids=tuple(hold.id for hold in question.holds),
            open_until=question.closes_at,
            # The yes dies with the first hold. One whose end nobody knows lasts an hour at most.
            ends_at=min(hold.ends_by(question.asked_at) for hold in question.holds),
            shown=self.seal.sealed(shown_of(question, terms, self.environment)),
        )


def shown_of(question: Question, terms: Iterable[str], environment: str) -> Shown:
    """What a person reads of a question: the same facts as in a host's own question."""
    return Shown(
        environment=environment,
        lines=tuple(_line(line) for hold in question.holds for line in hold.lines),
        seats=tuple(clean_line(str(seat)) for hold in question.holds for seat in hold.seats),
        are_apart=any(hold.seats_together is False for hold in question.holds),
        total=str(question.total),
        customer=described(question.customer),
        # Letter by letter, as it is sent: a page shows no markup, and drops none.
        notes=clean(question.notes) if question.notes else None,
        terms=tuple(text for text in terms if text),
        attached=Attached.of(question.holds, question.conditions),
        doubts=tuple(ShownDoubt(each.reservation_id, each.order_id) for each in question.doubts),
    )


def _line(line: Line) -> ShownLine:
    day = (line.day.isoformat(),) if line.day else ()
    times = tuple(at.isoformat() for at in line.starts_at)
    amount = str(line.amount) if line.amount is not None else None
    return ShownLine(line.quantity, clean_line(line.product), times or day, amount)
