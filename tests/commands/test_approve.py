"""korus-mcp approve, at a terminal and without one."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread

from korus_mcp.commands.cli import main
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Json
from tests.fixtures.by_hand import at_a_terminal, through_a_pipe
from tests.fixtures.hosts import child_environment
from tests.fixtures.shop import Shop, reopened

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX"),
]


@pytest.fixture
async def served(anyio_backend: str) -> AsyncIterator[ServedSandbox]:
    async with served_sandbox(SandboxOptions(seed=SEED)) as each:
        yield each


@pytest.fixture
async def one(served: ServedSandbox, tmp_path: Path) -> AsyncIterator[Shop]:
    async with reopened(tmp_path, served, {}, APPROVAL="human") as each:
        yield each


def environment(served: ServedSandbox, folder: Path, **given: str) -> dict[str, str]:
    return child_environment(folder, **given) | dict(served.environment)


async def asked(one: Shop) -> tuple[Json, str]:
    """An order that waits for a person, and the code of its question."""
    wish = {"reservation_ids": [await one.held(2)], "customer": CUSTOMER}
    answer = (await one.place(wish)).data
    assert answer["state"] == "approval_needed"
    assert f"korus-mcp approve {answer['code']}" in answer["next"]
    return wish, answer["code"]


@pytest.mark.parametrize(("typed", "language"), [("y\n", "en"), ("YES\n", "en"), ("oui\n", "fr")])
async def test_a_yes_at_the_terminal_orders_with_the_next_call(
    one: Shop, served: ServedSandbox, tmp_path: Path, typed: str, language: str
) -> None:
    wish, code = await asked(one)
    there = environment(served, tmp_path, LANGUAGE=language)
    ended, screen = await to_thread.run_sync(at_a_terminal, ["approve", code.lower()], typed, there)
    assert ended == 0, screen
    for fact in ("2 × ", "90.00 EUR", "Ada Lovelace", "ada@example.org"):
        assert fact in screen
    assert one.posts() == 0
    assert (await one.place(wish)).data["state"] == "ordered"
    assert (await one.place(wish)).data["replayed"]
    again, screen = await to_thread.run_sync(at_a_terminal, ["approve", code], typed, there)
    assert again == 1, screen
    assert one.posts() == 1


@pytest.mark.parametrize(
    ("typed", "language"),
    [("n\n", "en"), ("\n", "en"), ("yess\n", "en"), ("\x04", "en"), ("y\n", "fr"), ("o\n", "en")],
)
async def test_anything_else_is_a_no(
    one: Shop, served: ServedSandbox, tmp_path: Path, typed: str, language: str
) -> None:
    wish, code = await asked(one)
    there = environment(served, tmp_path, LANGUAGE=language)
    ended, screen = await to_thread.run_sync(at_a_terminal, ["approve", code], typed, there)
    assert ended == 1, screen
    assert (await one.place(wish)).code == "APPROVAL_DECLINED"
    assert one.posts() == 0


async def test_an_interrupt_answers_nothing(
    one: Shop, served: ServedSandbox, tmp_path: Path
) -> None:
    wish, code = await asked(one)
    there = environment(served, tmp_path)
    ended, screen = await to_thread.run_sync(at_a_terminal, ["approve", code], "\x03", there)
    assert ended == 130, screen
    assert "You said nothing: nothing is ordered" in screen
    assert (await one.place(wish)).data["code"] == code
    assert one.posts() == 0


async def test_a_pipe_is_nobody(one: Shop, served: ServedSandbox, tmp_path: Path) -> None:
    wish, code = await asked(one)
    there = environment(served, tmp_path)
    for typed in ("y\n", "yes\n" * 20):
        ran = await to_thread.run_sync(through_a_pipe, ["approve", code], typed, there)
        assert ran.returncode == 2
        assert "no terminal" in ran.stderr
        assert "Ada" not in ran.stdout + ran.stderr
    assert (await one.place(wish)).data["code"] == code
    assert one.posts() == 0


async def test_a_code_that_is_not_open_is_refused_alike(
    one: Shop, served: ServedSandbox, tmp_path: Path
) -> None:
    await asked(one)
    there = environment(served, tmp_path)
    other = there | {"KORUS_CLIENT_SECRET": "of another account"}
    told = set[str]()
    for code, environ in (("AAAAAAAA", there), ("", there), ("%s", there)):
        ran = await to_thread.run_sync(through_a_pipe, ["approve", code], "", environ)
        assert ran.returncode == 1
        told.add(ran.stderr)
    _, code = await asked(one)
    ran = await to_thread.run_sync(through_a_pipe, ["approve", code], "", other)
    assert ran.returncode == 1
    assert len(told | {ran.stderr}) == 1


def test_where_there_is_no_journal_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_SANDBOX_DIR", str(tmp_path / "sandbox"))
    assert main(["approve", "AAAAAAAA"]) == 1
    assert "No question is open here" in capsys.readouterr().err
    assert not (tmp_path / "sandbox").exists()
    file = tmp_path / "journal.db"
    for name, value in {
        "ENVIRONMENT": "sandbox",
        "API_URL": "http://127.0.0.1:9",
        "TOKEN_URL": "http://127.0.0.1:9/token",
        "CLIENT_ID": "shop",
        "CLIENT_SECRET": "a secret of the shop",
        "DATABASE_URL": f"sqlite:///{file}",
    }.items():
        monkeypatch.setenv(f"KORUS_{name}", value)
    assert main(["approve", "AAAAAAAA"]) == 1
    assert not file.exists()
