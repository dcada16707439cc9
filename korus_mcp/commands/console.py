"""What the process says to whoever runs it: every line of its log and of its commands.

Much in them is written by others: a Host header, the name of a prompt, a field of the API. None of
it may end a line, begin a line of its own, turn the direction of writing, or fill a screen.
"""

import json
import logging
import re
import sys
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TextIO

from korus_mcp.foundation.text import clean

if TYPE_CHECKING:
    from types import TracebackType

LINE_LIMIT: Final = 2000
TRACE_LIMIT: Final = 16_000
"""Of a longer trace its end is shown: there stands what failed."""
MOST_LINES: Final = 1000
"""Waiting for a server's stderr to be read; a line with its trace counts as one."""
LAST_LINES_SECONDS: Final = 1.0
"""At the end of a server, for what it has said to be written."""
RETRY_SECONDS: Final = 0.05
_BREAKS: Final = re.compile("[\n\t]+")
_log = logging.getLogger("korus_mcp")


def shown(text: str, limit: int = LINE_LIMIT) -> str:
    """A text as one line of at most `limit` characters behind its indent; nothing in it hides."""
    # `clean` strips: the indent of our own lines is put back, within a bound.
    indent = text[: len(text) - len(text.lstrip(" "))][:40]
    return indent + _BREAKS.sub(" ", clean(text, limit))


class CleanFormatter(logging.Formatter):
    """A record as one line; a trace below it, each line marked as a part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a trace."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit: what was meant is told
            message = str(record.msg)
        line = f"{record.levelname} {shown(message)}"
        traces = [self.formatException(record.exc_info)] if record.exc_info else []
        traces += [record.stack_info] if record.stack_info else []
        return "\n".join([line, *(part for trace in traces for part in _told(trace))])


class LinesAside(logging.Handler):
    """Lines that a thread writes: whoever says them never waits for whoever reads them.

    A pipe that nobody reads is full at some time, and a write to it does not return. Waiting, the
    thread holds no lock, as a `QueueListener` does: the end of the process would wait for it.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(CleanFormatter())
        self._encoding = stream.encoding
        buffer: Any = stream.buffer
        self._raw = getattr(buffer, "raw", buffer)  # a buffer has a lock
        self._order = threading.RLock()
        self._lines: SimpleQueue[str | threading.Event] = SimpleQueue()  # a destructor may log, too
        self._dropped = 0
        threading.Thread(target=self._write_lines, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record; of one that cannot be told, that there was one."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - the text of an argument is anybody's code
            text = f"ERROR a line of the log of {shown(record.name, 100)} could not be told"
        self.say(text)

    def say(self, text: str) -> None:
        """Say a text that may be shown as it is; where too many wait it is dropped and counted."""
        with self._order:
            # Dropped rather than kept: a host that never reads must not cost us our memory.
            if self._lines.qsize() >= MOST_LINES:
                self._dropped += 1
                return
            self._tell_dropped()
            self._lines.put(text)

    def flush(self) -> None:
        """Wait a little for what was said so far to be written."""
        written = threading.Event()
        with self._order:
            self._tell_dropped()
            self._lines.put(written)
        # A reader that is gone must not keep the process from ending.
        written.wait(LAST_LINES_SECONDS)

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._lines.put(f"WARNING {self._dropped} lines were dropped: stderr was not read")
        self._dropped = 0

    def _write_lines(self) -> None:
        while True:
            line = self._lines.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            with suppress(OSError, ValueError):  # it was closed: nobody wants to know
                self._write(line)

    def _write(self, line: str) -> None:
        # Past Python's own buffer, whose lock a blocked write would hold for ever.
        rest = memoryview(f"{line}\n".encode(self._encoding, "backslashreplace"))
        while rest:
            written = self._raw.write(rest)
            if written is None:  # it is full, and another who has it open made it not wait
                time.sleep(RETRY_SECONDS)  # noqa: TID251 - in a thread of its own
            rest = rest[written or 0 :]


def log_to_stderr() -> None:
    """Log there, ours and that of every library; before the SDK configures logging itself.

    stdout belongs to the protocol. Where something has handlers of its own, they stay.
    """
    # First come: logging.basicConfig of others changes nothing once there are handlers.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(CleanFormatter())


def log_without_waiting() -> None:
    """Log as a server: neither a line nor whatever else Python says waits for a reader of stderr.

    Where something has handlers of its own, they stay, and so does the rest.
    """
    # Of our own not only warnings: whoever runs a server wants to know how far its crawl is.
    _log.setLevel(logging.INFO)
    # A test, or a program that embeds the server, has its own.
    if logging.root.handlers:
        return
    handler = LinesAside(sys.stderr)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.lastResort = handler
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_failure
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_failed_thread


def say(line: str) -> None:
    """A line of a command or a server that is no line of its log, in its turn among those."""
    for handler in logging.root.handlers:
        if isinstance(handler, LinesAside):
            handler.say(shown(line))
            return
    sys.stderr.write(f"{shown(line)}\n")


def tell(line: str) -> None:
    """A line of what a command was asked for, at once: a pipe may be read while it goes on."""
    write(shown(line))


def tell_json(found: object) -> None:
    """The same for a program: what is not ASCII is escaped, so nothing in it reaches a terminal."""
    write(json.dumps(found, indent=2))


def write(text: str) -> None:
    """Put a text on stdout as it is: nothing that others wrote, or cleaned before."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _told(trace: str) -> list[str]:
    # A trace may repeat what others sent, line by line: each is marked and cleaned.
    kept = trace[-TRACE_LIMIT:]
    lines = [" [cut]"] if len(trace) > TRACE_LIMIT else []
    return [f"  | {shown(each)}".rstrip() for each in [*lines, *kept.splitlines()]]


def _log_failure(
    kind: type[BaseException], error: BaseException, trace: "TracebackType | None"
) -> None:
    _log.critical("the server failed", exc_info=(kind, error, trace))


def _log_failed_thread(failed: "threading.ExceptHookArgs") -> None:
    # Python itself says nothing of a thread that ends so.
    if failed.exc_type is not SystemExit:
        _log.error("a thread failed", exc_info=failed.exc_value)


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    _log.error("an exception was ignored", exc_info=failed.exc_value)
