"""The list of tools, server.json and the README's tables say what the code says."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from korus_mcp import __version__
from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.opening.answers import GENERATED
from korus_mcp.resources.help import errors
from korus_mcp.settings import SETTINGS
from korus_mcp.tools.listing import LISTING
from tests.docs import generated, hosts_page, opening


@pytest.fixture
def server_json() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(generated.SERVER_JSON.read_text("utf-8"))
    return found


def test_server_json_is_what_the_settings_and_the_version_make_of_it(
    server_json: dict[str, Any],
) -> None:
    assert server_json == generated.server_json()


def test_server_json_names_each_setting_once_and_marks_the_secrets(
    server_json: dict[str, Any],
) -> None:
    variables = server_json["packages"][0]["environmentVariables"]
    assert [v["name"] for v in variables] == [s.name for s in SETTINGS]
    secrets = {v["name"] for v in variables if v.get("isSecret")}
    addresses = {"KORUS_DATABASE_URL", "KORUS_HTTP_PROXY"}  # they may hold a password
    assert {"KORUS_CLIENT_SECRET", "KORUS_JOURNAL_KEY"} | addresses == secrets


def test_server_json_keeps_the_registry_s_rules(server_json: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server_json["name"])
    assert 1 <= len(server_json["description"]) <= 100
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", server_json["version"])
    package = server_json["packages"][0]
    assert package["registryType"] == "pypi"
    assert package["transport"] == {"type": "stdio"}
    assert package["version"] == server_json["version"]


def test_one_version_and_one_name_stand_everywhere(server_json: dict[str, Any]) -> None:
    project = tomllib.loads((generated.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__ == server_json["version"]
    marks = re.findall(r"mcp-name: (\S+)", generated.README.read_text("utf-8"))
    assert marks == [server_json["name"]]


def test_the_list_of_tools_is_what_their_files_make_of_it() -> None:
    assert LISTING.read_text("utf-8") == generated.listing(), "run `make readme`"


def test_the_answers_before_the_server_is_there_are_those_of_the_server() -> None:
    assert GENERATED.read_text("utf-8") == opening.answers(), "run `make readme`"


def test_the_page_of_errors_is_that_of_the_code_and_says_what_assistants_read() -> None:
    page = generated.ERRORS.read_text("utf-8")
    assert page == generated.errors_page(), "run `make readme`"
    assert page.startswith(errors())


def test_the_page_of_hosts_is_that_of_their_table_and_of_what_was_run() -> None:
    assert hosts_page.PAGE.read_text("utf-8") == hosts_page.page(), "run `make readme`"


@pytest.mark.parametrize("page", generated.pages(), ids=lambda page: page.name)
def test_the_tables_are_those_of_the_code(page: Path) -> None:
    assert page.read_text("utf-8") == generated.pages()[page], "run `make readme`"


def test_the_readme_is_short() -> None:
    text = generated.README.read_text("utf-8")
    assert len(re.sub(r"<!--.*?-->", "", text).split()) < 900


def test_the_readme_names_every_tool() -> None:
    text = generated.README.read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(ALL_TOOLS)


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    documents = [*generated.ROOT.glob("*.md"), *(generated.ROOT / "docs").glob("*.md")]
    assert len(documents) > 6
    for document in documents:
        text = document.read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_links_of_the_readme_are_whole_and_lead_somewhere() -> None:
    """PyPI shows it, where a relative link is dead."""
    text = generated.README.read_text("utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert all(target.startswith("https://") for target in targets)
    ours = re.findall(r"/korus-mcp/korus-mcp/(?:blob/)?main/([^)#\s]+)", text)
    assert len(ours) > 10
    for target in ours:
        assert (generated.ROOT / target).exists(), target


def test_every_heading_that_a_link_names_is_there() -> None:
    documents = [*generated.ROOT.glob("*.md"), *(generated.ROOT / "docs").glob("*.md")]
    for document in documents:
        for target, mark in re.findall(r"\]\(([^)#]*)#([^)]+)\)", document.read_text("utf-8")):
            if target.startswith("https://") and "/blob/main/" not in target:
                continue
            there = target.rpartition("/blob/main/")[2] if "://" in target else target
            base = generated.ROOT if "://" in target else document.parent
            page = base / there if there else document
            headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
            assert mark in {hosts_page.anchor(each) for each in headings}, (
                f"{document.name}: {mark}"
            )
