"""What a journey causes upstream: the bodies the sandbox answers with, and moments to step in."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.sandbox.operations import operation_named

CATALOG_READS = frozenset(
    {"listCatalogs", "listProductBases", "getProductBase", "listProductBaseProducts"}
)
"""What the mirror of the catalog is filled with: once a day, whatever the conversation."""
Step = Callable[[], None]


@dataclass(frozen=True)
class Body:
    """A body that was answered, as text; files are not counted."""

    operation: str | None
    text: str


@dataclass
class Upstream:
    """Keeps the bodies of a sandbox, and lets a script act when a request arrives."""

    bodies: list[Body] = field(default_factory=list)
    _is_aside: bool = False
    _steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))

    def when(self, operation: str, step: Step) -> None:
        """Let something happen the next time an operation is asked for, before it is answered."""
        self._steps[operation].append(step)

    def texts(self, *, with_catalog: bool) -> Sequence[str]:
        """All that was answered, with or without the reading of the catalog."""
        return [b.text for b in self.bodies if with_catalog or b.operation not in CATALOG_READS]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is asked meanwhile is no part of the conversation; the catalog is read on."""
        self._is_aside = True
        try:
            yield
        finally:
            self._is_aside = False

    def _note(self, operation: str | None, body: bytes) -> None:
        if operation in CATALOG_READS or not self._is_aside:
            self.bodies.append(Body(operation, body.decode("utf-8", "replace")))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same app, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            operation = operation_named(scope["method"], scope["path"])
            for step in self._steps.pop(operation or "", ()):
                step()
            parts: list[bytes] = []
            is_text = False

            async def noted(message: Message) -> None:
                nonlocal is_text
                if message["type"] == "http.response.start":
                    is_text = b"pdf" not in dict(message["headers"]).get(b"content-type", b"")
                parts.append(message.get("body", b""))
                await send(message)

            await app(scope, receive, noted)
            if is_text:
                self._note(operation, b"".join(parts))

        return watched
