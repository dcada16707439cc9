"""How well search finds what people mean: judged queries over 10,000 bases, beside a plain peer.

`make search-quality` fails when the answers got worse than what is promised.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Final, TypeAlias

import anyio
from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.process import extract

from korus_mcp.catalog.crawl import Crawler
from korus_mcp.catalog.index import spoken
from korus_mcp.catalog.search import search
from korus_mcp.catalog.spelling import Speller
from korus_mcp.catalog.store import Scope, Store
from korus_mcp.foundation.clock import ManualClock, SystemClock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.paging import BEGINNING
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import open_api
from korus_mcp.settings import Settings

JUDGED: Final = Path(__file__).with_name("queries.jsonl")
BASES: Final = 10_000
DAY: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""The names of matches tell the season; the judged names are those of this day."""
LANGUAGES: Final = ("fr", "en")
RECALLED: Final = 5
LOOKED_AT: Final = 20
"""Answers looked at: the most that a tool call shows. An answer further down counts as none."""
LEAST_RECALL, LEAST_MRR = 0.97, 0.90

Finding: TypeAlias = Callable[["Judged"], Sequence[str]]
"""Answers a query with names, best first."""


@dataclass(frozen=True)
class Judged:
    """A query, and the names any one of which a person would accept as its answer."""

    query: str
    language: str
    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """At which rank a query found what was meant (None: not at all), and in how many seconds."""

    judged: Judged
    rank: int | None
    seconds: float
    first: str = ""


class Catalog:
    """The crawled catalog in both languages, and who corrects the spelling of queries to it."""

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._spellers = {lang: Speller(s, SystemClock()) for lang, s in stores.items()}
        self._stores = stores
        self.names = {lang: _names_in(store) for lang, store in stores.items()}

    def found(self, judged: Judged) -> list[str]:
        """Our answer, in the buyer's language; the other index is asked as `finder` asks it."""
        names = self.names[judged.language]
        others = [lang for lang in LANGUAGES if lang != judged.language]
        for language in (judged.language, *others):
            page = search(
                self._stores[language],
                self._spellers[language],
                judged.query,
                Scope(),
                place=BEGINNING,
                limit=LOOKED_AT,
            )
            if page.total:
                return [names[row.handle] for row in page.rows]
        return []


class Peer:
    """What a few lines with a fuzzy matching library find: the names alike as sets of words."""

    def __init__(self, names: Mapping[str, Mapping[Handle, str]]) -> None:
        self._names = {lang: sorted(set(of.values())) for lang, of in names.items()}
        self._spoken = {lang: [spoken(n) for n in of] for lang, of in self._names.items()}

    def found(self, judged: Judged) -> list[str]:
        """The names most alike."""
        alike = extract(
            spoken(judged.query),
            self._spoken[judged.language],
            scorer=token_set_ratio,
            limit=LOOKED_AT,
        )
        return [self._names[judged.language][place] for _, _, place in alike]


def main(arguments: Sequence[str]) -> int:
    """Measure and tell; 1 when search got worse than promised."""
    options = _options(arguments)
    judged = read_judged()
    catalog = Catalog(anyio.run(crawled, options.keep))
    _say_unknown_names(judged, catalog)
    peer = Peer(catalog.names)
    ours = [_outcome(catalog.found, each) for each in judged]
    theirs = [_outcome(peer.found, each) for each in judged]
    _say(f"{_summary(ours)}  korus-mcp search")
    _say(f"{_summary(theirs)}  rapidfuzz token_set_ratio over the names")
    _say_kinds(ours, theirs)
    if options.verbose:
        _say_misses(ours)
    return int(_recall(ours) < LEAST_RECALL or _mrr(ours) < LEAST_MRR)


def read_judged() -> list[Judged]:
    """The judged queries."""
    lines = (json.loads(line) for line in JUDGED.read_text("utf-8").splitlines())
    return [Judged(**(line | {"names": tuple(line["names"])})) for line in lines]


async def crawled(folder: Path | None) -> dict[str, Store]:
    """The sandbox's catalog in each language, read by the real crawl; kept where a folder is."""
    settings = Settings(language=LANGUAGES[0], languages=LANGUAGES)
    clock = ManualClock(DAY)
    sandbox = Sandbox(SandboxOptions(seed=1, bases=BASES), clock=clock)
    stores: dict[str, Store] = {}
    async with open_api(settings, clock=clock, sandbox=sandbox) as api:
        for language in LANGUAGES:
            store = stores[language] = Store(folder / f"{language}.sqlite" if folder else None)
            if store.fact("complete_at") is None:
                await Crawler(api, store, language=language, clock=clock).crawl()
    return stores


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make search-quality", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="list the queries that missed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the crawled catalog here")
    return parser.parse_args(arguments)


def _names_in(store: Store) -> dict[Handle, str]:
    return {row.handle: row.name for row in store.all_rows(Scope(), limit=2 * BASES)}


def _outcome(found: Finding, judged: Judged) -> Outcome:
    begun = time.perf_counter()
    names = found(judged)
    seconds = time.perf_counter() - begun
    ranks = [rank for rank, name in enumerate(names, start=1) if name in judged.names]
    return Outcome(judged, min(ranks, default=None), seconds, next(iter(names), "nothing"))


def _recall(outcomes: Sequence[Outcome]) -> float:
    return fmean(o.rank is not None and o.rank <= RECALLED for o in outcomes)


def _mrr(outcomes: Sequence[Outcome]) -> float:
    return fmean(1 / o.rank if o.rank else 0.0 for o in outcomes)


def _summary(outcomes: Sequence[Outcome]) -> str:
    seconds = [o.seconds for o in outcomes]
    return (
        f"{len(outcomes)} queries, recall@{RECALLED} {_recall(outcomes):.3f}, "
        f"mrr {_mrr(outcomes):.3f}, ms a query: median {1000 * median(seconds):.2f}, "
        f"worst {1000 * max(seconds):.1f}"
    )


def _say_kinds(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> None:
    _say(f"\n{'kind':10}{'queries':>8}{'recall@5':>10}{'mrr':>7}{'peer recall@5':>16}{'mrr':>7}")
    for kind in dict.fromkeys(o.judged.kind for o in ours):
        one, other = ([o for o in all_ if o.judged.kind == kind] for all_ in (ours, theirs))
        _say(
            f"{kind:10}{len(one):8}{_recall(one):10.3f}{_mrr(one):7.3f}"
            f"{_recall(other):16.3f}{_mrr(other):7.3f}"
        )


def _say_misses(outcomes: Sequence[Outcome]) -> None:
    _say("\nrank, query, what came first, what was meant")
    for o in outcomes:
        if o.rank != 1:
            _say(f"{o.rank or '-'} | {o.judged.kind} {o.judged.language} | {o.judged.query}")
            _say(f"      {o.first}\n      {o.judged.names[0]} ({len(o.judged.names)})")


def _say_unknown_names(judged: Iterable[Judged], catalog: Catalog) -> None:
    """Tell of judged queries whose names are not in the catalog: those cannot be found."""
    known = {language: set(names.values()) for language, names in catalog.names.items()}
    for each in judged:
        unknown = [name for name in each.names if name not in known[each.language]]
        if unknown:
            _say(f"not in the catalog: {each.query!r} -> {unknown[0]!r} ({len(unknown)})")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
