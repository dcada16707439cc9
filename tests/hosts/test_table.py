"""The table of hosts: every row has a recipe that can be copied, and a script that runs it."""

import ast
import json
import re
import tomllib
from collections import Counter

import pytest
import yaml

from korus_mcp.hosts.table import Host, Kind, hosts
from tests.hosts.run import RESULTS, ROWS

HOSTS = pytest.mark.parametrize("host", hosts(), ids=lambda host: host.id)
PINNED = {
    ".py": re.compile(r"[a-z0-9][\w.-]*(\[[\w,-]+\])?([=<>!~]=?[\w.*]+,?)+"),
    ".mjs": re.compile(r"(@[\w.-]+/)?[\w.-]+@\d[\w.-]*"),
}
COMPILED = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST


def test_each_row_has_a_name_of_its_own() -> None:
    for names in ([h.id for h in hosts()], [h.name for h in hosts()]):
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", host.id) for host in hosts())


@HOSTS
def test_a_row_names_a_file_and_a_block_that_can_be_read(host: Host) -> None:
    assert host.file
    assert "korus-mcp" in host.block or "/mcp" in host.block
    match host.language:
        case "python":
            compile(host.block, host.id, "exec", COMPILED)
        case "json":
            json.loads(host.block)
        case "toml":
            tomllib.loads(host.block)
        case "yaml":
            assert isinstance(yaml.safe_load(host.block), dict)
        case other:
            assert other in {"js", "sh"}


@HOSTS
def test_a_setting_has_its_reason_and_stands_in_the_recipe(host: Host) -> None:
    assert bool(host.setting) == bool(host.reason)
    assert not host.reason.endswith(".")
    # A setting may be told in other words than the recipe's: one of its words stands there.
    words = re.findall(r"\w{4,}", host.setting)
    assert not words or any(word in host.block for word in words)


@HOSTS
def test_a_row_that_can_be_run_is_run_with_pinned_packages(host: Host) -> None:
    assert bool(host.script) == (host.kind is not Kind.ELSEWHERE)
    if host.script:
        suffix = (ROWS / host.script).suffix
        assert (ROWS / host.script).is_file()
        assert [p for p in host.packages if not PINNED[suffix].fullmatch(p)] == []


def test_each_script_belongs_to_a_row() -> None:
    scripts = {p.name for p in ROWS.iterdir() if p.suffix in PINNED}
    assert scripts == {host.script for host in hosts() if host.script}


def test_results_are_those_of_rows_and_say_what_the_page_shows() -> None:
    shown = {"version", "booked", "setting", "calls", "refusal_read", "question", "why"}
    for name, result in json.loads(RESULTS.read_text("utf-8")).items():
        assert name in {host.id for host in hosts() if host.script}
        assert shown <= result.keys()
        assert result["question"] in {"yes", "no", "not announced"}
        assert result["booked"] or result["why"]


KEYS = {"vscode": "servers", "zed": "context_servers", "goose": "extensions"}


@pytest.mark.parametrize(
    "host",
    [h for h in hosts() if h.kind is Kind.ELSEWHERE and h.language in {"json", "yaml"}],
    ids=lambda host: host.id,
)
def test_the_format_of_a_host_that_runs_elsewhere_is_its_own(host: Host) -> None:
    # YAML reads JSON, too.
    servers = yaml.safe_load(host.block)[KEYS.get(host.id, "mcpServers")]
    entry = servers["korus"]
    assert {entry.get("command"), entry.get("cmd")} == {"korus-mcp", None}
    assert entry["args"] == []
