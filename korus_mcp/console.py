"""What the process says to whoever runs it: every line of its log and of its commands.

Much in them is written by others: a Host header, the name of a prompt, a field of the API. None of
it may end a line, begin a line of its own, turn the direction of writing, or fill a screen.
"""

import logging
import re
import sys
from typing import Final

from korus_mcp.untrusted import clean

LINE_LIMIT: Final = 2000
TRACE_LIMIT: Final = 16_000
"""Of a longer trace its end is shown: there stands what failed."""
_BREAKS: Final = re.compile("[\n\t]+")
_log = logging.getLogger("korus_mcp")


def shown(text: str, limit: int = LINE_LIMIT) -> str:
    """A text as one line of at most `limit` characters behind its indent; nothing in it hides."""
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


def log_to_stderr() -> None:
    """Log there, ours and that of every library; before the SDK configures logging itself.

    stdout belongs to the protocol. Where something has handlers of its own, they stay.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(CleanFormatter())


def log_what_goes_on() -> None:
    """Of our own, tell not only warnings: a server's long crawl is of interest."""
    _log.setLevel(logging.INFO)


def _told(trace: str) -> list[str]:
    kept = trace[-TRACE_LIMIT:]
    lines = [" [cut]"] if len(trace) > TRACE_LIMIT else []
    return [f"  | {shown(each)}".rstrip() for each in [*lines, *kept.splitlines()]]
