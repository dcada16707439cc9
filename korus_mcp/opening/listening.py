"""Listens to the host and answers, in a thread, until the server takes over."""

import logging
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from typing import Final, NoReturn

from korus_mcp.opening.conversation import Conversation, Unread
from korus_mcp.opening.messages import LONGEST

QUIET_SECONDS: Final = 0.05
"""A host that says nothing for so long has what it wanted: the imports may take the processor."""
MOST_SECONDS: Final = 0.5
"""How long the imports wait for that at most."""
LAST_ANSWER_SECONDS: Final = 0.5
"""How long the end of the process waits for an answer that the host does not read."""
_SWITCH_SECONDS: Final = 0.001
"""After how long the importing thread makes way for the one that answers. Python's own 5 ms would
be waited for at each step of an answer."""
_CHUNK: Final = 65_536


def has_pipes() -> bool:
    """Whether the host is listened to at stdin and answered at stdout, as they came to us."""
    if sys.platform == "win32":
        return False
    return _is_at(sys.stdin, 0) and _is_at(sys.stdout, 1)


def _is_at(stream: object, number: int) -> bool:
    try:
        return stream.buffer.fileno() == number  # type: ignore[attr-defined,no-any-return]
    except (AttributeError, OSError, ValueError):
        return False


class Opening:
    """The beginning of a conversation on stdin and stdout, from `start` to `hand_over`."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._rest = b""
        """The beginning of a line whose end has not come yet."""
        self._lock = threading.Lock()
        """Held while a line is answered, so that no end of the process cuts an answer in two."""
        self._quiet = threading.Event()
        self._failure: OSError | None = None
        self._woken, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="opening", daemon=True)
        self._switching = sys.getswitchinterval()

    def start(self) -> None:
        """Listen and answer from now on. A signal ends the process, with nothing left half said."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Whoever started the server with nohup wants it to outlive the terminal.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._leave_on_signal)
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()

    def wait_for_quiet(self) -> None:
        """Wait until the host has what it asked for first, or needs the server."""
        self._quiet.wait(MOST_SECONDS)

    def hand_over(self) -> Unread:
        """Stop listening. All that the server has to read before the rest of its stdin.

        Raises:
            OSError: the host could not be read, or an answer not be written.
        """
        os.write(self._waker, b".")
        self._thread.join()
        os.close(self._woken)
        os.close(self._waker)
        sys.setswitchinterval(self._switching)
        if self._failure is not None:
            raise self._failure
        return self._conversation.handed_over(self._rest)

    def _listen(self) -> None:
        try:
            while self._hears_more() and not self._conversation.is_over:
                if self._conversation.needs_the_server:
                    self._quiet.set()
        except OSError as failure:
            self._failure = failure
        finally:
            self._quiet.set()

    def _hears_more(self) -> bool:
        """Wait for the host and answer what it says; whether there may be more."""
        patience = None if self._quiet.is_set() else QUIET_SECONDS
        ready, _, _ = select.select([0, self._woken], [], [], patience)
        if self._woken in ready:
            return False
        if not ready:
            self._quiet.set()
            return True
        try:
            said = os.read(0, _CHUNK)
        except BlockingIOError:  # somebody made the pipe non-blocking, and somebody else read it
            return True
        if not said:
            # Whatever waits is for the server, which then comes to the same end.
            if not self._conversation.needs_the_server and not self._rest.strip():
                _leave()
            return False
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            self._take(line + b"\n")
        # A line without end is read by the server, whatever its length.
        return len(self._rest) <= LONGEST

    def _take(self, line: bytes) -> None:
        with self._lock:
            answer = self._conversation.take(line)
            if answer is not None:
                _write(answer)

    def _leave_on_signal(self, *_: object) -> NoReturn:
        # Not for ever: the lock is held as long as the host does not read its answer.
        if self._lock.acquire(timeout=LAST_ANSWER_SECONDS):
            with suppress(OSError):
                for answer in self._conversation.closed():
                    _write(answer)
        _leave()


def _write(answer: bytes) -> None:
    rest = memoryview(answer)
    while rest:
        try:
            rest = rest[os.write(1, rest) :]
        except BlockingIOError:
            select.select([], [1], [])


def _leave() -> NoReturn:
    """End the process, with the last lines of its log written."""
    logging.shutdown()
    # sys.exit would end a thread only; nothing was opened or sent that would have to be closed.
    os._exit(0)
