"""The bundle as a host installs it: packed by the official packer, unpacked, started by uv."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from korus_mcp.settings import KNOWN_NAMES, SETTINGS, Settings, read_settings
from tests.bundle import pack
from tests.docs import manifest
from tests.fixtures.npm import Installed, NotInstalled

MANIFEST: Mapping[str, Any] = json.loads(manifest.MANIFEST.read_text("utf-8"))
PROGRAMS = Path(sys.executable).parent
JUNK = (".venv/pyvenv.cfg", "uv.lock", "src/__pycache__/server.pyc", "tests/test_it.py")


def filled_in(text: str, *, folder: Path, typed: dict[str, str]) -> str:
    """A text of the manifest as a host hands it on: what was not typed is its default."""
    values = {key: each["default"] for key, each in MANIFEST["user_config"].items()} | typed
    text = text.replace("${__dirname}", str(folder))
    return re.sub(r"\$\{user_config\.(\w+)\}", lambda found: values[found[1]], text)


def variables(folder: Path, **typed: str) -> dict[str, str]:
    env = MANIFEST["server"]["mcp_config"]["env"]
    return {name: filled_in(text, folder=folder, typed=typed) for name, text in env.items()}


def test_the_manifest_and_the_project_are_what_the_settings_and_the_version_make_of_them() -> None:
    assert manifest.manifest() == MANIFEST, "run `make readme`"
    assert manifest.PROJECT.read_text("utf-8") == manifest.project_file(), "run `make readme`"


def test_every_setting_can_be_left_empty_and_secrets_are_not_shown() -> None:
    fields = MANIFEST["user_config"]
    assert len(fields) == len(SETTINGS)
    assert MANIFEST["server"]["mcp_config"]["env"].keys() - KNOWN_NAMES == {"UV_SYSTEM_CERTS"}
    for setting in SETTINGS:
        placeholder = MANIFEST["server"]["mcp_config"]["env"][setting.name]
        (key,) = re.findall(r"^\$\{user_config\.(\w+)\}$", placeholder)
        assert fields[key]["default"] == ""
        assert fields[key].get("sensitive", False) == setting.secret
        assert setting.name in fields[key]["description"]


def test_a_person_who_types_nothing_gets_the_sandbox_and_what_is_typed_arrives(
    tmp_path: Path,
) -> None:
    assert read_settings(variables(tmp_path)) == Settings()
    found = read_settings(variables(tmp_path, profile="browse", journal_key="k" * 40))
    assert (found.profile, found.journal_key) == ("browse", "k" * 40)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The packer, or a skip where npm or its registry is absent."""
    try:
        return pack.packer(tmp_path_factory.mktemp("packer"))
    except NotInstalled as failed:
        pytest.skip(str(failed))


@pytest.fixture(scope="module")
def unpacked(tools: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle in a folder, as a host unpacks it."""
    folder, target = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("unpacked")
    pack.laid_out(folder)
    for name in JUNK:  # as if somebody had run it there
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("left behind")
    with zipfile.ZipFile(pack.packed(folder, tmp_path_factory.mktemp("bundle"), tools)) as bundle:
        bundle.extractall(target)
    return target


def test_the_bundle_has_its_files_and_nothing_that_a_run_leaves(unpacked: Path) -> None:
    found = {str(f.relative_to(unpacked)) for f in unpacked.rglob("*") if f.is_file()}
    wanted = {
        "manifest.json",
        "pyproject.toml",
        "LICENSE",
        "icon.png",
        manifest.ENTRY,
        manifest.WHEEL,
    }
    assert found - {".mcpbignore"} == wanted


def test_a_manifest_that_the_packer_does_not_know_is_refused(
    tools: Installed, tmp_path: Path
) -> None:
    wrong = {**MANIFEST, "manifest_version": "0.3"}  # which had no uv
    (tmp_path / "manifest.json").write_text(json.dumps(wrong))
    with pytest.raises(subprocess.CalledProcessError):
        pack.packed(tmp_path, tmp_path, tools)


@pytest.fixture(scope="module")
def environment(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a host starts the bundle with, once its packages are fetched."""
    own = {
        **variables(unpacked),
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": f"{PROGRAMS}:/usr/bin:/bin",
        # Packages are kept where whoever runs this keeps them: they are fetched once.
        "UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"),
        "UV_PYTHON": sys.executable,
    }
    fetch = [str(PROGRAMS / "uv"), "sync", "--directory", str(unpacked)]
    fetched = subprocess.run(fetch, env=own, capture_output=True, text=True, check=False)
    if "Failed to fetch" in fetched.stderr:
        pytest.skip(f"the package index is not there: {fetched.stderr[-300:]}")
    assert fetched.returncode == 0, fetched.stderr
    return own


@pytest.mark.anyio
async def test_the_unpacked_bundle_starts_by_the_command_of_its_manifest(
    unpacked: Path, environment: dict[str, str]
) -> None:
    config = MANIFEST["server"]["mcp_config"]
    server = StdioServerParameters(
        command=str(PROGRAMS / config["command"]),
        args=[filled_in(each, folder=unpacked, typed={}) for each in config["args"]],
        env=environment,
        cwd=environment["HOME"],
    )
    async with Client(server) as client:
        assert {t.name for t in (await client.list_tools()).tools} >= {"search_products", "reserve"}
        found = await client.call_tool("search_products", {"query": "museum"})
        assert found.structured_content
        assert found.structured_content["products"]
    assert (unpacked / ".venv").exists(), "uv runs the wheel of the bundle, and nothing else"
