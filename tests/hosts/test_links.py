"""Each link decodes, as its program does it, to the one configuration that it was made of."""

import json
import shlex
import subprocess
import tomllib
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.hosts import links
from korus_mcp.hosts.links import GOOSE_SECONDS, NAME, PROGRAM, PUBLISHED, TODAY, UNPUBLISHED, Start
from korus_mcp.hosts.table import hosts
from tests.fixtures.npm import Installed, NotInstalled, installed

SECRET = "50%25 off: $HOME ${x} $$ a+b/c== & \"quoted\" 'too' \\ é ß Ж 東 🎫 #?"
HOSTILE = st.text(
    st.sampled_from("%$+&=#?/\\\"'{} éЖ東🎫25") | st.characters(codec="utf-8"), max_size=40
)
STARTS = st.builds(
    Start,
    command=st.sampled_from(["uvx", "korus-mcp"]) | HOSTILE,
    args=st.lists(HOSTILE, max_size=3).map(tuple),
    env=st.dictionaries(st.sampled_from(["KORUS_CLIENT_SECRET", "KORUS_PROFILE"]), HOSTILE),
)
SECRETIVE = Start("uvx", ("--from", "C:\\a folder\\x.whl", "korus-mcp"), {"KORUS_KEY": SECRET})


def strictly(text: str) -> str:
    """As JavaScript's `decodeURIComponent`, which fails on a percent sign that stands alone."""
    assert not [n for n in range(len(text)) if text[n] == "%" and not _is_hex(text[n + 1 : n + 3])]
    return unquote(text, errors="strict")


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(each in "0123456789abcdefABCDEF" for each in text)


def by_vscode(link: str) -> dict[str, Any]:
    """As its handler reads it: an address is decoded when it is parsed, and then once more."""
    said: dict[str, Any] = json.loads(strictly(strictly(link.partition("?")[2])))
    assert said.pop("name") == NAME
    return said


def by_query(link: str) -> dict[str, Any]:
    """As Cursor and LM Studio read it: a parameter, in which + stands for a blank, then base64."""
    query = parse_qs(urlsplit(link).query, strict_parsing=True)
    assert query["name"] == [NAME]
    said: dict[str, Any] = json.loads(b64decode(query["config"][0], validate=True))
    return said


def by_page(link: str) -> dict[str, Any]:
    """As the page of VS Code reads it: a parameter of plain JSON."""
    said: dict[str, Any] = json.loads(parse_qs(urlsplit(link).query)["config"][0])
    return said


LINKS: dict[str, tuple[Callable[[Start], str], Callable[[str], dict[str, Any]]]] = {
    "VS Code": (links.vscode, by_vscode),
    "VS Code Insiders": (lambda start: links.vscode(start, insiders=True), by_vscode),
    "Cursor": (links.cursor, by_query),
    "Cursor's page": (links.cursor_page, by_query),
    "LM Studio": (links.lm_studio, by_query),
}


@pytest.mark.parametrize("program", LINKS)
@pytest.mark.parametrize("start", [UNPUBLISHED, PUBLISHED, SECRETIVE], ids=lambda s: s.args[0])
def test_a_link_decodes_to_its_configuration(program: str, start: Start) -> None:
    link, read = LINKS[program]
    assert read(link(start)) == start.configuration
    assert link(start).isascii()


@given(start=STARTS)
def test_any_link_decodes_to_its_configuration(start: Start) -> None:
    for link, read in LINKS.values():
        assert read(link(start)) == start.configuration


@given(start=STARTS)
def test_goose_gets_the_command_and_the_names_of_its_variables(start: Start) -> None:
    start = Start("uvx", start.args, start.env)
    query = parse_qs(
        urlsplit(links.goose(start, "Tickets")).query, keep_blank_values=True, strict_parsing=True
    )
    assert query["cmd"] == ["uvx"]
    assert query.get("arg", []) == list(start.args)
    assert query.get("env", []) == list(start.env)
    assert query["timeout"] == ["300"]


def test_goose_is_given_no_command_that_it_would_refuse() -> None:
    with pytest.raises(ValueError, match="from a link"):
        links.goose(Start("/usr/bin/korus-mcp"), "Tickets")


def test_what_links_and_recipes_say_of_a_program_is_the_same() -> None:
    rows = {host.id: host for host in hosts()}
    (recipe,) = yaml.safe_load(rows["goose"].block)["extensions"].items()
    query = parse_qs(urlsplit(links.goose(PUBLISHED, "Tickets")).query)
    assert (recipe[0], recipe[1]["timeout"]) == (NAME, GOOSE_SECONDS)
    assert query["timeout"] == [str(GOOSE_SECONDS)]
    line = links.claude_code(Start(PROGRAM)).removesuffix(PROGRAM)
    assert f"`{line}" in rows["claude-code-terminal"].file


@pytest.mark.parametrize("insiders", [False, True])
def test_the_page_of_vs_code_hands_on_what_is_plain_and_refuses_what_it_might_break(
    insiders: bool,
) -> None:
    page = links.vscode_page(TODAY, insiders=insiders)
    assert by_page(page) == TODAY.configuration
    assert ("quality=insiders" in page) is insiders
    with pytest.raises(ValueError, match="plain"):
        links.vscode_page(SECRETIVE)


def test_what_is_asked_stands_in_no_link() -> None:
    start = Start("uvx", ("korus-mcp",), asked={"KORUS_CLIENT_SECRET": "Its secret."})
    said = by_vscode(links.vscode(start))
    (asked,) = said["inputs"]
    assert said["env"] == {"KORUS_CLIENT_SECRET": f"${{input:{asked['id']}}}"}
    assert asked == {
        "id": "korus_client_secret",
        "type": "promptString",
        "description": "Its secret.",
        "password": True,
    }
    assert "env=KORUS_CLIENT_SECRET" in links.goose(start, "Tickets")


@pytest.mark.parametrize(
    ("line", "flag"), [(links.claude_code, "-e"), (links.codex, "--env")], ids=["claude", "codex"]
)
def test_a_line_has_the_name_then_the_variables_then_the_command(
    line: Callable[[Start], str], flag: str
) -> None:
    _, *words = shlex.split(line(SECRETIVE))
    assert words[:3] == ["mcp", "add", NAME]
    end = words.index("--")
    assert words[3:end] == [flag, f"KORUS_KEY={SECRET}"]
    assert tuple(words[end + 1 :]) == SECRETIVE.parts


def test_add_mcp_is_given_no_command_that_it_would_break() -> None:
    with pytest.raises(ValueError, match="blank"):
        links.add_mcp(SECRETIVE, ["cursor"])


@pytest.fixture(scope="module")
def add_mcp(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The program of the line, or a skip where npm or its registry is absent."""
    try:
        return installed(tmp_path_factory.mktemp("add-mcp"), links.ADD_MCP)
    except NotInstalled as failed:
        pytest.skip(str(failed))


def _opencode(text: str) -> dict[str, Any]:
    found = json.loads(text)["mcp"][NAME]
    command, *args = found["command"]
    return {"command": command, "args": args, "env": found["environment"]}


def _goose(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)["extensions"][NAME]
    return {"command": found["cmd"], "args": found["args"], "env": found["envs"]}


WRITTEN: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "claude-code": (".claude.json", lambda text: json.loads(text)["mcpServers"][NAME]),
    "cursor": (".cursor/mcp.json", lambda text: json.loads(text)["mcpServers"][NAME]),
    "codex": (".codex/config.toml", lambda text: tomllib.loads(text)["mcp_servers"][NAME]),
    "goose": (".config/goose/config.yaml", _goose),
    "opencode": (".config/opencode/opencode.jsonc", _opencode),
    "vscode": (".config/Code/User/mcp.json", lambda text: json.loads(text)["servers"][NAME]),
}
"""What add-mcp writes on Linux, of each program, and where the server stands in it."""


def test_the_line_of_add_mcp_writes_the_files_of_each_program(
    add_mcp: Installed, tmp_path: Path
) -> None:
    start = Start(TODAY.command, TODAY.args, {"KORUS_CLIENT_SECRET": 'a%b$c+d"e é'})
    _, package, *arguments = shlex.split(links.add_mcp(start, list(WRITTEN)))
    program = add_mcp.modules / package.partition("@")[0] / "dist" / "index.js"
    subprocess.run(
        [str(add_mcp.node), str(program), *arguments],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": str(add_mcp.node.parent)},
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    for file, read in WRITTEN.values():
        found = read((tmp_path / file).read_text("utf-8"))
        assert {key: found[key] for key in start.configuration} == start.configuration, file
