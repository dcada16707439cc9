"""What the server refuses, in a closed set of codes an assistant can act on.

Every refusal says what happened, whether anything was booked, and what to do next. Texts are ours:
no value the caller sent and no word of the API stands in them. The one thing quoted from an issuer
are names of choices, short and in quotes, where a choice has to be made.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

QUOTED_LENGTH: Final = 40


class Code(StrEnum):
    """The closed set of error codes."""

    INVALID_ARGUMENTS = "INVALID_ARGUMENTS"
    UNKNOWN_ID = "UNKNOWN_ID"
    NOT_FOUND = "NOT_FOUND"
    PAST_DATE = "PAST_DATE"
    NO_SUCH_CHOICE = "NO_SUCH_CHOICE"
    SESSION_REQUIRED = "SESSION_REQUIRED"
    SOLD_OUT = "SOLD_OUT"
    NOT_BOOKABLE = "NOT_BOOKABLE"
    PRICE_CHANGED = "PRICE_CHANGED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    ALREADY_ORDERED = "ALREADY_ORDERED"
    ALREADY_BEING_ORDERED = "ALREADY_BEING_ORDERED"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    APPROVAL_UNAVAILABLE = "APPROVAL_UNAVAILABLE"
    APPROVAL_DECLINED = "APPROVAL_DECLINED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UNSUPPORTED_CURRENCY = "UNSUPPORTED_CURRENCY"
    NOT_READY = "NOT_READY"
    NOT_ALLOWED = "NOT_ALLOWED"
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    SERVER_BUSY = "SERVER_BUSY"
    MISCONFIGURED = "MISCONFIGURED"


class Effect(StrEnum):
    """What the refused call left behind upstream."""

    NONE = "none"
    HELD = "held"
    ORDERED = "ordered"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FieldProblem:
    """One argument that is wrong: its path, the problem, an accepted example."""

    field: str
    problem: str
    example: str | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What can be booked instead: ids, moment or day, and the price of one. No names.

    `session_ids` only where several tickets of the offer need one each.
    """

    offer_id: str
    session_id: str | None = None
    session_ids: tuple[str, ...] = ()
    starts_at: str | None = None
    date: str | None = None
    price: str


class Refusal(Exception):
    """A call that was not carried out, told in a way the next call can be right.

    `message` and `next` are one sentence each; `retry_after_seconds` only where waiting helps;
    `alternatives` only what was checked live.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        next_step: str,
        *,
        effect: Effect = Effect.NONE,
        retry_after_seconds: int | None = None,
        fields: tuple[FieldProblem, ...] = (),
        alternatives: tuple[Proposal, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message} {next_step}")
        self.code = code
        self.message = message
        self.next_step = next_step
        self.effect = effect
        self.retry_after_seconds = retry_after_seconds
        self.fields = fields
        self.alternatives = alternatives


def quoted(names: Iterable[str]) -> str:
    """Names of choices as a refusal may repeat them: short and in quotes."""
    short = (name[:QUOTED_LENGTH].replace('"', "'") for name in names)
    return ", ".join(f'"{name}"' for name in short)


def unasked() -> Refusal:
    """The refusal when a host that says it can ask a person did not manage to."""
    return Refusal(
        Code.APPROVAL_UNAVAILABLE,
        "The host did not manage to ask the person; nothing was ordered.",
        "Call again; if it happens again, the operator has to look at this.",
    )


def invalid(*problems: FieldProblem) -> Refusal:
    """The refusal of arguments, one entry for each wrong field."""
    return Refusal(
        Code.INVALID_ARGUMENTS,
        "The arguments are not valid; nothing was asked of KorusTicket.",
        "Correct the named fields and call again.",
        fields=problems,
    )
