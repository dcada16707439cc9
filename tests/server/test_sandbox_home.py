"""Where the embedded sandbox is kept, and what becomes of it where that is not possible."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio
import pytest
from mcp import Client

from korus_mcp.booking.by_hand import ByHand, Seal
from korus_mcp.commands.cli import main
from korus_mcp.foundation.clock import ManualClock, SystemClock
from korus_mcp.journal.opening import IN_MEMORY, journal_of
from korus_mcp.journal.records import TABLES_VERSION
from korus_mcp.journal.tables import VERSION
from korus_mcp.sandbox import LAYOUT, WorldFile
from korus_mcp.server.composition import build_server
from korus_mcp.server.sandbox_home import LEFT_OVER, SandboxHome, reset, world_path
from korus_mcp.settings import Settings
from tests.fixtures.assistant import CUSTOMER, Assistant, settings_of

pytestmark = pytest.mark.anyio
FOREIGN_IDS: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"


def settings(folder: Path, **given: str) -> Settings:
    return settings_of(SANDBOX_DIR=str(folder / "kept"), SANDBOX_SEED="7", **given)


def file_in(folder: Path) -> Path:
    found = world_path(settings(folder))
    assert found is not None
    return found


def no_folder(folder: Path) -> None:
    (folder / "kept").write_text("a file stands in its place")


def damaged(folder: Path) -> None:
    file_in(folder).parent.mkdir(mode=0o700)
    file_in(folder).write_bytes(b"no database, and long enough to be looked into" * 100)


def newer(folder: Path) -> None:
    file_in(folder).parent.mkdir(mode=0o700)
    version = 1000 * LAYOUT + TABLES_VERSION + 1
    WorldFile(file_in(folder), version=version, now=SystemClock().now()).close()


def damaged_journal(folder: Path) -> None:
    home = SandboxHome(settings(folder))
    address = home.journal_url().removeprefix("sqlite:///")
    home.close()
    Path(address).write_bytes(b"no database, and long enough to be looked into" * 100)


def foreign(folder: Path) -> None:
    file_in(folder).parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(file_in(folder))) as db:
        db.execute("CREATE TABLE of_somebody_else (what TEXT)")


def shared_by_all(folder: Path) -> None:
    file_in(folder).parent.mkdir()
    file_in(folder).parent.chmod(0o777)
    (file_in(folder).parent / "of-somebody-else").touch()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


HINDRANCES = {
    no_folder: "cannot be written",
    damaged: "damaged (to throw it away: korus-mcp sandbox reset)",
    newer: "newer korus-mcp (to throw it away: korus-mcp sandbox reset)",
    damaged_journal: "damaged (to throw it away: korus-mcp sandbox reset)",
    foreign: "another program",
    shared_by_all: "others may write",
}


@pytest.mark.parametrize(("hinder", "said"), HINDRANCES.items(), ids=lambda x: str(x)[:20])
async def test_where_it_cannot_be_kept_it_is_in_memory_and_refusals_of_ids_say_so(
    hinder: Callable[[Path], None], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hinder(tmp_path)
    before = contents(tmp_path)
    async with Client(build_server(settings(tmp_path))) as client:
        assistant = Assistant(client)
        found = await assistant.call("search_products", query="museum")
        base = found["products"][0]["product_base_id"]
        table = await assistant.call("get_offers", product_base_id=base)
        offer = table["days"][-1]["offers"][0]["offer_id"]
        unknown = await assistant.ask("get_offers", {"product_base_id": f"abcdef.{FOREIGN_IDS}"})
        assert unknown.code == "UNKNOWN_ID"
        missing = await assistant.ask("get_reservation", {"reservation_ids": [FOREIGN_IDS]})
        assert missing.code == "NOT_FOUND"
        for refusal in (unknown, missing):
            assert "in memory" in refusal.error["message"]
            assert said in refusal.error["message"]
        other = await assistant.ask("check_availability", {"offer_id": offer, "quantity": 0})
        assert "in memory" not in other.text, "no other refusal is about it"
    assert any("kept in memory" in line and said in line for line in caplog.messages)
    assert before.items() <= contents(tmp_path).items(), "it is left as it was"


def test_a_home_in_which_no_folder_can_be_made_is_no_hindrance(tmp_path: Path) -> None:
    # Whoever is root may write everywhere, but beneath a file nobody can.
    file = tmp_path / "file"
    file.touch()
    home = SandboxHome(settings(file / "sandbox"))
    assert home.opened() is None
    assert home.journal_url() == IN_MEMORY


async def test_where_it_is_kept_no_refusal_speaks_of_memory(tmp_path: Path) -> None:
    async with Client(build_server(settings(tmp_path))) as client:
        assistant = Assistant(client)
        refusal = await assistant.ask("get_offers", {"product_base_id": f"abcdef.{FOREIGN_IDS}"})
        assert refusal.code == "UNKNOWN_ID"
        assert "memory" not in refusal.text


def test_a_file_that_cannot_grow_is_told_as_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def full(*given: object, **named: object) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*given, **named)  # type: ignore[call-overload]
        db.execute("PRAGMA max_page_count = 1")
        return db

    monkeypatch.setattr(sqlite3, "connect", full)
    home = SandboxHome(settings(tmp_path))
    assert home.opened() is None
    assert "the disk is full" in (home.forgets or "")


def test_nothing_is_opened_before_it_is_asked_for(tmp_path: Path) -> None:
    home = SandboxHome(settings(tmp_path))
    assert home.forgets is None
    assert not home.may_have_bookings()
    assert not list(tmp_path.iterdir())


def test_what_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    home = SandboxHome(settings(tmp_path))
    assert home.opened() is not None
    for path in [tmp_path / "kept", *(tmp_path / "kept").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    home.close()


def test_worlds_of_other_settings_are_other_worlds(tmp_path: Path) -> None:
    places = {
        world_path(settings_of(SANDBOX_DIR=str(tmp_path), **given))
        for given in ({}, {"SANDBOX_SEED": "1"}, {"SANDBOX_SEED": "2"}, {"SANDBOX_BASES": "9"})
    }
    assert len(places) == 4


def test_the_version_of_a_world_changes_with_that_of_its_journal() -> None:
    assert VERSION == TABLES_VERSION


def test_a_journal_belongs_to_its_world(tmp_path: Path) -> None:
    home = SandboxHome(settings(tmp_path))
    first = home.journal_url()
    assert SandboxHome(settings(tmp_path)).journal_url() == first
    assert reset(settings(tmp_path), SystemClock().now()) == 1
    assert SandboxHome(settings(tmp_path)).journal_url() != first


def test_journals_of_worlds_that_are_gone_are_removed_after_a_while(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    old = Path(SandboxHome(settings(tmp_path)).journal_url().removeprefix("sqlite:///"))
    old.touch(mode=0o600)
    clock.advance(timedelta(days=2).total_seconds())
    young = SandboxHome(settings(tmp_path), clock=clock).journal_url().removeprefix("sqlite:///")
    assert old.exists(), "a server that runs may still use it"
    Path(young).touch(mode=0o600)
    clock.advance(LEFT_OVER.total_seconds())
    assert SandboxHome(settings(tmp_path), clock=clock).opened() is not None
    assert not old.exists()


# The command


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("KORUS_SANDBOX_DIR", str(folder / "kept"))
    monkeypatch.setenv("KORUS_CLIENT_ID", "half an account is no concern of a sandbox")
    return main(["sandbox", *arguments])


@pytest.mark.parametrize("hinder", [damaged, newer, damaged_journal])
def test_a_reset_throws_away_what_nobody_can_go_on_with(
    hinder: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hinder(tmp_path)
    assert SandboxHome(settings(tmp_path)).opened() is None
    assert run(tmp_path, monkeypatch, "reset") == 0
    assert "anew" in capsys.readouterr().out
    assert SandboxHome(settings(tmp_path)).opened() is not None


def test_a_reset_of_nothing_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, monkeypatch, "reset") == 0
    assert "Nothing is kept" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_reset_that_is_hindered_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign(tmp_path)
    before = file_in(tmp_path).read_bytes()
    assert run(tmp_path, monkeypatch, "reset") == 1
    assert "cannot be emptied" in capsys.readouterr().err
    assert file_in(tmp_path).read_bytes() == before


async def test_a_server_that_runs_goes_on_in_the_new_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Client(build_server(settings(tmp_path))) as client:
        assistant = Assistant(client)
        found = await assistant.call("search_products", query="undated 1-day ticket")
        base = found["products"][0]["product_base_id"]
        offer = await an_offer(assistant, base)
        order = await assistant.booked(offer)
        assert run(tmp_path, monkeypatch, "reset") == 0
        gone = await assistant.ask("get_tickets", {"order_id": order["order_id"]})
        assert gone.code == "NOT_FOUND", gone.text
        later = await assistant.booked(offer)
        assert later["order_id"] != order["order_id"]
        address = SandboxHome(settings(tmp_path)).journal_url().removeprefix("sqlite:///")
        assert later["order_id"] in await orders_in(Path(address)), "in the journal of all others"


async def test_after_a_reset_others_read_what_a_running_server_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(tmp_path, APPROVAL="human")
    async with Client(build_server(chosen, beside={})) as client:
        assistant = Assistant(client)
        found = await assistant.call("search_products", query="undated 1-day ticket")
        offer = await an_offer(assistant, found["products"][0]["product_base_id"])
        for _ in range(2):
            asked = await asked_for(assistant, offer)
            assert await read_by_another(chosen, asked) is not None
            assert run(tmp_path, monkeypatch, "reset") == 0
            assert await read_by_another(chosen, asked) is None


async def test_in_memory_no_terminal_is_named_that_could_not_answer(tmp_path: Path) -> None:
    no_folder(tmp_path)
    chosen = settings(tmp_path, APPROVAL="human")
    async with Client(build_server(chosen, beside={})) as client:
        assistant = Assistant(client)
        found = await assistant.call("search_products", query="undated 1-day ticket")
        offer = await an_offer(assistant, found["products"][0]["product_base_id"])
        held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
        ids = [held["reservations"][0]["reservation_id"]]
        asked = {"reservation_ids": ids, "customer": CUSTOMER}
        refused = await assistant.ask("place_order", asked)
        assert refused.code == "APPROVAL_UNAVAILABLE"
        assert "korus-mcp approve" not in refused.text


async def asked_for(assistant: Assistant, offer: str) -> str:
    """The code of the question whether to order one."""
    held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
    ids = [held["reservations"][0]["reservation_id"]]
    asked = await assistant.call("place_order", reservation_ids=ids, customer=CUSTOMER)
    assert asked["state"] == "approval_needed"
    return str(asked["code"])


async def read_by_another(chosen: Settings, code: str) -> object:
    """What another process reads of a question."""
    home, clock = SandboxHome(chosen), SystemClock()
    journal = journal_of(chosen, clock, url=home.journal_url())
    seal = Seal(home.secret(), chosen.account.key())
    by_hand = ByHand(journal=journal, seal=seal, environment="sandbox", clock=clock)
    try:
        return await by_hand.found(code)
    finally:
        await journal.close()
        home.close()


async def orders_in(journal: Path) -> str:
    """What the journal says of orders."""

    def read() -> str:
        with closing(sqlite3.connect(journal)) as db:
            return str(db.execute("SELECT order_id FROM korus_outcome").fetchall())

    return await anyio.to_thread.run_sync(read)


async def an_offer(assistant: Assistant, base: str) -> str:
    """An offer that needs no session and has a place left."""
    table = await assistant.call("get_offers", product_base_id=base)
    for row in (row for day in table["days"] for row in day["offers"]):
        asked = await assistant.call("check_availability", offer_id=row["offer_id"], quantity=1)
        if asked["bookable"] and not asked.get("sessions"):
            return str(row["offer_id"])
    raise AssertionError("no such offer")
