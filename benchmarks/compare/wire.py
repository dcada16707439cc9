"""A host as plain as can be: JSON lines to a child on stdio, one question at a time.

The SDK's client leaves out what it does not know of a tool; here all that a server sends is seen.
"""

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import psutil

from benchmarks.starting import INITIALIZE
from tests.fixtures.assistant import compact
from tests.fixtures.tokens import counted

Json = dict[str, Any]
PATIENCE_SECONDS: Final = 100
"""More than any of them waits for a slow API."""
ENDING_SECONDS: Final = 10
COUNTED_AS_WHOLE: Final = 1_000_000
"""Characters up to which tokens are counted; a longer answer is told by its length."""
CHARACTERS_OF_A_TOKEN: Final = 4


class Silent(Exception):
    """A server did not answer, or is gone."""


@dataclass(frozen=True)
class Reply:
    """What a server answered to a call."""

    message: Json

    @property
    def result(self) -> Json:
        """The result; of an error of the protocol its message, as hosts show it."""
        if "error" in self.message:
            said = str(self.message["error"].get("message", ""))
            return {"isError": True, "content": [{"type": "text", "text": said}]}
        result: Json = self.message["result"]
        return result

    @property
    def is_error(self) -> bool:
        """Whether it says that the call failed."""
        return bool(self.result.get("isError"))

    @cached_property
    def text(self) -> str:
        """What a host shows that shows text."""
        blocks = self.result.get("content", ())
        return "\n".join(each["text"] for each in blocks if each.get("type") == "text")

    @property
    def structure(self) -> Json:
        """What a host shows that shows structure."""
        found: Json = self.result.get("structuredContent") or {}
        return found

    @property
    def data(self) -> Json:
        """The structure; for a server that sends none, its text as JSON.

        Raises:
            ValueError: the text is no JSON, or no object.
        """
        found = self.structure or json.loads(self.text)
        # What FastMCP puts around an answer whose schema is made of parts.
        if isinstance(found, dict) and found.keys() == {"result"}:
            found = found["result"]
        if not isinstance(found, dict):
            raise ValueError("not an object")  # noqa: TRY004 - the text has another form
        return found

    @cached_property
    def tokens(self) -> int:
        """Its size: a host shows text or structure, so the larger counts."""
        structure = compact(self.structure) if self.structure else ""
        return max(size_of(self.text), size_of(structure))


def size_of(text: str) -> int:
    """Tokens of a text, those of millions of characters estimated."""
    if len(text) > COUNTED_AS_WHOLE:
        return len(text) // CHARACTERS_OF_A_TOKEN
    return counted(text)


@dataclass(frozen=True)
class Call:
    """A call with its answer."""

    tool: str
    arguments: Json
    reply: Reply

    @property
    def tokens(self) -> int:
        """What a model wrote for it and read of it."""
        return counted(f"{self.tool}{compact(self.arguments)}") + self.reply.tokens


@dataclass
class Wire:
    """A server as a child, from its start to its end: use it as a context."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    calls: list[Call] = field(default_factory=list)
    _asked: int = 0

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                cwd=self.log.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(BrokenPipeError):
            self._pipes[0].close()
        processes = self._tree()
        try:
            self._child.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for each in processes:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._pipes[1].close()

    def begin(self) -> Json:
        """The handshake; what the server says of itself."""
        found = self.ask(*INITIALIZE)["result"]
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return dict(found)

    def tools(self) -> list[Json]:
        """All tools as they are on the wire."""
        found: list[Json] = []
        more: Json = {}
        while True:
            result = self.ask("tools/list", more)["result"]
            found += result["tools"]
            if not result.get("nextCursor"):
                return found
            more = {"cursor": result["nextCursor"]}

    def call(self, tool: str, arguments: Json) -> Reply:
        """The answer of a tool, which is kept with the call."""
        reply = Reply(self.ask("tools/call", {"name": tool, "arguments": arguments}))
        self.calls.append(Call(tool, arguments, reply))
        return reply

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> Json:
        """The answer to a request.

        Raises:
            Silent: there is none.
        """
        self._asked += 1
        self._write(
            {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": dict(params or {})}
        )
        overdue = threading.Timer(PATIENCE_SECONDS, self._child.kill)
        overdue.start()
        try:
            while line := self._pipes[1].readline():
                said = _read(line)
                if said.get("id") == self._asked and "method" not in said:
                    return said
        finally:
            overdue.cancel()
        raise Silent(f"{method} was not answered; see {self.log}")

    @property
    def cpu_seconds(self) -> float:
        """What the server and its children have computed."""
        times = [each.cpu_times() for each in self._tree()]
        return sum(each.user + each.system for each in times)

    @property
    def megabytes(self) -> float:
        """What of the server and its children is in memory."""
        return sum(each.memory_info().rss for each in self._tree()) / 1e6

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._child.stdin is None or self._child.stdout is None:
            raise ValueError("the child was started without pipes")
        return self._child.stdin, self._child.stdout

    def _tree(self) -> list[psutil.Process]:
        try:
            own = psutil.Process(self._child.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _write(self, message: Json) -> None:
        try:
            self._pipes[0].write(f"{json.dumps(message)}\n".encode())
            self._pipes[0].flush()
        except BrokenPipeError as error:
            raise Silent(f"the server is gone; see {self.log}") from error


def _read(line: bytes) -> Json:
    """A message; anything else on stdout is passed over, as hosts do."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
