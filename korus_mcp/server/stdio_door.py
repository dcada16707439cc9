"""Answers lines on stdin that cannot be read, before the SDK sees them.

The SDK silently drops such a line, and its sender waits for ever. It may have half a character
(models cut emojis, and hosts write the surrogate that is left as an escape), a number of thousands
of digits, or lists nested some hundred deep.
"""

import re
from dataclasses import dataclass
from typing import Final

from anyio import to_thread
from anyio.abc import ObjectReceiveStream
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, RequestId
from pydantic import ValidationError

from korus_mcp.app import App
from korus_mcp.foundation.refusals import Code
from korus_mcp.opening.conversation import Unread
from korus_mcp.server.discovery import Discovered
from korus_mcp.server.resuming import OnceAnswered, stdin_after

UNREADABLE: Final = (
    f"{Code.INVALID_ARGUMENTS}: The request cannot be read; nothing was asked of KorusTicket. "
    "Send it again with whole characters, short numbers and lists that are not deep."
)
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[][{}:,]|[^][{}:,"\s]++', re.DOTALL)
"""A JSON token: a string (ended or not, so that each quote is looked at once), a mark, or else a
number or word."""
_LONGEST_ID: Final = 256


async def serve_lines(server: MCPServer[App], unread: Unread | None = None) -> None:
    """Serve one host on stdin and stdout until it leaves.

    `unread` is what was said before: it is read first, and some of it was answered.
    """
    lowlevel = server._lowlevel_server  # the SDK's own entry gives no access to the streams
    stdin = None if unread is None else stdin_after(unread.text)
    async with stdio_server(stdin) as (read, write):
        answers = OnceAnswered(write, set(() if unread is None else unread.answered))
        lines = Discovered(AnsweredLines(read, answers), answers, lowlevel)
        options = lowlevel.create_initialization_options()
        await lowlevel.run(lines, answers, options)


@dataclass(eq=False)
class AnsweredLines(ObjectReceiveStream[SessionMessage | Exception]):
    """The messages of a host, for the SDK. Lines that are no messages are answered here."""

    lines: ReadStream[SessionMessage | Exception]
    answers: WriteStream[SessionMessage]

    @property
    def last_context(self) -> object:
        """The context of the sender of the last message, an attribute that the SDK reads."""
        return getattr(self.lines, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """The next message; in place of a host's answer that cannot be read, an error."""
        while True:
            item = await self.lines.receive()
            if not isinstance(item, ValidationError):
                return item
            # In a thread: the line is parsed again and may be megabytes long.
            about, is_answer = await to_thread.run_sync(_about, item)
            if about is None:
                return item
            problems = item.errors(include_url=False)
            is_no_json = any(each["type"] == "json_invalid" for each in problems)
            code = PARSE_ERROR if is_no_json else INVALID_REQUEST
            said = ErrorData(code=code, message=UNREADABLE)
            told = SessionMessage(JSONRPCError(jsonrpc="2.0", id=about, error=said))
            # The error has the id of the answer, so the request to the host ends with it.
            if is_answer:
                return told
            await self.answers.send(told)

    async def aclose(self) -> None:
        """Stop reading."""
        await self.lines.aclose()


def _about(error: ValidationError) -> tuple[RequestId | None, bool]:
    """The id in a line that could not be read (or None), and whether the line was an answer."""
    for problem in error.errors(include_url=False, include_context=False):
        given = problem["input"]
        if problem["type"] == "json_invalid" and isinstance(given, str):
            said = top_level(given)
            return _id_of(said.get("id", "")), "method" not in said
        if isinstance(given, dict) and isinstance(given.get("id"), str | int):
            return given["id"], "method" not in given
    return None, False


def top_level(line: str) -> dict[str, str]:
    """Key -> text of its value, for the top level of a JSON object that may be malformed inside.

    For an object or list the text is only its first bracket.
    """
    found: dict[str, str] = {}
    depth, name, before = 0, "", ""
    for match in _TOKEN.finditer(line):
        each = match.group()
        if depth == 1 and each == ":":
            name = before.strip('"')
        elif depth == 1 and before == ":":
            found.setdefault(name, each)
        # Brackets inside strings are no tokens of their own, so these do count.
        depth += (each in "{[") - (each in "}]")
        before = each
    return found


def _id_of(text: str) -> RequestId | None:
    """The id that a JSON text is: a whole number, or a string without escapes; else None."""
    # Long or escaped ids are ignored, because the id is repeated in the answer.
    if len(text) > _LONGEST_ID or "\\" in text:
        return None
    if text.startswith('"'):
        return text.strip('"')
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
