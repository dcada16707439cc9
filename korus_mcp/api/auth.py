"""The bearer token: OIDC client credentials, one token, one renewal at a time.

Documented: authentication/oidc. The client credentials always give a new token (A23), so the
refresh token is not used.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import anyio

from korus_mcp.api import jsonld
from korus_mcp.api.config import ApiConfig
from korus_mcp.api.errors import (
    NO_TOKEN,
    ApiError,
    Outcome,
    TimedOut,
    TokenRefused,
    TokenUnavailable,
)
from korus_mcp.api.transport import TOKEN_LIFE_READ, Exchange, Pools, check_status
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.measures import TOKENS, measure

OPERATION = "getToken"
DEFAULT_LIFE_SECONDS = 1800.0
LONGEST_LIFE_SECONDS = 24 * 3600.0
"""The longest a token is used, whatever life the token endpoint states for it."""
ANSWER_LIMIT = 256 * 1024
RENEWAL_SECONDS = 10.0
"""The longest a renewal may take. A cancelled caller waits for its end, but not past its own
deadline."""
FAILURE_SECONDS = 1.5
"""How long after a failed renewal the same error is given to other callers, without a request."""
FRESH_SECONDS = 60.0
"""When the API refuses a token younger than this, a new one would be refused as well."""

_HEADERS = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
_REFUSALS = frozenset({400, 401, 403})
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True)
class Token:
    """An access token; times in seconds of the monotonic clock."""

    value: str = field(repr=False)
    life_seconds: float
    expires_at_monotonic: float = field(repr=False)
    generation: int = field(repr=False)


class TokenSource:
    """Keeps one token and renews it before it expires; remembers a failed renewal for a moment."""

    def __init__(self, config: ApiConfig, pools: Pools, clock: Clock) -> None:
        self._config = config
        self._pools = pools
        self._clock = clock
        self._renewing = anyio.Lock()
        self._token: Token | None = None
        self._generation = 0
        self._failure: ApiError | None = None
        self._failed_at = 0.0

    async def authorization(self, *, life_seconds: float) -> tuple[str, int]:
        """The `Authorization` value of a token with `life_seconds` left, and its generation."""
        token = await self.token(life_seconds=life_seconds)
        return f"Bearer {token.value}", token.generation

    def reject(self, generation: int) -> bool:
        """Forget the token of this generation, which the API refused; a newer one stays.

        Returns whether a new token is worth a try: the refused one had been good for a while.
        """
        token = self._token
        # Ten calls may be refused together with one token. When the first of them has had it
        # renewed, the others must not throw the new one away.
        if token is None or token.generation != generation:
            return True
        self._token = None
        age = token.life_seconds - (token.expires_at_monotonic - self._clock.monotonic())
        return age > FRESH_SECONDS

    async def token(self, *, life_seconds: float = TOKEN_LIFE_READ) -> Token:
        """A token with `life_seconds` left, or with half of its life left if it is short-lived.

        One caller renews, the others wait for the result. The renewal is shielded from a
        cancellation of that caller, so that the others do not fail or ask again. Only the
        caller's deadline stops it; then the next caller starts a new renewal.

        Raises:
            TokenRefused: The credentials are wrong.
            TokenUnavailable: The token endpoint gave no usable answer.
        """
        if token := self._good(life_seconds):
            return token
        # Looked at again under the lock: another caller may have renewed the token meanwhile.
        async with self._renewing:
            if token := self._good(life_seconds):
                return token
            left = self._failed_at + FAILURE_SECONDS - self._clock.monotonic()
            if self._failure is not None and left > 0:
                # Many callers wait here: a failing sign-in is not repeated for each of them.
                raise _again(self._failure, left)
            return await self._renew()

    def _good(self, life_seconds: float) -> Token | None:
        token = self._token
        if token is None:
            return None
        left = token.expires_at_monotonic - self._clock.monotonic()
        # Half of its life is enough: a short-lived token would else be renewed for each call.
        return token if left >= min(life_seconds, token.life_seconds / 2) else None

    async def _renew(self) -> Token:
        deadline = anyio.current_effective_deadline()
        try:
            # Whichever comes first ends it: this time-out, or the caller's own deadline.
            with anyio.fail_after(RENEWAL_SECONDS, shield=True) as renewal:
                renewal.deadline = min(renewal.deadline, deadline)
                self._token = await self._fetch()
        except TimeoutError:
            # A caller whose time is over: no failure of the sign-in, so it is not remembered.
            await anyio.lowlevel.checkpoint_if_cancelled()
            failure: ApiError = TimedOut(OPERATION, Outcome.NOT_SENT)
        except ApiError as error:
            failure = error
        else:
            self._failure = None
            measure(TOKENS, outcome="ok")
            return self._token
        measure(TOKENS, outcome="failed")
        self._failure, self._failed_at = failure, self._clock.monotonic()
        raise _again(failure, FAILURE_SECONDS)

    async def _fetch(self) -> Token:
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
        }
        form = urlencode(asked).encode()
        url = self._config.token_url
        exchange = Exchange(OPERATION, "POST", url, headers=_HEADERS, content=form)
        # The token's life is counted from before the request: it may be renewed too early, never
        # too late.
        asked_at = self._clock.monotonic()
        answer = await self._pools.tokens.send(exchange, limit=ANSWER_LIMIT)
        check_status(exchange, answer, self._clock)
        value, life_seconds = _read(answer.body)
        self._generation += 1
        return Token(value, life_seconds, asked_at + life_seconds, self._generation)


def _read(body: bytes) -> tuple[str, float]:
    """A token and its life in seconds: at most a day, 1800 where no positive number is given (T33).

    Raises:
        TokenUnavailable: The body holds no token.
    """
    try:
        told = jsonld.json_object(body)
    except jsonld.NotReadable:
        raise TokenUnavailable(OPERATION, Outcome.NOT_SENT, reason=NO_TOKEN) from None
    value, life = told.get("access_token"), str(told.get("expires_in"))
    # The token goes into a header, where a line end would begin another header.
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
        raise TokenUnavailable(OPERATION, Outcome.NOT_SENT, reason=NO_TOKEN)
    # Plain digits only: "1e9", "Infinity", true or a million digits are no number of seconds.
    seconds = float(life) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", life, re.ASCII) else 0.0
    return value, min(seconds, LONGEST_LIFE_SECONDS) or DEFAULT_LIFE_SECONDS


def _again(failure: ApiError, left: float) -> ApiError:
    """A copy of a remembered failure; `left` is in how many seconds a renewal is tried again."""
    is_refused = failure.status in _REFUSALS
    kind = TokenRefused if is_refused else TokenUnavailable
    # Not the same object for each caller: an exception that is raised collects tracebacks.
    # Without a status the cause is all there is to tell.
    reason = failure.reason or (failure.cause if failure.status is None else None)
    again = kind(OPERATION, Outcome.NOT_SENT, status=failure.status, reason=reason)
    again.issuer_text = failure.issuer_text
    # Wrong credentials do not become right by waiting.
    if not is_refused:
        again.retry_after_seconds = max(left, failure.retry_after_seconds or 0.0)
    return again
