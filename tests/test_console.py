"""What the process says to its operator: nothing others wrote may forge, hide or fill a line."""

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from korus_mcp.check import Findings, _tell_drift
from korus_mcp.cli import main
from korus_mcp.console import LINE_LIMIT, TRACE_LIMIT, CleanFormatter, shown
from tests.fixtures.hosts import PROJECT, child_environment

BAD = "a\nERROR forged\r\x1b[31m\u202eb\u2028c\u200bd\x00\x85e\U000e0041\ttail"
SAFE = "a ERROR forged [31mb cd e tail"


def formatted(message: str, *args: object, exc: BaseException | None = None) -> list[str]:
    info = (type(exc), exc, exc.__traceback__) if exc is not None else None
    record = logging.LogRecord("x", logging.ERROR, "f", 1, message, args, info)
    return CleanFormatter().format(record).split("\n")


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    assert formatted("Invalid Host header: %s", BAD) == [f"ERROR Invalid Host header: {SAFE}"]
    assert formatted(BAD) == [f"ERROR {SAFE}"]


def test_a_line_has_an_end_however_long_the_text_is() -> None:
    (line,) = formatted("Invalid Origin header: %s", "x" * 1_000_000)
    assert len(line) <= LINE_LIMIT + len("ERROR ")
    assert line.endswith("[cut]")


def test_a_trace_is_told_below_its_line_and_each_line_of_it_is_marked() -> None:
    try:
        raise ValueError(BAD)
    except ValueError as error:
        first, *rest = formatted("%s crashed", "tool", exc=error)
    assert first == "ERROR tool crashed"
    assert rest
    assert all(line.startswith("  | ") for line in rest)
    assert not set("".join(rest)) & set("\r\x1b\u202e\u2028\u200b\x00\x85")


def test_of_a_very_long_trace_the_end_is_told() -> None:
    try:
        raise ValueError("\n".join(["forged"] * 100_000) + "\nthe end")
    except ValueError as error:
        told = formatted("crashed", exc=error)
    assert told[-1] == "  | the end"
    assert sum(map(len, told)) < 3 * TRACE_LIMIT


def test_arguments_that_do_not_fit_lose_no_line_and_forge_none() -> None:
    assert formatted("only %d", "text\nERROR forged") == ["ERROR only %d"]
    assert formatted("%s and %s", BAD) == ["ERROR %s and %s"]


@pytest.mark.parametrize("text", ["", " ", "plain", "    indented  in columns", "été", "日本"])
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert shown(text).rstrip() == text.rstrip()


LOGS = """
import logging, sys
from korus_mcp.cli import main
main(["journal", "list"])
for name in ("mcp.server.transport_security", "uvicorn.error", "korus_mcp.http_door", "asyncio"):
    logging.getLogger(name).warning("%s", sys.argv[1])
"""


def test_the_lines_of_every_library_pass_the_same_formatter(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOGS, BAD.replace("\x00", "")],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.stderr.splitlines()[-4:] == [f"WARNING {SAFE}"] * 4


def test_a_name_of_a_prompt_forges_no_line_of_the_log(tmp_path: Path) -> None:
    asked: tuple[tuple[str, dict[str, object]], ...] = (
        (
            "initialize",
            {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": BAD, "version": BAD},
            },
        ),
        ("prompts/get", {"name": BAD}),
        ("prompts/get", {"name": "book_tickets", "arguments": {BAD: BAD}}),
        ("tools/call", {"name": BAD, "arguments": {BAD: BAD}}),
        ("resources/read", {"uri": f"korus://{BAD}"}),
        (BAD, {}),
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "korus_mcp"],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    assert child.stdin is not None
    assert child.stdout is not None
    for number, (method, parameters) in enumerate(asked):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        while json.loads(child.stdout.readline()).get("id") != number:
            pass
    _, said = child.communicate()
    watchdog.cancel()
    for line in said.splitlines():
        assert line.startswith(("WARNING ", "INFO ", "ERROR ", "  |")), line
        assert not line.startswith("ERROR forged")
    assert not set(said) & set("\r\x1b\u202e\u2028\u200b\x85")


def test_fields_the_api_invents_fill_and_forge_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    findings = Findings()
    findings.seen["getOffer"] = 1
    findings.missing["getOffer"] = set()
    findings.unknown["getOffer"] = {BAD, "y" * 10_000, *(f"z{n}" for n in range(100))}
    _tell_drift(findings)
    (first, last) = capsys.readouterr().out.splitlines()
    assert SAFE in first
    assert "and 82 more" in first
    assert len(first) < LINE_LIMIT
    assert last.startswith("contract")


def test_a_foreign_name_in_the_environment_forges_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("KORUS_")]:  # noqa: TID251 - of whoever runs the tests
        monkeypatch.delenv(name)
    monkeypatch.setenv("KORUS_SOMETHING\nkorus-mcp: forged \u202e\x1b[31m", "1")
    assert main(["journal", "list"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("korus-mcp: KORUS_SOMETHING korus-mcp: forged [31m is not a setting")
