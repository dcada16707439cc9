"""Answers a host that asks which revisions of the protocol there are, before it speaks one.

The SDK takes `server/discover` for the choice of an era, and refuses the `initialize` of a host
that asked, got its answer late or understood none of it, and then does as older hosts do. Here the
first other request chooses; each question before it is put to the SDK in a conversation of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio
from anyio.abc import ObjectReceiveStream
from mcp.server.lowlevel.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import PROTOCOL_VERSION_META_KEY, JSONRPCRequest

DISCOVER: Final = "server/discover"


@dataclass(eq=False)
class Discovered(ObjectReceiveStream[SessionMessage | Exception]):
    """The messages of a host, for the SDK, but for what it asks before it has chosen."""

    messages: ReadStream[SessionMessage | Exception]
    answers: WriteStream[SessionMessage]
    server: Server[Any]
    _has_chosen: bool = field(default=False, init=False)

    @property
    def last_context(self) -> object:
        """The context of the sender of the last message, an attribute that the SDK reads."""
        return getattr(self.messages, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """The next message that is the SDK's to answer."""
        while True:
            item = await self.messages.receive()
            asked = item.message if isinstance(item, SessionMessage) else None
            if self._has_chosen or not isinstance(asked, JSONRPCRequest):
                return item
            if not _only_asks(asked):
                self._has_chosen = True
                return item
            await self._answer(asked)

    async def aclose(self) -> None:
        """Stop reading."""
        await self.messages.aclose()

    async def _answer(self, asked: JSONRPCRequest) -> None:
        told, lines = anyio.create_memory_object_stream[SessionMessage | Exception](1)
        answers, heard = anyio.create_memory_object_stream[SessionMessage](1)
        # What a server is and has is asked of the server alone: its services are not needed.
        serving = partial(serve_dual_era_loop, self.server, lines, answers, lifespan_state=None)
        with told, heard:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serving)
                await told.send(SessionMessage(asked))
                await self.answers.send(await heard.receive())
                told.close()


def _only_asks(request: JSONRPCRequest) -> bool:
    """Whether it is a question about revisions, by a host that knows one without a handshake."""
    meta = (request.params or {}).get("_meta")
    has_envelope = isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta
    return request.method == DISCOVER and has_envelope
