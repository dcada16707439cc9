"""docs/adding-a-tool.md is followed, in a copy of the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs.generated import ROOT

PAGE: Final = (ROOT / "docs" / "adding-a-tool.md").read_text("utf-8")
WRITE: Final = """
from tests.docs.generated import LISTING, listing

LISTING.write_text(listing(), "utf-8")
"""
CALL: Final = """
import anyio
from mcp import Client
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings

async def call() -> None:
    async with Client(build_server(Settings(sandbox_seed=1))) as client:
        assert "list_catalogs" in {tool.name for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("list_catalogs", {})
        assert not answer.is_error, answer
        print(answer.content[0].text)

anyio.run(call)
"""


def test_who_follows_the_page_has_a_tool(tmp_path: Path) -> None:
    for room in ("korus_mcp", "tests"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignored)
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    blocks = re.findall(r"In `([^`]+)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for file, code in blocks:
        (tmp_path / file).write_text(code, "utf-8")
    for change in re.findall(r"```diff\n(.*?)```", PAGE, re.DOTALL):
        apply = ["git", "apply", "-p0", "--unidiff-zero", "-"]
        subprocess.run(apply, input=change.encode(), cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-c", WRITE], cwd=tmp_path, check=True)
    called = subprocess.run(
        [sys.executable, "-c", CALL], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert called.returncode == 0, called.stderr
    assert "Call search_products." in called.stdout
    assert len(called.stdout.splitlines()) > 3


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`((?:korus_mcp|tests)/[^`]+)`", PAGE))))
def test_what_the_page_names_is_there(named: str) -> None:
    assert (ROOT / named).exists() or named.endswith("list_catalogs.py")
