"""The mirror: names first, details on demand, each thing read once and kept for a day."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.api import ApiError, RateLimited, ServerFailed
from korus_mcp.api.failures import LONGEST_WAIT_SECONDS
from korus_mcp.catalog.bases import VenueRecord
from korus_mcp.catalog.crawl import CRAWLERS
from korus_mcp.catalog.mirror import (
    GRACE_SECONDS,
    JITTER,
    KEPT_SECONDS,
    RETRY_SECONDS,
    CatalogFiles,
    LanguageMirror,
    Mirror,
    full_name,
    state_of,
)
from korus_mcp.catalog.store import Progress, Scope
from korus_mcp.foundation.handles import Handle, alias_of
from korus_mcp.foundation.paging import BEGINNING
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer, Delay, SandboxOptions
from korus_mcp.settings import Account
from tests.booking.stage import SEED, GatedClock, Stage, staged, until

pytestmark = pytest.mark.anyio
FRESH = KEPT_SECONDS * (1 - JITTER) - 1
STALE = KEPT_SECONDS * (1 + JITTER) + 1


async def refused(stage: Stage, handle: Handle) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await stage.app.mirror.base(handle, "en")
    return refusal.value


async def filled(stage: Stage, language: str = "en") -> LanguageMirror:
    """The shelf with all details."""
    shelf = await stage.app.mirror.searchable(language)
    await until(lambda: not shelf.is_crawling)
    return shelf


def names_on(shelf: LanguageMirror) -> set[str]:
    return {row.name for row in shelf.store.all_rows(Scope(), limit=1000)}


def handles_on(shelf: LanguageMirror) -> set[Handle]:
    return {row.handle for row in shelf.store.all_rows(Scope(), limit=1000)}


async def test_names_are_there_before_the_details() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        shelf = await stage.app.mirror.ready("en")
        assert "Night safari" in names_on(shelf)
        assert shelf.store.progress().done == 0
        assert not state_of(shelf).is_complete
        gated.gate.set()
        shelf = await filled(stage)
        assert state_of(shelf).is_complete
        progress = shelf.store.progress()
        assert progress.done == progress.known == len(names_on(shelf))


async def test_a_search_does_not_wait_long_for_details() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        shelf = await stage.app.mirror.ready("en")
        await until(lambda: gated.sleepers > 0)
        with anyio.fail_after(GRACE_SECONDS + 5):
            shelf = await stage.app.mirror.searchable("en")
        assert not state_of(shelf).is_complete
        gated.gate.set()


async def test_who_waits_for_the_catalog_is_told_how_far_it_is() -> None:
    told = list[tuple[int, int]]()

    async def watch(progress: Progress) -> None:
        told.append((progress.done, progress.known))

    async with staged(options=SandboxOptions(seed=SEED, bases=200), selling=()) as stage:
        shelf = await stage.app.mirror.searchable("en", watch)
        known = shelf.store.progress().known
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1][1] == known


async def test_reading_ahead_asks_for_few_bases_at_once() -> None:
    gated = GatedClock()
    async with staged(
        selling=(), sandbox_clock=gated, options=SandboxOptions(seed=SEED, bases=60)
    ) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        shelf = await stage.app.mirror.ready("en")
        await until(lambda: gated.sleepers == CRAWLERS)
        await anyio.sleep(0.05)
        assert gated.sleepers == CRAWLERS
        gated.gate.set()
        await until(lambda: not shelf.is_crawling)
        assert len(names_on(shelf)) == gated.sleepers > CRAWLERS
        assert stage.sent("getProductBase") == len(names_on(shelf))


async def test_a_hundred_who_ask_for_a_base_at_once_cause_one_read_of_each_part() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        handle, found = stage.handle("park_base"), list[str]()
        stage.sandbox.faults.add(Delay(seconds=5), "listProductBases", times=None)

        async def ask() -> None:
            found.append((await stage.app.mirror.base(handle, "en")).name)

        async with anyio.create_task_group() as callers:
            for _ in range(100):
                callers.start_soon(ask)
        assert len(found) == 100
        asked = [r.operation for r in stage.sandbox.requests if handle.id in r.path]
        assert sorted(o or "" for o in asked) == ["getProductBase", "listProductBaseProducts"]
        # The crawl first notes in the file that it begins.
        await until(lambda: stage.sent("listCatalogs") > 1)
        assert stage.sent("listCatalogs") == 2, "the list alone, and the crawl"
        gated.gate.set()


async def test_a_base_is_kept_for_a_day(stage: Stage) -> None:
    handle = stage.handle("park_base")
    shelf = await filled(stage)
    first, before = await stage.app.mirror.base(handle, "en"), len(stage.sandbox.requests)
    stage.move(FRESH)
    assert await stage.app.mirror.base(handle, "en") == first
    assert len(stage.sandbox.requests) == before
    stage.move(STALE - FRESH)
    assert await stage.app.mirror.base(handle, "en") == first, "stale, but at once"
    await until(lambda: not shelf.is_crawling)
    assert stage.sent("listCatalogs") == 2


async def test_a_catalog_that_was_not_imported_anew_is_not_read_again() -> None:
    def imported_once(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/catalogs"):
            for catalog in body["member"]:
                catalog["lastSyncedAt"] = "2026-05-31T03:00:00+00:00"

    async with staged(selling=("park", "stadium"), rewrite=imported_once) as stage:
        shelf = await filled(stage)
        before = len(stage.sandbox.requests)
        stage.move(STALE)
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        operations = [r.operation for r in list(stage.sandbox.requests)[before:]]
        assert [o for o in operations if o != "getToken"] == ["listCatalogs"]
        state = state_of(shelf)
        assert state.read_at is not None
        assert state.read_at == stage.clock.now(), "it was compared now"


async def test_a_catalog_that_was_imported_anew_is_read_again() -> None:
    renamed = [False]

    def import_anew(path: str, body: dict[str, Any]) -> None:
        if renamed[0] and path.endswith("/catalogs"):
            body["member"][0]["lastSyncedAt"] = "2026-06-02T03:00:00+00:00"
        if renamed[0] and "/product_bases" in path:
            for base in body.get("member", [body]):
                if base.get("name") == "Night safari":
                    base["name"] = "Dawn safari"

    async with staged(rewrite=import_anew) as stage:
        shelf = await filled(stage)
        assert "Night safari" in names_on(shelf)
        renamed[0] = True
        stage.move(STALE)
        assert "Night safari" in names_on(await stage.app.mirror.ready("en")), "stale, at once"
        await until(lambda: not shelf.is_crawling)
        assert "Dawn safari" in names_on(shelf)
        assert "Night safari" not in names_on(shelf)
        found = shelf.search("dawn", Scope(), BEGINNING, 5)
        assert [row.name for row in found.rows] == ["Dawn safari"]


async def test_a_base_that_left_the_catalog_vanishes() -> None:
    removed = [False]

    def remove(path: str, body: dict[str, Any]) -> None:
        if removed[0] and path.endswith("/catalogs"):
            body["member"][0]["lastSyncedAt"] = "2026-06-02T03:00:00+00:00"
        if removed[0] and path.endswith("/product_bases"):
            body["member"] = [b for b in body["member"] if b["name"] != "Night safari"]
            body["totalItems"] = len(body["member"])

    async with staged(rewrite=remove) as stage:
        shelf = await filled(stage)
        known = len(names_on(shelf))
        removed[0] = True
        stage.move(STALE)
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        assert len(names_on(shelf)) == known - 1
        assert "safari" not in shelf.store.all_words()


async def test_an_old_catalog_is_better_than_none_while_the_api_is_down(stage: Stage) -> None:
    handle = stage.handle("park_base")
    shelf = await filled(stage)
    read_at = state_of(shelf).read_at
    first = await stage.app.mirror.base(handle, "en")
    stage.move(30 * STALE)
    stage.sandbox.faults.add(Answer(status=500), "listCatalogs", times=None)
    assert await stage.app.mirror.base(handle, "en") == first
    await until(lambda: not shelf.is_crawling)
    state = state_of(shelf)
    assert (state.is_stranded, state.read_at) == (True, read_at)
    with pytest.raises(ServerFailed):
        await stage.app.mirror.ready("fr")
    stage.sandbox.faults.clear()
    stage.move(RETRY_SECONDS + 1)
    await stage.app.mirror.ready("en")
    await until(lambda: not shelf.is_crawling)
    assert not state_of(shelf).is_stranded


async def test_a_dead_api_is_not_asked_at_every_call(stage: Stage) -> None:
    shelf = await filled(stage)
    stage.move(STALE)
    stage.sandbox.faults.add(Answer(status=404), "listCatalogs", times=None)
    for _ in range(20):
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
    assert stage.sent("listCatalogs") == 2, "the crawl, and one attempt in a minute"


async def test_everybody_who_waits_for_a_first_crawl_is_told_that_it_failed(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=404), "listCatalogs", times=None)
    failures = list[ApiError]()

    async def ask() -> None:
        with pytest.raises(ApiError) as failed:
            await stage.app.mirror.ready("en")
        failures.append(failed.value)

    async with anyio.create_task_group() as callers:
        for _ in range(20):
            callers.start_soon(ask)
    assert len(failures) == 20
    assert stage.sent("listCatalogs") == 1
    stage.sandbox.faults.clear()
    assert names_on(await stage.app.mirror.ready("en")), "the next one asks again"


async def test_languages_are_kept_apart(stage: Stage) -> None:
    handle = stage.handle("park_base")
    english = await stage.app.mirror.base(handle, "en")
    french = await stage.app.mirror.base(handle, "fr")
    assert english.name == "Dated ticket for 1, 2 or 3 days"
    assert french.name == "Billet daté 1, 2 ou 3 jours"


async def test_a_base_has_its_choices_products_place_and_words(stage: Stage) -> None:
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    assert [c.name for c in base.choices["days_count"]] == ["1 day", "2 days", "3 days"]
    assert [c.name for c in base.choices["price_type"]] == ["Adult", "Child"]
    products = {p.name: dict(p.choices) for p in base.products.values()}
    assert products["2 days - Child"] == {"days_count": "2 days", "price_type": "Child"}
    assert base.place.city == "Val-des-Songes"
    assert base.place.website == "https://mille-lanternes.example"
    assert base.kind == "theme_park"
    assert base.timezone == "Europe/Paris"
    assert base.has_sessions is False
    assert base.description is not None
    assert "“Waking lanterns”, a village & gardens." in base.description
    assert base.short_description == "Dated entry to the Thousand Lanterns Park."
    assert base.terms == "Valid on the chosen day, no refund, no exchange."
    assert all(url.startswith("https://") for url in base.images)


async def test_a_bare_base_and_a_malformed_id_work(stage: Stage) -> None:
    base = await stage.app.mirror.base(stage.handle("malformed_id_base"), "en")
    assert base.name == "Gift card 50 €"
    assert base.place == VenueRecord()
    assert base.images == ()
    assert base.choices == {}
    assert (base.timezone, base.description) == (None, None)
    assert [p.name for p in base.products.values()] == ["Gift card"]


async def test_a_disabled_base_is_not_listed() -> None:
    async with staged(selling=("stadium",)) as stage:
        handles = handles_on(await stage.app.mirror.ready("en"))
        assert stage.handle("stadium_base") in handles
        assert stage.handle("disabled_base") not in handles


async def test_a_disabled_base_is_told_by_its_id_and_never_found() -> None:
    async with staged(selling=("stadium",)) as stage:
        shelf = await filled(stage)
        played = stage.handle("disabled_base")
        assert (await stage.app.mirror.base(played, "en")).is_disabled
        assert played not in handles_on(shelf)


async def test_a_base_that_is_disabled_meanwhile_is_no_longer_found() -> None:
    spoiling = False

    def spoiled(path: str, body: dict[str, Any]) -> None:
        if spoiling and path.endswith(ids["park_base"]):
            body["disabled"] = True

    async with staged(rewrite=spoiled) as stage:
        ids, shelf = stage.sandbox.landmarks, await filled(stage)
        park = stage.handle("park_base")
        assert park in handles_on(shelf)
        spoiling = True
        assert (await stage.app.mirror.renewed_base(park, "en")).is_disabled
        assert park not in handles_on(shelf)


async def test_disabled_members_and_ids_that_cannot_be_are_left_out() -> None:
    def spoiled(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/product_bases"):
            body["member"][0]["disabled"] = True
            body["member"][1]["id"] = "../../etc"
        if path.endswith("/products"):
            body["member"][0]["disabled"] = True

    async with staged(rewrite=spoiled) as stage:
        shelf = await filled(stage)
        assert stage.handle("park_base") not in handles_on(shelf)
        assert not [h for h in handles_on(shelf) if ".." in h.id]
        base = await stage.app.mirror.base(stage.handle("undated_base"), "en")
        assert [p.name for p in base.products.values()] == ["Child"]


async def test_a_base_that_vanished_is_not_found_and_leaves_the_list(stage: Stage) -> None:
    shelf = await filled(stage)
    handle = stage.handle("park_base")
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getProductBase")
    with pytest.raises(Refusal) as refusal:
        await stage.app.mirror.renewed_base(handle, "en")
    assert refusal.value.code is Code.NOT_FOUND
    assert handle not in handles_on(shelf)


async def test_an_unknown_alias_is_looked_up_once_more_and_cheaply(stage: Stage) -> None:
    await filled(stage)
    before = len(stage.sandbox.requests)
    assert (await refused(stage, Handle("abcdef", "7"))).code is Code.UNKNOWN_ID
    asked = [r.operation for r in list(stage.sandbox.requests)[before:]]
    assert asked == ["listCatalogs"]


async def test_a_catalog_that_is_new_is_found_and_filled() -> None:
    hidden = [True]

    def new_catalog(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/catalogs") and hidden[0]:
            del body["member"][1:]
            body["totalItems"] = 1

    async with staged(selling=(), rewrite=new_catalog) as stage:
        shelf = await filled(stage)
        assert len(await stage.app.mirror.catalogs("en")) == 1
        hidden[0] = False
        base = await stage.app.mirror.base(stage.handle("ski_base"), "en")
        assert base.name == "Named ski pass for 1 to 6 days"
        assert len(await stage.app.mirror.catalogs("en")) == 5
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        assert stage.handle("stadium_base") in handles_on(shelf)


async def test_a_catalog_that_is_gone_takes_its_bases_along() -> None:
    hidden = [False]

    def gone(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/catalogs") and hidden[0]:
            body["member"] = [c for c in body["member"] if not c["name"].startswith("Hérons")]
            body["totalItems"] = len(body["member"])

    async with staged(selling=(), rewrite=gone) as stage:
        shelf = await filled(stage)
        hidden[0] = True
        stage.move(STALE)
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        aliases = {handle.alias for handle in handles_on(shelf)}
        assert stage.handle("stadium_base").alias not in aliases
        assert stage.handle("park_base").alias in aliases


async def test_a_look_again_that_fails_keeps_what_is_known(stage: Stage) -> None:
    await filled(stage)
    stage.sandbox.faults.add(Answer(status=500), "listCatalogs", times=None)
    with pytest.raises(ServerFailed):
        await stage.app.mirror.base(Handle("abcdef", "7"), "en")
    assert await stage.app.mirror.base(stage.handle("park_base"), "en")


async def test_only_allowed_catalogs_exist(stage: Stage) -> None:
    catalogs = await stage.app.mirror.catalogs("en")
    assert [c.alias for c in catalogs] == [alias_of(stage.sandbox.landmarks["park_catalog"])]
    assert (await refused(stage, stage.handle("ski_base"))).code is Code.UNKNOWN_ID
    assert stage.sent("getProductBase") <= len(names_on(await filled(stage)))


async def test_no_catalog_at_all_is_an_empty_mirror() -> None:
    async with staged(catalogs=("abcdef",)) as stage:
        shelf = await stage.app.mirror.searchable("en")
        assert names_on(shelf) == set()
        await until(lambda: state_of(shelf).is_complete)


async def test_the_operators_languages_are_read_ahead_once_the_catalog_is_used() -> None:
    async with staged(languages=("fr", "en")) as stage:
        assert len(stage.sandbox.requests) == 0
        await filled(stage, "en")
        await until(lambda: stage.sent("listCatalogs") == 2)
        assert names_on(await filled(stage, "fr")) >= {"Billet daté 1, 2 ou 3 jours"}
        assert stage.sent("listCatalogs") == 2


def unnamed_choices(path: str, body: dict[str, Any]) -> None:
    """Products that do not say which values they stand for: the options must be asked."""
    if path.endswith("/products"):
        for product in body["member"]:
            product.pop("optionValues", None)


async def test_choices_that_products_do_not_name_are_asked_for() -> None:
    async with staged(rewrite=unnamed_choices) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        assert [c.name for c in base.choices["days_count"]] == ["1 day", "2 days", "3 days"]


async def test_without_a_list_of_options_all_four_are_tried() -> None:
    async with staged(rewrite=unnamed_choices) as stage:
        stage.sandbox.faults.add(
            Answer(status=404, body="problem"), "listProductBaseOptions", times=None
        )
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        assert set(base.choices) == {"days_count", "price_type"}


async def test_an_option_without_values_is_no_choice() -> None:
    async with staged(rewrite=unnamed_choices) as stage:
        stage.sandbox.faults.add(
            Answer(status=404, body="problem"), "listProductBaseOptionValues", times=None
        )
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        assert base.choices == {}


async def test_a_base_the_api_refuses_is_passed_over_and_read_when_asked_for(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=403), "getProductBase", times=None)
    shelf = await filled(stage)
    assert state_of(shelf).is_complete
    assert names_on(shelf)
    with pytest.raises(ApiError):
        await stage.app.mirror.base(stage.handle("park_base"), "en")
    stage.sandbox.faults.clear()
    assert await stage.app.mirror.base(stage.handle("park_base"), "en")


async def test_details_that_cannot_be_read_are_read_by_the_next_crawl(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    shelf = await filled(stage)
    assert names_on(shelf)
    assert not state_of(shelf).is_complete
    stage.sandbox.faults.clear()
    stage.move(RETRY_SECONDS + 1)
    shelf = await filled(stage)
    assert state_of(shelf).is_complete


# Names and limits for the booking room


async def product_of(stage: Stage, landmark: str) -> tuple[str, str]:
    base = await stage.app.mirror.base(stage.handle(landmark), "en")
    return base.catalog.id, next(iter(base.products))


async def test_a_product_is_called_the_same_before_and_after_its_base_was_read(
    stage: Stage,
) -> None:
    where = await product_of(stage, "park_base")
    kept = await stage.app.mirror.product_name(*where, "en")
    assert kept == "Dated ticket for 1, 2 or 3 days - 1 day - Adult"
    (await filled(stage)).store.clear()
    assert await stage.app.mirror.product_name(*where, "en") == kept


async def test_a_product_keeps_its_own_name_while_its_base_cannot_be_read(stage: Stage) -> None:
    catalog_id, product_id = await product_of(stage, "park_base")
    (await filled(stage)).store.clear()
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    assert await stage.app.mirror.product_name(catalog_id, product_id, "en") == "1 day - Adult"


async def test_a_product_of_a_catalog_that_is_not_on_sale_has_its_own_name(stage: Stage) -> None:
    async with staged(selling=("ski",)) as other:
        catalog_id, product_id = await product_of(other, "ski_base")
    assert await stage.app.mirror.product_name(catalog_id, product_id, "en") == "1 day - Adult"


async def test_a_product_that_is_gone_has_no_name(stage: Stage) -> None:
    catalog_id, _ = await product_of(stage, "park_base")
    assert await stage.app.mirror.product_name(catalog_id, "no-such-product", "en") is None


def test_a_name_is_not_told_twice() -> None:
    assert full_name("Night safari", "Night safari") == "Night safari"
    assert full_name("Night safari", "Adult") == "Night safari - Adult"


async def test_the_terms_of_a_product_are_known_or_that_it_has_none(stage: Stage) -> None:
    handle, terms_of = stage.handle("park_base"), stage.app.mirror.terms_of_sale
    told = await terms_of(*await product_of(stage, "park_base"), "en")
    assert told == (handle, "Valid on the chosen day, no refund, no exchange.")
    none = await terms_of(*await product_of(stage, "undated_base"), "en")
    assert none == (stage.handle("undated_base"), "")
    assert await terms_of(handle.id, "no-such-product", "en") is None


async def test_the_largest_number_per_order_is_known_where_it_is_stated() -> None:
    async with staged(selling=("stadium",)) as stage:
        mirror = stage.app.mirror
        assert await mirror.max_per_order(stage.handle("max_six_base"), "en") == 6
        assert await mirror.max_per_order(stage.handle("stadium_base"), "en") is None
        assert await mirror.max_per_order(Handle("abcdef", "7"), "en") is None


# The file


def kept_in(folder: Path, stage: Stage) -> Mirror:
    """A mirror of the stage's catalog in a folder, as the next server would open it."""
    files = CatalogFiles(account=Account("sandbox", "x", "y"), folder=folder)
    return Mirror(stage.app.api, files, clock=stage.clock, tasks=stage.tasks)


async def test_a_warm_start_answers_without_any_request(stage: Stage, tmp_path: Path) -> None:
    first = kept_in(tmp_path, stage)
    shelf = await first.searchable("en")
    await until(lambda: not shelf.is_crawling)
    first.close()
    before = len(stage.sandbox.requests)
    second = kept_in(tmp_path, stage)
    shelf = await second.searchable("en")
    found = shelf.search("night safari", Scope(), BEGINNING, 5)
    assert [row.name for row in found.rows] == ["Night safari"]
    assert (await second.base(found.rows[0].handle, "en")).place.city == "Val-des-Songes"
    await anyio.sleep(0.05)
    assert len(stage.sandbox.requests) == before
    second.close()


async def test_a_file_that_cannot_be_made_is_kept_in_memory(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("a file where the folder should be")
    mirror = kept_in(tmp_path / "in the way", stage)
    assert "Night safari" in names_on(await mirror.ready("en"))
    assert any("kept in memory" in r.message for r in caplog.records)


async def test_a_full_disk_does_not_stop_a_search(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirror = kept_in(tmp_path, stage)
    shelf = await mirror._mirrored_in("en")
    shelf.store._write.execute("PRAGMA max_page_count = 1")
    assert "Night safari" in names_on(await mirror.searchable("en"))
    assert shelf.store.path is None
    assert any("full" in r.message for r in caplog.records)


async def test_a_locked_file_does_not_lose_a_base(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("korus_mcp.catalog.file.BUSY_SECONDS", 0.01)
    mirror = kept_in(tmp_path, stage)
    shelf = await mirror.searchable("en")
    await until(lambda: not shelf.is_crawling)
    assert shelf.store.path is not None
    blocker = sqlite3.connect(shelf.store.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    base = await mirror.renewed_base(stage.handle("park_base"), "en")
    assert base.name == "Dated ticket for 1, 2 or 3 days"
    blocker.close()


async def test_accounts_and_languages_have_files_of_their_own() -> None:
    account = Account("demo", "https://api", "one")
    accounts = (
        account,
        replace(account, environment="production"),
        replace(account, api_url="https://other"),
        replace(account, client_id="two"),
    )
    files = [CatalogFiles(account=each) for each in accounts]
    files.append(CatalogFiles(account=account, allowed=("abcdef",)))
    names = {each.file("fr") for each in files} | {files[0].file("en")}
    assert len(names) == 6
    assert not [n for n in names if "two" in n], "an account's name is not told by a file's"


async def test_a_mirror_that_was_cleared_is_filled_again(stage: Stage) -> None:
    await filled(stage)
    assert await stage.app.mirror.clear("en")
    before = stage.sent("listProductBases")
    assert "Night safari" in names_on(await filled(stage))
    assert stage.sent("listProductBases") > before


# What the API says of times is believed within bounds


@pytest.mark.parametrize(
    "retry_after",
    ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "300"],
)
async def test_one_wish_to_be_left_alone_costs_minutes_at_most(
    stage: Stage, retry_after: str
) -> None:
    stage.sandbox.faults.add(Answer(status=429, retry_after=retry_after), "listCatalogs")
    with pytest.raises(RateLimited) as busy:
        await stage.app.mirror.ready("en")
    assert busy.value.retry_after_seconds == LONGEST_WAIT_SECONDS == 300
    stage.move(200)
    with pytest.raises(RateLimited) as still:
        await stage.app.mirror.ready("en")
    assert still.value.retry_after_seconds == 100, "what is left of it"
    stage.move(101)
    assert names_on(await stage.app.mirror.ready("en"))


async def test_a_catalog_that_is_there_is_renewed_after_minutes_too(stage: Stage) -> None:
    shelf = await filled(stage)
    stage.move(STALE)
    stage.sandbox.faults.add(Answer(status=503, retry_after="99999999"), "listCatalogs")
    await stage.app.mirror.ready("en")
    await until(lambda: not shelf.is_crawling)
    assert state_of(shelf).is_stranded
    stage.move(LONGEST_WAIT_SECONDS + 1)
    await stage.app.mirror.ready("en")
    await until(lambda: not shelf.is_crawling)
    assert not state_of(shelf).is_stranded


async def test_an_import_in_the_future_does_not_stop_the_catalog_from_being_read_again() -> None:
    def import_far_ahead(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/catalogs"):
            for catalog in body["member"]:
                catalog["lastSyncedAt"] = "2099-12-31T23:59:59+00:00"

    async with staged(rewrite=import_far_ahead) as stage:
        shelf = await filled(stage)
        stage.move(STALE)
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        assert stage.sent("listProductBases") == 2


async def test_a_file_from_the_future_is_read_again(stage: Stage) -> None:
    shelf = await filled(stage)
    ahead = stage.clock.now().timestamp() + 10 * KEPT_SECONDS
    shelf.store.put_facts(complete_at=ahead)
    await stage.app.mirror.ready("en")
    await until(lambda: not shelf.is_crawling)
    assert state_of(shelf).read_at == stage.clock.now()
