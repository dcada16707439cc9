"""The list of tools and the tables of README and docs say what the code says."""

import re
from pathlib import Path

import pytest

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.opening.answers import GENERATED
from korus_mcp.resources.help import errors
from korus_mcp.tools.listing import LISTING
from tests.docs import generated, hosts_page, opening


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
