"""What texts point to, numbers, names and tests, is in this repository; nothing else is cited."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

import pytest

from tests.docs.generated import ROOT

DOMAIN: Final = ROOT / "docs" / "domain.md"
PROMISES: Final = ROOT / "docs" / "promises.md"
DOCUMENTS: Final = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
ROOMS: Final = ("korus_mcp", "tests", "benchmarks", "prompts", "docs")
KINDS: Final = frozenset({".py", ".js", ".mjs", ".css", ".sh", ".yaml", ".md", ".toml"})
NOT_OURS: Final = frozenset({"node_modules", "__pycache__"})
TOOLS: Final = frozenset({"pyproject.toml", "Makefile"})
"""Their rules have names like those of traps."""

NUMBER: Final = re.compile(r"(?<![\w:-])([TA])([0-9]{1,2})(?!\w)(?!:[0-9])")
"""T23 or A07, and no time of a day."""
RANGE: Final = re.compile(rf"{NUMBER.pattern} to {NUMBER.pattern}")
IN_A_NAME: Final = re.compile(r"(?<=_)([ta])([0-9]{1,2})(?=_)")
"""As in test_t23_an_expired_hold_stays_reserved."""
EXPLAINED: Final = re.compile(r"^\| ([TA][0-9]{1,2}) \|(.*)\|$", re.MULTILINE)
NOT_YET_MET: Final = "not yet met"
CODE: Final = re.compile(r"`([^`]+)`")
NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
TEST: Final = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
PART: Final = re.compile(r'(docs/\w+\.md), "([A-Z][^"]+)"')
A_TEST: Final = re.compile(r"^\s*(?:async )?def (test_\w+)\(", re.MULTILINE)
PROMISE: Final = re.compile(r"^\| (?!promise|---)(.+) \| (.+) \|$", re.MULTILINE)

ELSEWHERE: Final = re.compile(
    r"domain[ ]guide|\bthe[ ]guide\b|\([Gg]uide\b"
    r"|(?<!docs/)operations[.]md|(?:ordering|security|style|mcp-sdk)[.]md"
    r"|(?:operations|ordering|security|settings|design)[ _]notes?\b"
    r"|\.\./shared|design[/]"
    r"|(?<!RFC [0-9]{4} )\bsection[ ][0-9]"
    r"|\bissues?[ ]#?[0-9]"
)
"""Notes that whoever has this repository alone cannot read."""


@cache
def texts() -> Mapping[str, str]:
    """Every text of ours by its path: code, tests, benchmarks, prompts and documents."""
    files = [ROOT / name for name in DOCUMENTS]
    for room in ROOMS:
        files += [f for f in sorted((ROOT / room).rglob("*")) if f.suffix in KINDS and f.is_file()]
    ours = (f for f in files if NOT_OURS.isdisjoint(f.parts))
    return {str(f.relative_to(ROOT)): f.read_text("utf-8") for f in ours}


@cache
def explained() -> Mapping[str, str]:
    """What docs/domain.md says of each number."""
    rows = EXPLAINED.findall(DOMAIN.read_text("utf-8"))
    found = dict(rows)
    assert len(found) == len(rows), "a number is explained twice"
    return found


def cited(text: str) -> Iterator[str]:
    """Every number a text names, those between the ends of a range as well."""
    for letter, first, last_letter, last in RANGE.findall(text):
        if letter == last_letter:
            yield from (_number(letter, each) for each in range(int(first), int(last) + 1))
    for letter, digits in NUMBER.findall(text):
        yield f"{letter}{digits}"
    for letter, digits in IN_A_NAME.findall(text):
        yield _number(letter.upper(), int(digits))


def _number(letter: str, number: int) -> str:
    return f"T{number}" if letter == "T" else f"A{number:02}"


def unexplained(found: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Numbers that are cited and not explained, with their paths."""
    numbers = frozenset(known)
    return sorted(
        {
            f"{path}: {number}"
            for path, text in found.items()
            if path not in TOOLS
            for number in cited(text)
            if number not in numbers
        }
    )


def elsewhere(found: Mapping[str, str]) -> list[str]:
    """Lines that cite what is not in this repository."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in found.items()
        for number, line in enumerate(text.splitlines(), 1)
        if ELSEWHERE.search(line)
    ]


def missing_parts(found: Mapping[str, str]) -> list[str]:
    """Headings that are cited and that the document does not have."""
    return [
        f"{path}: {document}, {heading}"
        for path, text in found.items()
        for document, heading in PART.findall(text)
        if f"\n## {' '.join(heading.split())}\n" not in texts()[document]
    ]


@cache
def named_tests() -> Mapping[str, frozenset[str]]:
    """The names of the tests in all files of a name."""
    found: dict[str, frozenset[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        names = A_TEST.findall(file.read_text("utf-8"))
        found[file.name] = found.get(file.name, frozenset()) | frozenset(names)
    return found


def missing_tests(text: str) -> list[str]:
    """Tests a text names that are nowhere."""
    known = named_tests()
    named = TEST.findall(text)
    return [f"{file}::{test}" for file, test in named if test not in known.get(file, ())]


@cache
def names_in_code() -> frozenset[str]:
    """Every word that the package's own code uses as a name."""
    sources = (text for path, text in texts().items() if path.startswith("korus_mcp/"))
    return frozenset(re.findall(r"[A-Za-z_]\w*", "\n".join(sources)))


def missing_names(row: str) -> list[str]:
    """Names of things of ours in the last column of a row that the code does not have."""
    quoted = CODE.findall(row.rpartition(" | ")[2])
    assert all(NAME.fullmatch(each) for each in quoted), f"no name of ours: {quoted}"
    return [each for each in quoted if not set(each.split(".")) <= names_in_code()]


def test_every_number_that_is_cited_is_explained() -> None:
    assert not unexplained(texts(), explained())


def test_every_number_that_is_explained_is_cited_or_said_to_be_unmet() -> None:
    own = str(DOMAIN.relative_to(ROOT))
    everywhere = {each for path, t in texts().items() if path != own for each in cited(t)}
    idle = [n for n, row in explained().items() if n not in everywhere and NOT_YET_MET not in row]
    assert not idle
    marked = [n for n, row in explained().items() if n in everywhere and NOT_YET_MET in row]
    assert not marked


def test_the_numbers_have_no_gap() -> None:
    traps = [number for number in explained() if number[0] == "T"]
    assumptions = [number for number in explained() if number[0] == "A"]
    assert traps == [_number("T", n) for n in range(1, len(traps) + 1)]
    assert assumptions == [_number("A", n) for n in range(1, len(assumptions) + 1)]


def test_whatever_handles_a_trap_or_assumption_is_there_under_its_name() -> None:
    missing = {number: missing_names(row) for number, row in explained().items()}
    assert not {number: names for number, names in missing.items() if names}


def test_nothing_that_is_not_here_is_cited() -> None:
    assert not elsewhere(texts())


def test_every_promise_names_tests_that_exist() -> None:
    text = PROMISES.read_text("utf-8")
    assert not missing_tests(text)
    rows = PROMISE.findall(text)
    assert len(rows) > 40
    assert not [promise for promise, shown_by in rows if not TEST.search(shown_by)]


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", texts()["Makefile"], re.MULTILINE))
    for path in (DOMAIN, PROMISES):
        assert set(re.findall(r"`make ([a-z-]+)", path.read_text("utf-8"))) <= targets


def test_every_heading_that_is_cited_is_there() -> None:
    assert not missing_parts(texts())
    planted = 'see docs/domain~.md, "Nowhere"'.replace(PLANT, "")
    assert missing_parts({"planted.py": planted})


PLANT: Final = "~"
"""Parts what is planted, so that it is found where it is planted and not here."""


@pytest.mark.parametrize(
    "text",
    [
        "# see T~99",
        '"""Held (A~31)."""',
        "(traps T30 to T~35)",
        "def test_t~98_nothing() -> None:",
        "T~97: a wrong body",
        "T~99 12:00",
    ],
)
def test_a_number_nobody_explains_would_be_found(text: str) -> None:
    assert unexplained({"planted.py": text.replace(PLANT, "")}, explained())


@pytest.mark.parametrize("text", ["2026-12-19T20:45", 'f"{day}T22:00:00+00:00"', "T00:00:00Z"])
def test_a_time_of_a_day_is_no_number(text: str) -> None:
    assert not list(cited(text))


@pytest.mark.parametrize(
    "text",
    [
        "(domain~ guide)",
        "the four conditions of the ~guide",
        "(~guide, T7 and T31)",
        "does not (operations~.md)",
        "that of the security ~notes",
        "def test_the_codes_are_those_of_the_settings~_note() -> None:",
        "see design~/tools",
        "in ..~/shared/openapi.yaml",
        "found in issue ~18",
        "issue ~#18",
        "section ~5 of it",
    ],
)
def test_a_citation_of_what_is_not_here_would_be_found(text: str) -> None:
    assert elsewhere({"planted.py": text.replace(PLANT, "")})


def test_a_rule_of_the_internet_may_be_cited_with_its_part() -> None:
    assert not elsewhere({"planted.yaml": "x-basis: RFC 6749 section 5.2"})


def test_a_promise_of_a_test_that_is_gone_would_be_found() -> None:
    assert missing_tests("`test_doubt.py::test_that_nobody_wrote`")
    assert missing_tests("`test_nowhere.py::test_an_order_is_found`")


def test_a_name_that_is_gone_would_be_found() -> None:
    assert missing_names("a trap | its rule | somewhere | `Ticketing.list_offers_by_magic`")
