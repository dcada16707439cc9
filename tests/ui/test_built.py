"""The committed pages are those of the sources, small and whole."""

import gzip
import json
import re
from pathlib import Path

import pytest

from korus_mcp.foundation.refusals import Code
from tests.ui.stage import BUILT, UI, run_node

PAGES = sorted(path.stem for path in (UI / "src").glob("*.html"))
MOST_BYTES = 60_000


def test_each_page_is_what_a_fresh_build_makes(modules: Path, tmp_path: Path) -> None:
    run_node(UI / "build.mjs", str(tmp_path))
    for name in PAGES:
        built, fresh = ((folder / f"{name}.html").read_bytes() for folder in (BUILT, tmp_path))
        assert built == fresh, f"{name}: make ui, and commit the built page"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small(name: str) -> None:
    assert len(gzip.compress((BUILT / f"{name}.html").read_bytes())) < MOST_BYTES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_file(name: str) -> None:
    text = (BUILT / f"{name}.html").read_text(encoding="utf-8")
    assert not re.search(r"<link|<script[^>]+src|@import|url\((?!#)", text)


def test_a_buyer_is_told_each_code_in_both_languages() -> None:
    meanings = json.loads((UI / "src/booking/meanings.json").read_text(encoding="utf-8"))
    assert list(meanings) == [code.value for code in Code]
    for told in meanings.values():
        assert list(told) == ["en", "fr"]
        assert all(len(texts) == 2 and all(texts) for texts in told.values())


def test_packages_are_named_by_exact_version() -> None:
    package = json.loads((UI / "package.json").read_text(encoding="utf-8"))
    versions = package["devDependencies"].values()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
    assert "dependencies" not in package
    assert "registry" not in (UI / ".npmrc").read_text(encoding="utf-8")
    assert not (UI / "package-lock.json").exists()
