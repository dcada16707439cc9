"""The server's errors: a closed set of codes an assistant can act on, and what each means.

Every refusal says what happened, whether anything was booked, and what to do next. The texts are
ours: they repeat no value that the caller sent and no words of the API. The only exception are
names of choices, which are quoted, shortened, where a choice has to be made.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Final

QUOTED_LENGTH: Final = 40
MAX_PROBLEMS: Final = 10
"""The most wrong arguments that one refusal names."""
TO_SUPPORT: Final = "Do not order again. Quote the order's reference to KorusTicket support."
"""The next step when a part of a paid order, such as a file, cannot be fetched."""


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
    ORDERS_STOPPED = "ORDERS_STOPPED"
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    SERVER_BUSY = "SERVER_BUSY"
    MISCONFIGURED = "MISCONFIGURED"


class Effect(StrEnum):
    """What the refused call may have changed at KorusTicket."""

    NONE = "none"
    HELD = "held"
    ORDERED = "ordered"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Meaning:
    """The meaning of a code: when it happens, the usual next step, its possible effects."""

    when: str
    next_step: str
    effects: tuple[Effect, ...] = (Effect.NONE,)


MEANINGS: Final[Mapping[Code, Meaning]] = {
    Code.INVALID_ARGUMENTS: Meaning(
        "An argument is wrong, missing or unknown; the named fields say which and how.",
        "Correct the named fields and call again.",
    ),
    Code.UNKNOWN_ID: Meaning(
        "An id that was not given out here.", "Use ids from earlier answers, unchanged."
    ),
    Code.NOT_FOUND: Meaning(
        "It does not exist (any more), or is not yours; or there is no such tool or address.",
        "Search again: ids change when an issuer re-imports its catalog.",
    ),
    Code.PAST_DATE: Meaning(
        "The day is over at the venue.", "Ask for the named day or a later one."
    ),
    Code.NO_SUCH_CHOICE: Meaning(
        "No choice, catalog or city has this name; the nearest and other names are listed.",
        "Use one of the listed names, or leave the argument out.",
    ),
    Code.SESSION_REQUIRED: Meaning(
        "A session is missing, not of this offer, or not needed.",
        "Pass one of the listed sessions, or none where none is needed.",
    ),
    Code.SOLD_OUT: Meaning(
        "Not enough is left.", "Propose another day, session or zone, or fewer."
    ),
    Code.NOT_BOOKABLE: Meaning(
        "The issuer states no price, total, stock or ticket for it that can be read and used, or "
        "it is over.",
        "Propose another offer.",
        (Effect.NONE, Effect.HELD),
    ),
    Code.PRICE_CHANGED: Meaning(
        "It costs more than max_total now.",
        "Tell the person the new total, then reserve with a max_total they accept.",
    ),
    Code.HOLD_EXPIRED: Meaning(
        "The hold is over or too close to its end.",
        "Call reserve again only for what is over, if the person still wants it; then place_order "
        "with the new reservation_id.",
    ),
    Code.ALREADY_ORDERED: Meaning(
        "The reservation was ordered before, with other data.",
        "Call get_reservation for its order, then get_tickets.",
        (Effect.ORDERED,),
    ),
    Code.ALREADY_BEING_ORDERED: Meaning(
        "Another order of the reservation is under way or in doubt.",
        "Do not reserve again; call get_reservation to see what became of it.",
        (Effect.UNKNOWN,),
    ),
    Code.APPROVAL_REQUIRED: Meaning(
        "The person has to agree to exactly this first.",
        "Call place_order without confirmation and show the person the summary.",
    ),
    Code.APPROVAL_UNAVAILABLE: Meaning(
        "No way is open to ask a person.", "Tell the person to order where they can be asked."
    ),
    Code.APPROVAL_DECLINED: Meaning(
        "The person said no.", "Do not ask again; ask the person what they want instead."
    ),
    Code.APPROVAL_EXPIRED: Meaning(
        "The agreement is too old.",
        "Call place_order without confirmation and show the person the new summary.",
    ),
    Code.LIMIT_EXCEEDED: Meaning(
        "A limit of the operator or the issuer.",
        "Take less, or tell the person that the operator sets the limit.",
    ),
    Code.UNSUPPORTED_CURRENCY: Meaning(
        "Only euro can be booked.", "Choose another offer.", (Effect.NONE, Effect.HELD)
    ),
    Code.NOT_READY: Meaning(
        "The document is not ready yet.",
        "Call get_tickets for the documents and when they are ready.",
    ),
    Code.NOT_ALLOWED: Meaning(
        "The operator's account may not do this.",
        "Tell the person that the operator has to look at this.",
    ),
    Code.ORDERS_STOPPED: Meaning(
        "The operator takes no new orders for now.",
        "Tell the person; nothing can be ordered until the operator lets orders through again.",
    ),
    Code.UPSTREAM_REFUSED: Meaning(
        "KorusTicket refused the data.", "Correct the data and call again."
    ),
    Code.UPSTREAM_UNAVAILABLE: Meaning(
        "KorusTicket does not answer, or not as it should.", "Call again after the named seconds."
    ),
    Code.OUTCOME_UNKNOWN: Meaning(
        "An answer was lost, or the server failed midway: it may have been carried out.",
        "Do not repeat it; look first with get_reservation or get_tickets.",
        (Effect.UNKNOWN,),
    ),
    Code.SERVER_BUSY: Meaning(
        "Too many calls, a journal that is locked, away or just restored, or a server that stops.",
        "Call again after the named seconds.",
    ),
    Code.MISCONFIGURED: Meaning(
        "The server, its account or its journal does not work, or a file is one it must not fetch.",
        "Tell the person that the operator has to look at this.",
    ),
}
"""The meaning of each code; the help and docs/errors.md are generated from this."""


@dataclass(frozen=True)
class StateMeaning:
    """A state in an answer: what it means at KorusTicket, and the error code with that meaning."""

    effect: Effect
    code: Code | None = None


STATES: Final[Mapping[str, StateMeaning]] = {
    "held": StateMeaning(Effect.HELD),
    "partly_held": StateMeaning(Effect.HELD),
    "confirmation_needed": StateMeaning(Effect.HELD, Code.APPROVAL_REQUIRED),
    "approval_needed": StateMeaning(Effect.HELD, Code.APPROVAL_REQUIRED),
    "ordered": StateMeaning(Effect.ORDERED, Code.ALREADY_ORDERED),
    "partially_ordered": StateMeaning(Effect.ORDERED, Code.ALREADY_ORDERED),
    "in_doubt": StateMeaning(Effect.UNKNOWN, Code.OUTCOME_UNKNOWN),
    "failed": StateMeaning(Effect.NONE, Code.UPSTREAM_REFUSED),
    "expired": StateMeaning(Effect.NONE, Code.HOLD_EXPIRED),
    "released": StateMeaning(Effect.NONE, Code.HOLD_EXPIRED),
}
"""States of holds and orders, which are no errors in an answer that lists them."""


@dataclass(frozen=True)
class FieldProblem:
    """One wrong argument: its path, the problem, and an example that would be accepted."""

    field: str
    problem: str
    example: str | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What can be booked instead: ids, moment or day, and the price of one. No names.

    `session_ids` is only set if several tickets of the offer need a session each.
    """

    offer_id: str
    session_id: str | None = None
    session_ids: tuple[str, ...] = ()
    starts_at: str | None = None
    date: str | None = None
    price: str


@dataclass(eq=False)
class Refusal(Exception):
    """A call was not carried out. The fields help to make the next call right.

    `message` and `next_step` are one sentence each. `retry_after_seconds` is set only if waiting
    helps. `alternatives` were all checked live.
    """

    code: Code
    message: str
    next_step: str
    _: KW_ONLY
    effect: Effect = Effect.NONE
    retry_after_seconds: int | None = None
    fields: tuple[FieldProblem, ...] = ()
    alternatives: tuple[Proposal, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.next_step}"

    def saying(self, message: str) -> "Refusal":
        """The same refusal with another message."""
        return replace(self, message=message)


def quoted(names: Iterable[str]) -> str:
    """Names of choices for a refusal: shortened and in quotes."""
    return ", ".join(f'"{shortened(name)}"' for name in names)


def shortened(name: str) -> str:
    """A name as it is shown between quotes; the shortened form is accepted as an argument, too."""
    # Issuers write names: too short for instructions to a model, and without quotes in them.
    return name[:QUOTED_LENGTH].replace('"', "'")


def not_given() -> Refusal:
    """The refusal for a file of an order that cannot be fetched, not even later."""
    return Refusal(Code.NOT_FOUND, "KorusTicket does not give this PDF.", TO_SUPPORT)


def invalid(*problems: FieldProblem) -> Refusal:
    """The refusal for wrong arguments, with one entry for each of them."""
    return Refusal(
        Code.INVALID_ARGUMENTS,
        "The arguments are not valid; nothing was asked of KorusTicket.",
        "Correct the named fields and call again.",
        fields=problems,
    )


class Faults:
    """The refusals of several checks of one call, so that all of them are told at once.

    Each check runs in a `with` block of its own, which keeps its refusal and goes on.
    """

    def __init__(self) -> None:
        self._found: list[Refusal] = []
        self._problems: list[FieldProblem] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Refusal):
            self._keep(error, error.fields)
        return isinstance(error, Refusal)

    @contextmanager
    def about(self, argument: str) -> Iterator[None]:
        """A check whose refusal may name no argument: it is about this one then."""
        try:
            yield
        except Refusal as refusal:
            problem = refusal.message[0].lower() + refusal.message[1:].removesuffix(".")
            self._keep(refusal, refusal.fields or (FieldProblem(argument, problem),))

    def _keep(self, refusal: Refusal, problems: Iterable[FieldProblem]) -> None:
        self._found.append(refusal)
        # Of several problems of one argument the first says what to correct before all others.
        named = {problem.field for problem in self._problems}
        self._problems += [problem for problem in problems if problem.field not in named]

    def check(self) -> None:
        """Raise what was found as one refusal: INVALID_ARGUMENTS, where they say different things.

        Raises:
            Refusal: if anything was found.
        """
        alike = {(refusal.code, refusal.message) for refusal in self._found}
        if len(alike) > 1:
            raise invalid(*self._problems[:MAX_PROBLEMS])
        self.check_by_first()

    def check_by_first(self) -> None:
        """Raise what was found first, with what is wrong with all arguments.

        Raises:
            Refusal: if anything was found.
        """
        match self._found:
            case []:
                return
            case [refusal]:
                raise refusal
            case [first, *_]:
                raise replace(first, fields=tuple(self._problems[:MAX_PROBLEMS]))
