"""What was said before the server was there: what is answered, and what it still has to read."""

import json
from dataclasses import dataclass
from typing import Final

from korus_mcp.opening.answers import Answers, line_of
from korus_mcp.opening.messages import Message, Object, RequestId, read_message

DISCOVER: Final = "server/discover"
CONNECTION_CLOSED: Final = -32000
"""The code with which the SDK ends requests that it answers no more."""


@dataclass(frozen=True)
class Unread:
    """What the server reads before the rest of its stdin, and which requests in it were answered:
    their second answer is not to be sent.
    """

    text: bytes
    answered: frozenset[RequestId]


class Conversation:
    """The beginning of a conversation with one host, line by line.

    The first request but `server/discover` decides which era of the protocol is spoken, and
    `initialize` with which revision; whoever asks what there is has not chosen. After a line that
    is not certain to decide it in the SDK as it does here, all is left to the server.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._version: str | None = None
        """The revision that is spoken; None as long as nothing has decided it."""
        self._kept: list[bytes] = []
        self._answered: list[RequestId] = []
        """Requests among the lines kept that were answered."""
        self._waiting: list[RequestId] = []
        """Requests among the lines kept that were not."""
        self.is_over = False
        """Whether nothing more can be answered here."""

    @property
    def needs_the_server(self) -> bool:
        """Whether something was said that only the server can answer."""
        return self.is_over or bool(self._waiting)

    def take(self, line: bytes) -> bytes | None:
        """The answer to a line of the host, as a line; None if there is none or it is kept."""
        message = None if self.is_over else read_message(line)
        if message is None:
            self.is_over = True
            self._kept.append(line)
            return None
        if message.id is None:
            self._kept.append(line)
            return None
        result = self._result(message)
        if result is not None:
            return line_of(id=message.id, result=result)
        self._kept.append(line)
        self._waiting.append(message.id)
        self.is_over = self._version is None or message.method == "initialize"
        return None

    def handed_over(self, rest: bytes) -> Unread:
        """All that the server has to read, `rest` being the line whose end has not come yet."""
        unread = Unread(b"".join([*self._kept, rest]), frozenset(self._answered))
        self.is_over = True
        self._kept, self._waiting = [], []
        return unread

    def closed(self) -> list[bytes]:
        """The answers to those who wait, where no server will ever answer them."""
        error = {"code": CONNECTION_CLOSED, "message": "Connection closed"}
        return [line_of(id=each, error=error) for each in self._waiting]

    def _result(self, message: Message) -> Object | None:
        if not message.is_certain:
            return None
        if message.method == "initialize":
            return self._initialized(message) if self._version is None else None
        spoken = self._version or message.version
        is_modern = self._answers.is_modern(spoken)
        # Each request names its revision, or none does.
        if message.version != (spoken if is_modern else None) or spoken is None:
            return None
        result = self._answers.answer(message.method, is_modern=is_modern)
        if result is not None and self._version is None and message.method != DISCOVER:
            self._decide(str(spoken), message)
        return result

    def _initialized(self, message: Message) -> Object:
        version = self._answers.agreed(message.params["protocolVersion"])
        # The SDK is told what was agreed on: of a wish it might make something else.
        self._decide(
            version,
            Message(message.method, message.id, {**message.params, "protocolVersion": version}),
        )
        return self._answers.initialized(version)

    def _decide(self, version: str, message: Message) -> None:
        """Note what decided the revision, for the SDK to come to the same."""
        self._version = version
        said = {"id": message.id, "method": message.method, "params": message.params}
        self._kept.append(f"{json.dumps({'jsonrpc': '2.0', **said})}\n".encode())
        if message.id is not None:
            self._answered.append(message.id)
