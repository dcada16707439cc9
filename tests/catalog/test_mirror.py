"""The mirror: names first, details on demand, each thing read once and kept for a day."""

from typing import Any

import anyio
import pytest

from korus_mcp.api import ApiError, ServerFailed
from korus_mcp.catalog.mirror import CRAWLERS, GRACE_SECONDS, KEPT_SECONDS, full_name
from korus_mcp.catalog.records import Place
from korus_mcp.handles import Handle, alias_of
from korus_mcp.refusals import Code, Refusal
from korus_mcp.sandbox import Answer, Delay, SandboxOptions
from tests.booking.stage import SEED, GatedClock, Stage, staged, turn_the_loop

pytestmark = pytest.mark.anyio
DAY = float(KEPT_SECONDS)


async def refused(stage: Stage, handle: Handle) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await stage.app.mirror.base(handle, "en")
    return refusal.value


async def test_names_are_there_before_the_details() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        shelf = await stage.app.mirror.shelf("en")
        assert "Night safari" in {name.name for name in shelf.names.values()}
        assert shelf.records == {}
        assert not shelf.is_complete
        gated.gate.set()
        shelf = await stage.app.mirror.searchable("en")
        assert shelf.is_complete
        assert shelf.records.keys() == shelf.names.keys()


async def test_a_search_does_not_wait_long_for_details() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        complete = list[bool]()

        async def search() -> None:
            complete.append((await stage.app.mirror.searchable("en")).is_complete)

        async with anyio.create_task_group() as callers:
            callers.start_soon(search)
            await anyio.wait_all_tasks_blocked()
            turn_the_loop(GRACE_SECONDS + 1)
        assert complete == [False]
        gated.gate.set()


async def test_reading_ahead_asks_for_few_bases_at_once() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated, options=SandboxOptions(seed=SEED, bases=60)) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
        shelf = await stage.app.mirror.shelf("en")
        await anyio.wait_all_tasks_blocked()
        assert gated.sleepers == CRAWLERS
        gated.gate.set()
        await shelf.crawled.wait()
        assert len(shelf.names) == gated.sleepers >= CRAWLERS
        assert stage.sent("getProductBase") == len(shelf.names)


async def test_a_hundred_who_ask_for_a_base_at_once_cause_one_read_of_each_part(
    stage: Stage,
) -> None:
    handle, found = stage.handle("park_base"), set[int]()

    async def ask() -> None:
        found.add(id(await stage.app.mirror.base(handle, "en")))

    async with anyio.create_task_group() as callers:
        for _ in range(100):
            callers.start_soon(ask)
    await stage.app.mirror.searchable("en")
    assert len(found) == 1
    of_base = [r for r in stage.sandbox.requests if handle.id in r.path]
    asked = [(r.operation, r.path, r.query) for r in of_base]
    assert len(asked) == len(set(asked))
    assert {operation for operation, _, _ in asked} == {
        "getProductBase",
        "listProductBaseOptions",
        "listProductBaseOptionValues",
        "listProductBaseProducts",
    }
    assert stage.sent("listCatalogs") == 1


async def test_a_base_is_kept_for_a_day(stage: Stage) -> None:
    handle = stage.handle("park_base")
    await stage.app.mirror.searchable("en")
    first, before = await stage.app.mirror.base(handle, "en"), stage.asked
    stage.move(DAY - 1)
    assert await stage.app.mirror.base(handle, "en") is first
    assert stage.asked == before
    stage.move(2)
    assert await stage.app.mirror.base(handle, "en") is not first
    assert stage.sent("listCatalogs") == 2


async def test_an_old_catalog_is_better_than_none_while_the_api_is_down(stage: Stage) -> None:
    handle = stage.handle("park_base")
    await stage.app.mirror.searchable("en")
    first = await stage.app.mirror.base(handle, "en")
    stage.move(DAY + 1)
    stage.sandbox.faults.add(Answer(status=500), "listCatalogs", times=None)
    assert await stage.app.mirror.base(handle, "en") is first
    with pytest.raises(ServerFailed):
        await stage.app.mirror.shelf("fr")
    stage.sandbox.faults.clear()
    assert await stage.app.mirror.base(handle, "en") is not first


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
    assert base.place == Place()
    assert base.images == ()
    assert base.choices == {}
    assert (base.timezone, base.description) == (None, None)
    assert [p.name for p in base.products.values()] == ["Gift card"]


async def test_a_disabled_base_is_not_listed() -> None:
    async with staged(selling=("stadium",)) as stage:
        shelf = await stage.app.mirror.shelf("en")
        assert stage.handle("stadium_base") in shelf.names
        assert stage.handle("disabled_base") not in shelf.names


async def test_disabled_members_and_ids_that_cannot_be_are_left_out() -> None:
    def spoiled(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/product_bases"):
            body["member"][0]["disabled"] = True
        if path.endswith("/products"):
            body["member"][0]["disabled"] = True

    async with staged(rewrite=spoiled) as stage:
        shelf = await stage.app.mirror.shelf("en")
        assert stage.handle("park_base") not in shelf.names
        base = await stage.app.mirror.base(stage.handle("undated_base"), "en")
        assert [p.name for p in base.products.values()] == ["Child"]


async def test_a_base_that_vanished_is_not_found_and_leaves_the_list(stage: Stage) -> None:
    shelf = await stage.app.mirror.searchable("en")
    handle = stage.handle("park_base")
    del shelf.records[handle]
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getProductBase")
    assert (await refused(stage, handle)).code is Code.NOT_FOUND
    assert handle not in (await stage.app.mirror.shelf("en")).names


async def test_an_unknown_alias_is_looked_up_once_more_and_cheaply(stage: Stage) -> None:
    await stage.app.mirror.searchable("en")
    shelf, before = await stage.app.mirror.shelf("en"), stage.asked
    assert (await refused(stage, Handle("abcdef", "7"))).code is Code.UNKNOWN_ID
    asked = [r.operation for r in list(stage.sandbox.requests)[before:]]
    assert set(asked) == {"listCatalogs"}
    assert len(asked) == 1
    assert await stage.app.mirror.shelf("en") is shelf


async def test_a_catalog_that_is_new_is_found() -> None:
    hidden = [True]

    def new_catalog(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/catalogs") and hidden[0]:
            del body["member"][1:]
            body["totalItems"] = 1

    async with staged(selling=(), rewrite=new_catalog) as stage:
        assert len(await stage.app.mirror.catalogs("en")) == 1
        hidden[0] = False
        base = await stage.app.mirror.base(stage.handle("ski_base"), "en")
        assert base.name == "Named ski pass for 1 to 6 days"
        assert len(await stage.app.mirror.catalogs("en")) == 5


async def test_a_look_again_that_fails_keeps_what_is_known(stage: Stage) -> None:
    await stage.app.mirror.searchable("en")
    stage.sandbox.faults.add(Answer(status=500), "listCatalogs", times=None)
    with pytest.raises(ServerFailed):
        await stage.app.mirror.base(Handle("abcdef", "7"), "en")
    assert await stage.app.mirror.base(stage.handle("park_base"), "en")


async def test_only_allowed_catalogs_exist(stage: Stage) -> None:
    catalogs = await stage.app.mirror.catalogs("en")
    assert [c.alias for c in catalogs] == [alias_of(stage.sandbox.landmarks["park_catalog"])]
    assert (await refused(stage, stage.handle("ski_base"))).code is Code.UNKNOWN_ID
    assert stage.sent("getProductBase") <= len((await stage.app.mirror.shelf("en")).names)


async def test_no_catalog_at_all_is_an_empty_shelf() -> None:
    async with staged(catalogs=("abcdef",)) as stage:
        shelf = await stage.app.mirror.searchable("en")
        assert shelf.names == {}
        assert shelf.is_complete


async def test_without_a_list_of_options_all_four_are_tried(stage: Stage) -> None:
    stage.sandbox.faults.add(
        Answer(status=404, body="problem"), "listProductBaseOptions", times=None
    )
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    assert set(base.choices) == {"days_count", "price_type"}


async def test_an_option_without_values_is_no_choice(stage: Stage) -> None:
    stage.sandbox.faults.add(
        Answer(status=404, body="problem"), "listProductBaseOptionValues", times=None
    )
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    assert base.choices == {}


async def test_a_base_that_cannot_be_read_ahead_is_read_when_asked_for(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    shelf = await stage.app.mirror.searchable("en")
    assert shelf.records == {}
    assert shelf.is_complete
    with pytest.raises(ApiError):
        await stage.app.mirror.base(stage.handle("park_base"), "en")
    stage.sandbox.faults.clear()
    assert await stage.app.mirror.base(stage.handle("park_base"), "en")


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
    (await stage.app.mirror.shelf("en")).records.clear()
    assert await stage.app.mirror.product_name(*where, "en") == kept


async def test_a_product_keeps_its_own_name_while_its_base_cannot_be_read(stage: Stage) -> None:
    catalog_id, product_id = await product_of(stage, "park_base")
    await stage.app.mirror.searchable("en")
    (await stage.app.mirror.shelf("en")).records.clear()
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


async def test_the_base_of_a_product_is_known_when_it_has_terms(stage: Stage) -> None:
    handle, terms_of = stage.handle("park_base"), stage.app.mirror.base_with_terms
    assert await terms_of(*await product_of(stage, "park_base"), "en") == handle
    assert await terms_of(*await product_of(stage, "undated_base"), "en") is None
    assert await terms_of(handle.id, "no-such-product", "en") is None


async def test_the_largest_number_per_order_is_known_where_it_is_stated() -> None:
    async with staged(selling=("stadium",)) as stage:
        mirror = stage.app.mirror
        assert await mirror.max_per_order(stage.handle("max_six_base"), "en") == 6
        assert await mirror.max_per_order(stage.handle("stadium_base"), "en") is None
        assert await mirror.max_per_order(Handle("abcdef", "7"), "en") is None
