"""Files that are their owner's alone: of mirror, journal, tickets; and a user without a home."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from korus_mcp.booking.documents import save_file
from korus_mcp.catalog import file as catalog_file
from korus_mcp.catalog.overview import look_at
from korus_mcp.catalog.store import Store
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.private_files import NotOurs, NotPrivate, private_database, private_folder
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import engine
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.sql import SqlJournal
from tests.fixtures.forking import begun
from tests.fixtures.hosts import PROJECT

pytestmark = pytest.mark.anyio
NOBODY = 54_321
"""A user the system knows nothing of."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_mirror(path: Path) -> None:
    store = Store(path)
    store.put_facts(listed_at=1.0)
    store.close()


def open_journal(path: Path) -> None:
    async def work() -> None:
        journal = SqlJournal.at(f"sqlite:///{path}", "account", clock=SystemClock())
        try:
            await journal.installation()
        finally:
            await journal.close()

    anyio.run(work)


BOTH = pytest.mark.parametrize("opened", [open_mirror, open_journal])
Opening = Callable[[Path], None]


def link(path: Path) -> None:
    other = path.with_name("elsewhere")
    other.write_bytes(b"")
    path.symlink_to(other)


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def link_beside(path: Path) -> None:
    path.with_name(f"{path.name}-wal").symlink_to(path.with_name("elsewhere"))


def group_writable(path: Path) -> None:
    path.touch()
    path.chmod(0o660)


def anybody_s(path: Path) -> None:
    path.touch()
    path.chmod(0o606)


def pipe(path: Path) -> None:
    os.mkfifo(path)


@BOTH
@pytest.mark.parametrize(
    "spoiled",
    [
        link,
        dangling_link,
        link_beside,
        group_writable,
        anybody_s,
        pipe,
    ],
)
def test_a_file_that_is_not_its_owner_s_alone_is_refused_and_left(
    opened: Opening, spoiled: Opening, tmp_path: Path
) -> None:
    path = tmp_path / "catalog.sqlite"
    spoiled(path)
    with pytest.raises((NotPrivate, JournalDown)) as refused:
        opened(path)
    if isinstance(refused.value, JournalDown):
        assert refused.value.fault is JournalFault.NOT_PRIVATE
    assert not (tmp_path / "nowhere").exists()


@BOTH
def test_a_file_of_another_user_is_refused(
    opened: Opening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalog.sqlite"
    opened(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises((NotPrivate, JournalDown)):
        opened(path)
    with pytest.raises(NotPrivate, match="another user"):
        private_database(path)
    assert path.read_bytes() == before


@BOTH
def test_what_is_made_is_its_owner_s_alone_whatever_the_mask(
    opened: Opening, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "catalog.sqlite"
    before = os.umask(0)
    try:
        opened(path)
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}


@BOTH
def test_a_file_others_may_read_is_closed_to_them(opened: Opening, tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    opened(path)
    path.chmod(0o644)
    opened(path)
    assert mode(path) == 0o600


@BOTH
def test_a_database_of_another_program_is_left_as_it_is(opened: Opening, tmp_path: Path) -> None:
    for number, makes in enumerate(
        (
            "CREATE TABLE letters (text TEXT); PRAGMA user_version = 3",
            "PRAGMA application_id = 11964; CREATE TABLE base (x); CREATE TABLE korus_meta (x)",
            "PRAGMA application_id = 1196444487",
        )
    ):
        path = tmp_path / f"catalog{number}.sqlite"
        with closing(sqlite3.connect(path)) as db:
            db.executescript(makes)
        before = path.read_bytes()
        with pytest.raises((NotOurs, JournalDown)) as refused:
            opened(path)
        if isinstance(refused.value, JournalDown):
            assert refused.value.fault is JournalFault.DAMAGED
        assert path.read_bytes() == before


@BOTH
def test_a_file_from_before_it_said_whose_it_is_is_known_and_marked(
    opened: Opening, tmp_path: Path
) -> None:
    path = tmp_path / "catalog.sqlite"
    opened(path)
    expected = catalog_file.APPLICATION_ID if opened is open_mirror else engine.APPLICATION_ID
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (expected,)
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        db.execute("PRAGMA application_id = 0")
        db.execute("CREATE TABLE mark_of_ours_kept (x)")
    opened(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (expected,)
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (tables[0] + 1,)


def test_a_journal_is_no_catalog_and_a_catalog_no_journal(tmp_path: Path) -> None:
    mirror, journal = tmp_path / "catalog.sqlite", tmp_path / "journal.sqlite"
    open_mirror(mirror)
    open_journal(journal)
    with pytest.raises(NotOurs):
        open_mirror(journal)
    with pytest.raises(JournalDown):
        open_journal(mirror)


def test_what_cannot_be_told_to_be_ours_is_kept_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"Dear Charles " * 500)
    open_mirror(path)
    assert (tmp_path / "catalog.sqlite.damaged").read_bytes() == b"Dear Charles " * 500


def test_a_look_at_a_mirror_refuses_what_opening_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    link(path)
    with pytest.raises(sqlite3.Error, match="link"):
        look_at(path)


# Folders


def test_the_folder_of_the_mirror_is_closed_where_it_holds_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o755)
    open_mirror(folder / "catalog.sqlite")
    assert mode(folder) == 0o700
    (folder / "holiday.jpg").touch()
    folder.chmod(0o755)
    open_mirror(folder / "catalog.sqlite")
    assert mode(folder) == 0o755, "a folder that is used for other things stays as it is"
    folder.chmod(0o775)
    with pytest.raises(NotPrivate):
        open_mirror(folder / "catalog.sqlite")


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(NotPrivate, match="link"):
        private_folder(tmp_path / "link", ours="catalog", is_read_again=True)
    with pytest.raises(Refusal) as refused:
        save_file(tmp_path / "link", "tickets.pdf", b"%PDF-")
    assert refused.value.code is Code.MISCONFIGURED
    assert not list((tmp_path / "real").iterdir())


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(NotPrivate, match="another user"):
        private_folder(tmp_path, ours="catalog", is_read_again=True)


def test_a_folder_anybody_may_write_takes_no_tickets(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    tmp_path.chmod(0o777)
    with pytest.raises(Refusal):
        save_file(tmp_path, "tickets.pdf", b"%PDF-")
    tmp_path.chmod(0o1777)  # as /tmp: nobody removes or replaces the files of others
    assert save_file(tmp_path, "tickets.pdf", b"%PDF-").exists()


def test_a_folder_of_tickets_alone_is_closed_and_one_of_other_things_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    save_file(tmp_path, "tickets-1.pdf", b"%PDF-")
    assert mode(tmp_path) == 0o700
    (tmp_path / "holiday.jpg").touch()
    tmp_path.chmod(0o775)
    save_file(tmp_path, "tickets-2.pdf", b"%PDF-")
    assert mode(tmp_path) == 0o775


def test_a_ticket_is_its_owner_s_alone_and_never_written_through_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    before = os.umask(0)
    try:
        first = save_file(folder, "tickets.pdf", b"%PDF-1")
        (folder / "tickets-2.pdf").symlink_to(tmp_path / "elsewhere")
        third = save_file(folder, "tickets.pdf", b"%PDF-2")
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert mode(first) == mode(third) == 0o600
    assert third.name == "tickets-3.pdf"
    assert not (tmp_path / "elsewhere").exists()


def test_a_database_that_is_its_owner_s_alone_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"")
    path.chmod(0o600)
    private_database(path)
    assert mode(path) == 0o600


# A user without a home

NO_ENTRY = """
import pwd, sys
def unknown(*_): raise KeyError("getpwuid(): uid not found")
pwd.getpwuid = pwd.getpwnam = unknown  # as for a user with a number alone, in a container
"""
BUYS = """
import json
import anyio
from korus_mcp.journal.records import JournalDown
from korus_mcp.journal.opening import journal_url, may_have_bookings
from korus_mcp.foundation.refusals import Refusal
from korus_mcp.app import catalog_files
from korus_mcp.settings import read_settings
from korus_mcp.tools.get_tickets import _downloads
from tests.fixtures.assistant import desk

remote = read_settings({
    "KORUS_ENVIRONMENT": "production", "KORUS_CLIENT_ID": "a", "KORUS_CLIENT_SECRET": "b",
})
told = {"folder": catalog_files(remote).folder, "bookings": may_have_bookings(remote)}
try:
    journal_url(remote)
except JournalDown as down:
    told["journal"] = down.fault.value

async def buy():
    async with desk(only=("park",)) as each:
        told["order"] = await each.booked(each.handle("park_offer"))
try:
    _downloads()
except Refusal as refusal:
    told["tickets"] = str(refusal.code), refusal.message, refusal.next_step
anyio.run(buy)
print(json.dumps(told))
"""


def test_a_user_without_a_home_is_refused_what_needs_a_folder_and_nothing_else(
    tmp_path: Path,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NO_ENTRY + BUYS],
        env={"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["folder"] is None
    assert told["bookings"] is False
    assert "no home folder" in told["journal"]
    assert told["order"]["order_id"]
    assert told["tickets"][0] == "MISCONFIGURED"
    assert "KORUS_DOWNLOAD_DIR" in told["tickets"][2]
    assert not list(tmp_path.iterdir()), "no folder named ~ is made where it happens to run"


RUNS = """
from korus_mcp.commands.cli import main
for command in sys.argv[1:]:
    main(command.split())
    print("The end.")
"""


def test_a_journal_without_a_folder_is_refused_by_the_command_line(tmp_path: Path) -> None:
    account = {
        "KORUS_ENVIRONMENT": "production",
        "KORUS_CLIENT_ID": "a",
        "KORUS_CLIENT_SECRET": "b",
    }
    asked = {
        "journal list": "KORUS_DATABASE_URL",
        "catalog sync": "KORUS_CACHE_DIR",
        "catalog status": "KORUS_CACHE_DIR",
    }
    ran = subprocess.run(
        [sys.executable, "-u", "-c", NO_ENTRY + RUNS, *asked],
        env={"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", **account},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=60,
    )
    said = ran.stdout.split("The end.\n")
    assert len(said) == len(asked) + 1
    for part, setting in zip(said, asked.values(), strict=False):
        assert setting in part
        assert "Traceback" not in part
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["x" * 300, "file/inside", "x" * 200 + "/" + "y" * 300])
def test_a_path_that_cannot_be_looked_at_is_told_and_no_crash(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {
        **os.environ,  # noqa: TID251 - a child's own
        "KORUS_ENVIRONMENT": "production",
        "KORUS_CLIENT_ID": "a",
        "KORUS_CLIENT_SECRET": "b",
        "KORUS_DATABASE_URL": f"sqlite:///{tmp_path / where}",
        "KORUS_CACHE_DIR": str(tmp_path / where),
    }
    for arguments in (["journal", "list"], ["catalog", "status"], ["catalog", "clear"]):
        ran = begun("korus_mcp", *arguments, environment=environment)
        code = ran.code(within=60)
        _, stderr = ran.said()
        assert code in (0, 1), stderr
        assert "Traceback" not in stderr
