"""korus-mcp catalog against a served sandbox: what it reads, keeps, tells and refuses."""

import json
import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from filelock import FileLock

from korus_mcp.app import catalog_files
from korus_mcp.catalog.overview import Overview, look_at, told_span
from korus_mcp.commands.cli import EXIT_INTERRUPTED, EXIT_MISCONFIGURED, main
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.sandbox import Answer, Delay, SandboxOptions, ServedSandbox, served_sandbox
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import handle_of
from tests.fixtures.forking import Child, begun
from tests.fixtures.hosts import child_environment, free_port

BASES = 80
WAIT_SECONDS = 40
HELD = Delay(seconds=30)
CRAWLERS = 8
SIZE = r"(\d+ kB|\d+\.\d MB)"


@dataclass
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


@dataclass
class Operator:
    """Somebody at a shell whose variables lead to a served sandbox and a cache folder."""

    served: ServedSandbox
    environment: Mapping[str, str]
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Said:
        """Run a command of `korus-mcp catalog` in this process."""
        self.capsys.readouterr()
        code = main(["catalog", *arguments])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(code, said.out, said.err)

    @contextmanager
    def child(self, *arguments: str) -> Iterator[Child]:
        """The same as a process of its own, gone when the block ends."""
        process = begun("korus_mcp", "catalog", *arguments, environment=self.environment)
        try:
            yield process
        finally:
            process.kill()

    @property
    def file(self) -> Path:
        """The one file there is."""
        (path,) = self.folder.glob("*.sqlite")
        return path

    def seen(self) -> Overview:
        """What the one file holds."""
        found = look_at(self.file)
        assert found is not None
        return found

    def has_details(self) -> bool:
        """Whether some details were written."""
        try:
            return self.seen().with_details > 0
        except (ValueError, AssertionError, sqlite3.Error):
            return False  # the file is just being made

    @contextmanager
    def held_api(self) -> Iterator[None]:
        """An API with one issuer that does not answer: no crawl comes to its end."""
        self.served.sandbox.faults.add(HELD, "getProductBase", times=None, issuer="stadium")
        yield
        self.served.sandbox.faults.clear()

    @contextmanager
    def another_server(self) -> Iterator[None]:
        """Another server is reading, as far as anybody can tell."""
        self.folder.mkdir(exist_ok=True)
        files = catalog_files(read_settings(self.environment))
        with FileLock((self.folder / files.file("en")).with_suffix(".lock"), timeout=0):
            yield

    def reads(self) -> int:
        """How many product bases were read from the API so far."""
        asked = list(self.served.sandbox.requests)
        return sum(request.operation == "getProductBase" for request in asked)


# One for each test: requests that a killed sync had sent are answered, and counted, later.
@pytest.fixture
def served() -> Iterator[ServedSandbox]:
    listening = served_sandbox(SandboxOptions(seed=7, bases=BASES))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(listening) as each:
        yield each


@pytest.fixture
def operator(
    served: ServedSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operator]:
    environment = {**child_environment(tmp_path), **served.environment}
    set_shell(monkeypatch, environment)
    yield Operator(served, environment, tmp_path / "cache", capsys)
    served.sandbox.faults.clear()


def set_shell(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name in [n for n in os.environ if n.startswith("KORUS_")]:  # noqa: TID251 - the shell
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith("KORUS_"):
            monkeypatch.setenv(name, value)


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(WAIT_SECONDS * 200):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came")


def ended(process: Child) -> Said:
    code = process.code(within=WAIT_SECONDS)
    assert code is not None
    out, err = process.said()
    assert "Traceback" not in out + err
    return Said(code, out, err)


# Sync, status, clear


def test_a_life_of_a_mirror_sync_sync_again_status_clear_sync(operator: Operator) -> None:
    assert operator.run("status").out.startswith("en: not read yet\n")
    assert not operator.folder.exists()

    first, reads = operator.run("sync"), operator.reads()
    seen = operator.seen()
    assert first.code == 0
    amount = f"en: {seen.bases} product bases in {seen.catalogs} catalogs, "
    assert re.fullmatch(re.escape(amount) + rf"{SIZE}, read in .+ s\n", first.out)
    assert seen.bases == seen.with_details > BASES

    again = operator.run("sync")
    assert again.code == 0
    anew = re.search(r", (\d+) of them read again in ", again.out)
    assert anew is not None, "catalogs that do not say when they were imported"
    assert operator.reads() - reads == int(anew[1]) < 20

    status = operator.run("status")
    assert status.code == 0
    assert status.out.startswith(amount)
    assert f"{seen.bases} with details, read " in status.out
    assert str(operator.file) in status.out
    assert "stopped" not in status.out

    cleared = operator.run("clear")
    assert cleared.code == 0
    assert re.fullmatch(rf"en: cleared, {SIZE} freed\n", cleared.out)
    assert operator.run("status").out.startswith("en: empty, ")

    assert operator.run("sync").code == 0
    assert operator.seen().bases == seen.bases


def test_status_asks_nobody(operator: Operator) -> None:
    before = len(operator.served.sandbox.requests)
    assert operator.run("status").code == 0
    assert operator.run("status", "--json").code == 0
    assert len(operator.served.sandbox.requests) == before


def one_catalog(monkeypatch: pytest.MonkeyPatch, served: ServedSandbox) -> None:
    """Allow only a small catalog that says when it was imported."""
    alias = handle_of(served.sandbox, "park_offer").partition(".")[0]
    monkeypatch.setenv("KORUS_CATALOGS", alias)


def test_a_catalog_that_was_not_imported_anew_is_not_read_again(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_catalog(monkeypatch, operator.served)
    assert " in 1 catalog, " in operator.run("sync").out
    before = operator.reads()
    assert ", nothing new in " in operator.run("sync").out
    assert operator.reads() == before


def test_languages_are_those_asked_for_and_those_that_have_a_file(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_catalog(monkeypatch, operator.served)
    said = operator.run("sync", "--language", "fr")
    assert [line[:3] for line in said.out.splitlines()] == ["fr:"]
    states = json.loads(operator.run("status", "--json").out)
    assert [(s["language"], s["exists"]) for s in states] == [("en", False), ("fr", True)]
    assert [
        s["language"] for s in json.loads(operator.run("status", "--language", "fr", "--json").out)
    ] == ["fr"]
    cleared = [line[:11] for line in operator.run("clear").out.splitlines()]
    assert cleared == ["en: not the", "fr: cleared"], "each file by its own name"
    states = json.loads(operator.run("status", "--json").out)
    assert [s.get("product_bases", 0) for s in states] == [0, 0]
    assert operator.run("sync", "--language", "fr, FR,fr-FR").code == 0
    assert operator.run("clear", "--language", "fr").out.startswith("fr: cleared")
    assert operator.run("clear").out.splitlines()[0] == "en: not there, nothing to clear"


def test_a_language_that_does_not_exist_gets_no_file(operator: Operator) -> None:
    said = operator.run("sync", "--language", "xx")
    assert said.code == 1
    assert said.err.startswith("xx: KorusTicket has no texts in this language: it answers in ")
    assert not said.out
    assert not operator.folder.exists()


def test_a_catalog_that_is_not_open_is_named_with_those_that_are(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KORUS_CATALOGS", "nosuch")
    said = operator.run("sync")
    assert said.code == 1
    assert "KORUS_CATALOGS names nosuch, which is not open to this account; open: " in said.err
    assert handle_of(operator.served.sandbox, "park_offer").partition(".")[0] in said.err
    assert not operator.folder.exists()
    assert operator.run("clear", "--language", "../fr").code == EXIT_MISCONFIGURED


def test_status_for_a_program_names_every_figure(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_catalog(monkeypatch, operator.served)
    assert operator.run("sync").code == 0
    (state,) = json.loads(operator.run("status", "--json").out)
    seen = operator.seen()
    assert seen.read_at is not None
    assert 0 <= state.pop("age_seconds") < 60
    assert state == {
        "language": "en",
        "file": str(operator.file),
        "failure": None,
        "exists": True,
        "catalogs": 1,
        "product_bases": seen.bases,
        "with_details": seen.bases,
        "passed_over": 0,
        "unread_rows": 0,
        "read_at": seen.read_at.isoformat(),
        "is_unfinished": False,
        "is_being_read": False,
        "size_bytes": operator.file.stat().st_size,
    }


def test_a_check_tells_the_file_and_its_age_and_reads_nothing_into_it(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_catalog(monkeypatch, operator.served)
    assert main(["check"]) == 0
    said = operator.capsys.readouterr().out
    assert re.search(r"^cache +OK +en: not read yet; in .+$", said, re.MULTILINE)
    assert not operator.folder.exists()
    assert operator.run("sync").code == 0
    read_at = operator.seen().read_at
    assert main(["check"]) == 0
    said = operator.capsys.readouterr().out
    assert re.search(r"^cache +OK +en: read .+ s ago; in .+$", said, re.MULTILINE)
    assert operator.seen().read_at == read_at


# Stopped and killed


def test_a_sync_that_is_told_to_stop_keeps_what_it_read(operator: Operator) -> None:
    with operator.held_api(), operator.child("sync") as child:
        wait_until(operator.has_details)
        assert "being read at this moment" in operator.run("status").out
        refused = operator.run("clear")
        assert refused.code == 1
        assert "another server is reading" in refused.err
        child.terminate()
        said = ended(child)
    assert said.code == EXIT_INTERRUPTED
    assert "what was read is kept" in said.err
    assert operator.seen().with_details > 0
    assert operator.seen().is_unfinished
    assert "the last sync was stopped" in operator.run("status").out


def test_an_interrupt_in_this_process_is_as_clean(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        wait_until(operator.has_details)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with operator.held_api():
        said = operator.run("sync")
    thread.join()
    assert said.code == EXIT_INTERRUPTED
    assert operator.seen().with_details > 0


def test_a_killed_sync_is_gone_on_with(operator: Operator) -> None:
    with operator.held_api(), operator.child("sync") as child:
        wait_until(operator.has_details)
        child.kill()
    kept, before = operator.seen().with_details, operator.reads()
    said = operator.run("sync")
    assert said.code == 0
    assert f"continuing a sync that was stopped; {kept} of" in said.err
    assert operator.reads() - before <= operator.seen().bases - kept + CRAWLERS
    assert kept > CRAWLERS


# Another server


def follows(child: Child) -> bool:
    _, stderr = child.output
    return b"another server is reading" in stderr.readline()


def test_a_sync_follows_the_server_that_is_reading(operator: Operator) -> None:
    assert operator.run("sync").code == 0
    before = operator.reads()
    with operator.another_server(), operator.child("sync") as child:
        assert follows(child)
        now = SystemClock().now().timestamp()
        with closing(sqlite3.connect(operator.file)) as db, db:
            db.execute("UPDATE fact SET value = ? WHERE name = 'complete_at'", (now,))
        said = ended(child)
    assert said.code == 0
    assert "read by another server" in said.out
    assert operator.reads() == before


def test_a_sync_takes_over_when_the_server_it_follows_ends_too_early(operator: Operator) -> None:
    other = ExitStack()
    other.enter_context(operator.another_server())
    with other, operator.child("sync") as child:
        assert follows(child)
        other.close()
        said = ended(child)
    assert said.code == 0
    assert "read in " in said.out
    assert not operator.seen().is_unfinished


# What goes wrong


def test_an_api_that_is_not_there_is_told_in_a_sentence(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("KORUS_API_URL", origin)
    monkeypatch.setenv("KORUS_TOKEN_URL", f"{origin}/token")
    said = operator.run("sync")
    assert said.code == 1
    assert said.err.startswith("en: the catalog cannot be read. KorusTicket")
    assert "the next sync goes on" in said.err
    assert not said.out


def test_an_api_that_fails_on_the_way_leaves_what_was_read(operator: Operator) -> None:
    operator.served.sandbox.faults.add(Answer(status=429), "getProductBase", times=None)
    assert operator.run("sync").code == 1
    assert operator.seen().bases > BASES
    operator.served.sandbox.faults.clear()
    said = operator.run("sync")
    assert said.code == 0
    assert "continuing" in said.err


def test_an_account_without_a_catalog_is_told_so(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = operator.served.sandbox
    monkeypatch.setenv("KORUS_CLIENT_ID", sandbox.empty_client_id)
    monkeypatch.setenv("KORUS_CLIENT_SECRET", sandbox.empty_client_secret)
    said = operator.run("sync")
    assert said.code == 0
    assert "no catalog is open to this account" in said.out


def test_a_folder_that_cannot_be_used_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("KORUS_CACHE_DIR", str(in_the_way))
    said = operator.run("sync")
    assert said.code == 1
    assert "KORUS_CACHE_DIR" in said.err
    assert operator.run("status").code == 0


def test_a_damaged_file_is_told_and_left_alone_by_status(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_catalog(monkeypatch, operator.served)
    assert operator.run("sync").code == 0
    file = operator.file
    file.write_bytes(b"no database" * 1000)
    said = operator.run("status")
    assert said.code == 1
    assert "cannot be read (file is not a database)" in said.out
    assert file.read_bytes().startswith(b"no database")
    assert operator.run("sync").code == 0
    assert operator.run("status").code == 0


def test_the_embedded_sandbox_has_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_shell(monkeypatch, {})
    assert main(["catalog", "status"]) == 0
    assert "keeps its catalog in memory" in capsys.readouterr().out
    assert main(["catalog", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    for command in ("sync", "clear"):
        assert main(["catalog", command]) == EXIT_MISCONFIGURED
        assert "keeps its catalog in memory" in capsys.readouterr().err


# Words


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_on_a_terminal_there_is_a_bar_and_then_the_outcome(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    one_catalog(monkeypatch, operator.served)
    ours, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=read_terminal, args=(ours, shown))
    reader.start()
    with closing(os.fdopen(theirs, "w")) as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        said = operator.run("sync")
    reader.join()
    assert said.code == 0
    assert b"en: catalogs" in shown
    assert "read in " in said.out


def read_terminal(terminal: int, into: bytearray) -> None:
    """Read until the other end is closed, which Linux tells by an error."""
    with closing(os.fdopen(terminal, "rb", buffering=0)) as file, suppress(OSError):
        while some := file.read(4096):
            into += some


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "less than 1 s"), (41.3, "41 s"), (150, "2 min"), (10_000, "3 h"), (400_000, "5 days")],
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, told: str) -> None:
    assert told_span(seconds) == told


def test_the_age_of_a_mirror_counts_from_its_last_comparison() -> None:
    read_at = datetime(2026, 6, 1, tzinfo=UTC)
    seen = Overview(
        catalogs=1,
        bases=1,
        with_details=1,
        read_anew=1,
        read_at=read_at,
        is_unfinished=False,
        size_bytes=1,
    )
    assert seen.told_age(read_at + timedelta(hours=3)) == "read 3 h ago"
