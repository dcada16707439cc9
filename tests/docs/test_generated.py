"""The list of tools, server.json and the README's tables say what the code says."""

import json
import re
import tomllib
from typing import Any

import pytest

from korus_mcp import __version__
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


def test_the_readme_s_tables_are_those_of_the_code() -> None:
    assert generated.README.read_text("utf-8") == generated.readme()


def test_the_readme_is_short_and_names_both_commands() -> None:
    text = generated.README.read_text("utf-8")
    prose = [line for line in text.splitlines() if not line.startswith("| ")]
    assert len(prose) < 150
    assert "make demo" in text
    assert "make test" in text


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    documents = [*generated.ROOT.glob("*.md"), *(generated.ROOT / "docs").glob("*.md")]
    assert len(documents) > 6
    for document in documents:
        text = document.read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_json_of_the_readme_is_json() -> None:
    text = generated.README.read_text("utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        assert json.loads(block)["mcpServers"]["korus"]["command"] == "uvx"
