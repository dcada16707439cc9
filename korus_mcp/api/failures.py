"""Which `ApiError` a status or a broken exchange becomes, and with which outcome."""

import errno
import json
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import anyio
import httpx

from korus_mcp.api import errors
from korus_mcp.api.errors import ApiError, Outcome
from korus_mcp.foundation.text import clean_line, plain_text

TEXT_LIMIT = 500
VIOLATIONS_LIMIT = 20
LONGEST_WAIT_SECONDS = 300.0
"""The longest `Retry-After` that is kept: the header may be wrong by years."""
DATE_LIMIT = 64
"""Characters of a date header that are parsed: no HTTP date is as long."""

STATUS_ERRORS: Mapping[int, type[ApiError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    422: errors.Unprocessable,
    429: errors.RateLimited,
}

PASSING_STATUSES = frozenset({502, 503, 504})
"""Statuses by which a gateway says that the server behind it does not answer."""

# Statuses that say that even a write did nothing: we assume that 401 and 429 come before any
# processing (A18).
_OUTCOMES = {
    **dict.fromkeys((401, 429), Outcome.NOT_SENT),
    **dict.fromkeys((400, 403, 404, 422), Outcome.REFUSED),
}

NETWORK_FAILURES = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError),
    *(anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream),
)
"""Every exception by which httpx, or a layer below it, says that an exchange failed."""

# The allow-list: only these exceptions prove that no byte of the request left.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


_DEPTH = 10
"""How far a chain of exceptions is followed to find why a connection failed."""
_NO_WAY_THERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})

# OpenSSL's X509_V_ERR codes, as X509_verify_cert_error_string names them.
_BY_VERIFY_CODE = {
    **dict.fromkeys((2, 18, 19, 20, 21, 24, 27), errors.CertificateFault.UNTRUSTED),
    **dict.fromkeys((9, 10), errors.CertificateFault.OUT_OF_DATE),
    **dict.fromkeys((62, 64), errors.CertificateFault.OTHER_HOST),
}


def from_network(operation: str, method: str, failure: BaseException) -> ApiError:
    """The error for an exchange that broke. The outcome of a write is `UNKNOWN`, but for the
    exceptions in `_NOT_SENT`.
    """
    if isinstance(failure, _NOT_SENT):
        reason = _proxy_fault(failure) or why_unconnected(failure)
        return errors.Unreachable(operation, Outcome.NOT_SENT, reason=reason)
    outcome = outcome_of_answered(method)
    if isinstance(failure, httpx.TimeoutException | TimeoutError):
        return errors.TimedOut(operation, outcome)
    # Our own transports follow no redirect; one that a caller injected may.
    if isinstance(failure, httpx.TooManyRedirects):
        return errors.Redirected(operation, outcome)
    if isinstance(failure, httpx.DecodingError):
        return errors.Malformed(operation, outcome, reason="broken encoding")
    return errors.Disconnected(operation, outcome)


def _proxy_fault(failure: BaseException) -> errors.ProxyFault | None:
    """Why the proxy opened no connection, as our own transport tells it."""
    return next((fault for fault in errors.ProxyFault if fault == str(failure)), None)


def why_unconnected(
    failure: BaseException,
) -> errors.CertificateFault | errors.ConnectionFault | None:
    """Why a connection failed; None when that is not known."""
    under: BaseException | None = failure
    for _ in range(_DEPTH):  # an error raised twice can be its own cause
        if under is None:
            return None
        # A name with several addresses: each was tried, and one failure stands for all.
        if isinstance(under, BaseExceptionGroup):
            under = under.exceptions[0]
        if fault := _fault(under):
            return fault
        under = under.__cause__ or under.__context__
    return None


def _fault(failure: BaseException) -> errors.CertificateFault | errors.ConnectionFault | None:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(failure.verify_code, errors.CertificateFault.OTHERWISE)
    if isinstance(failure, ssl.SSLError):
        return errors.ConnectionFault.NO_TLS
    if isinstance(failure, socket.gaierror):
        # A resolver that does not answer says nothing about the name.
        is_passing = failure.errno == socket.EAI_AGAIN
        names = errors.ConnectionFault
        return names.NO_WAY_THERE if is_passing else names.UNKNOWN_NAME
    if isinstance(failure, ConnectionRefusedError):
        return errors.ConnectionFault.REFUSED
    if isinstance(failure, TimeoutError | httpx.ConnectTimeout):
        return errors.ConnectionFault.SILENT
    is_lost = isinstance(failure, OSError) and failure.errno in _NO_WAY_THERE
    return errors.ConnectionFault.NO_WAY_THERE if is_lost else None


def from_answer(
    operation: str, method: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> ApiError:
    """The error for a status that is no success.

    The body only adds detail; it may be problem JSON of any content type, HTML or empty (T30).
    """
    # Never followed: the token would go to an address that nobody chose.
    if 300 <= status < 400:
        return errors.Redirected(operation, outcome_of_answered(method), status=status)
    otherwise = errors.ServerFailed if status >= 500 else errors.UnexpectedStatus
    kind = STATUS_ERRORS.get(status, otherwise)
    # The status alone decides (A18); the body only says why (T30).
    problem = _problem(body)
    error = kind(
        operation,
        _OUTCOMES.get(status, outcome_of_answered(method)),
        status=status,
        retry_after_seconds=_retry_after_seconds(headers, now),
        issuer_text=_detail(problem),
    )
    if isinstance(error, errors.Unprocessable):
        error.violations = _violations(problem)
    return error


def outcome_of_answered(method: str) -> Outcome:
    """The outcome when the server may have acted, and no status says whether it did."""
    return Outcome.REFUSED if method == "GET" else Outcome.UNKNOWN


def _retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` in seconds; one that is a date is compared with the answer's own `Date`."""
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", given):
        return min(float(given), LONGEST_WAIT_SECONDS)
    until = http_date(given)
    if until is None:
        return None
    # By the answer's own clock: ours may be wrong by more than the wait.
    wait = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(0.0, wait), LONGEST_WAIT_SECONDS)


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date header, aware; None when it is not one."""
    if len(text) > DATE_LIMIT:
        return None
    try:
        moment = parsedate_to_datetime(text)
    # Such as a day 99, or a zone of thousands of hours.
    except (ValueError, OverflowError):
        return None
    # Python parses the zone -0000 ("not known") as a naive datetime.
    return moment if moment.tzinfo else None


def _problem(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _detail(problem: Mapping[str, object]) -> str | None:
    for key in ("detail", "description", "title", "error_description", "error"):
        if shown := _text(problem.get(key)):
            return shown
    return None


def _violations(problem: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    entries = problem.get("violations")
    if not isinstance(entries, list):
        return ()
    # The form that API Platform gives violations (A19); entries of another form are skipped.
    rows = [entry for entry in entries if isinstance(entry, dict)][:VIOLATIONS_LIMIT]
    return tuple((_text(row.get("propertyPath")), _text(row.get("message"))) for row in rows)


def _text(value: object) -> str:
    """Third-party text, cleaned, on one line; empty for a value that is no text."""
    return clean_line(plain_text(value, TEXT_LIMIT), TEXT_LIMIT) if isinstance(value, str) else ""
