"""Turns errors into refusals with a code of the closed set.

There is one row for each class of ApiError. Texts of the API's are never repeated.
"""

import math
from collections.abc import Mapping
from typing import Final, overload

from korus_mcp.api import ApiError, InvalidId, errors
from korus_mcp.api.documents import HOST_NOT_LISTED, NO_PDF
from korus_mcp.api.documents import OPERATION as DOWNLOAD
from korus_mcp.booking.copies import HOLD, was_answered
from korus_mcp.foundation.refusals import TO_SUPPORT, Code, Effect, Refusal, not_given
from korus_mcp.journal.records import JournalDown

_LATER: Final = "Call again later."
_LOOK: Final = "Do not repeat it. Look first: get_reservation or get_tickets."
_OPERATOR: Final = "Tell the person that the operator has to look at this."
_AGAIN: Final = "Call again; if it stays so, tell the person that the operator has to look at this."
_SEE_LOG: Final = "Tell the person that the operator has to look at this; the log says why."
_RETRY_SECONDS: Final = 5

_UNAVAILABLE: Final[Mapping[type[ApiError], str]] = {
    errors.Unreachable: "KorusTicket cannot be reached.",
    errors.TimedOut: "KorusTicket did not answer in time.",
    errors.Disconnected: "The connection to KorusTicket broke.",
    errors.Malformed: "KorusTicket sent an answer that cannot be read.",
    errors.ServerFailed: "KorusTicket failed to answer.",
    errors.UnexpectedStatus: "KorusTicket gave an answer its contract does not know.",
    errors.TokenUnavailable: "KorusTicket's sign-in does not answer.",
}
"""Errors that pass by themselves."""
ROWS: Final[dict[type[ApiError], tuple[Code, str, str]]] = {
    **{kind: (Code.UPSTREAM_UNAVAILABLE, said, _LATER) for kind, said in _UNAVAILABLE.items()},
    errors.TooLarge: (
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket sent an answer larger than is sensible; it was dropped.",
        "Ask for less: fewer days or a narrower choice.",
    ),
    errors.Redirected: (
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket points to another address, which is never followed.",
        _OPERATOR,
    ),
    errors.Crowded: (
        Code.SERVER_BUSY,
        "Too many requests wait for KorusTicket here; this one was not sent.",
        "Call again with the same arguments.",
    ),
    errors.Suspended: (
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket has not answered lately, so it is left alone for a moment; nothing was sent.",
        _LATER,
    ),
    errors.BadRequest: (
        Code.UPSTREAM_REFUSED,
        "KorusTicket could not read the request.",
        "Check the arguments; if they are right, tell the person it cannot be done now.",
    ),
    errors.Unauthorized: (
        Code.MISCONFIGURED,
        "KorusTicket did not accept the service account's token.",
        _OPERATOR,
    ),
    errors.Forbidden: (
        Code.NOT_ALLOWED,
        "KorusTicket does not allow this organisation to do that.",
        _OPERATOR,
    ),
    errors.NotFound: (
        Code.NOT_FOUND,
        "KorusTicket does not know this (any more).",
        "Search again; ids change when an issuer re-imports its catalog.",
    ),
    errors.Unprocessable: (
        Code.UPSTREAM_REFUSED,
        "KorusTicket refused the data; nothing was done.",
        "Correct the data and call again.",
    ),
    errors.RateLimited: (
        Code.SERVER_BUSY,
        "KorusTicket asks to slow down.",
        "Wait, then call again.",
    ),
    errors.TokenRefused: (
        Code.MISCONFIGURED,
        "KorusTicket refuses the service account's id or secret.",
        _OPERATOR,
    ),
    errors.DocumentRefused: (
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
    errors.TooLarge.cause: ("The document is larger than this server takes.", _SEE_LOG),
    errors.Redirected.cause: (
        "The document has moved to an address that is never followed.",
        _SEE_LOG,
    ),
}
"""For a file that cannot be fetched by trying again: reason -> what is said instead."""
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
"""Operations that read an existing order: a 404 must not lead to buying it again."""
_GONE: Final = 410
_PASSING: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may succeed."""
_NOT_HELD: Final = (
    "nothing was ordered, and if something is held all the same, it lapses at no cost."
)
"""For a refused call to hold: a gateway may have sent it twice, and the first may have held."""
_UNREAD: Final = {"listOffers": "The price table could not be read: "}
"""Operation -> what failed, for reads without which the catalog may still work."""


@overload
def explained(error: ApiError | InvalidId | JournalDown | Refusal) -> Refusal: ...
@overload
def explained(error: BaseException | None) -> Refusal | None: ...
def explained(error: BaseException | None) -> Refusal | None:
    """The refusal for an error; None for an error that is a fault of this server.

    If the outcome is unknown the refusal says so, whatever the cause: it must be looked up first.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, JournalDown):
        passes = error.fault.is_passing
        return Refusal(
            Code.SERVER_BUSY if passes else Code.MISCONFIGURED,
            f"The journal of bookings does not work ({error.fault.value}); nothing was sent now.",
            _AGAIN if passes else _OPERATOR,
            retry_after_seconds=_RETRY_SECONDS if passes else None,
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
    # The first copy of the request may have made the hold: see `booking/copies.py`.
    if not was_answered(error, HOLD) or refusal.effect is not Effect.NONE:
        return refusal
    return refusal.saying(f"{refusal.message.partition(';')[0].removesuffix('.')}; {_NOT_HELD}")


def _of_api(error: ApiError) -> Refusal:
    # Checked before the class of the error: whatever broke, something may have been booked.
    if error.outcome is errors.Outcome.UNKNOWN:
        return Refusal(
            Code.OUTCOME_UNKNOWN,
            "The answer to a booking call was lost; it may have been carried out.",
            _LOOK,
            effect=Effect.UNKNOWN,
            retry_after_seconds=_RETRY_SECONDS,
        )
    # Trying again may help against an unreachable server, but not against a bad certificate.
    if isinstance(error.reason, errors.CertificateFault):
        return Refusal(
            Code.MISCONFIGURED, "The certificate of KorusTicket cannot be verified here.", _OPERATOR
        )
    if _is_withheld(error):
        return not_given()
    # The usual "search again" would lead to a second purchase.
    if error.operation in _OF_ORDERS and (
        isinstance(error, errors.NotFound) or error.status == _GONE
    ):
        return Refusal(
            Code.NOT_FOUND, "KorusTicket does not show this of the order (any more).", TO_SUPPORT
        )
    # The token was refused before it expired: a new one will be fetched.
    if isinstance(error, errors.Unauthorized) and error.retry_after_seconds is not None:
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
    # Waiting is only advised for errors that pass by themselves.
    if wait is None and code in (Code.UPSTREAM_UNAVAILABLE, Code.SERVER_BUSY):
        wait = _RETRY_SECONDS
    seconds = None if wait is None else max(1, math.ceil(wait))
    return Refusal(code, message, next_step, retry_after_seconds=seconds)


def is_for_good(error: ApiError | Refusal) -> bool:
    """Whether trying again cannot help to get a file: somebody has to do something first."""
    if isinstance(error, Refusal):
        return error.retry_after_seconds is None
    return _is_the_operators(error) or _is_withheld(error)


def _is_withheld(error: ApiError) -> bool:
    """Whether the host of files refuses a file for good."""
    # No token is sent there, so its 403 is about the file, not about our account (T26).
    status = error.status or 0
    return error.operation == DOWNLOAD and 400 <= status < 500 and status not in _PASSING


def _is_the_operators(error: ApiError) -> bool:
    is_file = error.operation == DOWNLOAD and isinstance(error, errors.TooLarge | errors.Redirected)
    return is_file or isinstance(error, errors.DocumentRefused)


def crashed(*, wrote: bool) -> Refusal:
    """The refusal of a call that crashed in this server.

    `wrote`: it had begun to send something that may have booked; else nothing was sent.
    """
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
    """The refusal of a call if the host's answer to its question could not be read."""
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


def told_what_is_kept(refusal: Refusal, forgets: str | None) -> Refusal:
    """A refusal of an id, with the reason why ids of other processes are not known here: `forgets`,
    as the end of a sentence; None if they are known.
    """
    if forgets is None or refusal.code not in (Code.UNKNOWN_ID, Code.NOT_FOUND):
        return refusal
    return refusal.saying(f"{refusal.message.removesuffix('.')}; {forgets}.")


def told_what_was_booked(refusal: Refusal) -> Refusal:
    """A refusal of a booking call, with a sentence that nothing was booked if that is so."""
    said = f"{refusal.message} {refusal.next_step}".casefold()
    # Most refusals say it already in their own words.
    if refusal.effect is not Effect.NONE or "nothing was" in said:
        return refusal
    return refusal.saying(f"{refusal.message.removesuffix('.')}; nothing was booked by this call.")
