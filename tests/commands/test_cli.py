"""The command line: what it refuses, what it imports, what it prints."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from korus_mcp import __version__
from korus_mcp.commands.cli import (
    EXIT_INTERRUPTED,
    EXIT_MISCONFIGURED,
    EXIT_NO_READER,
    EXIT_UNHEARD,
    main,
)
from tests.fixtures.by_hand import at_a_terminal
from tests.fixtures.hosts import PROJECT, child_environment

IMPORTS = """
import sys
from korus_mcp.commands.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
imported = {name.partition(".")[0] for name in sys.modules}
heavy = imported & {"mcp", "mcp_types", "httpx", "pydantic", "starlette", "anyio"}
print("HEAVY", sorted(heavy), code)
"""

EVERY_CRAWL_IS_LONG = """
import sys
from korus_mcp.catalog import mirror
mirror.REPORT_SECONDS = 0.0
from korus_mcp.commands.cli import main
sys.exit(main([]))
"""
HOST = {"name": "raw host", "version": "1"}


@pytest.fixture(autouse=True)
def empty_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("KORUS_")]:  # noqa: TID251
        monkeypatch.delenv(name)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_heavy(option: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS, option],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "HEAVY [] 0" in ran.stdout
    assert (__version__ if option == "--version" else "commands") in ran.stdout


SHOP = (
    "search",
    "offers",
    "terms",
    "availability",
    "seats",
    "reserve",
    "order",
    "orders",
    "tickets",
    "call",
)


@pytest.mark.parametrize(
    "command", ["serve", "demo", "completion", "approve", "check", "catalog", "sandbox", *SHOP]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "http"],
        ["--profile", "admin"],
        ["sandbox", "--seed", "x"],
        ["sandbox", "--seed", "-1"],
        ["sandbox", "--seed", "99999999999999"],
        ["sandbox", "--port", "65536"],
        ["journal", "list", "--limit", "0"],
        ["journal", "list", "--limit", "99999999999999"],
        ["journal", "verify", "--unsealed", "-1"],
        ["journal", "verify", "--unsealed", "99999999999999"],
        ["journal", "purge", "--older-than-days", "99999999999999"],
        ["journal", "purge", "--older-than-days", "9" * 5000],
        ["serve", "--port", "1_000"],
        ["catalog"],
        ["catalog", "burn"],
        ["completion"],
        ["completion", "cmd"],
        ["approve"],
        ["availability"],
        ["seats"],
        ["tickets"],
        ["reserve", "1", "--quantity", "0"],
        ["order", "1", "--yes"],
        ["search", "x", "--limit", "21"],
    ],
)
def test_what_the_command_line_does_not_know_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "usage" in said
    if arguments[-1].strip("-").replace("_", "").isdigit():
        assert re.search(r"must be a whole number from [0-9]+ to [0-9]+", said)


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "search",
        "seats 1",
        "reserve 1",
        "check",
        "journal list",
        "catalog sync",
        "sandbox reset",
    ],
)
def test_what_a_command_does_not_know_is_refused_with_its_own_usage(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--svg", "x"])
    assert end.value.code == EXIT_MISCONFIGURED
    said = capsys.readouterr().err
    named = re.sub(" 1$", "", command)
    assert said.startswith(f"usage: korus-mcp {named} ")
    # A command may take the x for its own, but no option that it has not.
    assert re.search(rf"^korus-mcp {named}: error: .*--svg", said, re.MULTILINE)


def test_what_the_program_does_not_know_is_refused_with_the_usage_of_the_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--svg", "search", "derby"])
    assert end.value.code == EXIT_MISCONFIGURED
    said = capsys.readouterr().err
    assert said.startswith("usage: korus-mcp [-h]")
    assert "korus-mcp: error: unrecognized arguments: --svg" in said


@pytest.mark.parametrize("option", [["--port", "9999"], ["--host", "127.0.0.2"]])
def test_an_address_without_http_is_no_stdio_server(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *option]) == EXIT_MISCONFIGURED
    assert "are of `serve --http`" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve", "--http"], ["sandbox"]])
def test_a_port_that_is_taken_is_told_in_one_line(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main([*command, "--port", str(port)]) == EXIT_MISCONFIGURED
    said = capsys.readouterr()
    told = f"korus-mcp: port {port} is taken by another program: choose another one with --port.\n"
    assert (said.out, said.err) == ("", told)


def test_an_address_that_this_machine_has_not_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_MCP_ALLOWED_HOSTS", "mcp.example.org")
    assert main(["serve", "--http", "--host", "192.0.2.1"]) == EXIT_MISCONFIGURED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("korus-mcp: nothing can listen on 192.0.2.1, port 8765: ")


def test_names_of_python_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--profile", "admin"])
    assert "Profile" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_at_a_terminal_a_bare_start_says_what_it_waits_for(tmp_path: Path) -> None:
    there = child_environment(tmp_path) | {"COLUMNS": "60"}
    _, screen = at_a_terminal([], "", there, until="commands.")
    assert "waits for a program" in screen
    told = screen[screen.index("korus-mcp waits") : screen.index("commands.")].splitlines()
    assert len(told) > 2
    assert max(map(len, told)) <= 60
    # Broken between words, and not within the name of the program.
    assert not any(line.endswith("-") for line in told)


BEYOND = ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.evil"]


@pytest.mark.parametrize("host", BEYOND)
def test_beyond_loopback_nothing_is_served_without_the_names_of_the_server(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--http", "--host", host]) == EXIT_MISCONFIGURED
    assert "KORUS_MCP_ALLOWED_HOSTS" in capsys.readouterr().err


@pytest.mark.parametrize("host", BEYOND)
def test_a_real_account_is_served_on_loopback_only(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "KORUS_ENVIRONMENT": "demo",
        "KORUS_API_URL": "http://127.0.0.1:9",
        "KORUS_TOKEN_URL": "http://127.0.0.1:9/token",
        "KORUS_CLIENT_ID": "shop",
        "KORUS_CLIENT_SECRET": "canary-secret",
        "KORUS_MCP_ALLOWED_HOSTS": "mcp.example.org",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["serve", "--http", "--host", host]) == EXIT_MISCONFIGURED
    assert "needs KORUS_AUTH_ISSUER in demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"KORUS_CLIENT_ID": "a"}, "KORUS_ENVIRONMENT"),
        ({"KORUS_ENVIRONMENT": "production"}, "KORUS_CLIENT_SECRET"),
        ({"KORUS_PROFILE": "everything"}, "KORUS_PROFILE"),
        ({"KORUS_PROFIL": "buyer"}, "KORUS_PROFILE"),
        ({"KORUS_SETTLE_SECONDS": "5"}, "KORUS_SETTLE_SECONDS"),
    ],
)
@pytest.mark.parametrize("command", [[], ["serve"], ["serve", "--http"], ["check"]])
def test_settings_that_contradict_each_other_start_nothing(
    given: dict[str, str],
    named: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(command) == EXIT_MISCONFIGURED
    said = capsys.readouterr()
    assert named in said.err
    assert not said.out


@pytest.mark.parametrize("command", [["serve"], ["serve", "--http", "--port", "0"]])
def test_in_a_log_of_json_what_is_wrong_with_settings_is_json_with_its_level(
    command: list[str], tmp_path: Path
) -> None:
    def lines_with(**given: str) -> list[tuple[str, str]]:
        ran = ended("", tmp_path, *command, "--tools", "reserve", LOG=" JSON ", **given)
        assert ran.returncode == EXIT_MISCONFIGURED
        lines = [json.loads(line) for line in ran.stderr.splitlines()]
        assert {each["logger"] for each in lines} == {"korus_mcp"}
        return [(each["level"], each["message"]) for each in lines]

    unread = lines_with(PROFILE="everything", MAX_TICKETS="0")
    assert [(level, said.partition(" ")[0]) for level, said in unread] == [
        ("ERROR", "KORUS_PROFILE"),
        ("ERROR", "KORUS_MAX_TICKETS"),
    ]
    # Those that can be read, and then do not fit the command.
    (warned, failed) = lines_with(PROFILE="browse", NONSENSE_SETTING="x")
    assert warned == (
        "WARNING",
        "KORUS_NONSENSE_SETTING is not a setting of korus-mcp and is ignored.",
    )
    assert failed[0] == "ERROR"
    assert failed[1].startswith("--tools may only narrow")


def test_the_served_sandbox_takes_its_own_settings_and_no_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_PROFILE", "everything")
    monkeypatch.setenv("KORUS_SANDBOX_BASES", "many")
    assert main(["sandbox"]) == EXIT_MISCONFIGURED
    said = capsys.readouterr().err
    assert "KORUS_SANDBOX_BASES" in said
    assert "KORUS_PROFILE" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "service-desk"],
        ["serve", "--profile", "service-desk"],
        ["--tools", "find_orders"],
        ["--tools", "rm"],
        ["--profile", "browse", "--tools", "reserve"],
    ],
)
def test_the_command_line_may_only_narrow(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == EXIT_MISCONFIGURED
    assert "narrow" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["serve", "--http"],
        ["demo"],
        ["check"],
        ["catalog", "sync"],
        ["catalog", "status"],
        ["catalog", "clear"],
    ],
)
def test_nothing_starts_where_sqlite_cannot_search_texts(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("korus_mcp.catalog.full_text.has_full_text", lambda: False)
    assert main(command) == EXIT_MISCONFIGURED
    said = capsys.readouterr()
    assert "FTS5" in said.err
    assert not said.out


def test_a_long_crawl_is_told_on_stderr_and_stdout_stays_the_protocol_s(tmp_path: Path) -> None:
    asked = (
        ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": HOST}),
        ("tools/call", {"name": "search_products", "arguments": {"query": "derby"}}),
    )
    child = subprocess.Popen(
        [sys.executable, "-c", EVERY_CRAWL_IS_LONG],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    watchdog = threading.Timer(120, child.kill)
    watchdog.start()
    for number, (method, parameters) in enumerate(asked):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        while (line := json.loads(child.stdout.readline())).get("id") != number:
            assert line["jsonrpc"] == "2.0"
        assert not line["result"].get("isError"), line
    rest, said = child.communicate()
    watchdog.cancel()
    assert child.returncode == 0
    assert not rest
    assert re.search(r" INFO .*catalog: \d+ of \d+ product bases read$", said, re.MULTILINE)
    levels = {line.split()[1] for line in said.splitlines()}
    assert levels == {"INFO", "WARNING"}


class EndsWhenWritten(io.StringIO):
    """A stdout that sends its own process a signal once something was written."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number
        self.is_told = False

    def flush(self) -> None:
        """Now it was written; what comes after the signal is the end of the command."""
        if not self.is_told:
            self.is_told = True
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_prints_its_environment_for_a_shell_and_ends_by_signal(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = EndsWhenWritten(number)
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["sandbox", "--port", "0", "--seed", "1", "--control"]) == 0
    lines = out.getvalue().splitlines()
    assert all(line.startswith("export KORUS_") for line in lines)
    given = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert given["KORUS_ENVIRONMENT"] == "sandbox"
    assert urlsplit(given["KORUS_API_URL"]).hostname == "127.0.0.1"
    assert "control token: " in capsys.readouterr().err


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(io.StringIO):
        def write(self, text: str) -> int:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stderr", Interrupted())
    monkeypatch.setenv("KORUS_SOMETHING_ELSE", "x")  # its warning is written first
    assert main(["--tools", "reserve"]) == EXIT_INTERRUPTED


@pytest.mark.parametrize("command", [["check"], ["catalog", "status"], ["journal", "list"]])
def test_every_command_prints_the_warnings_that_serve_prints(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_NONSENSE_SETTING", "canary")
    main(command)
    said = capsys.readouterr()
    assert "KORUS_NONSENSE_SETTING" in said.err
    assert "canary" not in said.err + said.out


def ended(
    redirected: str, tmp_path: Path, *command: str, **given: str
) -> subprocess.CompletedProcess[str]:
    """How a command ended whose streams a shell closed or turned somewhere, with these settings."""
    return subprocess.run(
        ["sh", "-c", f'"$0" -m korus_mcp "$@" {redirected}', sys.executable, *command],
        env=child_environment(tmp_path, **given),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("command", "closing", "named"),
    [
        (["serve"], "<&-", "stdin"),
        (["serve"], ">&-", "stdout"),
        ([], "<&- >&-", "stdin and stdout"),
        (["check"], ">&-", "stdout"),
        (["demo"], ">&-", "stdout"),
        (["catalog", "status"], ">&-", "stdout"),
        (["journal", "list"], ">&-", "stdout"),
        (["sandbox"], ">&-", "stdout"),
    ],
)
def test_a_command_whose_streams_are_closed_says_so_and_ends(
    command: list[str], closing: str, named: str, tmp_path: Path
) -> None:
    ran = ended(closing, tmp_path, *command)
    assert ran.returncode == EXIT_MISCONFIGURED
    assert ran.stderr == f"korus-mcp: {named} must be open: what is said goes over it.\n"


@pytest.mark.parametrize("command", ["check", "serve"])
def test_without_stderr_a_command_works_all_the_same(command: str, tmp_path: Path) -> None:
    assert ended("2>&-", tmp_path, command).returncode == 0


@pytest.mark.parametrize(
    "command", [["check"], ["search", "derby"], ["--help"]], ids=lambda c: c[0]
)
def test_what_cannot_be_written_ends_a_command_without_a_traceback(
    command: list[str], tmp_path: Path
) -> None:
    ran = ended(">/dev/full", tmp_path, *command)
    assert ran.returncode == EXIT_UNHEARD
    assert ran.stderr == "korus-mcp: what it had to say could not be written to stdout\n"


@pytest.mark.parametrize(
    "command",
    [["check"], ["catalog", "status"], ["journal", "list"], ["search", "derby"], ["orders"]],
    ids=" ".join,
)
def test_wrong_settings_are_a_structure_for_a_program_and_a_sentence_for_people(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_ENVIRONMENT", "moon")
    assert main([*command, "--json"]) == EXIT_MISCONFIGURED
    said = capsys.readouterr()
    message = json.loads(said.out)["error"]["message"]
    assert "KORUS_ENVIRONMENT" in message
    assert said.err == f"korus-mcp: {message}\n"
    assert main(command) == EXIT_MISCONFIGURED
    assert capsys.readouterr() == ("", said.err)


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["catalog", "status"],
        ["demo"],
        ["config"],
        ["search", "derby"],
        ["search", "derby", "--json"],
        ["tickets", "3", "--json"],
        ["completion", "bash"],
        ["seats", "--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_a_reader_that_has_gone_ends_a_command_without_a_word(
    command: list[str], tmp_path: Path
) -> None:
    # Its reader is gone before it begins: nothing depends on which of the two is faster.
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "korus_mcp", *command],
            env=child_environment(tmp_path),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(write)
    assert (ran.returncode, ran.stderr) == (EXIT_NO_READER, "")
