"""korus-mcp demo: a booking told to its end, in a world of its own."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from korus_mcp.commands.cli import main
from korus_mcp.commands.demo import child_environment, run_demo
from korus_mcp.commands.launch import as_typed, this_start
from korus_mcp.settings import read_settings
from tests.journeys.walk import pdf_text

PRODUCTION = {
    "KORUS_ENVIRONMENT": "production",
    "KORUS_CLIENT_ID": "account",
    "KORUS_CLIENT_SECRET": "xyzzy-secret",
    "KORUS_PROFILE": "service-desk",
    "KORUS_APPROVAL": "two_step",
    "KORUS_MAX_ORDER_AMOUNT": "100",
    "KORUS_MAX_DAY_AMOUNT": "100",
    "KORUS_MCP_CONTENT": "text",
}
RECORDER = """
import json, os, sys

def note(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        with open(LOG, "a") as log:
            log.write(json.dumps([event, repr(arguments[-1] if event != "socket.getaddrinfo"
                      else arguments[0])]) + "\\n")

given = sorted(name for name in os.environ if name.startswith("KORUS_"))
with open(LOG, "a") as log:
    log.write(json.dumps(["started", given]) + "\\n")
sys.addaudithook(note)
"""
HEARD: list[tuple[str, object]] = []
_listening = False


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _listening and event in {"socket.connect", "socket.getaddrinfo"}:
        HEARD.append((event, arguments))


sys.addaudithook(_hear)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, object]]]:
    """Connections this process makes meanwhile."""
    global _listening
    HEARD.clear()
    _listening = True
    yield HEARD
    _listening = False


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A shell with production settings, whose children write down what they connect to."""
    log = tmp_path / "events"
    (tmp_path / "sitecustomize.py").write_text(f"LOG = {str(log)!r}\n{RECORDER}")
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return log


def test_the_demo_books_saves_a_pdf_and_connects_to_nothing_whatever_the_shell_says(
    shell: Path, heard: list[tuple[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    kept = shell.parent / "kept"
    kept.mkdir()
    assert main(["demo", "--keep", str(kept)]) == 0
    said = capsys.readouterr().out
    paths = [line.removeprefix("PDF: ") for line in said.splitlines() if line.startswith("PDF: ")]
    references = [
        line.removeprefix("Order reference: ")
        for line in said.splitlines()
        if line.startswith("Order reference: ")
    ]
    assert paths
    assert references
    for path in paths:
        assert any(reference in pdf_text(Path(path)) for reference in references)
    for tool in ("search_products", "reserve", "place_order", "name_beneficiaries", "get_tickets"):
        assert f"> {tool} {{" in said
    assert "tokens" in said
    assert f"Next: `{as_typed(this_start())} search derby`" in said.replace("\n", " ")
    assert "Adult" in said
    assert "Child" not in said.partition("> reserve")[0].rpartition("> check_availability")[2]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", said), "ids are folded"
    assert not list(shell.parent.glob("korus-demo-*"))
    assert "xyzzy-secret" not in said
    events = [json.loads(line) for line in shell.read_text().splitlines()]
    ((started, given),) = [event for event in events if event[0] == "started"]
    assert started == "started"
    assert not set(given) & (PRODUCTION.keys() - {"KORUS_LANGUAGE"})
    assert events == [[started, given]]  # no connection, no name looked up
    assert not heard


def test_the_childs_environment_holds_nothing_of_the_callers_settings(tmp_path: Path) -> None:
    made = child_environment({**PRODUCTION, "PATH": "/bin"}, tmp_path / "down", tmp_path / "state")
    assert made["PATH"] == "/bin"
    assert not {n for n in made if n in PRODUCTION}
    assert "xyzzy-secret" not in str(made)
    settings = read_settings(made)
    assert settings.embedded
    assert settings.download_dir == tmp_path / "down"
    for folder in (settings.cache_dir, settings.sandbox_dir):
        assert str(tmp_path / "state") in str(folder)


def test_a_demo_that_fails_says_where_and_leaves_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = 'import os\nos.environ["KORUS_PROFILE"] = "browse"\n'  # a child that cannot reserve
    (tmp_path / "sitecustomize.py").write_text(broken)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}  # noqa: TID251 - a child needs PATH
    assert run_demo(environ) == 1
    said = capsys.readouterr().out
    assert "The demo failed: reserve" in said
    assert "Order reference" not in said
