"""What went wrong at the API, in the words of the closed set of codes.

One row for each class of ApiError; none of the API's own words pass through here.
"""

import math
from collections.abc import Mapping
from typing import Final, overload

from korus_mcp.api import (
    ApiError,
    BadRequest,
    CertificateFault,
    Disconnected,
    DocumentRefused,
    Forbidden,
    InvalidId,
    Malformed,
    NotFound,
    Outcome,
    RateLimited,
    Redirected,
    ServerFailed,
    TimedOut,
    TokenRefused,
    TokenUnavailable,
    TooLarge,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
    Unreachable,
)
from korus_mcp.api.documents import HOST_NOT_LISTED, NO_PDF
from korus_mcp.api.documents import OPERATION as DOWNLOAD
from korus_mcp.booking.copies import HOLD, was_answered
from korus_mcp.foundation.refusals import TO_SUPPORT, Code, Effect, Refusal, not_given
from korus_mcp.journal.protocol import JournalDown, JournalFault

_LATER: Final = "Call again later."
_LOOK: Final = "Do not repeat it. Look first: get_reservation or get_tickets."
_OPERATOR: Final = "Tell the person that the operator has to look at this."
_SEE_LOG: Final = "Tell the person that the operator has to look at this; the log says why."
_RETRY_SECONDS: Final = 5

_UNAVAILABLE: Final[Mapping[type[ApiError], str]] = {
    Unreachable: "KorusTicket cannot be reached.",
    TimedOut: "KorusTicket did not answer in time.",
    Disconnected: "The connection to KorusTicket broke.",
    Malformed: "KorusTicket sent an answer that cannot be read.",
    ServerFailed: "KorusTicket failed to answer.",
    UnexpectedStatus: "KorusTicket gave an answer its contract does not know.",
    TokenUnavailable: "KorusTicket's sign-in does not answer.",
}
"""What passes by itself."""
ROWS: Final[dict[type[ApiError], tuple[Code, str, str]]] = {
    **{kind: (Code.UPSTREAM_UNAVAILABLE, said, _LATER) for kind, said in _UNAVAILABLE.items()},
    TooLarge: (
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket sent an answer larger than is sensible; it was dropped.",
        "Ask for less: fewer days or a narrower choice.",
    ),
    Redirected: (
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket points to another address, which is never followed.",
        _OPERATOR,
    ),
    BadRequest: (
        Code.UPSTREAM_REFUSED,
        "KorusTicket could not read the request.",
        "Check the arguments; if they are right, tell the person it cannot be done now.",
    ),
    Unauthorized: (
        Code.MISCONFIGURED,
        "KorusTicket did not accept the service account's token.",
        _OPERATOR,
    ),
    Forbidden: (
        Code.NOT_ALLOWED,
        "KorusTicket does not allow this organisation to do that.",
        _OPERATOR,
    ),
    NotFound: (
        Code.NOT_FOUND,
        "KorusTicket does not know this (any more).",
        "Search again; ids change when an issuer re-imports its catalog.",
    ),
    Unprocessable: (
        Code.UPSTREAM_REFUSED,
        "KorusTicket refused the data; nothing was done.",
        "Correct the data and call again.",
    ),
    RateLimited: (Code.SERVER_BUSY, "KorusTicket asks to slow down.", "Wait, then call again."),
    TokenRefused: (
        Code.MISCONFIGURED,
        "KorusTicket refuses the service account's id or secret.",
        _OPERATOR,
    ),
    DocumentRefused: (
        Code.MISCONFIGURED,
        "The address of the document is not one that this server takes.",
        _SEE_LOG,
    ),
}

_DOCUMENTS: Final[Mapping[str, tuple[str, str]]] = {
    HOST_NOT_LISTED: (
        "The document lies on a host that the operator has not listed.",
        "Tell the person that the operator has to add the host, which the log names, to "
        "KORUS_DOCUMENT_HOSTS.",
    ),
    NO_PDF: ("The document is not a PDF file.", _SEE_LOG),
    TooLarge.cause: ("The document is larger than this server takes.", _SEE_LOG),
    Redirected.cause: ("The document has moved to an address that is never followed.", _SEE_LOG),
}
"""Of a file that will not be had by asking again, by reason: what is told instead."""
_OF_ORDERS: Final = frozenset(
    {
        "getOrder",
        "listOrderDocuments",
        "getOrderDocument",
        "createOrderDocumentLink",
        "getOrderItemTicket",
        "setTicketBeneficiary",
    }
)
"""What is asked of an order that was made: where it is not found, nobody may buy it again."""
_GONE: Final = 410
_PASSING: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the next time."""
_NOT_HELD: Final = (
    "nothing was ordered, and if something is held all the same, it lapses at no cost."
)
"""Of a call to hold that was refused: a gateway may have sent it twice, and the first have held."""
_UNREAD: Final = {"listOffers": "The price table could not be read: "}
"""What failed, where the catalog beside it may still be there."""


@overload
def explained(error: ApiError | InvalidId | JournalDown | Refusal) -> Refusal: ...
@overload
def explained(error: BaseException | None) -> Refusal | None: ...
def explained(error: BaseException | None) -> Refusal | None:
    """The refusal an error stands for; None for an error that is our own fault.

    An unknown outcome is told as such, whatever the cause: somebody has to look before acting.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, JournalDown):
        is_busy = error.fault is JournalFault.BUSY
        return Refusal(
            Code.SERVER_BUSY if is_busy else Code.MISCONFIGURED,
            f"The journal of bookings does not work ({error.fault.value}); nothing was sent now.",
            "Call again." if is_busy else _OPERATOR,
            retry_after_seconds=_RETRY_SECONDS if is_busy else None,
        )
    if isinstance(error, InvalidId):
        return Refusal(
            Code.UNKNOWN_ID,
            "This cannot be an id of KorusTicket.",
            "Use ids from earlier answers, unchanged.",
        )
    if not isinstance(error, ApiError):
        return None
    refusal = _of_api(error)
    # See `booking/copies.py`: the first copy may have held all the same.
    if not was_answered(error, HOLD) or refusal.effect is not Effect.NONE:
        return refusal
    return refusal.saying(f"{refusal.message.partition(';')[0].removesuffix('.')}; {_NOT_HELD}")


def _of_api(error: ApiError) -> Refusal:
    # Before the kind of error: whatever broke, something may have been booked.
    if error.outcome is Outcome.UNKNOWN:
        return Refusal(
            Code.OUTCOME_UNKNOWN,
            "The answer to a booking call was lost; it may have been carried out.",
            _LOOK,
            effect=Effect.UNKNOWN,
            retry_after_seconds=_RETRY_SECONDS,
        )
    # An unreachable server passes; a certificate that is not believed does not.
    if isinstance(error.reason, CertificateFault):
        return Refusal(
            Code.MISCONFIGURED, "The certificate of KorusTicket cannot be verified here.", _OPERATOR
        )
    if _is_withheld(error):
        return not_given()
    # "Search again" would lead to a second purchase of what is paid for.
    if error.operation in _OF_ORDERS and (isinstance(error, NotFound) or error.status == _GONE):
        return Refusal(
            Code.NOT_FOUND, "KorusTicket does not show this of the order (any more).", TO_SUPPORT
        )
    # The token was refused in the middle of its life: a new one is on its way.
    if isinstance(error, Unauthorized) and error.retry_after_seconds is not None:
        return Refusal(
            Code.SERVER_BUSY,
            "KorusTicket took back the server's sign-in; it signs in anew.",
            "Call again with the same arguments.",
            retry_after_seconds=math.ceil(error.retry_after_seconds),
        )
    code, message, next_step = ROWS[type(error)]
    if _is_the_operators(error):
        told = _DOCUMENTS.get(error.reason or error.cause, (message, next_step))
        return Refusal(Code.MISCONFIGURED, *told)
    message = f"{_UNREAD.get(error.operation, '')}{message}"
    wait = error.retry_after_seconds
    # Only what passes by itself is worth a moment to wait for.
    if wait is None and code in (Code.UPSTREAM_UNAVAILABLE, Code.SERVER_BUSY):
        wait = _RETRY_SECONDS
    seconds = None if wait is None else max(1, math.ceil(wait))
    return Refusal(code, message, next_step, retry_after_seconds=seconds)


def is_for_good(error: ApiError | Refusal) -> bool:
    """Whether a file cannot be had by asking again: somebody has to do something first."""
    if isinstance(error, Refusal):
        return error.retry_after_seconds is None
    return _is_the_operators(error) or _is_withheld(error)


def _is_withheld(error: ApiError) -> bool:
    """Whether the host of a file refuses it. No token is sent there, so it is not about that."""
    # 403 of the host of files is about the file, not about our account (T26).
    status = error.status or 0
    return error.operation == DOWNLOAD and 400 <= status < 500 and status not in _PASSING


def _is_the_operators(error: ApiError) -> bool:
    is_file = error.operation == DOWNLOAD and isinstance(error, TooLarge | Redirected)
    return is_file or isinstance(error, DocumentRefused)


def crashed(*, wrote: bool) -> Refusal:
    """The refusal of a call that our own fault ended.

    `wrote` when it had begun what may have booked something: before that, nothing was sent.
    """
    # Before anything left, a crash is the operator's to look at and nobody's to worry about.
    if not wrote:
        message = "The server could not carry this out; its log says why."
        return Refusal(Code.MISCONFIGURED, message, _OPERATOR)
    return Refusal(
        Code.OUTCOME_UNKNOWN,
        "The server failed in the middle of this; it may have been carried out.",
        _LOOK,
        effect=Effect.UNKNOWN,
    )


def unasked() -> Refusal:
    """The refusal of a call whose question the host did not answer as the protocol wants it."""
    return Refusal(
        Code.APPROVAL_UNAVAILABLE,
        "The host gave no usable answer to the question for the person; nothing was ordered by "
        "this call.",
        "Call again to have the question put once more, or tell the person.",
    )


def too_late() -> Refusal:
    """The refusal of a call that only reads and could not be answered in time."""
    return Refusal(
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket did not answer in time; nothing was changed.",
        "Call again; where it can be split, for less at once.",
        retry_after_seconds=_RETRY_SECONDS,
    )


def no_such_tool() -> Refusal:
    """The refusal of a call to a tool that this server does not have."""
    return Refusal(
        Code.NOT_FOUND,
        "This server has no such tool; nothing was asked of KorusTicket.",
        "List the tools: the operator decides which there are.",
    )


def told_what_was_booked(refusal: Refusal) -> Refusal:
    """The refusal of a call that might have booked, which says in words that it did not."""
    said = f"{refusal.message} {refusal.next_step}".casefold()
    # Most refusals say it already, each about what the call was for.
    if refusal.effect is not Effect.NONE or "nothing was" in said:
        return refusal
    return refusal.saying(f"{refusal.message.removesuffix('.')}; nothing was booked by this call.")
