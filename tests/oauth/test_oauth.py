"""Sign-in at a real provider, with the client of these tests; the others by `make oauth-test`."""

import re
import shutil
from pathlib import Path

import pytest

from tests.fixtures.hosts import PROJECT
from tests.oauth import run
from tests.oauth.programs import NEW, PROGRAMS, NotInstalled

PAGE = PROJECT / "docs" / "sign-in.md"
CALLS = 50


def test_the_document_has_a_row_for_each_program_at_each_revision() -> None:
    told = re.findall(r"^\| (\S+) ([\d.]+) \| (\d{4}-\d\d-\d\d) \|", PAGE.read_text(), re.MULTILINE)
    published = {(p.name, p.version, r) for p in PROGRAMS if p.registry != "here" for r in p.modes}
    own = {(p.name, r) for p in PROGRAMS if p.registry == "here" for r in p.modes}
    assert published <= set(told)
    # The version of ours is whatever is installed.
    assert own <= {(name, revision) for name, _, revision in told}
    assert len(told) == len(published) + len(own)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_program_that_was_not_run_or_lost_something_fails_the_run(
    lost: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def played(folder: Path, wanted: object, calls: int, found: run.Findings) -> None:
        found.lost = lost
        found.absent = [] if lost else ["mcp-remote 0.15.1 was not run: 404"]

    monkeypatch.setattr(run, "played", played)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    assert run.main(CALLS, []) == 1
    said = capsys.readouterr().out
    assert f"doubles 0, lost {lost}, leaked 0" in said
    assert ("5 of 6 programs" in said) is not bool(lost)


@pytest.mark.anyio
async def test_a_program_signs_its_person_in_at_a_real_provider_and_books(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    found = run.Findings()
    ours = [program for program in PROGRAMS if program.registry == "here"]
    try:
        there = run.install(tmp_path, ours, found)
    except NotInstalled as why:
        pytest.skip(str(why))
    found.rows = [row for row in found.rows if row.revision == NEW]
    async with run.bench(tmp_path, there, found) as here:
        await run.books(here)
        await run.refusals(here)
        await run.many(here, CALLS)
    assert not found.wrong
    assert (found.doubles, found.lost, found.leaked) == (0, 0, 0)
    assert found.rows[0].books.startswith("one order")
