"""More languages than may be open at once: each is read once, whoever is asked in turn."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from korus_mcp.api.config import Transport
from korus_mcp.catalog import mirror as mirror_module
from korus_mcp.catalog.finder import CatalogQuery, SearchResult
from korus_mcp.catalog.mirror import (
    JITTER,
    KEPT_SECONDS,
    MOST_IN_MEMORY,
    MOST_OPEN,
    RETRY_SECONDS,
)
from korus_mcp.catalog.store import Store
from korus_mcp.foundation.language_tags import MOST_LISTED
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer
from tests.booking.stage import Stage, staged, until
from tests.catalog.files import files_open

pytestmark = pytest.mark.anyio
NINE = ("fr", "de", "es", "it", "nl", "pt", "ja", "ko", "en")
MANY = (*NINE, "sv", "pl", "fi")
ANCIENT = KEPT_SECONDS * (1 + JITTER) + 1


@asynccontextmanager
async def read(languages: tuple[str, ...], folder: Path | None) -> AsyncIterator[Stage]:
    """A stage whose catalogs of all languages were read, in a folder or in memory."""
    async with staged(languages=languages, language=languages[0]) as stage:
        object.__setattr__(stage.app.mirror._files, "folder", folder)
        for language in languages:
            await whole(stage, language)
        yield stage


async def whole(stage: Stage, language: str) -> None:
    shelf = await stage.app.mirror.ready(language)
    await until(lambda: not shelf.is_crawling)


def requests(stage: Stage) -> int:
    return len(list(stage.sandbox.requests))


async def find(stage: Stage, query: str, language: str = "fr", **wanted: Any) -> SearchResult:
    return await stage.app.finder.find(CatalogQuery(query=query, **wanted), language)


@pytest.fixture(params=["memory", "files"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "files" else None


@pytest.mark.parametrize("languages", [NINE, MANY])
async def test_a_search_without_a_hit_reads_no_catalog_again(
    folder: Path | None, languages: tuple[str, ...]
) -> None:
    async with read(languages, folder) as stage:
        before = requests(stage)
        for number in range(3):
            for language in ("fr", languages[-1]):
                found = await find(stage, f"qqqzzz{number}", language)
                assert (found.total, found.state.is_complete) == (0, True)
        assert requests(stage) == before


async def _catalogs(stage: Stage, language: str) -> object:
    return await stage.app.mirror.catalogs(language)


async def _base(stage: Stage, language: str) -> object:
    return await stage.app.mirror.base(stage.handle("park_base"), language)


async def _completed(stage: Stage, language: str) -> object:
    return await stage.app.mirror.bases_like("ni", language, limit=10)


async def _state(stage: Stage, language: str) -> object:
    return await stage.app.mirror.state(language)


async def _zone(stage: Stage, language: str) -> object:
    record = await stage.app.mirror.base(stage.handle("park_base"), language)
    return await stage.app.mirror.zone(record.catalog.id, next(iter(record.products)), language)


async def test_languages_asked_in_turn_are_read_once(folder: Path | None) -> None:
    async with read(MANY, folder) as stage:
        before = requests(stage)
        for ask in (_catalogs, _base, _completed, _state, _zone):
            for language in (*MANY, *reversed(MANY), *MANY):
                await ask(stage, language)
                await stage.app.mirror.ready(language)
            assert requests(stage) == before, ask


async def test_a_search_in_every_language_keeps_few_files_open(tmp_path: Path) -> None:
    async with read(MANY, tmp_path) as stage:
        looked_into = list[str]()
        look = stage.app.mirror.beside

        async def counted(language: str) -> Any:
            shelf = await look(language)
            # Besides the open ones: the one asked in, and the one that is looked into.
            await files_open(tmp_path, MOST_OPEN + 2)
            looked_into.append(language)
            return shelf

        stage.app.mirror.beside = counted  # type: ignore[method-assign]
        await find(stage, "qqqzzz")
        assert set(looked_into) == {*MANY} - {"fr"}
        await files_open(tmp_path, MOST_OPEN)


async def test_a_look_into_other_languages_closes_none_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = list[Path | None]()

    class Counted(Store):
        def __init__(self, path: Path | None) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr(mirror_module, "Store", Counted)
    async with read(NINE, tmp_path) as stage:
        await find(stage, "qqqzzz")
        opened.clear()
        for number in range(5):
            await find(stage, f"qqqzzz{number}")
        assert len(opened) <= 5 * 2, "one place of the eight is that of the looks"
        assert not [path for path in opened if path and path.stem.endswith("-fr")]


async def test_files_are_closed_once_their_crawls_are_over(tmp_path: Path) -> None:
    async with staged(languages=MANY, language="fr") as stage:
        object.__setattr__(stage.app.mirror._files, "folder", tmp_path)
        await stage.app.mirror.ready("fr")
        await until(lambda: len(list(tmp_path.glob("*.sqlite"))) == len(MANY))
        await until(lambda: not any(s.is_crawling for s in stage.app.mirror._mirrored.values()))
        await files_open(tmp_path, MOST_OPEN)


@pytest.mark.parametrize("status", [500, 403])
async def test_a_failed_renewal_is_not_tried_again_because_its_file_was_closed(
    folder: Path | None, status: int
) -> None:
    async with read(MANY, folder) as stage:
        stage.sandbox.faults.add(Answer(status=status), "listCatalogs", times=None)
        stage.move(ANCIENT)
        for language in MANY:
            await whole(stage, language)
        before = requests(stage)
        for language in (*MANY, *reversed(MANY)):
            await whole(stage, language)
            assert (await stage.app.mirror.state(language)).is_stranded
        await find(stage, "qqqzzz")
        assert requests(stage) == before
        stage.move(RETRY_SECONDS + 1)
        await whole(stage, "fr")
        assert requests(stage) > before


async def test_another_language_that_cannot_be_read_fails_no_search() -> None:
    def failing(transport: Transport) -> Transport:
        return Odd(transport, "de")

    async with staged(languages=("fr", "de", "en"), language="fr", through=failing) as stage:
        for language in ("fr", "en"):
            await whole(stage, language)
        found = await find(stage, "night safari")
        assert found.total, "found in the language behind it"
        nothing = await find(stage, "qqqzzz")
        assert (nothing.total, nothing.state.is_complete) == (0, False)
        odd = Odd.made[-1]
        before = odd.refused
        for number in range(5):
            await find(stage, f"qqqzzz{number}")
        assert odd.refused == before, "what failed is not tried at each look"
        stage.move(RETRY_SECONDS + 1)
        await find(stage, "qqqzzz")
        assert odd.refused > before


class Odd(httpx.AsyncBaseTransport):
    """The sandbox, which refuses one language."""

    made: list["Odd"] = []

    def __init__(self, transport: Transport, language: str) -> None:
        self._transport = transport
        self._language = language
        self.refused = 0
        self.made.append(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("accept-language", "").startswith(self._language):
            self.refused += 1
            return httpx.Response(403, json={"title": "no"}, request=request)
        return await self._transport.handle_async_request(request)


async def test_a_catalog_that_only_another_language_knows_of_is_found() -> None:
    async with read(("fr", "en"), None) as stage:
        store = (await stage.app.mirror.ready("fr")).store
        store.clear()
        now = stage.clock.now().timestamp()
        store.put_facts(listed_at=now, complete_at=now, run=1)
        found = await find(stage, "night safari")
        assert [str(each.record.handle.alias) for each in found.bases] == [
            stage.handle("park_base").alias
        ]


def test_what_is_kept_in_memory_has_a_bound() -> None:
    assert MOST_OPEN < MOST_LISTED < MOST_IN_MEMORY < 50


async def test_languages_nobody_bounds_are_let_go_of_in_memory_too() -> None:
    names = [f"q{a}{b}" for a in "abcdefgh" for b in "abcdefgh"][: MOST_IN_MEMORY + 3]
    async with staged(language="en") as stage:
        languages = stage.app.mirror.languages
        languages.listed = ()
        for name in names:
            await whole(stage, name)
        assert len(stage.app.mirror._mirrored) <= MOST_IN_MEMORY


async def test_an_account_without_catalogs_is_asked_about_once(folder: Path | None) -> None:
    async with staged(catalogs=("nobody",), language="en") as stage:
        object.__setattr__(stage.app.mirror._files, "folder", folder)
        await whole(stage, "en")
        await find(stage, "night", "en")  # French is asked about once, too
        before = requests(stage)
        for _ in range(5):
            assert await stage.app.mirror.catalogs("en") == ()
            assert (await find(stage, "night", "en")).total == 0
        assert requests(stage) == before


# A catalog that is still being read


class Held(httpx.AsyncBaseTransport):
    """The sandbox, some of whose answers are held back until a gate is opened."""

    def __init__(self, transport: Transport, gates: list["Gate"]) -> None:
        self._transport = transport
        self._gates = gates

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for gate in self._gates:
            if gate.holds(request):
                gate.waiting += 1
                await until(lambda gate=gate: gate.is_open)  # type: ignore[misc]
        return await self._transport.handle_async_request(request)


class Gate:
    def __init__(self, language: str, part: str) -> None:
        self._language = language
        self._part = part
        self.is_open = False
        self.waiting = 0

    def holds(self, request: httpx.Request) -> bool:
        is_spoken = request.headers.get("accept-language", "").startswith(self._language)
        return is_spoken and not self.is_open and self._is_part(request.url.path)

    def _is_part(self, path: str) -> bool:
        if self._part == "catalogs":
            return path.endswith("/catalogs")
        return "product" in path.rpartition("/")[0]


async def slow_search(
    languages: tuple[str, ...],
    gates: list[Gate],
    step: Callable[[Stage], Coroutine[Any, Any, None]],
    **wanted: Any,
) -> list[SearchResult]:
    """What a cold search answers whose gates a step opens once the second language is awaited."""
    answers = list[SearchResult]()
    async with staged(
        languages=languages,
        language=languages[0],
        through=lambda transport: Held(transport, gates),
    ) as stage:
        beside = stage.app.mirror.beside

        async def stepping(language: str) -> Any:
            stage.tasks.start_soon(step, stage)
            return await beside(language)

        stage.app.mirror.beside = stepping  # type: ignore[method-assign]
        for _ in range(2):
            answers.append(await find(stage, **wanted))
        return answers


@pytest.mark.parametrize(
    "wanted", [{"query": "", "city": "Val-des-Songes"}, {"query": "val-des-songes"}]
)
async def test_what_was_read_while_another_language_was_awaited_is_found(
    wanted: dict[str, Any],
) -> None:
    details, listed = Gate("fr", "details"), Gate("en", "catalogs")

    async def step(stage: Stage) -> None:
        details.is_open = True
        shelf = await stage.app.mirror.ready("fr")
        await until(lambda: not shelf.is_crawling)
        listed.is_open = True

    first, then = await slow_search(("fr", "en"), [details, listed], step, **wanted)
    assert first.total == then.total
    assert first.total
    assert first.state.is_complete


@pytest.mark.parametrize(
    "wanted", [{"query": "", "city": "Val-des-Songes"}, {"query": "val-des-songes"}]
)
async def test_nothing_is_called_all_while_a_language_is_still_being_read(
    wanted: dict[str, Any],
) -> None:
    details = Gate("en", "details")

    async with staged(
        languages=("fr", "en"), language="fr", through=lambda t: Held(t, [details])
    ) as stage:
        await whole(stage, "fr")
        store = (await stage.app.mirror.ready("fr")).store
        store.clear()  # nothing of the first language answers
        store.put_facts(listed_at=1.0, complete_at=stage.clock.now().timestamp(), run=1)
        if "city" in wanted:
            with pytest.raises(Refusal) as refusal:
                await find(stage, **wanted)
            assert refusal.value.code is Code.NO_SUCH_CHOICE
            assert "still being read" in refusal.value.message
        else:
            found = await find(stage, **wanted)
            assert (found.total, found.state.is_complete) == (0, False)
        await until(lambda: details.waiting > 0)
        details.is_open = True


async def test_the_state_is_that_of_the_moment_before_the_search(stage: Stage) -> None:
    mirror = stage.app.mirror
    shelf = await mirror.searchable("en")
    await until(lambda: not shelf.is_crawling)
    # That of the default language, which is looked into where nothing is found, is whole.
    beside = await mirror.searchable("fr")
    await until(lambda: not beside.is_crawling)

    def searching(search: Any, *given: Any) -> Any:
        page = search(*given)
        shelf.store.put_facts(complete_at=stage.clock.now().timestamp() + 3600)
        return page

    before = await mirror.state("en")
    for each in (shelf, beside):
        each.search = partial(searching, each.search)  # type: ignore[method-assign]
    for query in ("night safari", "qqqzzz"):
        shelf.store.put_facts(complete_at=before.read_at.timestamp() if before.read_at else None)
        assert (await find(stage, query, "en")).state == before
