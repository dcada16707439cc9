"""What docs/operations.md says was run is what the tests, the package and the other pages say."""

import json
import re
import tomllib
from typing import Final

from tests.docs.generated import ROOT
from tests.docs.hosts_page import RESULTS
from tests.journal.on_versions import VERSIONS

CLASSIFIERS: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "classifiers"
]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def told() -> dict[str, tuple[str, str]]:
    """What was run and what was not, by what it is."""
    found = re.search(
        r"<!-- support -->\n(.*?)<!-- /support -->", page("docs/operations.md"), re.DOTALL
    )
    assert found is not None
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in found[1].splitlines()[2:]]
    return {what: (run, not_run) for what, run, not_run in rows}


def test_systems_and_pythons_are_those_of_the_package() -> None:
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(CLASSIFIERS))
    assert told()["Python"][0] == ", ".join(pythons)
    assert not set(pythons) & set(re.findall(r"3\.\d+", told()["Python"][1]))
    systems = re.findall(r"Operating System :: .*?(\w+)$", "\n".join(CLASSIFIERS), re.MULTILINE)
    assert told()["system"] == (", ".join(systems), "macOS, Windows")


def test_databases_are_those_that_the_page_of_the_journal_tells() -> None:
    run = told()["journal"][0]
    of_debian = re.search(r"Tested on PostgreSQL (\d+)", page("docs/postgresql.md"))
    assert of_debian is not None
    assert f"PostgreSQL {of_debian[1]} with each change, {' and '.join(VERSIONS)} now and" in run
    poolers = re.search(
        r"\(([\d.]+) of Debian 12 and ([\d.]+) of Debian 13", page("docs/postgresql.md")
    )
    assert poolers is not None
    assert f"PgBouncer {poolers[1]} and {poolers[2]} before it" in run


def test_proxies_are_those_whose_recipes_were_run() -> None:
    recipes = re.findall(
        r"^## (\w+)\n\n(?:Debian's )?([\d.]+) was run", page("docs/deploy.md"), re.MULTILINE
    )
    assert recipes
    cell = told()["proxy"][0].removesuffix(" before two servers ([deploy.md](deploy.md))")
    listed = [re.fullmatch(r"(\w+)(?: httpd)? ([\d.]+)", each) for each in cell.split(", ")]
    assert [each and each.groups() for each in listed] == recipes


def test_providers_and_hosts_are_those_that_were_run() -> None:
    provider = re.search(r"It was run with (oidc-provider [\d.]+) ", page("docs/sign-in.md"))
    assert provider is not None
    assert told()["sign-in"][0].startswith(f"{provider[1]}; ")
    results = json.loads(RESULTS.read_text("utf-8"))
    booked = sum(each["booked"] for each in results.values())
    assert told()["host"][0].startswith(f"{booked} libraries and programs")
