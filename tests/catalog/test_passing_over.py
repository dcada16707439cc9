"""One base, product list or catalog that cannot be read keeps nothing else away."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from korus_mcp.api import ApiError
from korus_mcp.api.config import Transport
from korus_mcp.catalog import crawl, parsing
from korus_mcp.catalog.index import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS
from korus_mcp.catalog.mirror import RETRY_SECONDS, LanguageMirror, state_of
from korus_mcp.catalog.overview import look_at
from korus_mcp.catalog.store import Scope, Store
from korus_mcp.sandbox import Answer
from tests.booking.stage import Stage, staged, until

pytestmark = pytest.mark.anyio
Strike = Callable[[httpx.Request], httpx.Response | None]


class Struck(httpx.AsyncBaseTransport):
    """The sandbox with answers of our own to some requests."""

    def __init__(self, transport: Transport, strike: Strike) -> None:
        self._transport = transport
        self._strike = strike

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._strike(request) or await self._transport.handle_async_request(request)


def striking(strike: Strike) -> Callable[[Transport], Transport]:
    return lambda transport: Struck(transport, strike)


async def filled(stage: Stage) -> LanguageMirror:
    shelf = await stage.app.mirror.searchable("en")
    await until(lambda: not shelf.is_crawling)
    return shelf


def with_details(shelf: LanguageMirror) -> set[str]:
    rows = shelf.store.all_rows(Scope(), limit=1000)
    return {r.handle.id for r in rows if shelf.store.record(r.catalog_id, r.handle.id) is not None}


def without_details(shelf: LanguageMirror) -> set[str]:
    return {r.handle.id for r in shelf.store.all_rows(Scope(), limit=1000)} - with_details(shelf)


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("nothing came", request=request)


def endless(request: httpx.Request) -> httpx.Response:
    page = int(request.url.params["page"])
    rows = [{"id": f"p{page}x{n}", "name": "again"} for n in range(50)]
    return httpx.Response(200, json={"member": rows, "totalItems": 10**9})


WAYS: dict[str, tuple[str, Callable[[httpx.Request], httpx.Response]]] = {
    "its details answer 500": ("", lambda _: httpx.Response(500)),
    "its details answer 401": ("", lambda _: httpx.Response(401)),
    "its products answer 401": ("/products", lambda _: httpx.Response(401)),
    "its details answer 502": ("", lambda _: httpx.Response(502)),
    "its details never come": ("", broken),
    "its details are elsewhere": ("", lambda _: httpx.Response(302, headers={"location": "/"})),
    "its details are odd": ("", lambda _: httpx.Response(200, json=[1])),
    "its details answer 418": ("", lambda _: httpx.Response(418)),
    "its products answer 500": ("/products", lambda _: httpx.Response(500)),
    "its products have no end": ("/products", endless),
    "its options have no end": ("/options", endless),
}


@pytest.mark.parametrize("way", [way for way in WAYS if "options" not in way])
async def test_one_base_that_cannot_be_read_is_passed_over_and_tried_again(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "MOST_PRODUCTS", 200)
    part, effect = WAYS[way]
    ill: list[str] = []
    asked: list[str] = []

    def strike(request: httpx.Request) -> httpx.Response | None:
        for base_id in ill:
            if request.url.path.endswith(f"/product_bases/{base_id}{part}"):
                asked.append(base_id)
                return effect(request)
        return None

    async with staged(selling=("park", "stadium"), through=striking(strike)) as stage:
        ill.append(stage.handle("park_base").id)
        shelf = await filled(stage)
        assert without_details(shelf) == set(ill)
        assert with_details(shelf)
        state = state_of(shelf)
        assert (state.is_complete, state.is_stranded) == (True, False)
        for attempt in range(3):
            tried = len(asked)
            stage.move(FIRST_RETRY_SECONDS * 2**attempt - 2)
            await filled(stage)
            assert len(asked) == tried, "not before its time"
            stage.move(3)
            await filled(stage)
            assert len(asked) > tried
            assert not state_of(shelf).is_stranded
        ill.clear()
        stage.move(LAST_RETRY_SECONDS)
        await filled(stage)
        assert not without_details(shelf)


async def test_more_broken_bases_than_readers_keep_nobody_away() -> None:
    async with staged(selling=("park", "stadium")) as stage:
        stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None, issuer="park")
        shelf = await filled(stage)
        park = stage.handle("park_base").alias
        read = {r.handle.alias for r in shelf.store.all_rows(Scope(), limit=1000)}
        assert park in read
        assert with_details(shelf)
        assert state_of(shelf).is_complete


async def test_a_catalog_whose_names_cannot_be_read_keeps_no_other_away() -> None:
    async with staged(selling=("park", "stadium")) as stage:
        stage.sandbox.faults.add(Answer(status=500), "listProductBases", times=None, issuer="park")
        shelf = await filled(stage)
        aliases = {r.handle.alias for r in shelf.store.all_rows(Scope(), limit=1000)}
        assert aliases == {stage.handle("stadium_base").alias}
        assert not without_details(shelf)
        stage.sandbox.faults.clear()
        stage.move(RETRY_SECONDS + 1)
        await filled(stage)
        assert not without_details(shelf)
        assert state_of(shelf).is_complete
        assert stage.handle("park_base").id in with_details(shelf)


async def test_an_api_that_is_gone_ends_the_crawl_after_a_few_bases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crawl, "MOST_IN_A_ROW", 4)
    gone: list[str] = []

    def strike(request: httpx.Request) -> httpx.Response | None:
        if gone or "/product_bases/" in request.url.path:
            gone.append(request.url.path)
            return httpx.Response(500)
        return None

    async with staged(selling=(), through=striking(strike)) as stage:
        shelf = await filled(stage)
        assert state_of(shelf).is_stranded
        assert len(gone) < 4 + 2 * crawl.CRAWLERS, "it is not asked for every base"


async def test_a_crash_over_one_base_is_logged_and_keeps_no_other_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged() as stage:
        ill = stage.handle("park_base").id

        async def crashing(ticketing: Any, catalog: Any, base_id: str, language: str) -> Any:
            if base_id == ill:
                raise RecursionError
            return await parsing.read_record(ticketing, catalog, base_id, language)

        monkeypatch.setattr(crawl, "read_record", crashing)
        shelf = await filled(stage)
        assert without_details(shelf) == {ill}
        assert "cannot be read" in caplog.text


async def test_a_crawl_that_crashes_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    tries: list[int] = []

    def crashing(self: Store, listed: object, unread: int) -> None:
        tries.append(1)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(Store, "put_catalogs", crashing)
        for _ in range(3):
            with pytest.raises(ApiError):
                await stage.app.mirror.ready("en")
    assert len(tries) == 1
    stage.move(RETRY_SECONDS + 1)
    assert (await stage.app.mirror.ready("en")).store.has_bases()


async def test_endless_pages_of_catalogs_and_of_bases_are_read_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crawl, "MOST_BASES", 120)
    asked: list[str] = []

    def strike(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/product_bases"):
            asked.append(request.url.path)
            return endless(request)
        return None

    async with staged(through=striking(strike)) as stage:
        shelf = await filled(stage)
        assert shelf.store.progress().known <= 120
        assert len(asked) == 3
        assert "more than 120" in caplog.text


async def test_endless_pages_of_catalogs_are_read_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crawl, "MOST_CATALOGS", 120)
    pages: list[str] = []

    def strike(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/catalogs"):
            pages.append(request.url.params["page"])
            return endless(request)
        if request.url.path.endswith("/product_bases"):
            return httpx.Response(200, json={"member": [], "totalItems": 0})
        return None

    async with staged(selling=(), through=striking(strike)) as stage:
        shelf = await filled(stage)
        assert len(shelf.store.catalogs()) == 120
        assert pages == ["1", "2", "3"]
        assert "more than 120" in caplog.text


async def test_what_was_passed_over_is_told_to_the_operator(tmp_path: Path) -> None:
    async with staged() as stage:
        object.__setattr__(stage.app.mirror._files, "folder", tmp_path)
        stage.sandbox.faults.add(Answer(status=403), "getProductBase", times=2)
        await filled(stage)
        path = await stage.app.mirror.path("en")
        assert path is not None
        seen = look_at(path)
    assert seen is not None
    assert seen.passed_over == 2


# Lists that change while they are read


async def test_a_base_that_slips_between_two_pages_is_found() -> None:
    gone: list[bool] = []

    def strike(request: httpx.Request) -> httpx.Response | None:
        if "/product_bases/" in request.url.path:
            return httpx.Response(403)
        if not request.url.path.endswith("/product_bases"):
            return None
        rows = [{"id": f"b{n}", "name": f"Name {n}"} for n in range(60)][bool(gone) :]
        page = int(request.url.params["page"])
        gone.append(True)
        shown = rows[50 * page - 50 : 50 * page]
        return httpx.Response(200, json={"member": shown, "totalItems": len(rows)})

    async with staged(through=striking(strike)) as stage:
        shelf = await stage.app.mirror.ready("en")
        names = {row.name for row in shelf.store.all_rows(Scope(), limit=1000)}
        assert {f"Name {n}" for n in range(1, 60)} <= names


async def test_a_crawl_that_goes_on_after_an_import_lists_all_names_anew() -> None:
    state = {"synced": "2026-05-30T03:00:00+00:00", "name": "Before", "down": True}

    def strike(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path
        if path.endswith("/product_bases"):
            rows = [{"id": "kept", "name": str(state["name"])}]
            rows += [{"id": "gone", "name": "Gone"}] if state["down"] else [{"id": "new"}]
            return httpx.Response(200, json={"member": rows, "totalItems": 2})
        if path.endswith("/product_bases/kept"):
            return httpx.Response(200, json={"id": "kept", "name": str(state["name"])})
        if path.endswith("/products"):
            return httpx.Response(200, json={"member": [], "totalItems": 0})
        if "/product_bases/" in path:
            return httpx.Response(429 if state["down"] else 404)
        return None

    def import_at(path: str, body: dict[str, Any]) -> None:
        for catalog in body["member"] if path.endswith("/catalogs") else ():
            catalog["lastSyncedAt"] = state["synced"]

    class Imported(Struck):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if not request.url.path.endswith("/catalogs"):
                return response
            body = json.loads(await response.aread())
            import_at(request.url.path, body)
            return httpx.Response(200, json=body)

    async with staged(through=lambda transport: Imported(transport, strike)) as stage:
        shelf = await filled(stage)
        assert state_of(shelf).is_stranded, "the crawl was cut short after the names"
        state.update(synced="2026-05-31T03:00:00+00:00", name="After", down=False)
        stage.move(RETRY_SECONDS + 1)
        await filled(stage)
        names = {row.name for row in shelf.store.all_rows(Scope(), limit=1000)}
        assert "After" in names
        assert not names & {"Before", "Gone"}
        kept = next(r for r in shelf.store.all_rows(Scope(), limit=9) if r.handle.id == "kept")
        record = shelf.store.record(kept.catalog_id, "kept")
        assert record is not None
        assert record.name == "After"
