"""Answers whether the server lives (`/healthz`) and may be sent requests (`/readyz`).

Whoever asks is not known, and may be an orchestrator that reaches the server by its address. So
both answer to any Host and without sign-in, and say nothing but yes or no.
"""

import logging
from typing import Final

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.api import ApiError
from korus_mcp.app import App, Running
from korus_mcp.journal.records import JournalDown

ALIVE: Final = "/healthz"
READY: Final = "/readyz"
KEPT_SECONDS: Final = 5.0
"""How long an answer about journal and token is given again: probes cost the API nothing."""
LOOK_SECONDS: Final = 5.0
"""The longest a look may take; what is slower is not ready."""
_log = logging.getLogger(__name__)


class Readiness:
    """Whether requests can be answered: KorusTicket does not keep silent, a token can be had, the
    journal can be written to, and the server is not stopping. Looked at when asked, at most once in
    `KEPT_SECONDS`.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._looking = anyio.Lock()
        self._looked_at: float | None = None
        self._missing: str | None = None

    async def is_ready(self) -> bool:
        """Whether a balancer may send requests here."""
        # First, and not kept: a balancer should hear of it at once.
        if self._running.is_leaving or not self._running.apps:
            return False
        async with self._looking:
            now = anyio.current_time()
            if self._looked_at is None or now - self._looked_at >= KEPT_SECONDS:
                self._note(await _missing(self._running.app))
                self._looked_at = anyio.current_time()
        return self._missing is None

    def _note(self, missing: str | None) -> None:
        if missing != self._missing:
            if missing is None:
                _log.info("ready")
            else:
                _log.warning("not ready: %s", missing)
        self._missing = missing


async def _missing(app: App) -> str | None:
    """What stands against answering requests, for the log."""
    if app.api.is_suspended:
        return "KorusTicket does not answer"
    try:
        with anyio.fail_after(LOOK_SECONDS):
            await app.api.token()
            if "reserve" in app.tools:
                booking = await app.opened_booking()
                await booking.journal.check_writable()
    except ApiError as error:
        return f"no token can be had ({type(error).__name__})"
    except JournalDown as down:
        return f"the journal does not work ({down.fault.name})"
    except TimeoutError:
        return "token or journal take too long"
    return None


class Health:
    """Answers the two paths; everything else is the application's."""

    def __init__(self, app: ASGIApp, running: Running) -> None:
        self._app = app
        self._readiness = Readiness(running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, or pass a request on."""
        path = scope["path"] if scope["type"] == "http" else None
        if path not in (ALIVE, READY) or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        is_well = path == ALIVE or await self._readiness.is_ready()
        status, said = (200, "ok\n") if is_well else (503, "not ready\n")
        answer = PlainTextResponse(said, status, {"Cache-Control": "no-store"})
        await answer(scope, receive, send)
