"""What a contributor and GitHub read: workflow, lock, hooks, bill of materials, documents."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.docs.bill import faults

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
PINS = [Requirement(line) for line in re.findall(r"^([a-z0-9].*?) \\$", LOCK, re.MULTILINE)]
"""Each version of the lock, with the machines that it is for."""


def _asked() -> list[Requirement]:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    lines = [
        *project["dependencies"],
        *project["optional-dependencies"]["postgres"],
        *groups["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    return [Requirement(line) for line in lines]


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize("asked", _asked(), ids=str)
def test_the_lock_has_a_version_of_each_dependency_that_is_asked_for(asked: Requirement) -> None:
    name = canonicalize_name(asked.name)
    found = [pin for pin in PINS if canonicalize_name(pin.name) == name]
    assert found, "run `make lock`"
    for pin in found:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert exact.version in asked.specifier, "run `make lock`"


def test_each_version_of_the_lock_has_its_hashes() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINS) > 80
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block.splitlines()[0]


def test_the_lock_names_no_host_and_no_path() -> None:
    for line in LOCK.splitlines():
        assert "://" not in line
        assert "@" not in line
        assert not line.startswith(("-", "/", ".")), line


def test_the_workflow_tries_each_python_that_the_package_says_it_runs_on() -> None:
    said = {
        found.group(1)
        for line in PROJECT["project"]["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    }
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    matrix = _yaml(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert said <= set(matrix["python"])
    assert all(version in allowed for version in matrix["python"])
    oldest = min(said, key=lambda version: int(version.split(".")[1]))
    assert {"python": oldest, "dependencies": "lowest"} in matrix["include"]


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)
def test_each_workflow_pins_each_action_by_its_commit_and_gives_no_right_to_all_jobs(
    workflow: Path,
) -> None:
    text = workflow.read_text("utf-8")
    actions = re.findall(r"uses: (.+)", text)
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    read = yaml.safe_load(text)
    assert read["permissions"] == {}
    assert all(0 < job["timeout-minutes"] <= 90 for job in read["jobs"].values())
    assert "secrets." not in text


def test_the_workflow_of_a_change_runs_make_and_may_read_only() -> None:
    jobs = _yaml(".github/workflows/ci.yml")["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert {"make check", "make test", ".ci/packages"} <= set(commands)
    assert all(job["permissions"] == {"contents": "read"} for job in jobs)


def test_a_release_publishes_what_was_built_and_attested_before() -> None:
    jobs = _yaml(".github/workflows/release.yml")["jobs"]
    order = ["build", "attest", "publish", "files"]
    assert [jobs[each].get("needs") for each in order] == [None, *order[:-1]]
    assert {name for name, job in jobs.items() if "id-token" in job["permissions"]} == {
        "attest",
        "publish",
    }
    # Whoever may sign or write runs nothing of the repository.
    for name in order[1:]:
        assert not any("checkout" in step.get("uses", "") for step in jobs[name]["steps"])
    paths = [step["with"].get("sbom-path") for step in jobs["attest"]["steps"]]
    assert "dist/korus_mcp.cdx.json" in paths
    assert "korus_mcp.cdx.json" in (ROOT / "tests" / "wheel.sh").read_text("utf-8")
    assert jobs["publish"]["environment"] == "pypi"


def test_the_hook_is_make_fix_and_fetches_nothing() -> None:
    (repository,) = _yaml(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    (hook,) = repository["hooks"]
    assert (hook["entry"], hook["language"]) == ("make fix", "system")


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "SECURITY.md"])
def test_each_command_of_make_in_the_document_is_a_target(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)
    assert named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "SECURITY.md"])
def test_each_file_the_document_names_is_there_and_in_the_source_archive(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert document in included
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / target).exists(), target
        assert target.split("/")[0] in included, target


NOT_OF_OTHERS = {*sys.stdlib_module_names, "_typeshed", "korus_mcp"}
DOCUMENTED = {"_mapping", "_replace", "_asdict"}
"""Of SQLAlchemy's rows and of named tuples: public, and spelt so to be no name of a column."""


def _private(node: ast.AST) -> set[str]:
    """The names with an underscore that are imported from others, or read."""
    match node:
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] not in NOT_OF_OTHERS:
            paths = (f"{module}.{each.name}" for each in node.names)
            return {found[0] for each in paths if (found := re.match(r"[\w.]*?\b_\w+", each))}
        case ast.Attribute(attr=name) if re.match("_[a-zA-Z]", name):
            return set() if ast.unparse(node.value) in NOT_OF_OTHERS else {name}
    return set()


def _own(node: ast.AST) -> str:
    """The name that is defined or assigned."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
            return name
    return ""


def test_what_is_used_of_others_and_not_public_is_told() -> None:
    files = [p for p in (ROOT / "korus_mcp").rglob("*.py") if "node_modules" not in p.parts]
    nodes = [
        (str(file.relative_to(ROOT)), node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
    ]
    ours = DOCUMENTED | {_own(node) for _, node in nodes}
    used = {(name, file) for file, node in nodes for name in _private(node) - ours}
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("### What is not public\n")[1]
    rows = re.findall(r"^\| `([\w.]*\b_\w+)`.*? \| (.*?) \|", section, re.MULTILINE)
    assert {(name, file) for name, files in rows for file in re.findall("`(.*?)`", files)} == used


BILL: dict[str, Any] = {"components": [{"name": "rapid_fuzz", "version": "3.10.0"}]}


def test_a_bill_that_names_what_is_asked_for_has_no_fault() -> None:
    assert list(faults(BILL, [Requirement("Rapid-Fuzz>=3.10")])) == []


@pytest.mark.parametrize(
    ("bill", "asked"),
    [
        pytest.param(BILL, "httpx", id="missing"),
        pytest.param(BILL, "rapid-fuzz>=4", id="another version"),
        pytest.param({"components": [{"name": "httpx"}]}, "httpx", id="no version"),
        pytest.param({**BILL, "metadata": "file:a.whl"}, "rapid-fuzz", id="a path"),
    ],
)
def test_a_bill_with_a_fault_is_told_apart(bill: dict[str, Any], asked: str) -> None:
    assert len(list(faults(bill, [Requirement(asked)]))) == 1


def test_each_target_is_told_once_with_what_it_needs() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    helped = dict(re.findall(r"^([a-z-]+):.*?## (.*)$", makefile, re.MULTILINE))
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## What the targets need\n")[1]
    rows = re.findall(r"^\| (`.*?`) \| (.*) \|$", section.split("\n## ")[0], re.MULTILINE)
    needs = [(name, need) for names, need in rows for name in re.findall(r"`([a-z-]+)`", names)]
    assert sorted(name for name, _ in needs) == sorted(helped)
    for name, need in needs:
        said = helped[name]
        assert "npm" in need or "npm" not in said, name
        assert "PyPI" in need or not re.search("PyPI|registries", said), name
        assert "Chromium" in need or "Chromium" not in said, name
        assert "PostgreSQL" in need or "PostgreSQL" not in said or "npm" in need, name
