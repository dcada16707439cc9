"""Seals the state of a question with a key that all servers of one journal share.

Since 2026-07-28 a call ends with a question, and the host repeats it with the answer, to whichever
server a balancer chooses. By the SDK's default each process has a key of its own, so that any other
one, and the same after a restart, refuses the answer of a person. Single use is not of this seal:
the journal sees to that.
"""

import secrets
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec
from mcp_types.methods import is_input_required

from korus_mcp.app import App
from korus_mcp.journal.records import JournalDown
from korus_mcp.tools.answer_times import STATE
from korus_mcp.tools.unanswered import ASKING

_PURPOSE: Final = "korus-mcp/state of questions/1"


class QuestionSeal:
    """The codec of the SDK's seal, and the two middlewares that give it its key in time.

    The key comes from the journal, which is opened for a question or an answer and nothing else.
    """

    def __init__(self) -> None:
        # Until the journal has told: of this process alone.
        self._use(secrets.token_bytes(32))

    def seal(self, payload: bytes) -> str:
        """The state, encrypted and signed."""
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        """The state again.

        Raises:
            InvalidRequestState: it was sealed with another key, or changed.
        """
        return self._codec.unseal(token)

    async def before_unsealing(
        self, ctx: ServerRequestContext[App, Any], call_next: CallNext
    ) -> HandlerResult:
        """Middleware outside the SDK's seal: have the key for the state that a call brings."""
        params = ctx.params or {}
        if params.get(STATE) is not None and params.get("name") == ASKING:
            await self._learn(ctx.lifespan_context)
        return await call_next(ctx)

    async def before_sealing(
        self, ctx: ServerRequestContext[App, Any], call_next: CallNext
    ) -> HandlerResult:
        """Middleware within the SDK's seal: have the key for the state of a question."""
        result = await call_next(ctx)
        if is_input_required(result):
            await self._learn(ctx.lifespan_context)
        return result

    async def _learn(self, app: App) -> None:
        if ASKING not in app.tools:
            return
        try:
            booking = await app.opened_booking()
            installation = await booking.journal.installation()
        except JournalDown:
            # Without it nothing is ordered, and the call itself says so.
            return
        self._use(installation.key_for(_PURPOSE))

    def _use(self, key: bytes) -> None:
        self._codec = AESGCMRequestStateCodec([key])
