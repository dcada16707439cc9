"""The errors of a call to the KorusTicket API, by cause.

    ApiError                 operation, outcome; status, retry_after_seconds, issuer_text
    |-- Unreachable          no connection came about
    |-- TimedOut             no answer in time
    |-- Disconnected         the connection broke
    |-- TooLarge             the answer passed its size limit
    |-- Malformed            the answer is not what the contract says (reason)
    |-- Redirected           the answer points elsewhere; never followed
    |-- BadRequest           400
    |-- Unauthorized         401
    |-- Forbidden            403
    |-- NotFound             404
    |-- Unprocessable        422 (violations)
    |-- RateLimited          429
    |-- ServerFailed         5xx
    |-- UnexpectedStatus     any other status
    |-- TokenRefused         the token endpoint rejects the credentials
    |-- TokenUnavailable     the token endpoint gives no usable answer
    `-- DocumentRefused      a download address or file we will not take (reason)

    InvalidId                a ValueError: refused before anything was sent

`str()` of an error holds the operation and the cause, never an address, a body or a
secret. What the issuer wrote is in `issuer_text` and `violations`: third-party text, to be shown
as a quotation.
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """Can the server have acted on the failed call?

    A read changes nothing, so its failures are never `UNKNOWN`.
    """

    NOT_SENT = "not_sent"
    """The request did not reach the application: nothing was done."""
    REFUSED = "refused"
    """The server refused, or the call was a read: nothing was done."""
    UNKNOWN = "unknown"
    """The server may have acted: read what exists before you repeat anything."""


class CertificateFault(StrEnum):
    """Why the certificate of a server is not trusted: the `reason` of an `Unreachable`."""

    UNTRUSTED = "its certificate comes from an authority that is not trusted here"
    OUT_OF_DATE = "its certificate is out of date, or not valid yet"
    OTHER_HOST = "its certificate is for another host"
    OTHERWISE = "its certificate cannot be verified"


NO_WAY = "the proxy opened no connection"
"""The `reason` of an `Unreachable` when the proxy did not open a connection."""


class InvalidId(ValueError):
    """An id or IRI that cannot belong to this API; raised before any request."""


@dataclass(eq=False, repr=False)
class ApiError(Exception):
    """A call to the API failed; the base of this tree. `reason` narrows the cause, in our words."""

    cause: ClassVar[str] = "failed"

    operation: str
    outcome: Outcome
    _: KW_ONLY
    status: int | None = None
    retry_after_seconds: float | None = None
    issuer_text: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        # No word of an answer goes into the message: it ends up in logs and in front of models.
        at_status = "" if self.status is None else f" (status {self.status})"
        because = "" if self.reason is None else f": {self.reason}"
        super().__init__(f"{self.operation}: {self.cause}{at_status}{because}")


class Unreachable(ApiError):
    """No connection: name resolution, refusal, TLS, or no answer while connecting."""

    cause = "the server cannot be reached"


class TimedOut(ApiError):
    """The connection was made, but the answer did not come in time."""

    cause = "no answer in time"


class Disconnected(ApiError):
    """The connection broke before the answer was complete."""

    cause = "the connection broke"


class TooLarge(ApiError):
    """The answer passed its size limit, and was not parsed."""

    cause = "the answer is too large"


class Malformed(ApiError):
    """A success whose body breaks the contract: not JSON, not an object, or with wrong fields."""

    cause = "the answer cannot be read"


class Redirected(ApiError):
    """The answer points to another address. Redirects are never followed."""

    cause = "the answer is a redirect"


class BadRequest(ApiError):
    """400: the server could not parse the request."""

    cause = "bad request"


class Unauthorized(ApiError):
    """401: the token was not accepted; a read has tried a fresh token before it fails so.

    `retry_after_seconds` is set when the token had been good for a while: a new one may be
    accepted.
    """

    cause = "the token was not accepted"


class Forbidden(ApiError):
    """403: the organisation may not do this, or the signed address is not valid (any more)."""

    cause = "forbidden"


class NotFound(ApiError):
    """404: no such resource; a remembered id may be stale."""

    cause = "not found"


class Unprocessable(ApiError):
    """422: refused by the consistency check; nothing was done (`violations`: path, message)."""

    cause = "refused by the consistency check"
    violations: tuple[tuple[str, str], ...] = ()


class RateLimited(ApiError):
    """429: too many calls; `retry_after_seconds` says when to come back, if the server did."""

    cause = "too many calls"


class ServerFailed(ApiError):
    """5xx: the server or a gateway before it failed."""

    cause = "the server failed"


class UnexpectedStatus(ApiError):
    """A status the contract does not know."""

    cause = "unexpected status"


class TokenRefused(ApiError):
    """The token endpoint rejects client id and secret."""

    cause = "the credentials were refused"


class TokenUnavailable(ApiError):
    """The token endpoint cannot be reached or answers nothing usable."""

    cause = "no token to be had"


class DocumentRefused(ApiError):
    """A download address we do not trust, or a file that is not a PDF."""

    cause = "the document was refused"
