"""The errors of a call to the KorusTicket API, by cause.

    ApiError                 operation, outcome; status, retry_after_seconds, issuer_text
    |-- Unreachable          no connection came about
    |-- Crowded              no place among our own requests
    |-- Suspended            it did not answer, and is left alone for a while
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

from korus_mcp.foundation.lanes import NoPlace


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


class ConnectionFault(StrEnum):
    """Why no connection came about: the `reason` of an `Unreachable`, where it is known."""

    UNKNOWN_NAME = "there is no host of this name"
    REFUSED = "nothing answers at this host and port"
    SILENT = "the host did not answer in time"
    NO_WAY_THERE = "the network does not lead there, or its names cannot be looked up"
    NO_TLS = "it does not speak https"


class ProxyFault(StrEnum):
    """Why the proxy opened no connection: the `reason` of an `Unreachable`."""

    SIGN_IN = "the proxy wants another user name or password"
    FORBIDDEN = "the proxy does not allow this address"
    OTHERWISE = "the proxy opened no connection"


NO_TOKEN = "its answer holds no token"  # noqa: S105 - no password
"""The `reason` of a `TokenUnavailable` when something else than a token came."""


class InvalidId(ValueError):
    """An id or IRI that cannot belong to this API; raised before any request."""


@dataclass(eq=False, repr=False)
class ApiError(Exception):
    """A call to the API failed; the base of this tree. `reason` narrows the cause, in our words."""

    cause: ClassVar[str] = "failed"
    """What happened, in a few words of ours; each class below has its own."""

    operation: str
    outcome: Outcome
    _: KW_ONLY
    status: int | None = None
    retry_after_seconds: float | None = None
    issuer_text: str | None = None
    reason: str | None = None

    def __init_subclass__(cls, cause: str) -> None:
        super().__init_subclass__()
        cls.cause = cause

    def __post_init__(self) -> None:
        # No word of an answer goes into the message: it ends up in logs and in front of models.
        at_status = "" if self.status is None else f" (status {self.status})"
        because = "" if self.reason is None else f": {self.reason}"
        super().__init__(f"{self.operation}: {self.cause}{at_status}{because}")


class Unreachable(ApiError, cause="the server cannot be reached"):
    """No connection: name resolution, refusal, TLS, or no answer while connecting."""


class Crowded(ApiError, NoPlace, cause="too many requests wait already"):
    """There was no place for the request in time among those of this client: nothing was sent."""


class Suspended(ApiError, cause="it did not answer, and is left alone for a while"):
    """The requests before this one failed: nothing was sent. `retry_after_seconds` says until when
    nothing will be.
    """


class TimedOut(ApiError, cause="no answer in time"):
    """The connection was made, but the answer did not come in time."""


class Disconnected(ApiError, cause="the connection broke"):
    """The connection broke before the answer was complete."""


class TooLarge(ApiError, cause="the answer is too large"):
    """The answer passed its size limit, and was not parsed."""


class Malformed(ApiError, cause="the answer cannot be read"):
    """A success whose body breaks the contract: not JSON, not an object, or with wrong fields."""


class Redirected(ApiError, cause="the answer is a redirect"):
    """The answer points to another address. Redirects are never followed."""


class BadRequest(ApiError, cause="bad request"):
    """400: the server could not parse the request."""


class Unauthorized(ApiError, cause="the token was not accepted"):
    """401: the token was not accepted; a read has tried a fresh token before it fails so.

    `retry_after_seconds` is set when the token had been good for a while: a new one may be
    accepted.
    """


class Forbidden(ApiError, cause="forbidden"):
    """403: the organisation may not do this, or the signed address is not valid (any more)."""


class NotFound(ApiError, cause="not found"):
    """404: no such resource; a remembered id may be stale."""


class Unprocessable(ApiError, cause="refused by the consistency check"):
    """422: refused by the consistency check; nothing was done (`violations`: path, message)."""

    violations: tuple[tuple[str, str], ...] = ()


class RateLimited(ApiError, cause="too many calls"):
    """429: too many calls; `retry_after_seconds` says when to come back, if the server did."""


class ServerFailed(ApiError, cause="the server failed"):
    """5xx: the server or a gateway before it failed."""


class UnexpectedStatus(ApiError, cause="unexpected status"):
    """A status the contract does not know."""


class TokenRefused(ApiError, cause="the credentials were refused"):
    """The token endpoint rejects client id and secret."""


class TokenUnavailable(ApiError, cause="no token to be had"):
    """The token endpoint cannot be reached or answers nothing usable."""


class DocumentRefused(ApiError, cause="the document was refused"):
    """A download address we do not trust, or a file that is not a PDF."""
