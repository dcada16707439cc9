"""The terminal of whoever typed a command: keyboard and screen, wherever stdin and stdout lead.

A program that calls a command has a pipe for stdin, but nobody who reads what is asked.
"""

import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Final, TextIO, TypeVar

from anyio import to_thread

LOOK_SECONDS: Final = 0.1
"""How often a thread that waits for a line looks whether it is still wanted."""
unanswered: Final = Event()
"""Set from a question of `converse` on until its answer is taken: while it is, there was no yes."""
Answer = TypeVar("Answer")


@contextmanager
def terminal() -> Iterator[tuple[TextIO, TextIO]]:
    """Keyboard and screen of this process's terminal; what was typed before does not count.

    Raises:
        OSError: it has none.
    """
    is_windows = sys.platform == "win32"
    names = ("CONIN$", "CONOUT$") if is_windows else ("/dev/tty", "/dev/tty")
    with (
        open(names[0], encoding="utf-8", errors="replace") as keys,
        open(names[1], "w", encoding="utf-8", errors="replace") as screen,
    ):
        if not is_windows:
            from termios import TCIFLUSH, tcflush

            tcflush(keys, TCIFLUSH)
        yield keys, screen


def has_terminal() -> bool:
    """Whether this process has a terminal."""
    try:
        with terminal():
            return True
    except OSError:
        return False


class Conversation:
    """A question and its answers at a terminal, in a thread that ends when nobody waits for it."""

    def __init__(self, keys: TextIO, screen: TextIO, over: Event) -> None:
        self._keys, self.screen, self._over = keys, screen, over

    def asked(self, question: str) -> str:
        """The line that is typed behind a question; "" once nobody waits for it, or at its end."""
        self.screen.write(question)
        self.screen.flush()
        # A thread that waits for a key cannot be stopped: the process would not end at Ctrl-C.
        if sys.platform != "win32":
            while not select.select([self._keys], [], [], LOOK_SECONDS)[0]:
                if self._over.is_set():
                    return ""
        line = self._keys.readline()
        if not line.endswith("\n"):
            # Ctrl-D: what is said next would begin behind the question.
            self.screen.write("\n")
            self.screen.flush()
        return line.strip()


async def converse(talk: Callable[[Conversation], Answer]) -> Answer:
    """What comes of a conversation at the terminal, while everything else goes on.

    Raises:
        OSError: there is no terminal.
    """
    over = Event()
    unanswered.set()
    try:
        answer = await to_thread.run_sync(partial(_talked, talk, over), abandon_on_cancel=True)
    finally:
        over.set()
    # Not reached at a Ctrl-C: an answer that was typed at the same moment goes nowhere.
    unanswered.clear()
    return answer


def _talked(talk: Callable[[Conversation], Answer], over: Event) -> Answer:
    with terminal() as (keys, screen):
        return talk(Conversation(keys, screen, over))
