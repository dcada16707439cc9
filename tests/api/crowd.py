"""A KorusApi in virtual time: an upstream that takes its time or is dead, and many callers."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
import httpx

from korus_mcp.api import ApiError, KorusApi
from korus_mcp.foundation.lanes import Call, on_behalf_of
from tests.api.wire import TOKEN, config, token_body
from tests.simulation.virtual import VirtualClock, VirtualLoop

Result: TypeAlias = httpx.Response | type[httpx.RequestError]


class Crowd:
    """The API, when each request reached it, and how and when each call ended."""

    def __init__(self, loop: VirtualLoop, **changes: Any) -> None:
        self.loop = loop
        self.seconds = 0.5
        self.result: Result | None = None
        """What all reads come to; None: they are answered."""
        self.sent: list[tuple[float, str]] = []
        """The moment and the method of each request but those for tokens."""
        self.ended: list[tuple[float, str]] = []
        """How many seconds each call took, and its error, or "" of an answer."""
        self.api = KorusApi(
            config(**changes),
            clock=VirtualClock(loop),
            transport=httpx.MockTransport(self._answer),
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN:
            return httpx.Response(200, json=token_body())
        self.sent.append((round(self.loop.time(), 3), request.method))
        result = self.result if request.method == "GET" else None
        await anyio.sleep(self.seconds)
        if isinstance(result, type):
            raise result("none", request=request)
        if result is not None:
            return httpx.Response(result.status_code, headers=result.headers)
        bodies = {"POST": {"orders": ["/v1/booking/orders/o1"]}}
        return httpx.Response(200, json=bodies.get(request.method, {"id": "o1"}))

    async def read(self) -> None:
        """Read an order; what becomes of that is noted."""
        began = self.loop.time()
        try:
            await self.api.booking.get_order("o1")
            error = ""
        except ApiError as failed:
            error = type(failed).__name__
        self.ended.append((round(self.loop.time() - began, 3), error))

    def is_left_alone(self) -> bool:
        """Whether the API is not asked for now."""
        return self.api.is_suspended

    @property
    def errors(self) -> Counter[str]:
        """How many calls ended how."""
        return Counter(error for _, error in self.ended)

    def when(self, method: str) -> list[float]:
        """When requests of a method were sent."""
        return [at for at, how in self.sent if how == method]


async def at_once(count: int, work: Callable[[], Awaitable[None]], owner: str = "") -> None:
    """The same work many times at once, each time as a call of its own of this owner."""

    async def one() -> None:
        with on_behalf_of(Call(owner) if owner else None):
            await work()

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
