"""Finding bases by words, catalog, city and days: what is found can really be bought then."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import anyio
import pytest

from korus_mcp.catalog.calendar import DayRange
from korus_mcp.catalog.finder import CANDIDATES, SIDE_BY_SIDE, CatalogQuery, SearchResult
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.paging import BEGINNING
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer, Delay, SandboxOptions
from tests.booking.stage import SEED, GatedClock, Stage, staged, until

pytestmark = pytest.mark.anyio
TODAY = date(2026, 6, 1)
ALL = ("park", "stadium", "hall", "museum", "ski")


async def find(stage: Stage, query: str = "", **wanted: Any) -> SearchResult:
    return await stage.app.finder.find(CatalogQuery(query=query, **wanted), "en")


def names(found: SearchResult) -> list[str]:
    return [each.record.name for each in found.bases]


async def test_pages_follow_each_other_and_hold_every_base_once(stage: Stage) -> None:
    seen, place = list[str](), BEGINNING
    while True:
        page = await find(stage, limit=3, place=place)
        assert page.total == 8
        seen += names(page)
        if page.next_place is None:
            break
        place = page.next_place
    assert len(seen) == len(set(seen)) == 8


async def test_a_base_that_vanished_shifts_no_page(stage: Stage) -> None:
    everything = names(await find(stage, limit=20))
    first = await find(stage, limit=2)
    assert first.next_place is not None
    shelf = await stage.app.mirror.ready("en")
    gone = first.bases[0].record
    shelf.store.drop_base(gone.catalog.id, gone.handle.id)
    second = await find(stage, limit=20, place=first.next_place)
    assert names(first) + names(second) == everything


async def test_a_page_behind_a_base_that_vanished_begins_at_its_number(stage: Stage) -> None:
    everything = names(await find(stage, limit=20))
    first = await find(stage, limit=3)
    assert first.next_place is not None
    shelf = await stage.app.mirror.ready("en")
    gone = first.bases[-1].record
    shelf.store.drop_base(gone.catalog.id, gone.handle.id)
    second = await find(stage, limit=20, place=first.next_place)
    assert names(second) == everything[4:], "one is skipped, none is shown twice"


async def test_what_nothing_of_the_buyers_language_answers_is_asked_in_the_others() -> None:
    async with staged(languages=("en", "fr")) as stage:
        found = await find(stage, "billet daté")
        assert names(found)[0] == "Dated ticket for 1, 2 or 3 days", "named in the buyer's words"


@pytest.mark.parametrize("listed", [("fr", "de"), ("fr",), ("de", "fr")])
async def test_the_default_language_is_asked_though_it_is_not_listed(
    listed: tuple[str, ...],
) -> None:
    async with staged(languages=listed, language="en") as stage:
        for language in listed:
            found = await stage.app.finder.find(CatalogQuery(query="night safari"), language)
            assert found.total == 1, language


async def test_a_base_whose_details_cannot_be_read_is_found_by_its_name(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    found = await find(stage, "night safari")
    assert names(found) == ["Night safari"]
    assert found.bases[0].record.choices == {}


async def test_a_word_no_base_has_proposes_names(stage: Stage) -> None:
    found = await find(stage, "night xyzxyz safary qqq")
    assert names(found) == ["Night safari"]
    nothing = await find(stage, "nihgtsafri")
    assert (nothing.bases, nothing.total) == ((), 0)
    assert nothing.nearest[0] == "Night safari"


# Catalog and city


@pytest.mark.parametrize(
    "wished",
    [
        "{alias}",
        " {ALIAS} ",
        "Hérons FC ticketing - Partners",
        "herons fc",
        "HE\u0301RONS FC ticketing – partners",
        "H&eacute;rons FC ticketing\u00a0&#8211; Partners",
    ],
)
async def test_a_catalog_is_known_by_alias_and_name(wished: str) -> None:
    async with staged(selling=("park", "stadium")) as stage:
        alias = stage.handle("stadium_base").alias
        catalog = wished.format(alias=alias, ALIAS=alias.upper())
        found = await find(stage, catalog=catalog, limit=20)
        assert {each.record.catalog.alias for each in found.bases} == {
            stage.handle("stadium_base").alias
        }


@pytest.mark.parametrize("wished", ["nowhere", "e"])
async def test_an_unknown_or_ambiguous_catalog_is_refused_with_all_of_them(wished: str) -> None:
    async with staged(selling=("park", "stadium")) as stage:
        with pytest.raises(Refusal) as refusal:
            await find(stage, catalog=wished)
        assert refusal.value.code is Code.NO_SUCH_CHOICE
        assert '"Hérons FC ticketing - Partners"' in refusal.value.fields[0].problem
        assert '"Thousand Lanterns Park catalog - Works c"' in refusal.value.fields[0].problem


async def test_a_mistyped_catalog_is_told_the_nearest_which_is_then_understood() -> None:
    async with staged(selling=("park", "stadium", "museum")) as stage:
        with pytest.raises(Refusal) as refusal:
            await find(stage, catalog="thousend lantern park")
        problem = refusal.value.fields[0]
        assert problem.problem.startswith('did you mean "Thousand Lanterns Park')
        assert problem.example is not None
        found = await find(stage, catalog=problem.example[1:-1], limit=20)
        assert {each.record.catalog.alias for each in found.bases} == {
            stage.handle("park_base").alias
        }


async def test_catalogs_of_one_name_are_told_apart_by_their_aliases() -> None:
    def alike(path: str, body: dict[str, Any]) -> None:
        for each in body.get("member", ()) if path.endswith("/catalogs") else ():
            each["name"] = "The same"

    async with staged(selling=("park", "stadium"), rewrite=alike) as stage:
        with pytest.raises(Refusal) as refusal:
            await find(stage, catalog="the same")
        for base in ("park_base", "stadium_base"):
            assert f'{stage.handle(base).alias} ("The same")' in refusal.value.fields[0].problem


async def test_a_city_is_matched_without_accents() -> None:
    async with staged(selling=("park", "ski")) as stage:
        assert len((await find(stage, city="VALNEIGE", limit=20)).bases) == 3
        nothing = await find(stage, "night", city="valneige")
        assert nothing.bases == ()
        assert nothing.nearest, "names of other cities help"


@pytest.mark.parametrize("query", ["", "night", "nothing is called so"])
async def test_an_unknown_city_is_refused_with_the_nearest_as_venues_spell_them(query: str) -> None:
    async with staged(language="en", selling=("park", "stadium", "ski")) as stage:
        with pytest.raises(Refusal) as refusal:
            await find(stage, query, city="PORT AU HERON")
        assert refusal.value.code is Code.NO_SUCH_CHOICE
        assert refusal.value.retry_after_seconds is None
        (problem,) = refusal.value.fields
        assert problem.field == "city"
        assert problem.problem.startswith('did you mean "Port-aux-Hérons"')
        assert problem.example is not None
        assert (await find(stage, city=problem.example[1:-1])).bases


async def test_a_city_of_another_catalog_is_refused_with_those_of_the_named_one() -> None:
    async with staged(selling=("park", "ski")) as stage:
        with pytest.raises(Refusal) as refusal:
            await find(stage, city="Val-des-Songes", catalog=stage.handle("ski_base").alias)
        assert refusal.value.fields[0].problem == 'choices: "Valneige-les-Hauts"'


async def test_a_city_that_another_language_knows_is_found() -> None:
    async with staged(selling=("park",), languages=("en", "fr")) as stage:
        await find(stage)
        store = (await stage.app.mirror.searchable("fr")).store
        record = await stage.app.mirror.base(stage.handle("park_base"), "fr")
        store.put_records([replace(record, place=replace(record.place, city="Londres"))], 1)
        assert [each.record.handle for each in (await find(stage, city="londres")).bases] == [
            record.handle
        ]


async def test_while_cities_are_not_read_nobody_is_told_that_there_is_none(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    with pytest.raises(Refusal) as refusal:
        await find(stage, city="Val-des-Songes")
    assert "still being read" in refusal.value.message
    assert refusal.value.retry_after_seconds
    assert refusal.value.fields[0].problem == "none is known"


# Days


async def test_in_a_window_only_bases_with_offers_are_found() -> None:
    async with staged(selling=("stadium",)) as stage:
        window = DayRange(TODAY + timedelta(days=5), TODAY + timedelta(days=5))
        found = await find(stage, window=window, limit=20)
        assert len(found.bases) == 2, "the match and the tour of that Saturday"
        for each in found.bases:
            assert each.dates == (window.first,)
            assert each.from_price is not None
        assert found.total == 2
        assert found.unchecked == 0


async def test_the_first_dates_and_the_lowest_price_are_told(stage: Stage) -> None:
    window = DayRange(TODAY, TODAY + timedelta(days=30))
    (found, *_) = (await find(stage, "dated ticket", window=window)).bases
    assert found.dates == tuple(TODAY + timedelta(days=n) for n in range(3))
    assert found.from_price == Money(Decimal("34.00"))


async def test_undated_offers_count_in_every_window(stage: Stage) -> None:
    far = DayRange(TODAY + timedelta(days=300), TODAY + timedelta(days=301))
    found = await find(stage, window=far, limit=20)
    assert set(names(found)) == {"Undated 1-day ticket", "Gift card 50 €"}
    assert all(each.dates == () for each in found.bases)


async def test_bases_that_could_not_be_checked_are_counted(stage: Stage) -> None:
    window = DayRange(TODAY, TODAY)
    stage.sandbox.faults.add(Answer(status=500), "listOffers", times=None)
    found = await find(stage, window=window, limit=20)
    assert (len(found.bases), found.unchecked, found.is_checked) == (8, 8, False)


async def test_bases_without_details_could_not_be_checked(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    found = await find(stage, "night safari", window=DayRange(TODAY, TODAY))
    assert (names(found), found.unchecked) == (["Night safari"], 1)
    assert not found.is_checked


async def test_a_full_page_in_a_window_leads_to_the_rest(stage: Stage) -> None:
    window = DayRange(TODAY, TODAY + timedelta(days=20))
    everything = names(await find(stage, window=window, limit=20))
    seen, place, pages = list[str](), BEGINNING, 0
    while True:
        page = await find(stage, window=window, limit=3, place=place)
        seen += names(page)
        pages += 1
        if page.next_place is None:
            break
        assert page.total is None, "not all were looked at"
        place = page.next_place
    assert seen == everything
    assert pages == 3


async def test_of_many_bases_the_best_are_checked_and_few_at_once() -> None:
    gated = GatedClock()
    options = SandboxOptions(seed=SEED, bases=20)
    async with staged(selling=(), options=options, sandbox_clock=gated) as stage:
        shelf = await stage.app.mirror.searchable("en")
        await until(lambda: not shelf.is_crawling)
        stage.sandbox.faults.add(Delay(seconds=1), "listOffers", times=None)
        found = list[SearchResult]()

        async def search() -> None:
            window = DayRange(TODAY + timedelta(days=400), TODAY + timedelta(days=401))
            found.append(await find(stage, window=window))

        async with anyio.create_task_group() as callers:
            callers.start_soon(search)
            await until(lambda: gated.sleepers == SIDE_BY_SIDE)
            await anyio.wait_all_tasks_blocked()
            assert gated.sleepers == SIDE_BY_SIDE
            gated.gate.set()
        assert found[0].next_place is not None
        assert found[0].next_place.offset == CANDIDATES
        assert found[0].total is None
        asked = [r for r in stage.sandbox.requests if r.operation == "listOffers"]
        bases = {parse_qs(r.query)["productBaseId"][0] for r in asked}
        assert len(bases) == CANDIDATES
