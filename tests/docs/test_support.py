"""What docs/operations.md says was run is what the tests, the package and the other pages say."""

import json
import re
import tomllib
from dataclasses import fields
from typing import Final

import yaml

from korus_mcp.api import ApiConfig
from korus_mcp.journal.postgres import CONNECTIONS
from korus_mcp.server.http_door import MOST_SESSIONS
from korus_mcp.settings import Settings
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


def test_the_sizes_are_those_that_follow_from_the_limits() -> None:
    text = page("docs/operations.md")
    of_a_booking = int(said(text, r"A booking makes (\d+) requests"))
    assert f"| requests of a booking, 50 bases | {of_a_booking} |" in page("docs/compare.md")
    settings = Settings()
    resources = yaml.safe_load_all(page("deploy/kubernetes/korus-mcp.yaml"))
    spec = next(each for each in resources if each["kind"] == "StatefulSet")["spec"]
    given = spec["template"]["spec"]["containers"][0]["resources"]
    rows = re.findall(
        r"^\| ([\d,]+) \| (\d+)(?:, or \d+ [^|]+)? \| ([\d.]+) \| (\d+)[^|]* \| (\d+)[^|]* \|"
        r" (\d+) MiB, (\d+) (MiB|GiB)[^|]* \|$",
        text,
        re.MULTILINE,
    )
    assert len(rows) == 3
    for people, servers, requests, reads, connections, requested, most, unit in rows:
        count = int(servers)
        an_hour = int(people.replace(",", "")) * of_a_booking / 3600
        assert float(requests) == round(an_hour, 1)
        assert an_hour < int(reads) * count
        assert int(reads) == -(-settings.reads_per_second // count)
        assert int(connections) == CONNECTIONS * count
        assert given["requests"]["memory"] == f"{int(requested) // count}Mi"
        total = int(most) * (1024 if unit == "GiB" else 1)
        assert given["limits"]["memory"] == f"{total // count}Mi"
    assert f"`KORUS_READS_PER_SECOND` ({settings.reads_per_second}) after 20 at once" in text
    assert "16 reads at the same time and four that hold or book" in text
    places = {each.name: each.default for each in fields(ApiConfig)}
    assert (places["parallel"], places["parallel_orders"]) == (16, 4)
    assert f"A server keeps {MOST_SESSIONS:,} of the protocol" in text


def said(text: str, pattern: str) -> str:
    """The one thing in a text that fits a pattern."""
    (found,) = re.findall(pattern, text)
    return str(found)


def test_operators_and_promises_have_the_same_list_of_what_nobody_can_guarantee() -> None:
    journal = page("docs/journal.md").split("## What nobody can guarantee\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!it may|---)(.+) \|$", journal, re.MULTILINE)
    promises = page("docs/promises.md").split("## What nobody can promise\n")[1]
    points = re.findall(r"^\* ", promises.split("\n## ")[0], re.MULTILINE)
    assert len(rows) == len(points) > 5


WEAK: Final = {
    "README.md": "**Status: alpha.**",
    "docs/deploy.md": "not run",
    "docs/seat-maps.md": "Known and not mended",
    "docs/compare.md": "**behind",
    "docs/domain.md": "no tool tells it yet",
    "CONTRIBUTING.md": "linted, not run yet",
}
"""What stands in a place that has no heading of its own for what is weak."""


def test_the_list_of_what_is_weak_points_to_places_that_tell_it() -> None:
    weak = page("docs/promises.md").split("## What is not done, or weak\n")[1]
    rows = re.findall(r"^\* \[.*?\]\(([^)#]*)", weak, re.MULTILINE)
    told = {f"docs/{row}".replace("docs/../", "") for row in rows if row}
    assert told >= {*WEAK, *(f"docs/{name}.md" for name in ("journal", "operations", "sign-in"))}
    for place, words in WEAK.items():
        assert words in page(place), place
