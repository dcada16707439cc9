"""korus-mcp config: what a program needs to start this server."""

import json
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from korus_mcp.commands.cli import EXIT_MISCONFIGURED, main
from korus_mcp.commands.config import programs
from korus_mcp.hosts.blocks import block_of
from korus_mcp.hosts.links import Start
from korus_mcp.hosts.table import Host

GIVEN = {"KORUS_LANGUAGE": "de", "KORUS_CLIENT_SECRET": 'a "quoted" \\ place'}
UVX = Start("/opt/a folder/uvx", ("--from", "git+https://example.org/x", "korus-mcp"), GIVEN)


def read(host: Host, block: str) -> Any:
    match host.language:
        case "json":
            return json.loads(block)
        case "yaml":
            return yaml.safe_load(block)
        case _:
            return tomllib.loads(block)


def entries(found: Any) -> Iterator[dict[str, Any]]:
    """Each entry with a command, wherever it stands."""
    if isinstance(found, list):
        for each in found:
            yield from entries(each)
    if isinstance(found, dict):
        if "command" in found or "cmd" in found:
            yield found
        for each in found.values():
            yield from entries(each)


@pytest.mark.parametrize(("name", "host"), programs().items(), ids=programs().keys())
def test_a_block_starts_this_installation_and_is_otherwise_the_tested_one(
    name: str, host: Host
) -> None:
    block = block_of(host, UVX)
    if host.language == "sh":
        words = shlex.split(block.replace("\\\n", " "))
        assert set(UVX.parts) <= set(words)
        return
    (entry,) = entries(read(host, block))
    command = entry.get("command") or entry["cmd"]
    started = command if isinstance(command, list) else [command, *entry["args"]]
    assert tuple(started) == UVX.parts
    assert entry[host.environment] == GIVEN
    (tested,) = entries(read(host, host.block))
    kept = tested.keys() - {"command", "cmd", "args", host.environment}
    assert {k: tested[k] for k in kept} == {k: entry[k] for k in kept}


def test_a_secret_is_a_place_to_fill_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "KORUS_CLIENT_SECRET": "xyzzy-secret",
        "KORUS_DATABASE_URL": "postgresql://shop:xyzzy-secret@db/x",
        "KORUS_CLIENT_ID": "shop",
        "KORUS_NONSENSE": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["config", "vscode", "--account"]) == 0
    said = capsys.readouterr()
    assert "xyzzy" not in said.out + said.err
    assert "`servers`" in said.err
    assert "KORUS_TOKEN_URL" in said.err, "demo needs it"
    ((name, entry),) = json.loads(said.out)["servers"].items()
    assert name == "korus"
    assert entry["env"].keys() == {
        "KORUS_CLIENT_SECRET",
        "KORUS_DATABASE_URL",
        "KORUS_CLIENT_ID",
        "KORUS_ENVIRONMENT",
    }
    assert entry["env"]["KORUS_CLIENT_ID"] == "shop"
    assert entry["env"]["KORUS_CLIENT_SECRET"] == "PUT KORUS_CLIENT_SECRET HERE"
    assert Path(entry["command"]).is_absolute()


def test_what_is_said_below_a_block_fits_the_block_and_names_what_it_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "claude-desktop"]) == 0
    said = capsys.readouterr()
    ((_, entry),) = json.loads(said.out)["mcpServers"].items()
    assert Path(entry["command"]).is_absolute()
    assert "give its full path" not in said.err
    assert main(["config", "codex"]) == 0
    assert "Where Codex asks whether to order, choose True" in capsys.readouterr().err


def test_programs_are_listed_and_a_wrong_name_is_corrected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config"]) == 0
    told = capsys.readouterr().out
    for name in ("claude-desktop", "claude-code", "vscode", "codex", "goose"):
        assert name in told
    assert main(["config", "VS Code"]) == 0
    capsys.readouterr()
    assert main(["config", "vscod"]) == EXIT_MISCONFIGURED
    assert "did you mean vscode?" in capsys.readouterr().err
