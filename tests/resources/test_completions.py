"""Completions: of addresses and of prompts, from the mirror, quiet when there is nothing."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from mcp import MCPError
from mcp_types import Completion, PromptReference, ResourceTemplateReference

from korus_mcp.foundation.folding import fold
from korus_mcp.resources.completions import LIMIT
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import SandboxOptions
from tests.fixtures.assistant import ERAS, SEED, Desk, desk, settings_of
from tests.resources.readings import filled
from tests.tools.samples import A_HANDLE

pytestmark = pytest.mark.anyio
BASES = ResourceTemplateReference(
    type="ref/resource", uri="korus://product-bases/{product_base_id}"
)
CATALOG = ResourceTemplateReference(
    type="ref/resource", uri="korus://catalogs/{catalog}/product-bases{?page}"
)


SEAT_MAP = ResourceTemplateReference(
    type="ref/resource", uri="korus://product-bases/{product_base_id}/seat-maps/{seat_map_id}"
)


@pytest.fixture(scope="module")
async def many(anyio_backend: str) -> AsyncIterator[Desk]:
    """A catalog of several pages."""
    async with desk(options=SandboxOptions(seed=SEED, bases=300), cache=None) as each:
        await filled(each)
        yield each


def of_prompt(name: str) -> PromptReference:
    return PromptReference(type="ref/prompt", name=name)


async def asked(
    desk: Desk,
    ref: ResourceTemplateReference | PromptReference,
    name: str,
    value: str,
    **given: str,
) -> Completion:
    answer = await desk.client.complete(
        ref, {"name": name, "value": value}, context_arguments=given or None
    )
    found = answer.completion
    assert len(found.values) <= LIMIT
    assert found.has_more is (found.total is None or found.total > len(found.values))
    return found


async def completed(
    desk: Desk,
    ref: ResourceTemplateReference | PromptReference,
    name: str,
    value: str,
    **given: str,
) -> list[str]:
    return list((await asked(desk, ref, name, value, **given)).values)


async def test_a_product_base_is_completed_by_its_name_without_accents(shared: Desk) -> None:
    (derby,) = (await shared.call("search_products", query="herons derby"))["products"]
    found = await completed(shared, BASES, "product_base_id", "herons fc / racing")
    assert found == [derby["product_base_id"]]
    assert await completed(shared, BASES, "product_base_id", "zzzz") == []


async def test_a_product_base_is_completed_by_the_head_of_its_id(shared: Desk) -> None:
    base = shared.handle("museum_base")
    assert await completed(shared, BASES, "product_base_id", base[:-2]) == [base]


async def test_a_catalog_is_completed_by_its_name_or_alias(shared: Desk) -> None:
    (museum,) = await completed(shared, CATALOG, "catalog", "museum")
    assert museum == shared.handle("museum_base").partition(".")[0]
    assert await completed(shared, CATALOG, "catalog", museum[:5]) == [museum]
    assert len(await completed(shared, CATALOG, "catalog", "")) == 5


async def test_a_seat_map_is_completed_beside_its_product_base(shared: Desk) -> None:
    await filled(shared)
    base = shared.handle("stadium_base")
    seat_map = (await shared.resource(f"korus://product-bases/{base}"))["seat_map"]
    found = await completed(shared, SEAT_MAP, "seat_map_id", "", product_base_id=base)
    assert [f"korus://product-bases/{base}/seat-maps/{one}" for one in found] == [seat_map]
    assert await completed(shared, SEAT_MAP, "seat_map_id", "zz", product_base_id=base) == []
    for other in (shared.handle("park_base"), A_HANDLE, "nonsense", ""):
        assert await completed(shared, SEAT_MAP, "seat_map_id", "", product_base_id=other) == []
    assert await completed(shared, SEAT_MAP, "seat_map_id", "") == []


async def test_the_pages_of_a_catalog_are_completed(many: Desk) -> None:
    catalogs = (await many.resource("korus://catalogs"))["catalogs"]
    counts = {}
    for catalog in catalogs:
        alias = catalog["catalog"]
        pages = (await many.resource(catalog["product_bases"]))["pages"]
        counts[alias] = pages
        found = await completed(many, CATALOG, "page", "", catalog=alias)
        assert found == [str(number) for number in range(1, pages + 1)]
    most = max(counts, key=lambda alias: counts[alias])
    assert counts[most] > 1
    assert await completed(many, CATALOG, "page", "2", catalog=most) == ["2"]
    assert await completed(many, CATALOG, "page", "x", catalog=most) == []
    assert await completed(many, CATALOG, "page", "", catalog="k3f7qa") == []
    assert await completed(many, CATALOG, "page", "") == []


@pytest.mark.parametrize(
    ("prompt", "argument"),
    [
        ("book_tickets", "what"),
        ("choose_seats", "what"),
        ("group_booking", "what"),
        ("plan_outing", "wish"),
    ],
)
async def test_what_to_book_is_completed_with_names_of_product_bases(
    prompt: str, argument: str, shared: Desk
) -> None:
    await filled(shared)
    found = await asked(shared, of_prompt(prompt), argument, "NIGHT safari")
    assert found.values[0] == "Night safari"
    everything = await asked(shared, of_prompt(prompt), argument, "")
    assert len(everything.values) == everything.total == len(set(everything.values))


async def test_where_is_completed_with_cities_as_venues_spell_them(shared: Desk) -> None:
    await filled(shared)
    cities = await asked(shared, of_prompt("plan_outing"), "where", "")
    assert "Val-des-Songes" in cities.values
    assert cities.total == len(cities.values)
    for begun in ("VAL-D", "songes"):
        assert await completed(shared, of_prompt("plan_outing"), "where", begun) == [
            "Val-des-Songes"
        ]
    assert await completed(shared, of_prompt("plan_outing"), "where", "zzzz") == []


async def test_cities_that_begin_as_asked_come_before_those_that_have_it(many: Desk) -> None:
    found = await completed(many, of_prompt("plan_outing"), "where", "s")
    begin = [fold(city).startswith("s") for city in found]
    assert True in begin
    assert False in begin
    assert begin == sorted(begin, reverse=True)


async def test_nothing_else_is_completed(shared: Desk) -> None:
    order = ResourceTemplateReference(type="ref/resource", uri="korus://orders/{order_id}")
    assert await completed(shared, order, "order_id", "") == []
    assert await completed(shared, of_prompt("book_tickets"), "when", "s") == []
    assert await completed(shared, of_prompt("no_such_prompt"), "what", "s") == []


async def test_a_prompt_that_is_not_offered_completes_nothing() -> None:
    async with desk(settings_of(PROFILE="browse"), only=("park",)) as each:
        assert await completed(each, of_prompt("plan_outing"), "wish", "night")
        assert await completed(each, of_prompt("book_tickets"), "what", "night") == []


EVERYTHING: Final = (
    (CATALOG, "catalog"),
    (CATALOG, "page"),
    (BASES, "product_base_id"),
    (SEAT_MAP, "seat_map_id"),
    (of_prompt("plan_outing"), "wish"),
    (of_prompt("plan_outing"), "where"),
)


@pytest.mark.parametrize("mode", ERAS)
async def test_while_nothing_can_be_read_there_are_no_completions(mode: str) -> None:
    async with desk(mode=mode) as each:
        each.sandbox.faults.add(Fault(status=403), times=None)
        given = {"product_base_id": each.handle("stadium_base"), "catalog": "k3f7qa"}
        for ref, argument in EVERYTHING:
            assert await completed(each, ref, argument, "mus", **given) == []


@pytest.mark.parametrize("mode", ERAS)
async def test_a_kept_catalog_completes_while_nothing_answers(mode: str) -> None:
    async with desk(mode=mode) as each:
        await filled(each)
        each.sandbox.faults.add(Fault(status=503), times=None)
        base = each.handle("stadium_base")
        given = {"product_base_id": base, "catalog": base.partition(".")[0]}
        before = each.sent()
        for ref, argument in EVERYTHING:
            assert await completed(each, ref, argument, "", **given)
        assert each.sent() == before


async def test_a_completion_starts_no_more_than_a_search_does() -> None:
    async with desk() as searching, desk() as typing:
        await searching.call("search_products", query="derby")
        await filled(searching)
        given = {"product_base_id": typing.handle("stadium_base")}
        for ref, argument in EVERYTHING:
            await asked(typing, ref, argument, "derby", **given)
        await filled(typing)
        wanted = searching.sent_by_operation()
        for operation, times in typing.sent_by_operation().items():
            assert times <= wanted[operation] + (operation == "listCatalogs")


@pytest.mark.parametrize(
    "begun", ["\x00", "\u202e", "'\" OR 1=1 --", "%", "*", ".", "é" * 9999, "[", "a.b"]
)
async def test_whatever_is_typed_is_answered(begun: str, shared: Desk) -> None:
    base = shared.handle("stadium_base")
    for ref, argument in EVERYTHING:
        await asked(shared, ref, argument, begun, product_base_id=begun, catalog=begun)
        await asked(shared, ref, argument, begun, product_base_id=base)


async def test_at_most_a_hundred_are_shown_and_the_rest_counted_or_left_open() -> None:
    async with desk(options=SandboxOptions(seed=SEED, bases=120)) as each:
        await filled(each)
        everything = await asked(each, BASES, "product_base_id", "")
        assert len(everything.values) == LIMIT
        assert everything.total is not None
        assert everything.total > 120
        names = await asked(each, of_prompt("plan_outing"), "wish", "")
        assert names.total is None
        assert names.has_more
        counted = await asked(each, BASES, "product_base_id", "stadium")
        assert counted.total == len(counted.values)


async def test_a_catalog_of_many_bases_is_read_page_by_page(many: Desk) -> None:
    seen: list[str] = []
    for catalog in (await many.resource("korus://catalogs"))["catalogs"]:
        uri, number = catalog["product_bases"], 0
        while uri:
            found = await many.resource(uri)
            number += 1
            assert found["page"] == number <= found["pages"]
            assert len(found["product_bases"]) <= 50
            seen += [b["product_base_id"] for b in found["product_bases"]]
            uri = found.get("next")
        assert number == found["pages"]
        with pytest.raises(MCPError, match=f"Read .*page={number}\\."):
            await many.resource(f"{catalog['product_bases']}?page={number + 1}")
    assert len(seen) == len(set(seen)) > 300
