"""korus-mcp journal, as an operator calls it."""

import json
import logging
import os
import re
import secrets
import sqlite3
from pathlib import Path

import anyio
import pytest

from korus_mcp.commands.cli import main
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import Journal
from korus_mcp.journal.opening import journal_url
from korus_mcp.journal.records import OrderResult
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.settings import read_settings
from tests.fixtures.by_hand import at_a_terminal
from tests.journal.rows import FENCE, NOW, intent, sent

ENVIRONMENT = {
    "KORUS_ENVIRONMENT": "sandbox",
    "KORUS_API_URL": "http://127.0.0.1:9",
    "KORUS_TOKEN_URL": "http://127.0.0.1:9/token",
    "KORUS_CLIENT_ID": "shop",
    "KORUS_CLIENT_SECRET": "a secret of the shop",
}
KEY = "the key that signs the audit of a journal"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "journal.db"
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KORUS_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("KORUS_JOURNAL_KEY", KEY)
    # Of the tests, which a command would warn of on stderr.
    monkeypatch.delenv("KORUS_TEST_NO_SKIP", raising=False)
    return path


async def orders(journal: Journal) -> None:
    """One that is known, one in doubt."""
    await sent(journal, one := intent("known", "r1", "r2", caller_reference="trip"))
    told = {"o1": "KT-ORD-100001"}
    await journal.settle(one.id, OrderResult({"r1": "o1"}, {"r2": "sold out"}, numbers=told))
    await sent(journal, two := intent("open", "r3"))
    await journal.settle(two.id, OrderResult(ambiguous=True))


@pytest.fixture
def written(file: Path) -> Path:
    settings = read_settings(
        {**ENVIRONMENT, "KORUS_DATABASE_URL": f"sqlite:///{file}", "KORUS_JOURNAL_KEY": KEY}
    )

    async def write() -> None:
        journal = SqlJournal.at(
            journal_url(settings),
            settings.account.key(),
            clock=SystemClock(),
            audit_key=KEY,
        )
        await orders(journal)
        await journal.close()

    anyio.run(write)
    return file


def test_looking_makes_no_journal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, code in ((["list"], 0), (["show", "o1"], 1), (["verify"], 1), (["purge"], 0)):
        assert main(["journal", *command]) == code
        assert "no journal yet" in capsys.readouterr().out
    assert not file.exists()


def test_the_embedded_sandbox_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "list"]) == 2
    assert "no journal of an account" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["journal", "list"], ["journal", "verify"], ["check"]])
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql://shop:canary@ss@127.0.0.1:9/x", 2),
        ("postgresql://shop:canary@127.0.0.1:canary/x", 2),
        ("postgresql://shop:canary@127.0.0.1:9/x?channel_binding=require", 2),
        ("postgresql://shop:canary@127.0.0.1:9/x?sslmode=canary", 2),
        ("postgresql://shop:canary@127.0.0.1:9/x?sslmode=require&sslmode=require", 2),
        ("postgresql://shop:canary@127.0.0.1:9/x?schema=canary", 2),
        ("canary://shop:canary@127.0.0.1:9/x", 2),
        ("postgres://shop:canary%40ss@127.0.0.1:9/x", 1),
        ("postgresql+asyncpg://shop:canary@127.0.0.1:9/x?application_name=canary", 1),
        ("postgresql://shop:canary@127.0.0.1:9,127.0.0.1:10/x?sslmode=require", 1),
        ("postgresql://shop:canary@127.0.0.1:9/x?options=-c%20canary%3D1&connect_timeout=1", 1),
        ("postgresql://shop:canary@nowhere.invalid/x?sslpassword=canary", 1),
    ],
)
def test_no_address_of_a_database_tells_its_password(
    command: list[str],
    address: str,
    code: int,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("KORUS_DATABASE_URL", address)
    caplog.set_level(logging.DEBUG)
    assert main(command) == code
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err + caplog.text
    if code == 2:
        assert "KORUS_DATABASE_URL must " in said.err


def test_orders_are_listed_newest_first(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "list"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    columns = ["sent (UTC)", "state", "order or call (reference)", "EUR"]
    assert re.split(" {2,}", head.strip()) == columns
    known_by = f"in doubt, known by {FENCE:%Y-%m-%d %H:%M}"
    assert re.split(" {2,}", first.strip())[1:] == [known_by, "open", "100"]
    told = ["partly ordered", "KT-ORD-100001 (trip)", "100"]
    assert re.split(" {2,}", second.strip())[1:] == told
    assert main(["journal", "list", "--open", "--json"]) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert (only["id"], only["state"]) == ("open", "in doubt")
    assert main(["journal", "list", "--limit", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_whose_order_it_was_is_told_where_there_are_several(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sqlite3.connect(written)
    file.execute("UPDATE korus_intent SET owner = 'local/bob' WHERE id = 'open'")
    file.commit()
    file.close()
    assert main(["journal", "list"]) == 0
    ends = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert ends == ["owner", "local/bob", "local/ada"]


def test_at_a_terminal_of_80_columns_no_name_is_cut_or_broken(written: Path) -> None:
    name = secrets.token_hex(16)
    file = sqlite3.connect(written)
    file.execute("UPDATE korus_intent SET id = ? WHERE id = 'open'", (name,))
    file.execute("UPDATE korus_outcome SET intent_id = ? WHERE intent_id = 'open'", (name,))
    file.commit()
    file.close()
    shell = {**os.environ, "COLUMNS": "80"}  # noqa: TID251 - a child needs PATH
    code, seen = at_a_terminal(["journal", "list"], "", shell)
    assert code == 0
    assert name in seen
    assert "KT-ORD-100001" in seen
    lines = re.sub(r"\x1b\[[0-9;]*m", "", seen).splitlines()
    assert max(map(len, lines)) <= 80


def test_an_order_without_a_number_is_listed_and_shown_by_its_id(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a journal of an older version has them."""
    file = sqlite3.connect(written)
    file.execute("UPDATE korus_outcome SET order_number = NULL")
    file.commit()
    file.close()
    assert main(["journal", "list"]) == 0
    assert " o1 " in capsys.readouterr().out.splitlines()[2]
    assert main(["journal", "show", "KT-ORD-100001"]) == 1
    assert main(["journal", "show", "o1"]) == 0
    assert "r1: order o1\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["known", "km1-known", "trip", "o1", "r2", "KT-ORD-100001"])
def test_an_order_is_shown_by_any_of_its_names(
    name: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "show", name]) == 0
    said = capsys.readouterr().out
    for word in ("r1: order KT-ORD-100001 (o1)", "r2: sold out", " claimed ", " closed "):
        assert word in said
    assert main(["journal", "show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["event"] for row in shown["audit"]] == ["claimed", "closed"]
    assert [each["order_number"] for each in shown["reservations"]] == ["KT-ORD-100001", None]


NOT_THERE = "nothing in the journal has this order number, id or reference"


@pytest.mark.parametrize("name", ["o9", "KT-ORD-999999"])
def test_what_is_not_there_is_said_in_one_line(
    name: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "show", name]) == 1
    assert capsys.readouterr() == ("", f"korus-mcp: {NOT_THERE}\n")
    assert main(["journal", "show", name, "--json"]) == 1
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == (
        {"error": {"message": NOT_THERE}},
        f"korus-mcp: {NOT_THERE}\n",
    )


def test_a_program_is_told_json_whatever_there_is(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*command: str) -> tuple[int, object]:
        code = main(["journal", *command, "--json"])
        return code, json.loads(capsys.readouterr().out)

    absent = f"no journal yet: {file}"
    assert told("list") == (0, [])
    assert told("show", "o1") == (1, {"error": {"message": absent}})
    file.write_text("no journal " * 400)
    broken = "the journal does not work: its file is damaged, or not a journal"
    damaged = {"error": {"message": broken}}
    assert told("list") == told("show", "o1") == (1, damaged)


def test_new_orders_are_stopped_and_let_through(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also before the first order: an operator stops what nobody has begun yet."""
    assert main(["journal", "go"]) == 0
    assert capsys.readouterr().out == f"new orders were not stopped (journal: {file})\n"
    for _ in range(2):
        assert main(["journal", "stop"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"no server of this journal ({file}) takes new orders since ")
        assert "0 on their way or in doubt are settled as ever" in said
    assert main(["check"]) == 1, "there is no API"
    assert "new orders are stopped since " in capsys.readouterr().out
    assert main(["journal", "go"]) == 0
    assert capsys.readouterr().out == f"new orders are taken again (journal: {file})\n"
    assert main(["journal", "verify"]) == 0
    assert capsys.readouterr().out.startswith("2 rows, all in order")


def test_an_audit_that_holds_is_verified(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "verify"]) == 0
    assert capsys.readouterr().out.startswith("4 rows, all in order; the last seal is ")


def test_a_seal_that_was_kept_shows_that_the_journal_was_put_back(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of its rows fits the one before: only what was kept elsewhere tells that some went."""
    before = written.read_bytes()
    assert main(["journal", "stop"]) == 0
    capsys.readouterr()
    assert main(["journal", "verify", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert kept == {"rows": 5, "last_seal": kept["last_seal"], "problems": [], "kept_row": None}
    assert main(["journal", "go"]) == 0
    assert main(["journal", "verify", "--seal", kept["last_seal"]]) == 0
    assert capsys.readouterr().out.endswith("the seal that was kept is that of row 5\n")
    for each in written.parent.glob(f"{written.name}-*"):
        each.unlink()
    written.write_bytes(before)
    assert main(["journal", "verify"]) == 0
    capsys.readouterr()
    assert main(["journal", "verify", "--seal", kept["last_seal"], "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem.startswith("no row has the seal that was kept: the journal was put back")


def test_rows_without_a_seal_are_the_operators_to_know(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else tells rows from before the key from those whose seals were taken away."""
    file = sqlite3.connect(written)
    file.execute("UPDATE korus_audit SET mac = '', detail = '{}'")
    file.execute("UPDATE korus_chain SET head = '', seal = ''")
    file.commit()
    file.close()
    assert main(["journal", "verify"]) == 1
    assert "4 rows carry no seal" in capsys.readouterr().out
    assert main(["journal", "verify", "--unsealed", "3"]) == 1
    assert main(["journal", "verify", "--unsealed", "4"]) == 0


def test_a_journal_that_is_gone_does_not_verify(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written.unlink()
    assert main(["journal", "verify"]) == 1
    assert "no journal" in capsys.readouterr().out


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE korus_audit SET detail = '{}' WHERE row = 2",
        "UPDATE korus_audit SET owner = 'nobody' WHERE row = 1",
        "DELETE FROM korus_audit WHERE row = 2",
        "DELETE FROM korus_audit WHERE row = 4",
        "DELETE FROM korus_audit",
        "UPDATE korus_audit SET mac = ''",
        "UPDATE korus_chain SET number = 3",
        "UPDATE korus_chain SET seal = ''",
    ],
)
def test_tampering_is_found(
    tampering: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sqlite3.connect(written)
    file.execute(tampering)
    file.commit()
    file.close()
    assert main(["journal", "verify"]) == 1
    assert "row" in capsys.readouterr().out


def test_nothing_is_verified_without_the_key(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KORUS_JOURNAL_KEY")
    assert main(["journal", "verify"]) == 1
    assert "KORUS_JOURNAL_KEY" in capsys.readouterr().err
    monkeypatch.setenv("KORUS_JOURNAL_KEY", "another key")
    assert main(["journal", "verify"]) == 1
    assert "with this key" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["list", "show o1", "purge", "verify", "verify --unsealed 1", "stop", "go"]
)
@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "a key"])
def test_in_the_sandbox_each_command_says_first_that_there_is_no_journal(
    command: str,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [n for n in os.environ if n.startswith("KORUS_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    if key is not None:
        monkeypatch.setenv("KORUS_JOURNAL_KEY", key)
    assert main(["journal", *command.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("korus-mcp: there is no journal of an account")


def test_a_purge_keeps_what_is_open_owned_and_audited(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "purge", "--older-than-days", "34"]) == 2
    assert "35" in capsys.readouterr().err
    file = sqlite3.connect(written)
    file.execute("UPDATE korus_intent SET updated_at = 0, fence_at = 0")
    file.commit()
    assert main(["journal", "purge"]) == 0
    assert "removed 1 order calls" in capsys.readouterr().out
    assert file.execute("SELECT id FROM korus_intent").fetchall() == [("open",)]
    assert file.execute("SELECT reservation_id FROM korus_claim").fetchall() == [("r3",)]
    assert file.execute("SELECT resource_id FROM korus_ownership").fetchall() == [("o1",)]
    assert file.execute("SELECT count(*) FROM korus_audit").fetchone() == (5,)
    file.close()
    assert main(["journal", "verify"]) == 0


def test_a_file_that_is_no_journal_is_said_so(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{NOW} is no journal. " * 400)
    assert main(["journal", "list"]) == 1
    assert "not a journal" in capsys.readouterr().err
