"""What a status, or a broken exchange, means: which error of the tree it is, and its outcome."""

import json
import re
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import anyio
import httpx

from korus_mcp.api.errors import (
    NO_WAY,
    ApiError,
    BadRequest,
    CertificateFault,
    Disconnected,
    Forbidden,
    Malformed,
    NotFound,
    Outcome,
    RateLimited,
    Redirected,
    ServerFailed,
    TimedOut,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
    Unreachable,
)
from korus_mcp.foundation.text import clean_line, plain_text

TEXT_LIMIT = 500
VIOLATIONS_LIMIT = 20
LONGEST_WAIT_SECONDS = 300.0
"""What is believed of a wish to be left alone: a header may be wrong by years."""
DATE_LIMIT = 64
"""No date of HTTP is as long."""

STATUS_ERRORS: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    422: Unprocessable,
    429: RateLimited,
}

# Of a write. That 401 and 429 come before any processing is assumed (A18).
_NOT_PROCESSED = frozenset({401, 429})
_REFUSED = frozenset({400, 403, 404, 422})

NETWORK_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.StreamError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,
)
"""Every way in which httpx, or what lies under it, says that an exchange failed."""

# The allow-list: only these prove that no byte of the request left.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


_DEPTH = 10
"""So many causes of a failed connection are looked at."""

# The codes of X509_verify_cert_error_string.
_BY_VERIFY_CODE = {
    **dict.fromkeys((2, 18, 19, 20, 21, 24, 27), CertificateFault.UNTRUSTED),
    **dict.fromkeys((9, 10), CertificateFault.OUT_OF_DATE),
    **dict.fromkeys((62, 64), CertificateFault.OTHER_HOST),
}


def from_network(operation: str, method: str, failure: BaseException) -> ApiError:
    """The error for an exchange that broke; of a write, all but the allow-list is `UNKNOWN`."""
    if isinstance(failure, _NOT_SENT):
        reason = NO_WAY if str(failure) == NO_WAY else _certificate_fault(failure)
        return Unreachable(operation, Outcome.NOT_SENT, reason=reason)
    outcome = outcome_of_answered(method)
    if isinstance(failure, httpx.TimeoutException | TimeoutError):
        return TimedOut(operation, outcome)
    # Only a transport that was injected follows any: ours has no client around it.
    if isinstance(failure, httpx.TooManyRedirects):
        return Redirected(operation, outcome)
    if isinstance(failure, httpx.DecodingError):
        return Malformed(operation, outcome, reason="broken encoding")
    return Disconnected(operation, outcome)


def _certificate_fault(failure: BaseException) -> CertificateFault | None:
    """Which fault of a certificate lies under a connection that did not come about, if one does."""
    under: BaseException | None = failure
    for _ in range(_DEPTH):  # an error raised twice can be its own cause
        if isinstance(under, ssl.SSLCertVerificationError):
            return _BY_VERIFY_CODE.get(under.verify_code, CertificateFault.OTHERWISE)
        under = None if under is None else under.__cause__ or under.__context__
    return None


def from_answer(
    operation: str,
    method: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
) -> ApiError:
    """The error for a status that is no success: the one place where a status gets its meaning.

    The body is read tolerantly: problem JSON of any type, HTML or nothing (T30).
    """
    # Never followed: a token would go where nobody decided it should go.
    if 300 <= status < 400:
        return Redirected(operation, outcome_of_answered(method), status=status)
    kind = STATUS_ERRORS.get(status, ServerFailed if status >= 500 else UnexpectedStatus)
    # The status decides alone (A18); the body only says why (T30).
    problem = _problem(body)
    error = kind(
        operation,
        _outcome_of_status(method, status),
        status=status,
        retry_after_seconds=_retry_after_seconds(headers, now),
        issuer_text=_detail(problem),
    )
    if isinstance(error, Unprocessable):
        error.violations = _violations(problem)
    return error


def outcome_of_answered(method: str) -> Outcome:
    """The outcome when an answer came, or may have come, but tells nothing."""
    return Outcome.REFUSED if method == "GET" else Outcome.UNKNOWN


def _outcome_of_status(method: str, status: int) -> Outcome:
    if status in _NOT_PROCESSED:
        return Outcome.NOT_SENT
    if status in _REFUSED:
        return Outcome.REFUSED
    return outcome_of_answered(method)


def _retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` in seconds: a number, or a date against the answer's own `Date`."""
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", given):
        return min(float(given), LONGEST_WAIT_SECONDS)
    until = http_date(given)
    if until is None:
        return None
    # Against the answer's own clock: ours may be wrong by more than the wait.
    wait = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(0.0, wait), LONGEST_WAIT_SECONDS)


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date header, aware; None when it is not one."""
    if len(text) > DATE_LIMIT:
        return None
    try:
        moment = parsedate_to_datetime(text)
    # A day 99, or a zone of thousands of hours.
    except (ValueError, OverflowError):
        return None
    # -0000 says that the zone is not known: such a date is read without one.
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
    # A19: their form is that of the framework; whatever else stands there is passed over.
    rows = [entry for entry in entries if isinstance(entry, dict)]
    return tuple(
        (_text(row.get("propertyPath")), _text(row.get("message")))
        for row in rows[:VIOLATIONS_LIMIT]
    )


def _text(value: object) -> str:
    """Third-party text on one line; nothing of what is no text."""
    return clean_line(plain_text(value, TEXT_LIMIT), TEXT_LIMIT) if isinstance(value, str) else ""
