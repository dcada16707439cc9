"""How a run of the suite is judged: what was not looked at did not pass."""

import json
from pathlib import Path

import pytest

from tests.conformance import run
from tests.conformance.run import REQUIRED, Result, judged

REVISION = "2025-11-25"


def written(results: Path, scenario: str, *statuses: str) -> None:
    folder = results / f"server-{scenario}-2026-11-30T21-38-09-614Z"
    folder.mkdir(parents=True)
    checks = [{"id": "a-check", "status": status, "errorMessage": "why"} for status in statuses]
    (folder / "checks.json").write_text(json.dumps(checks))


@pytest.mark.parametrize(
    ("statuses", "failures"),
    [
        (["SUCCESS", "SUCCESS"], ()),
        (["SUCCESS", "SKIPPED", "WARNING"], ()),
        (["SUCCESS", "FAILURE"], ("a-check: why",)),
        (["SUCCESS", "SOMETHING_NEW"], ("a-check: why",)),
        (["SKIPPED"], ("nothing succeeded",)),
        ([], ("nothing succeeded",)),
    ],
)
def test_a_scenario_passes_if_something_succeeded_and_nothing_failed(
    statuses: list[str], failures: tuple[str, ...], tmp_path: Path
) -> None:
    written(tmp_path, "ping", *statuses)
    assert judged(REVISION, ["ping"], tmp_path).scenarios == {"ping": failures}


def test_a_scenario_that_was_not_run_did_not_pass(tmp_path: Path) -> None:
    written(tmp_path, "tools-list-of-another", "SUCCESS")
    result = judged(REVISION, ["tools-list"], tmp_path)
    assert result.scenarios == {"tools-list": ("was not run",)}
    assert "0/1" in str(result)
    assert not result.is_whole


def test_a_suite_that_requires_less_than_it_did_proves_less() -> None:
    all_ = Result(REVISION, {f"scenario {n}": () for n in range(REQUIRED[REVISION])})
    assert all_.is_whole
    fewer = Result(REVISION, dict(list(all_.scenarios.items())[1:]))
    assert fewer.passed == len(fewer.scenarios)
    assert not fewer.is_whole


@pytest.mark.parametrize("is_a_new_machine", [True, False])
def test_without_npm_a_developer_is_told_and_a_new_machine_fails(
    is_a_new_machine: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("KORUS_TEST_NO_SKIP", raising=False)
    if is_a_new_machine:
        monkeypatch.setenv("KORUS_TEST_NO_SKIP", "1")
    assert run.main() == int(is_a_new_machine)
    assert "npm is not installed" in capsys.readouterr().err
