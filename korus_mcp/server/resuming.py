"""Takes over a conversation that began before the server was there (see `korus_mcp.opening`)."""

import os
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase, TextIOWrapper

import anyio
from anyio.abc import ObjectSendStream
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse, RequestId


def stdin_after(text: bytes) -> anyio.AsyncFile[str]:
    """`text`, then the rest of stdin, whose descriptor leads to the null device from now on: the
    SDK does the same where it opens stdin itself, for children and handlers to read nothing there.
    """
    wire = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    lines = BufferedReader(_Resumed(text, wire))
    return anyio.wrap_file(TextIOWrapper(lines, encoding="utf-8", errors="replace"))


class _Resumed(RawIOBase):
    """A text that was read already, and what comes behind it."""

    def __init__(self, text: bytes, wire: int) -> None:
        self._text = memoryview(text)
        # It stays open, whatever becomes of this: a thread may still wait for it at the very end.
        self._wire = FileIO(wire, closefd=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        if not self._text:
            return self._wire.readinto(buffer)
        part, self._text = self._text[: len(buffer)], self._text[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@dataclass(eq=False)
class OnceAnswered(ObjectSendStream[SessionMessage]):
    """The answers to a host, but for the first to each of some requests, since it has one."""

    answers: WriteStream[SessionMessage]
    answered: set[RequestId]

    async def send(self, item: SessionMessage) -> None:
        """Send an answer, if it is to be sent."""
        said = item.message
        if isinstance(said, JSONRPCResponse | JSONRPCError) and said.id in self.answered:
            self.answered.discard(said.id)
            return
        await self.answers.send(item)

    async def aclose(self) -> None:
        """Stop writing."""
        await self.answers.aclose()
