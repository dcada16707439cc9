"""What README and docs tell to type is understood, and the blocks they show can be read."""

import ast
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import anyio
import pytest
import yaml

from korus_mcp.commands.cli import parser
from korus_mcp.hosts.links import PUBLISHED, TODAY, UNPUBLISHED
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from korus_mcp.sandbox.control import _ACTIONS as ACTIONS
from korus_mcp.sandbox.control import _LEVERS as LEVERS
from korus_mcp.sandbox.control import PREFIX
from tests.docs import hosts_page
from tests.docs.generated import ROOT

PAGES: Final = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"`(korus-mcp [^`]+|make [^`]+|[^`]*uvx [^`]*)`")
PLACES: Final = re.compile(r"\b[A-Z][A-Z_]*\b|\.\.\.")
"""What a reader puts something in place of: CODE, ID, FILE."""
BEFORE_PYPI: Final = re.compile(r"(not|yet|once it is) on PyPI|git\+https", re.IGNORECASE)
"""How documents say that there is no package on PyPI, or do without one."""


def told() -> Iterator[tuple[str, str, str]]:
    """Each block with its page and language, and each command within a sentence."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for language, block in BLOCK.findall(text):
            yield page.name, language, block
        for command in INLINE.findall(BLOCK.sub("", text)):
            yield page.name, "sh", command


def typed() -> list[tuple[str, str]]:
    """Each line of a shell, with its page; assignments before a command are left out."""
    lines = []
    for page, language, block in told():
        if language not in ("sh", ""):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                lines.append((page, shlex.join(words)))
    return lines


@pytest.mark.parametrize(
    ("page", "line"),
    sorted({(page, line) for page, line in typed() if "korus-mcp" in line.split()}),
)
def test_every_command_that_is_told_is_one_of_ours(page: str, line: str) -> None:
    words = shlex.split(line)
    given = words[words.index("korus-mcp") + 1 :]
    if words[0] in ("claude", "codex", "npx"):
        # They are told the command that starts the server, and tests/hosts books through them.
        return
    end = next((n for n, word in enumerate(given) if word in ("&&", "&", "|", ">")), len(given))
    given = given[:end]
    try:
        parser(has_arguments=bool(given)).parse_args(given)
    except SystemExit as ended:
        if ended.code:
            pytest.fail(f"{page}: {line}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_that_is_told_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for where, line in typed():
        words = line.split()
        if where == page.name and words[0] == "make" and len(words) > 1:
            assert words[1] in targets, line


def test_every_block_can_be_read() -> None:
    read: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "yaml": yaml.safe_load,
        "toml": tomllib.loads,
        "python": lambda text: ast.parse(text, feature_version=(3, 11)),
    }
    seen = set()
    for page, language, block in told():
        if language in read:
            seen.add(language)
            try:
                read[language](block)
            except Exception as wrong:
                raise AssertionError(f"{page}: {block}") from wrong
    assert seen == set(read)


def test_extras_that_are_told_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [e for p in PAGES for e in re.findall(r"korus-mcp\[([\w,]+)\]", p.read_text("utf-8"))]
    told_of = {each for some in lists for each in some.split(",")}
    assert told_of
    assert told_of <= set(project["optional-dependencies"])


@pytest.mark.anyio
async def test_the_example_of_the_client_runs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (example,) = (block for language, block in BLOCK.findall(text) if language == "python")
    async with served_sandbox(SandboxOptions(seed=1)) as served:
        ran = await anyio.run_process(
            [sys.executable, "-c", example], env=served.environment, cwd=ROOT
        )
    assert served.sandbox.landmarks["park_catalog"] in ran.stdout.decode()


def before_pypi() -> list[str]:
    """Lines of the documents that are true only while there is no package on PyPI."""
    pages = [page for page in PAGES if page.name != "CONTRIBUTING.md"]  # it says how to find them
    return [
        f"{page.relative_to(ROOT)}:{number}: {line}"
        for page in pages
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1)
        if BEFORE_PYPI.search(line)
    ]


def test_no_document_says_that_there_is_no_package_once_there_is_one() -> None:
    found = before_pypi()
    if TODAY is PUBLISHED:
        assert not found, "\n".join(("see CONTRIBUTING.md, Releasing:", *found))
    else:
        pages = ("hosts", "journal", "operations", "postgresql", "promises")
        named = {line.split(":")[0] for line in found}
        assert named >= {"README.md", *(f"docs/{page}.md" for page in pages)}
    assert not BEFORE_PYPI.search(hosts_page.ways(PUBLISHED))


def test_what_is_installed_from_the_index_is_told_beside_what_can_be_installed_today() -> None:
    """Until it is on PyPI."""
    for page in PAGES if TODAY is UNPUBLISHED else ():
        text = page.read_text("utf-8")
        if "pip install 'korus-mcp[" in text:
            assert re.search(r"pip install 'korus-mcp\[[\w,]+\] @ git\+https://", text), page.name


def test_the_routes_that_steer_the_sandbox_are_those_that_are_told() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(rf"^\| `([A-Z]+) {PREFIX}(/\S+)` \|", text, re.MULTILINE)
    assert rows == list(LEVERS)
    (of_faults,) = re.findall(rf"^\| `POST {PREFIX}/faults` \|.*$", text, re.MULTILINE)
    assert set(ACTIONS) <= set(re.findall(r"`(\w+)`", of_faults))
