"""Everything the process prints: the lines of its log and of its commands.

Parts of them come from others: a Host header, the name of a prompt, a field of the API. None of
that may break a line, begin a line of its own, reverse the direction of writing, or fill a screen.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TextIO

from korus_mcp.foundation.marks import current_mark
from korus_mcp.settings import NAME, LogForm, LogLevel

if TYPE_CHECKING:
    from types import TracebackType

LINE_LIMIT: Final = 2000
TRACE_LIMIT: Final = 16_000
"""The most characters of a traceback. Of a longer one the end is shown, which says what failed."""
MOST_LINES: Final = 1000
"""The most lines that wait for stderr to be read; a line with its traceback counts as one."""
LAST_LINES_SECONDS: Final = 1.0
"""How long the end of a server waits for its last lines to be written."""
RETRY_SECONDS: Final = 0.05
_BREAKS: Final = re.compile("[\n\t]+")
_log = logging.getLogger("korus_mcp")


def shown(text: str, limit: int = LINE_LIMIT) -> str:
    """A text as one line of at most `limit` characters after its indent, without invisible ones."""
    from korus_mcp.foundation.text import clean  # a server answers before it says a line

    # `clean` strips, so the indent (of our own lines) is put back.
    indent = text[: len(text) - len(text.lstrip(" "))][:40]
    return indent + _BREAKS.sub(" ", clean(text, limit))


class CleanFormatter(logging.Formatter):
    """Formats a record as one line, with the lines of a traceback below it, each one marked."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a trace."""
        line = f"{record.levelname} {_message(record)}"
        traces = _traces(self, record)
        return "\n".join([line, *(part for trace in traces for part in _told(trace))])


def _message(record: logging.LogRecord) -> str:
    try:
        return shown(record.getMessage())
    except (TypeError, ValueError):  # the arguments do not fit the format string: show that
        return shown(str(record.msg))


def _traces(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    traces = [formatter.formatException(record.exc_info)] if record.exc_info else []
    return [*traces, *([record.stack_info] if record.stack_info else [])]


def _when(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TimedFormatter(CleanFormatter):
    """The same, with the time in front and the id of the request that is being answered."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a trace."""
        mark = current_mark()
        request = "" if mark is None else f" [{mark.id}]"
        # The mark stands in front, where no text of others can look like one.
        level, _, rest = super().format(record).partition(" ")
        return f"{_when(record.created)} {level}{request} {rest}"


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, in ASCII, with these members and no others."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        found: dict[str, object] = {
            "time": _when(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        mark = current_mark()
        if mark is not None:
            found |= {"request": mark.id, "method": mark.method}
            found |= {"target": mark.target} if mark.target else {}
        traces = _traces(self, record)
        if traces:
            found["trace"] = [line for trace in traces for line in _told(trace)]
        return json.dumps(found)

    def plain(self, line: str) -> str:
        """A line that is no record."""
        level, _, rest = line.partition(" ")
        known = level in logging.getLevelNamesMapping()
        told = {"level": level, "message": rest} if known else {"level": "INFO", "message": line}
        return json.dumps({"time": _when(time.time()), "logger": _log.name, **told})


class LinesAside(logging.Handler):
    """A log handler that writes in a thread, so that logging never blocks.

    If nobody reads a pipe it fills up, and a write to it does not return. The thread holds no lock
    while it waits (a `QueueListener` does), because the end of the process would wait for that.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(CleanFormatter())
        self._encoding = stream.encoding
        buffer: Any = stream.buffer
        self._raw = getattr(buffer, "raw", buffer)  # without the buffer, which has a lock
        self._order = threading.RLock()
        self._lines: SimpleQueue[str | threading.Event] = SimpleQueue()  # a destructor may log, too
        self._dropped = 0
        threading.Thread(target=self._write_lines, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; if it cannot be formatted, a line that says so."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - the text of an argument is anybody's code
            name = shown(record.name, 100)
            text = self._plain(f"ERROR a line of the log of {name} could not be told")
        self._put(text)

    def _plain(self, line: str) -> str:
        return self.formatter.plain(line) if isinstance(self.formatter, JsonFormatter) else line

    def say(self, text: str) -> None:
        """Write a text, which must be clean, in the form of the log."""
        self._put(self._plain(text))

    def complain(self, level: LogLevel, text: str) -> None:
        """Write a text, which must be clean, with its level; a line that is no JSON begins with our
        name instead.
        """
        is_json = isinstance(self.formatter, JsonFormatter)
        self.say(f"{level.upper()} {text}" if is_json else f"{NAME}: {text}")

    def _put(self, text: str) -> None:
        """Write a line. If too many lines wait, it is dropped and counted."""
        with self._order:
            # Dropped, because a host that never reads would otherwise use up the memory.
            if self._lines.qsize() >= MOST_LINES:
                self._dropped += 1
                return
            self._tell_dropped()
            self._lines.put(text)

    def flush(self) -> None:
        """Wait a little until the lines so far are written."""
        written = threading.Event()
        with self._order:
            self._tell_dropped()
            self._lines.put(written)
        # Not for ever: a reader that is gone must not keep the process from ending.
        written.wait(LAST_LINES_SECONDS)

    def _tell_dropped(self) -> None:
        if self._dropped:
            dropped = f"WARNING {self._dropped} lines were dropped: stderr was not read"
            self._lines.put(self._plain(dropped))
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
        # Not through Python's buffer, whose lock a blocked write would hold.
        rest = memoryview(f"{line}\n".encode(self._encoding, "backslashreplace"))
        while rest:
            written = self._raw.write(rest)
            if written is None:  # the pipe is full, and somebody made it non-blocking
                time.sleep(RETRY_SECONDS)  # noqa: TID251 - in a thread of its own
            rest = rest[written or 0 :]


def log_to_stderr() -> None:
    """Send the log, ours and that of all libraries, to stderr: stdout belongs to the protocol.

    Handlers that others have installed stay.
    """
    # Called before the SDK sets up logging: logging.basicConfig does nothing once there are
    # handlers.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(CleanFormatter())


def log_without_waiting() -> None:
    """Set up the log of a server: nothing that is logged or printed by Python blocks on stderr.

    If others have installed handlers, those stay and nothing is changed.
    """
    # Our own log also has INFO: whoever runs a server wants to know how far its crawl is.
    _log.setLevel(logging.INFO)
    # A test, or a program that embeds the server, has handlers of its own.
    if logging.root.handlers:
        return
    handler = LinesAside(sys.stderr)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.lastResort = handler
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_failure
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_failed_thread


def log_as(form: LogForm, level: LogLevel) -> None:
    """Put times and ids of requests into the log of a server, in this form, from this level on.

    The level is that of our own log. What libraries say below a warning may hold addresses and
    headers, signed ones too, and is never written.
    """
    _log.setLevel(level.upper())
    for handler in logging.root.handlers:
        if isinstance(handler, LinesAside):
            is_json = form is LogForm.JSON
            handler.setFormatter(JsonFormatter() if is_json else TimedFormatter())


def say(line: str) -> None:
    """Print a line on stderr that is no line of the log, in the right order among those."""
    for handler in logging.root.handlers:
        if isinstance(handler, LinesAside):
            handler.say(shown(line))
            return
    sys.stderr.write(f"{shown(line)}\n")


def complain(level: LogLevel, text: str) -> None:
    """Print on stderr what is wrong with settings, or ends a command, in the right order among the
    lines of the log and, where that is JSON, in its form.
    """
    for handler in logging.root.handlers:
        if isinstance(handler, LinesAside):
            handler.complain(level, shown(text))
            return
    sys.stderr.write(f"{NAME}: {shown(text)}\n")


def tell(line: str) -> None:
    """Print a line of a command's result on stdout, at once, since a pipe may be read meanwhile."""
    write(shown(line))


def error_of(message: str) -> Mapping[str, Any]:
    """What a program reads of a refusal that no tool made."""
    return {"error": {"message": message}}


def tell_json(found: object) -> None:
    """Print a result as JSON on stdout, in ASCII: no control character reaches a terminal."""
    write(json.dumps(found, indent=2))


def write(text: str) -> None:
    """Print a text on stdout as it is. If others wrote parts of it, it must be cleaned before."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _told(trace: str) -> list[str]:
    # A traceback may contain what others sent, so each line is marked and cleaned.
    kept = trace[-TRACE_LIMIT:]
    lines = [" [cut]"] if len(trace) > TRACE_LIMIT else []
    return [f"  | {shown(each)}".rstrip() for each in [*lines, *kept.splitlines()]]


def _log_failure(
    kind: type[BaseException], error: BaseException, trace: "TracebackType | None"
) -> None:
    _log.critical("the server failed", exc_info=(kind, error, trace))


def _log_failed_thread(failed: "threading.ExceptHookArgs") -> None:
    # Python itself ignores SystemExit in a thread, too.
    if failed.exc_type is not SystemExit:
        _log.error("a thread failed", exc_info=failed.exc_value)


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    _log.error("an exception was ignored", exc_info=failed.exc_value)
