"""korus-mcp approve CODE: shows what an assistant wants to order, and takes a person's yes or no.

The answer is read from the terminal itself, not from stdin: a program that calls this command has a
pipe for it, but nobody who reads what is asked.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from threading import Event
from typing import Final, TypeVar

import anyio

from korus_mcp.answers.asked import Words, attached_told, doubts_of, facts_of, lines_of, words
from korus_mcp.booking.by_hand import TERMINAL, ByHand, Seal, Shown
from korus_mcp.commands.console import say, shown, tell
from korus_mcp.commands.terminal import Conversation, terminal
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal.opening import journal_of, journal_url, may_have_bookings
from korus_mcp.journal.records import JournalDown
from korus_mcp.server.sandbox_home import SandboxHome
from korus_mcp.settings import Settings

NO_TERMINAL: Final = 2
_Thing = TypeVar("_Thing")


def run_approve(settings: Settings, code: str) -> int:
    """Ask the person at this terminal. Returns 0 for a yes that counted; 1 for a no, and where no
    such question is open; 2 without a terminal.

    A question of an embedded sandbox is there where it is kept in files.
    """
    said, code = words(settings.language), code.strip().upper()
    try:
        # Opening a journal would create its file, and there is no question in a new one.
        found = _on(settings, lambda by_hand: by_hand.found(code), without=None)
        if found is None or found[1] is None or not found[0].is_open(SystemClock().now()):
            say(f"korus-mcp: {said.unknown}")
            return 1
        try:
            is_yes = _answer(found[1], said)
        except OSError:
            say("korus-mcp: there is no terminal here, and only a person at one can answer.")
            return NO_TERMINAL
        answer = partial(ByHand.answer, asked=found[0], is_yes=is_yes, way=TERMINAL)
        counted = _on(settings, answer, without=False)
    except JournalDown as down:
        say(f"korus-mcp: the journal does not work: {down.fault.value}")
        return 1
    tell((said.said_yes if is_yes else said.said_no) if counted else said.unknown)
    return 0 if is_yes and counted else 1


def _on(
    settings: Settings, work: Callable[[ByHand], Awaitable[_Thing]], *, without: _Thing
) -> _Thing:
    """The result of some work on the questions of the journal, or `without` if there is none."""
    if not settings.embedded:
        if not may_have_bookings(settings):
            return without
        return anyio.run(_worked, settings, journal_url(settings), settings.client_secret, work)
    with closing(SandboxHome(settings)) as home:
        if not home.may_have_bookings() or not (secret := home.secret()):
            return without
        return anyio.run(_worked, settings, home.journal_url(), secret, work)


async def _worked(
    settings: Settings, url: str, secret: str, work: Callable[[ByHand], Awaitable[_Thing]]
) -> _Thing:
    clock = SystemClock()
    journal = journal_of(settings, clock, url=url)
    seal = Seal(secret, settings.account.key())
    world = settings.environment.value
    try:
        return await work(ByHand(journal=journal, seal=seal, environment=world, clock=clock))
    finally:
        await journal.close()


def _answer(what: Shown, said: Words) -> bool:
    """Show the question on the terminal and read whether the answer is yes.

    Raises:
        OSError: There is no terminal.
        KeyboardInterrupt: They left without an answer, which was said there.
    """
    with terminal() as (keys, screen):
        for line in _lines(what, said):
            screen.write(f"{shown(line)}\n")
        # It looks now and then: of a Ctrl-C right before it waits for a line, nobody would know.
        try:
            typed = Conversation(keys, screen, Event()).asked(said.ask)
        except KeyboardInterrupt:
            screen.write(f"\n{said.said_nothing}\n")
            raise
        return typed.lower() in said.yes_keys


def _lines(what: Shown, said: Words) -> Iterator[str]:
    yield said.worlds.get(what.environment, what.environment)
    yield from (f"! {each}" for each in doubts_of(what, said))
    yield from (f"- {each}" for each in lines_of(what, said))
    yield from (f"{name}: {fact}" for name, fact in facts_of(what, said))
    yield from attached_told(what.attached, said)
    yield from (f"{said.terms}: {each}" for each in what.terms)
    yield said.for_real
