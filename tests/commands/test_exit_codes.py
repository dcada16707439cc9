"""Each command ends with the codes that docs/operations.md tells of it, and with no others."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from korus_mcp.commands.cli import (
    EXIT_INTERRUPTED,
    EXIT_MISCONFIGURED,
    EXIT_NO_READER,
    EXIT_UNHEARD,
    main,
    parser,
)
from tests.fixtures.commands import commands_of
from tests.fixtures.hosts import PROJECT, child_environment

PAGE: Final = (PROJECT / "docs/operations.md").read_text("utf-8")
TERMINAL: Final = PROJECT / "docs" / "terminal.md"
CODES: Final = (0, 1, 2)
OF_ALL: Final = {0, EXIT_UNHEARD, EXIT_MISCONFIGURED, EXIT_INTERRUPTED, EXIT_NO_READER}
"""The codes of the whole program."""
ACCOUNT: Final = {
    "KORUS_ENVIRONMENT": "sandbox",
    "KORUS_API_URL": "http://127.0.0.1:1",
    "KORUS_TOKEN_URL": "http://127.0.0.1:1/token",
    "KORUS_CLIENT_ID": "shop",
    "KORUS_CLIENT_SECRET": "a secret of the shop",
    "KORUS_JOURNAL_KEY": "a key of more than thirty-two characters",
}
WRONG: Final = {"KORUS_SCOPE": "everything"}
NOWHERE: Final = {"KORUS_DATABASE_URL": "postgresql://shop@127.0.0.1:1/name"}


@dataclass(frozen=True)
class Case:
    """A way to an exit code: what is typed, with which variables."""

    typed: str
    given: Mapping[str, str] = field(default_factory=dict)


at = partial(Case, given=ACCOUNT)
nowhere = partial(Case, given={**ACCOUNT, **NOWHERE})
wrong = partial(Case, given=WRONG)
CASES: Final[Mapping[tuple[str, int], Case | str]] = {
    ("serve", 0): "test_cli.py::test_without_stderr_a_command_works_all_the_same",
    ("serve", 2): wrong("serve"),
    ("serve --http", 0): "test_serve.py::"
    "test_http_answers_this_machine_refuses_foreign_names_and_leaves_on_sigterm",
    ("serve --http", 2): wrong("serve --http"),
    ("demo", 0): "test_demo.py::"
    "test_the_demo_books_saves_a_pdf_and_connects_to_nothing_whatever_the_shell_says",
    ("demo", 1): "test_demo.py::test_a_demo_that_fails_says_where_and_leaves_with_1",
    ("completion", 0): Case("completion bash"),
    ("completion", 2): "test_cli.py::test_what_the_command_line_does_not_know_is_refused",
    ("approve", 0): "test_approve.py::test_a_yes_at_the_terminal_orders_with_the_next_call",
    ("approve", 1): at("approve NOSUCH"),
    ("approve", 2): wrong("approve NOSUCH"),
    ("check", 0): Case("check"),
    ("check", 1): Case("check", {"KORUS_CATALOGS": "nosuch"}),
    ("check", 2): wrong("check"),
    ("catalog sync", 0): "test_catalog.py::"
    "test_a_life_of_a_mirror_sync_sync_again_status_clear_sync",
    ("catalog sync", 1): at("catalog sync"),
    ("catalog sync", 2): Case("catalog sync"),
    ("catalog status", 0): at("catalog status"),
    ("catalog status", 1): "test_catalog.py::test_a_damaged_file_is_told_and_left_alone_by_status",
    ("catalog status", 2): wrong("catalog status"),
    ("catalog clear", 0): at("catalog clear"),
    ("catalog clear", 1): "test_catalog.py::test_a_sync_that_is_told_to_stop_keeps_what_it_read",
    ("catalog clear", 2): Case("catalog clear"),
    ("journal list", 0): at("journal list"),
    ("journal list", 1): nowhere("journal list"),
    ("journal list", 2): Case("journal list"),
    ("journal show", 0): "test_journal.py::test_an_order_is_shown_by_any_of_its_names",
    ("journal show", 1): nowhere("journal show o1"),
    ("journal show", 2): Case("journal show o1"),
    ("journal purge", 0): at("journal purge"),
    ("journal purge", 1): nowhere("journal purge"),
    ("journal purge", 2): at("journal purge --older-than-days 3"),
    ("journal verify", 0): "test_journal.py::test_new_orders_are_stopped_and_let_through",
    ("journal verify", 1): at("journal verify"),
    ("journal verify", 2): Case("journal verify"),
    ("journal stop", 0): at("journal stop"),
    ("journal stop", 1): nowhere("journal stop"),
    ("journal stop", 2): Case("journal stop"),
    ("journal go", 0): at("journal go"),
    ("journal go", 1): nowhere("journal go"),
    ("journal go", 2): Case("journal go"),
    ("sandbox", 0): "test_cli.py::"
    "test_the_sandbox_prints_its_environment_for_a_shell_and_ends_by_signal",
    ("sandbox", 2): Case("sandbox", {"KORUS_SANDBOX_BASES": "many"}),
    ("sandbox reset", 0): Case("sandbox reset"),
    ("sandbox reset", 1): "../server/test_sandbox_home.py::test_a_reset_that_is_hindered_says_so",
    ("sandbox reset", 2): Case("sandbox reset", {"KORUS_SANDBOX_BASES": "many"}),
}
"""(command, code) -> a way to it, or the test that ends a command with it."""
ANYWHERE: Final[Mapping[int, str]] = {
    EXIT_INTERRUPTED: "test_shop.py::"
    "test_who_leaves_the_question_reads_on_a_new_line_that_nothing_was_ordered",
    EXIT_NO_READER: "test_cli.py::test_a_reader_that_has_gone_ends_a_command_without_a_word",
}
"""A code with which any command may end -> the test that ends some with it."""
RUN: Final = [(*each, case) for each, case in CASES.items() if isinstance(case, Case)]


def told() -> set[tuple[str, int]]:
    """Each command with each code that the page tells of it."""
    found = re.search(r"<!-- exit codes -->\n(.*?)<!-- /exit codes -->", PAGE, re.DOTALL)
    assert found is not None
    rows = [[c.strip() for c in row.strip("|").split("|")] for row in found[1].splitlines()[2:]]
    return {
        (row[0].strip("`"), code)
        for row in rows
        for code, when in zip(CODES, row[1:], strict=True)
        if when != "-"
    }


def test_every_command_is_in_a_table_and_every_row_is_a_command() -> None:
    listed = {name.removesuffix(" --http") for name, _ in told()}
    # `catalog` and `journal` are nothing without the command behind them.
    there = dict(commands_of(parser(has_arguments=True))).keys() - {"catalog", "journal"}
    assert listed <= there
    elsewhere = TERMINAL.read_text("utf-8") if TERMINAL.exists() else ""
    for name in there - listed:
        assert f"korus-mcp {name}" in elsewhere, f"docs/operations.md tells no codes of {name}"


@pytest.mark.parametrize(
    ("page", "begins", "ends"),
    [
        (PAGE, "## Exit codes", "<!-- exit codes -->"),
        (TERMINAL.read_text("utf-8"), "The exit code is", "\n\n"),
    ],
    ids=["operations", "terminal"],
)
def test_the_pages_tell_each_code_of_the_program_and_no_other(
    page: str, begins: str, ends: str
) -> None:
    told = page.partition(begins)[2].partition(ends)[0]
    assert {int(each) for each in re.findall(r"\b\d+\b", told)} == OF_ALL


def test_every_code_that_is_told_is_come_to() -> None:
    assert told() == CASES.keys()
    for case in (*CASES.values(), *ANYWHERE.values()):
        if isinstance(case, str):
            file, _, name = case.partition("::")
            assert f"def {name}(" in (Path(__file__).parent / file).read_text("utf-8"), case


@pytest.mark.parametrize(("command", "code", "case"), RUN)
def test_a_command_ends_with_the_code_that_is_told(
    command: str,
    code: int,
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = {k: v for k, v in child_environment(tmp_path).items() if k.startswith("KORUS_")}
    for name, value in {**own, **case.given}.items():
        monkeypatch.setenv(name, value)
    assert main(case.typed.split()) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert said.out or said.err, "it says what it did, or why not"


@pytest.mark.parametrize("typed", ["fly", "journal", "check --fast", "serve --port x"])
def test_what_is_no_command_ends_with_2(typed: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "korus_mcp", *typed.split()],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 2
    assert not ran.stdout
