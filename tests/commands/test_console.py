"""What the process says to its operator: nothing others wrote may forge, hide or fill a line."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from korus_mcp.commands.check import CheckFindings, _contract, _line
from korus_mcp.commands.cli import main
from korus_mcp.commands.console import (
    LINE_LIMIT,
    MOST_LINES,
    TRACE_LIMIT,
    CleanFormatter,
    JsonFormatter,
    LinesAside,
    TimedFormatter,
    log_as,
    shown,
)
from korus_mcp.foundation.marks import Mark, marked
from korus_mcp.settings import Environment, LogForm, LogLevel, Settings
from tests.fixtures.forking import forked
from tests.fixtures.hosts import (
    PROJECT,
    a_pipe,
    child_environment,
    full_pipe,
    read_to_its_end,
)

TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (WARNING|INFO|ERROR) ")
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


def record_of(message: str, *args: object, exc: BaseException | None = None) -> logging.LogRecord:
    info = (type(exc), exc, exc.__traceback__) if exc is not None else None
    record = logging.LogRecord("x", logging.ERROR, "f", 1, message, args, info)
    record.created = 1_764_540_000.0625
    return record


def test_a_line_of_a_server_has_a_time_and_the_id_of_its_request() -> None:
    assert TimedFormatter().format(record_of(BAD)) == f"2025-11-30T22:00:00.062Z ERROR {SAFE}"
    with marked(Mark("0a1b2c3d", "tools/call", "reserve")):
        line = TimedFormatter().format(record_of(BAD))
    assert line == f"2025-11-30T22:00:00.062Z ERROR [0a1b2c3d] {SAFE}"


def test_a_line_of_json_has_the_listed_members_and_no_others() -> None:
    with marked(Mark("0a1b2c3d", "tools/call", "reserve")):
        line = JsonFormatter().format(record_of("%s", BAD, exc=ValueError(BAD)))
    assert line.isascii()
    assert json.loads(line) == {
        "time": "2025-11-30T22:00:00.062Z",
        "level": "ERROR",
        "logger": "x",
        "message": SAFE,
        "request": "0a1b2c3d",
        "method": "tools/call",
        "target": "reserve",
        "trace": [f"  | ValueError: {SAFE.split(' ERROR')[0]}", *json.loads(line)["trace"][1:]],
    }
    assert "\n" not in line
    assert json.loads(JsonFormatter().format(record_of("plain"))).keys() == {
        "time",
        "level",
        "logger",
        "message",
    }


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
from korus_mcp.commands.cli import main
main(["journal", "list"])
ours = "korus_mcp.server.http_door"
for name in ("mcp.server.transport_security", "uvicorn.error", ours, "asyncio"):
    logging.getLogger(name).warning("%s", sys.argv[1])
"""


def test_the_lines_of_every_library_pass_the_same_formatter(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOGS, BAD.replace("\x00", "")],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
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
        forked("korus_mcp"),
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
        assert line.startswith("  |") or TIMED.match(line), line
        assert " ERROR forged" not in line
    assert not set(said) & set("\r\x1b\u202e\u2028\u200b\x85")


def test_fields_the_api_invents_fill_and_forge_nothing() -> None:
    findings = CheckFindings()
    findings.seen["getOffer"] = 1
    findings.missing["getOffer"] = set()
    findings.unknown["getOffer"] = {BAD, "y" * 10_000, *(f"z{n}" for n in range(100))}
    steps = _contract(findings, Settings(environment=Environment.DEMO))
    (first, last) = (_line(step) for step in steps)
    assert len(f"{first}{last}".splitlines()) == 1
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


SERVER = """
import gc, logging, os, sys, threading, warnings
from korus_mcp.commands.console import log_without_waiting, say

class Bad:
    def __del__(self): raise ValueError("unraisable")
    def __str__(self): raise KeyError("no text")

def fail(): raise ValueError("in a thread")

log_without_waiting()
log = logging.getLogger("korus_mcp")
say("first")
log.info("second")
warnings.warn_explicit("third", UserWarning, "a.py", 3)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
bad = Bad()
log.warning("%s", bad)
bad = None
gc.collect()
alone = logging.getLogger("alone")
alone.propagate = False
alone.warning("of nobody")
for number in range(int(sys.argv[1])):
    log.warning("line %d", number)
print("alive", flush=True)
if sys.argv[2] == "exit at once":
    logging.shutdown()
    os._exit(1)
raise RuntimeError("the end")
"""
TOLD = [
    "first",
    "INFO second",
    "WARNING a.py:3: UserWarning: third",
    "ERROR a thread failed",
    "ERROR a line of the log of korus_mcp could not be told",
    "ERROR an exception was ignored",
    "WARNING of nobody",
]


def server(tmp_path: Path, stderr: FileIO, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SERVER, *arguments],
        env=child_environment(tmp_path),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("end", ["exit at once", "fail"])
def test_whatever_a_server_says_waits_for_no_reader_of_stderr_and_nor_does_its_end(
    end: str, tmp_path: Path
) -> None:
    with full_pipe() as (reader, writer):
        ran = server(tmp_path, writer, str(3 * MOST_LINES), end)
        assert (ran.stdout, ran.returncode) == ("alive\n", 1)
        assert not read_to_its_end(reader, writer)


@pytest.mark.parametrize("end", ["exit at once", "fail"])
def test_all_a_server_says_is_written_in_order_to_the_last_line_before_its_end(
    end: str, tmp_path: Path
) -> None:
    with a_pipe() as (reader, writer):
        server(tmp_path, writer, "300", end)  # less than a pipe holds
        lines = read_to_its_end(reader, writer).splitlines()
    said = [line for line in lines if not line.startswith("  | ")]
    last = ["CRITICAL the server failed"] if end == "fail" else []
    assert [line.strip() for line in said] == [
        *TOLD,
        *(f"WARNING line {number}" for number in range(300)),
        *last,
    ]
    traces = [line.strip() for line in lines if line.startswith("  | ") and "Error: " in line]
    ends = ["  | ValueError: in a thread", "  | ValueError: unraisable"]
    ends += ["  | RuntimeError: the end"] if end == "fail" else []
    assert traces == [line.strip() for line in ends]


@contextmanager
def lines_aside(writer: FileIO) -> Iterator[tuple[LinesAside, logging.Logger]]:
    """A logger of its own that writes to a pipe from a thread."""
    with os.fdopen(os.dup(writer.fileno()), "w", encoding="ascii") as stream:
        handler = LinesAside(stream)
        logger = logging.getLogger("of a test")
        logger.addHandler(handler)
        yield handler, logger
        logger.removeHandler(handler)
        handler.flush()
        handler.close()


def test_in_json_every_line_is_json_also_one_that_is_no_record() -> None:
    untold = logging.LogRecord("of a test", logging.ERROR, "f", 1, "%s", (Unspeakable(),), None)
    with a_pipe() as (reader, writer), lines_aside(writer) as (handler, _):
        handler.setFormatter(JsonFormatter())
        handler.say("korus-mcp: a notice")
        handler.emit(untold)
        handler.flush()
        lines = [json.loads(line) for line in os.read(reader.fileno(), 65_536).splitlines()]
    assert [(each["level"], each["message"]) for each in lines] == [
        ("INFO", "korus-mcp: a notice"),
        ("ERROR", "a line of the log of of a test could not be told"),
    ]


class Unspeakable:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError


def test_the_level_is_that_of_our_own_log_and_libraries_stay_at_warnings() -> None:
    ours, root = logging.getLogger("korus_mcp"), logging.getLogger()
    before = ours.level, root.level
    try:
        log_as(LogForm.TEXT, LogLevel.DEBUG)
        assert (ours.level, root.level) == (logging.DEBUG, before[1])
    finally:
        ours.setLevel(before[0])


def test_lines_that_nobody_reads_are_kept_to_a_bound_and_how_many_were_dropped_is_told() -> None:
    with full_pipe() as (reader, writer), lines_aside(writer) as (handler, logger):
        logger.warning("line 0")
        while handler._lines.qsize():  # the thread takes it, and waits with it
            threading.Event().wait(0.01)
        for number in range(1, MOST_LINES + 500):
            logger.warning("line %d", number)
        assert handler._lines.qsize() == MOST_LINES
        lines: list[str] = []
        reading = threading.Thread(target=lambda: lines.extend(read_until(reader, "after\n")))
        reading.start()
        while handler._lines.qsize():
            threading.Event().wait(0.01)
        logger.warning("and \u00e9 after")
        reading.join(30)
    kept = len(lines) - 2
    assert kept == MOST_LINES + 1
    assert lines[:-2] == [f"WARNING line {number}" for number in range(kept)]
    assert lines[-2:] == [
        f"WARNING {MOST_LINES + 500 - kept} lines were dropped: stderr was not read",
        "WARNING and \\xe9 after",
    ]


def read_until(reader: FileIO, end: str) -> list[str]:
    said = ""
    while not said.endswith(end):
        said += reader.read(65_536).decode()
    return said.lstrip(".").splitlines()


def test_a_pipe_that_another_made_not_wait_loses_nothing() -> None:
    with full_pipe() as (reader, writer):
        os.set_blocking(writer.fileno(), False)
        with lines_aside(writer) as (_, logger):
            logger.warning("after")
            assert read_until(reader, "after\n") == ["WARNING after"]


def test_a_pipe_whose_reader_has_left_fails_nobody_and_ends_nothing() -> None:
    with a_pipe() as (reader, writer), lines_aside(writer) as (handler, logger):
        reader.close()
        logger.warning("one")
        logger.warning("two")
        handler.flush()
        assert not handler._lines.qsize()
