"""How this installation is started, by programs and by hand."""

import json
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from korus_mcp.commands.launch import as_typed, this_start
from korus_mcp.hosts.links import Start

LAUNCH = "korus_mcp.commands.launch"


@pytest.mark.parametrize(
    ("told", "arguments"),
    [
        (None, ("korus-mcp",)),
        (
            {"url": "https://u:p@example.org/x", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            ("--from", "git+https://example.org/x", "korus-mcp"),
        ),
        (
            {"url": "file:///wheels/korus_mcp.whl", "archive_info": {}},
            ("--from", "file:///wheels/korus_mcp.whl", "korus-mcp"),
        ),
    ],
)
def test_from_uvx_it_is_started_by_uvx_from_where_it_came(
    told: dict[str, Any] | None,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    class Installed(Distribution):
        def read_text(self, filename: str) -> str | None:
            return json.dumps(told) if told and filename == "direct_url.json" else None

        def locate_file(self, path: Any) -> Any:
            return path

    monkeypatch.setattr(f"{LAUNCH}.distribution", lambda _: Installed())
    monkeypatch.setattr(f"{LAUNCH}.shutil.which", lambda _: "/bin/uvx")
    monkeypatch.setattr(f"{LAUNCH}.sys.prefix", str(tmp_path / "uv" / "archive-v0" / "x1"))
    assert this_start() == Start("/bin/uvx", arguments)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in, with the program in an environment below; the PATH is empty."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program(tmp_path / ".venv" / "bin" / "korus-mcp")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return tmp_path


def program(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    path.chmod(0o755)


def test_below_the_folder_one_is_in_it_is_typed_from_there(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Start(str(checkout / ".venv" / "bin" / "korus-mcp"))
    assert as_typed(start) == ".venv/bin/korus-mcp"
    monkeypatch.chdir(checkout / ".venv" / "bin")
    assert as_typed(start) == "./korus-mcp"
    monkeypatch.chdir(checkout / "..")
    assert as_typed(start) == f"{checkout.name}/.venv/bin/korus-mcp"
    (checkout / "elsewhere").mkdir()
    monkeypatch.chdir(checkout / "elsewhere")
    assert as_typed(start) == start.command


def test_what_the_path_finds_is_typed_by_its_name(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a link, as pipx and uv make one."""
    start = Start(str(checkout / ".venv" / "bin" / "korus-mcp"))
    monkeypatch.setenv("PATH", str(checkout / ".venv" / "bin"))
    assert as_typed(start) == "korus-mcp"
    (checkout / "links").mkdir()
    (checkout / "links" / "korus-mcp").symlink_to(start.command)
    monkeypatch.setenv("PATH", str(checkout / "links"))
    assert as_typed(start) == "korus-mcp"


def test_another_program_of_the_same_name_is_not_meant(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(checkout / "others" / "korus-mcp")
    monkeypatch.setenv("PATH", str(checkout / "others"))
    typed = as_typed(Start(str(checkout / ".venv" / "bin" / "korus-mcp")))
    assert typed == ".venv/bin/korus-mcp"


def test_a_python_of_an_environment_is_not_the_one_it_links_to(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(checkout / "system" / "python")
    own = checkout / ".venv" / "bin" / "python"
    own.symlink_to(checkout / "system" / "python")
    monkeypatch.setattr(sys, "executable", str(own))
    monkeypatch.setenv("PATH", str(checkout / "system"))
    assert as_typed(Start(str(own), ("-m", "korus_mcp"))) == ".venv/bin/python -m korus_mcp"


def test_what_uvx_starts_is_typed_with_its_address(checkout: Path) -> None:
    """There need not be a program to look for."""
    start = Start("uvx", ("--from", "git+https://example.org/a b", "korus-mcp"))
    assert as_typed(start) == "uvx --from 'git+https://example.org/a b' korus-mcp"
