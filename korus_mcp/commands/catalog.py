"""korus-mcp catalog: reads the catalog into the mirror's files, shows what they hold, empties them.

Results go to stdout, progress and refusals to stderr.
"""

import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from korus_mcp.answers.explanations import explained
from korus_mcp.api import ApiError, KorusApi
from korus_mcp.app import catalog_files, mirror_of
from korus_mcp.catalog import overview
from korus_mcp.catalog.crawl import Watcher
from korus_mcp.catalog.mirror import Mirror, now_and_then
from korus_mcp.catalog.store import Progress
from korus_mcp.commands.aliases import Aliases
from korus_mcp.commands.console import say, tell, tell_json
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.language_tags import canonical
from korus_mcp.server.composition import open_api
from korus_mcp.settings import Misconfigured, Settings

FOLLOW_SECONDS: Final = 0.5
"""The pause between two looks at a crawl by another server."""
_CLOCK: Final = SystemClock()
_KEPT: Final = "What was read is kept; the next sync goes on from there."
_IN_MEMORY: Final = "the embedded sandbox keeps its catalog in memory"


def run_sync(settings: Settings) -> int:
    """Read the catalogs now. Returns 1 if one cannot be read. What was read is always kept.

    Raises:
        Misconfigured: there is no file to read into.
        KeyboardInterrupt: a signal stopped it.
    """
    _require_file(settings)
    return anyio.run(_until_stopped, partial(_sync, settings))


def run_status(settings: Settings, *, with_others: bool, as_json: bool = False) -> int:
    """Print what is in the files, without asking the API. Returns 1 if one cannot be read.

    `with_others` adds languages that have a file but are not in the settings.
    """
    now = _CLOCK.now()
    found = [_Kept.at(*each) for each in _paths(settings, with_others=with_others).items()]
    if as_json:
        tell_json([kept.as_json(now) for kept in found])
    elif settings.embedded:
        tell(f"There is no file: {_IN_MEMORY}.")
    elif not found:
        tell(f"There is no file: {overview.NO_HOME}.")
    else:
        for kept in found:
            tell(f"{kept.language}: {kept.told(now)}")
            tell(f"    {kept.path}")
    return int(any(kept.failure is not None for kept in found))


def run_clear(settings: Settings, *, with_others: bool) -> int:
    """Empty the files. Returns 1 if one cannot be emptied now.

    Raises:
        Misconfigured: there is no file.
    """
    _require_file(settings)
    paths = _paths(settings, with_others=with_others)
    before = {language: overview.size_of(path) for language, path in paths.items()}
    there = [language for language, path in paths.items() if overview.is_there(path)]
    # The mirror opens only languages in its settings: here, those that have a file.
    meant = replace(settings, languages=tuple(paths))
    failures = anyio.run(_clear, meant, there) if there else {}
    for language, path in paths.items():
        if language in failures:
            say(f"{language}: not cleared, {failures[language]}")
        elif language in there:
            freed = max(before[language] - overview.size_of(path), 0)
            tell(f"{language}: cleared, {overview.told_size(freed)} freed")
        else:
            tell(f"{language}: not there, nothing to clear")
    return int(bool(failures))


def _require_file(settings: Settings) -> None:
    if settings.embedded:
        raise Misconfigured(f"there is no catalog file: {_IN_MEMORY}.")
    if catalog_files(settings).folder is None:
        raise Misconfigured(f"there is no catalog file: {overview.NO_HOME}.")


def _paths(settings: Settings, *, with_others: bool) -> dict[str, Path]:
    """Language -> its file, whether that exists or not."""
    files = catalog_files(settings)
    if files.folder is None:
        return {}
    paths = {each: files.folder / files.file(each) for each in settings.languages}
    if with_others and overview.is_there(files.folder):
        # Only files of this account: their names contain its key.
        beginning, _, end = files.file("*").partition("*")
        for path in sorted(files.folder.glob(files.file("*"))):
            name = path.name.removeprefix(beginning).removesuffix(end)
            if canonical(name) == name:
                paths.setdefault(name, path)
    return paths


# Status


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What was found of a language's file."""

    language: str
    path: Path
    seen: overview.Overview | None = None
    is_being_read: bool = False
    failure: str | None = None

    @classmethod
    def at(cls, language: str, path: Path) -> "_Kept":
        try:
            seen = overview.look_at(path)
        except sqlite3.Error as error:
            return cls(language=language, path=path, failure=str(error))
        is_read_now = seen is not None and seen.is_unfinished and overview.is_being_read(path)
        return cls(language=language, path=path, seen=seen, is_being_read=is_read_now)

    def told(self, now: datetime) -> str:
        if self.failure is not None:
            return f"cannot be read ({self.failure})"
        seen = self.seen
        if seen is None:
            return "not read yet"
        if seen.is_empty:
            return f"empty, {overview.told_size(seen.size_bytes)}"
        parts = [_amount(seen), f"{seen.with_details:,} with details"]
        if seen.passed_over:
            parts.append(f"{seen.passed_over:,} passed over and tried again later")
        if seen.unread_rows:
            rows = _counted(seen.unread_rows, "row")
            parts.append(f"{rows} of its lists could not be read and are read again later")
        if seen.read_at is not None:
            parts.append(seen.told_age(now))
        if self.is_being_read:
            parts.append("being read at this moment")
        elif seen.is_unfinished:
            parts.append("the last sync was stopped; the next one continues")
        return ", ".join(parts)

    def as_json(self, now: datetime) -> Mapping[str, object]:
        known = {"language": self.language, "file": str(self.path), "failure": self.failure}
        seen = self.seen
        if seen is None:
            return {**known, "exists": self.failure is not None}
        # An age, not a moment: a program need not know our clock to use it.
        age = None if seen.read_at is None else round((now - seen.read_at).total_seconds())
        return {
            **known,
            "exists": True,
            "catalogs": seen.catalogs,
            "product_bases": seen.bases,
            "with_details": seen.with_details,
            "passed_over": seen.passed_over,
            "unread_rows": seen.unread_rows,
            "read_at": None if seen.read_at is None else seen.read_at.isoformat(),
            "age_seconds": age,
            "is_unfinished": seen.is_unfinished,
            "is_being_read": self.is_being_read,
            "size_bytes": seen.size_bytes,
        }


def _amount(seen: overview.Overview) -> str:
    return (
        f"{_counted(seen.bases, 'product base')} in {_counted(seen.catalogs, 'catalog')}, "
        f"{overview.told_size(seen.size_bytes)}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# Sync


async def _sync(settings: Settings) -> int:
    async with _opened(settings) as (api, mirror):
        for language in dict.fromkeys(settings.languages):
            try:
                await _check_there(api, language, settings.catalogs)
                await _read(mirror, language)
            except _Failed as failed:
                say(f"{language}: {failed}")
                return 1
    return 0


async def _check_there(api: KorusApi, language: str, allowed: tuple[str, ...] | None) -> None:
    """Check that there is something to read, before a file is made for it.

    Raises:
        _Failed: KorusTicket does not speak the language, or KORUS_CATALOGS names what is not there.
    """
    try:
        found = await api.ticketing.list_catalogs(language=language).all()
    except ApiError as error:
        raise _Failed(f"the catalog cannot be read. {explained(error).message} {_KEPT}") from None
    spoken = list(dict.fromkeys(filter(None, map(canonical, api.languages_seen))))
    # The API answers in another language where it lacks this one (A24). One that names none in its
    # answers is believed.
    if spoken and language not in spoken:
        raise _Failed(
            f"KorusTicket has no texts in this language: it answers in {', '.join(spoken)}. "
            "Nothing was read."
        )
    if problem := Aliases.of(found).problem_of(allowed):
        raise _Failed(problem)


class _Failed(Exception):
    """A language could not be read or emptied; the message is a sentence."""


async def _read(mirror: Mirror, language: str) -> None:
    """Read a language now, or wait for the server that is reading it, and print the outcome."""
    path, begun = await _path(mirror, language), _CLOCK.monotonic()
    try:
        await _tell_rest(mirror, language, path)
        with _shown(language) as watch:
            is_ours = await _read_or_follow(mirror, language, path, watch)
        mirror.close()  # moves SQLite's write-ahead log into the file, whose size is printed
        seen = overview.look_at(path)
    # Whatever happens here, what was read is in the file already.
    except ApiError as error:
        raise _Failed(f"the catalog cannot be read. {explained(error).message} {_KEPT}") from None
    except sqlite3.Error as error:
        raise _Failed(f"the file {path} cannot be used ({error}).") from None
    if seen is not None:
        outcome = _outcome(seen, _CLOCK.monotonic() - begun, is_ours=is_ours)
        tell(f"{language}: {outcome}")


async def _tell_rest(mirror: Mirror, language: str, path: Path) -> None:
    """Say that only the rest will be read, if an earlier crawl was stopped."""
    seen = overview.look_at(path)
    # If it is unfinished and nobody is reading it, it was stopped or killed.
    if seen is not None and seen.is_unfinished and not overview.is_being_read(path):
        progress = await mirror.progress(language)
        say(
            f"{language}: continuing a sync that was stopped; "
            f"{progress.done:,} of {_counted(progress.known, 'product base')} are there"
        )


def _outcome(seen: overview.Overview, seconds: float, *, is_ours: bool) -> str:
    if not seen.catalogs:
        return "no catalog is open to this account: ask KorusTicket to open one"
    if not is_ours:
        return f"{_amount(seen)}, read by another server"
    if not seen.read_anew:
        return f"{_amount(seen)}, nothing new in {overview.told_span(seconds)}"
    if seen.read_anew < seen.bases:
        again = f"{seen.read_anew:,} of them read again in {overview.told_span(seconds)}"
        return f"{_amount(seen)}, {again}"
    return f"{_amount(seen)}, read in {overview.told_span(seconds)}"


async def _read_or_follow(mirror: Mirror, language: str, path: Path, watch: Watcher) -> bool:
    """Crawl; if another server is crawling, follow it, and take over if it stops.

    Returns whether this process crawled.
    """
    # A crawl that was complete before this moment is not the one that was asked for.
    begun_at = _CLOCK.now()
    if await mirror.sync(language, watch):
        return True
    say(f"{language}: another server is reading this catalog at this moment; following it")
    while True:
        await watch(await mirror.progress(language))
        # Read from the file: there is no other way to ask another process.
        await _CLOCK.sleep(FOLLOW_SECONDS)
        seen = overview.look_at(path)
        read_at = None if seen is None or seen.is_unfinished else seen.read_at
        if read_at is not None and read_at >= begun_at:
            return False
        if await mirror.sync(language, watch):
            return True


async def _path(mirror: Mirror, language: str) -> Path:
    path = await mirror.path(language)
    if path is None:
        raise _Failed("the file cannot be used; KORUS_CACHE_DIR says where it lies.")
    return path


# Clear


async def _clear(settings: Settings, languages: list[str]) -> dict[str, str]:
    """Empty the files. Returns language -> why its file could not be emptied."""
    failures = dict[str, str]()
    async with _opened(settings) as (_, mirror):
        for language in languages:
            try:
                path = await _path(mirror, language)
            except _Failed as failed:
                failures[language] = str(failed)
                continue
            try:
                is_empty = await mirror.clear(language)
            except sqlite3.Error as error:
                failures[language] = f"the file {path} cannot be written ({error})."
            else:
                if not is_empty:
                    failures[language] = "another server is reading this catalog at this moment."
    return failures


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[KorusApi, Mirror]]:
    async with open_api(settings, clock=_CLOCK) as api, anyio.create_task_group() as tasks:
        mirror = mirror_of(settings, api, _CLOCK, tasks)
        try:
            yield api, mirror
        finally:
            mirror.close()


# Signals


async def _until_stopped(work: Callable[[], Awaitable[int]]) -> int:
    """Run some work, which a signal stops cleanly. Returns its exit code."""
    code: int | None = None
    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":
            tasks.start_soon(_stop_on_signal, tasks.cancel_scope)
        code = await work()
        tasks.cancel_scope.cancel()
    # There is no code if the signal cancelled the scope; the next sync goes on from there.
    if code is None:
        say("stopped; what was read is kept, and the next sync goes on from there")
        raise KeyboardInterrupt
    return code


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


# Words


@contextmanager
def _shown(language: str) -> Iterator[Watcher]:
    """Show how far a crawl is: as a bar on a terminal, else as a line now and then."""
    # In a log file a bar would be a page of control characters.
    if not sys.stderr.isatty():
        yield now_and_then(_CLOCK, partial(_say_progress, language))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # transient: the bar is removed at the end, where the outcome is printed as a sentence.
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(f"{language}: catalogs", total=None)

        async def watch(progress: Progress) -> None:
            # Before the first detail and after the last one, lists of names are read.
            is_listing = progress.done in (0, progress.known)
            bars.update(
                task,
                description=f"{language}: {'names' if is_listing else 'details'}",
                completed=progress.known if is_listing else progress.done,
                total=None if is_listing else progress.known,
            )

        yield watch


def _say_progress(language: str, progress: Progress) -> None:
    say(f"{language}: {progress.done:,} of {_counted(progress.known, 'product base')} read")
