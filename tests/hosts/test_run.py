"""The driver of `make hosts`: what it keeps, what it runs again, and what it makes of a script."""

import json
from pathlib import Path

import pytest

from korus_mcp.hosts.table import Host, Kind
from tests.hosts import run
from tests.hosts.run import Bench, chosen, last_line, run_all

LINE = {"version": {"x": "1"}, "booked": True, "calls": 8, "refusal_read": True, "order_id": "1"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "tests" / "rows").mkdir(parents=True)
    results = tmp_path / "results.json"
    results.write_text("{}", "utf-8")
    return Bench(tmp_path / "cache", results, tmp_path / "tests" / "rows")


def row(bench: Bench, script: str, name: str = "one") -> Host:
    (bench.rows / f"{name}.py").write_text(script, "utf-8")
    return Host(name, name, Kind.PYTHON, "a program", "python", "", script=f"{name}.py")


def saying(line: object) -> str:
    return f"print('hello'); print({json.dumps(line)!r})"


def test_a_script_s_last_line_is_its_result(bench: Bench) -> None:
    assert run_all([row(bench, saying(LINE))], bench, again=False)
    result = bench.known()["one"]
    assert result["booked"]
    assert result["version"] == {"x": "1"}
    assert result["question"] == "not announced"


def test_a_script_has_a_home_of_its_own_and_finds_what_it_shares(bench: Bench) -> None:
    (bench.rows.parent / "__init__.py").touch()
    (bench.rows.parent / "shared.py").write_text("SHARED = 1", "utf-8")
    script = (
        "import json, os, pathlib\n"
        "from tests.hosts import shared\n"
        "home = pathlib.Path.home()\n"
        "new = not (home / 'seen').exists()\n"
        "(home / 'seen').touch()\n"
        "good = new and home == pathlib.Path.cwd() and os.path.exists(os.environ['KORUS_MCP'])\n"
        f"print(json.dumps({LINE!r} | {{'booked': good}}))\n"
    )
    host = row(bench, script)
    assert run_all([host], bench, again=True)
    assert run_all([host], bench, again=True)


def test_a_run_goes_on_where_it_stopped(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = row(bench, saying(LINE)), row(bench, saying(LINE), "two")
    run_all([first], bench, again=False)
    capsys.readouterr()
    run_all([first, second], bench, again=False)
    printed = capsys.readouterr().out.splitlines()
    assert [line.startswith("kept | ") for line in printed] == [True, False]


def test_a_row_whose_script_changed_runs_again(bench: Bench) -> None:
    run_all([row(bench, saying(LINE))], bench, again=False)
    run_all([row(bench, saying(LINE | {"calls": 9}))], bench, again=False)
    assert bench.known()["one"]["calls"] == 9


def test_a_script_without_a_result_is_a_booking_that_was_not_made(bench: Bench) -> None:
    assert not run_all([row(bench, "raise SystemExit(3)")], bench, again=False)
    result = bench.known()["one"]
    assert not result["booked"]
    assert "exit code 3" in result["why"]


def test_a_script_that_does_not_end_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROW_SECONDS", 0.1)
    host = row(bench, "import time; time.sleep(600)")
    assert not run_all([host], bench, again=False)
    assert "not done after" in bench.known()["one"]["why"]


def test_a_refusal_that_was_not_read_fails_the_run(bench: Bench) -> None:
    assert not run_all([row(bench, saying(LINE | {"refusal_read": False}))], bench, again=False)


def test_rows_are_chosen_by_name(bench: Bench) -> None:
    first, second = row(bench, ""), row(bench, "", "two")
    elsewhere = Host("three", "three", Kind.ELSEWHERE, "a file", "json", "{}")
    assert chosen("", [first, second, elsewhere]) == [first, second]
    assert chosen("two", [first, second]) == [second]
    with pytest.raises(SystemExit, match="no such row: three; there are one, two"):
        chosen("three", [first, second, elsewhere])


@pytest.mark.parametrize("printed", ["", "\n", "hello", "[1]", '{"booked": true}\nbye'])
def test_what_is_no_result_is_none(printed: str) -> None:
    assert last_line(printed) is None
