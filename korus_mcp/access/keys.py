"""The keys of a sign-in provider (JWKS): kept, renewed, and read once for all who wait.

A provider that is away changes nothing for keys that are known. PyJWT's own client of such a list
blocks the event loop, refuses a key that came within 30 s of its last look, and after 300 s without
the provider refuses everybody.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from anyio.abc import TaskGroup
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights, kept_apart

FRESH_SECONDS: Final = 600
"""Keys that were read so long ago are read again, beside the calls: so long a key that its provider
took back is still taken."""
MOST_LOOKS: Final = 3
LOOKS_SECONDS: Final = 30
"""At most `MOST_LOOKS` requests in so many seconds, whatever keys tokens name."""
MOST_KEYS: Final = 100
KeySet: TypeAlias = Sequence[Mapping[str, Any]]
_log = logging.getLogger(__name__)


class ProviderDown(Exception):
    """The provider cannot be asked, and nothing is known of it that would do instead."""


class ProviderRefused(ProviderDown):
    """The provider was asked, and refuses what it was asked for."""


class UnknownKey(Exception):
    """The provider lists no such key, or not for this algorithm."""


class SigningKeys:
    """The keys with which a provider signs; `read` asks it for them.

    The work is done in `tasks`, so that a caller who leaves stops it for nobody.
    """

    def __init__(
        self, read: Callable[[], Awaitable[KeySet]], clock: Clock, tasks: TaskGroup
    ) -> None:
        self._read = read
        self._clock = clock
        self._tasks = tasks
        self._flights = Flights(tasks)
        self._listed: KeySet | None = None
        self._made: dict[tuple[str | None, str], PyJWK] = {}
        self._read_at = 0.0
        self._looks: deque[float] = deque(maxlen=MOST_LOOKS)
        self._is_reading = False

    async def of(self, name: str | None, algorithm: str) -> PyJWK:
        """The key with this name (`kid`), for this algorithm.

        A token without a name means the only key there is.

        Raises:
            ProviderDown: no keys could be read yet.
            UnknownKey: it is not listed.
        """
        found = self._known(name, algorithm)
        if found is not None:
            if self._clock.monotonic() - self._read_at > FRESH_SECONDS and self._may_look():
                self._tasks.start_soon(kept_apart, self._look)
            return found
        if self._is_reading or self._may_look():
            await self._look()
        found = self._known(name, algorithm)
        if found is not None:
            return found
        if self._listed is None:
            raise ProviderDown("no keys of the provider could be read yet")
        raise UnknownKey("it is signed with a key that the provider does not list")

    def _known(self, name: str | None, algorithm: str) -> PyJWK | None:
        asked = (name, algorithm)
        if asked not in self._made and self._listed is not None:
            key = _made(self._listed, name, algorithm)
            # What is not listed is not remembered: tokens may name any number of keys.
            if key is None:
                return None
            self._made[asked] = key
        return self._made.get(asked)

    def _may_look(self) -> bool:
        """Whether the provider may be asked now; if so, this counts as a look."""
        now = self._clock.monotonic()
        is_many = len(self._looks) == MOST_LOOKS and now - self._looks[0] < LOOKS_SECONDS
        if self._is_reading or is_many:
            return False
        self._looks.append(now)
        # From here on others join, also before the task that reads has begun.
        self._is_reading = True
        return True

    async def _look(self) -> None:
        await self._flights.join("keys", self._renew)

    async def _renew(self) -> None:
        try:
            listed = await self._read()
        except ProviderDown as failure:
            kept = "the known ones stay" if self._listed is not None else "none are known"
            _log.warning("the keys of the sign-in provider cannot be read (%s): %s", failure, kept)
            return
        finally:
            self._is_reading = False
        # Keys that are not listed any more count no longer.
        self._listed, self._made = listed[:MOST_KEYS], {}
        self._read_at = self._clock.monotonic()


def signing_of(listed: KeySet) -> KeySet:
    """The listed keys that sign; others are for what is encrypted."""
    return [each for each in listed if each.get("use", "sig") == "sig"]


def _made(listed: KeySet, name: str | None, algorithm: str) -> PyJWK | None:
    """The listed key with this name, made ready for an algorithm that it fits."""
    signing = signing_of(listed)
    if name is None:
        fitting = signing if len(signing) == 1 else []
    else:
        fitting = [each for each in signing if each.get("kid") == name]
    for each in fitting:
        # A key is for the algorithm that its provider named, whatever the token says.
        if each.get("alg", algorithm) != algorithm:
            continue
        try:
            return PyJWK(dict(each), algorithm)
        except (PyJWTError, ValueError, TypeError):
            _log.warning("a key of the sign-in provider cannot be read")
    return None
