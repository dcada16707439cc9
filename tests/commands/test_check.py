"""korus-mcp check: each hop, and the contract against what really came."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest
import trustme

from korus_mcp.commands.check import CheckFindings, run_check
from korus_mcp.commands.cli import main
from korus_mcp.foundation.clock import ManualClock, SystemClock
from korus_mcp.journal.opening import journal_of
from korus_mcp.sandbox import Answer, NotAnObject, Oversize, SandboxOptions, served_sandbox
from korus_mcp.server.composition import open_api
from korus_mcp.settings import read_settings
from tests.api.test_way_out import secure_server
from tests.fixtures.assistant import SEED
from tests.fixtures.hosts import free_port
from tests.fixtures.shop import shop
from tests.journal.rows import intent, sent

HOPS = ("settings", "mirror", "journal", "token", "catalogs", "walk", "clock")


def test_on_the_sandbox_every_hop_holds_and_the_contract_is_summed_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_check(read_settings({"KORUS_SANDBOX_SEED": str(SEED)})) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {line.split()[0]: line for line in lines}
    assert tuple(said)[: len(HOPS)] == HOPS
    assert "sandbox" in said["settings"]
    assert "embedded" in said["settings"]
    assert "in memory" in said["mirror"]
    assert "5 open" in said["catalogs"]
    assert lines[-1].startswith("contract")
    assert "operations differ" in lines[-1]
    assert int(lines[-1].split(" of ")[1].split()[0]) >= 18
    assert "unknown: " in "".join(lines)  # the sandbox adds a key to every resource (T31)


def broken(said: str, hop: str) -> str:
    """The one line of a broken hop; no hop after it was tried."""
    hops = [line for line in said.splitlines() if line.split()[0] in HOPS]
    assert [line for line in hops if "BROKEN" in line] == hops[-1:]
    assert hops[-1].split()[0] == hop
    return hops[-1]


async def checked(environment: Mapping[str, str]) -> int:
    return await anyio.to_thread.run_sync(partial(run_check, read_settings(environment)))


@pytest.mark.anyio
async def test_nothing_is_held_ordered_or_changed_by_a_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        assert await checked(served.environment) == 0
        methods = {r.method for r in served.sandbox.requests if r.operation != "getToken"}
        assert methods == {"GET"}
    said = capsys.readouterr()
    assert served.environment["KORUS_CLIENT_SECRET"] not in said.out + said.err


@pytest.mark.anyio
async def test_the_journal_is_told_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shop(tmp_path) as one:
        path = one.journal
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        environment = {**served.environment, "KORUS_DATABASE_URL": f"sqlite:///{path}"}
        assert await checked(environment) == 0
        assert "none yet" in capsys.readouterr().out
        assert not path.exists()
        journal = journal_of(read_settings(environment), SystemClock())
        await sent(journal, intent("a"))
        await journal.close()
        assert await checked(environment) == 0
        assert "works, 1 orders in doubt" in capsys.readouterr().out
        path.write_text("nothing of ours " * 1000)
        for file in path.parent.glob("*-wal"):
            file.unlink()
        assert await checked(environment) == 1
        assert "BROKEN: its file is damaged" in capsys.readouterr().out


@pytest.mark.anyio
async def test_no_password_of_a_database_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"postgresql://shop:hidden@127.0.0.1:{free_port()}/name"
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        assert await checked({**served.environment, "KORUS_DATABASE_URL": address}) == 1
    said = capsys.readouterr()
    assert "BROKEN: its database cannot be reached" in said.out
    assert "hidden" not in said.out + said.err


@pytest.mark.anyio
async def test_refused_credentials_break_the_token_hop(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served_sandbox() as served:
        wrong = {**served.environment, "KORUS_CLIENT_SECRET": "wrong-secret"}
        assert await checked(wrong) == 1
    said = capsys.readouterr()
    assert "id or secret" in broken(said.out, "token")
    assert "wrong-secret" not in said.out + said.err


@pytest.mark.anyio
async def test_a_dead_port_breaks_the_token_hop(capsys: pytest.CaptureFixture[str]) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    dead = {
        "KORUS_ENVIRONMENT": "sandbox",
        "KORUS_API_URL": origin,
        "KORUS_TOKEN_URL": f"{origin}/token",
        "KORUS_CLIENT_ID": "a",
        "KORUS_CLIENT_SECRET": "b",
    }
    with anyio.fail_after(20):
        assert await checked(dead) == 1
    assert broken(capsys.readouterr().out, "token")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("operation", "hop", "action"),
    [
        ("listCatalogs", "catalogs", Answer(status=403)),
        ("listCatalogs", "catalogs", Oversize()),
        ("getCatalog", "walk", NotAnObject()),
    ],
)
async def test_a_broken_hop_is_named_with_its_operation(
    operation: str,
    hop: str,
    action: Answer | NotAnObject | Oversize,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        served.sandbox.faults.add(action, operation, times=None)
        assert await checked(served.environment) == 1
    assert f"BROKEN at {operation}" in broken(capsys.readouterr().out, hop)


@pytest.mark.anyio
async def test_an_account_without_a_catalog_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    async with served_sandbox() as served:
        newcomer = {
            **served.environment,
            "KORUS_CLIENT_ID": served.sandbox.empty_client_id,
            "KORUS_CLIENT_SECRET": served.sandbox.empty_client_secret,
        }
        assert await checked(newcomer) == 0
    assert "none is open to this account" in capsys.readouterr().out


def test_a_key_is_missing_only_when_no_answer_had_it() -> None:
    findings = CheckFindings()
    findings.note("getOffer", {"id": "1", "surprise": True})
    missing = set(findings.missing["getOffer"])
    assert "date" in missing
    findings.note("getOffer", {"id": "2", "date": None})
    assert findings.missing["getOffer"] == missing - {"date"}
    assert findings.unknown["getOffer"] == {"surprise"}
    assert findings.seen == {"getOffer": 2}


def test_the_command_checks_the_settings_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_ENVIRONMENT", "demo")
    assert main(["check"]) == 2
    assert "KORUS_CLIENT_ID" in capsys.readouterr().err


@pytest.mark.anyio
async def test_a_certificate_nobody_here_trusts_is_named_as_one_with_what_to_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with secure_server(trustme.CA(), "localhost") as port:
        environment = {
            "KORUS_ENVIRONMENT": "sandbox",
            "KORUS_API_URL": f"https://localhost:{port}",
            "KORUS_TOKEN_URL": f"https://localhost:{port}/token",
            "KORUS_CLIENT_ID": "a",
            "KORUS_CLIENT_SECRET": "b",
        }
        assert await checked(environment) == 1
    said = broken(capsys.readouterr().out, "token")
    assert "certificate comes from an authority that is not trusted" in said
    assert "SSL_CERT_FILE" in said


@pytest.mark.anyio
@pytest.mark.parametrize("days", [-1.1, 1.1, 400])
async def test_a_clock_that_is_more_than_a_day_off_is_a_fault(
    days: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ManualClock(SystemClock().now() + timedelta(days=days))
    monkeypatch.setattr("korus_mcp.commands.check.open_api", partial(open_api, clock=wrong))
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        assert await checked(served.environment) == 1
    line = broken(capsys.readouterr().out, "clock")
    assert "more than a day from the API's. Set the clock of this machine." in line


@pytest.mark.anyio
async def test_a_clock_that_is_hours_off_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ManualClock(SystemClock().now() + timedelta(hours=13))
    monkeypatch.setattr("korus_mcp.commands.check.open_api", partial(open_api, clock=wrong))
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        assert await checked(served.environment) == 0
    assert "BROKEN" not in capsys.readouterr().out
