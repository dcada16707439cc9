"""Completions: catalogs and product bases by id or by name."""

import pytest
from mcp_types import PromptReference, ResourceTemplateReference

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import SandboxOptions
from tests.fixtures.assistant import ERAS, SEED, Desk, desk

pytestmark = pytest.mark.anyio
BASES = ResourceTemplateReference(
    type="ref/resource", uri="korus://product-bases/{product_base_id}"
)
CATALOG = ResourceTemplateReference(
    type="ref/resource", uri="korus://catalogs/{catalog}/product-bases{?page}"
)


async def completed(
    desk: Desk, ref: ResourceTemplateReference | PromptReference, name: str, value: str
) -> list[str]:
    answer = await desk.client.complete(ref, {"name": name, "value": value})
    return list(answer.completion.values)


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


async def test_nothing_else_is_completed(shared: Desk) -> None:
    assert await completed(shared, CATALOG, "page", "1") == []
    prompt = PromptReference(type="ref/prompt", name="book_tickets")
    assert await completed(shared, prompt, "wish", "mus") == []


@pytest.mark.parametrize("mode", ERAS)
async def test_while_the_catalog_cannot_be_read_there_are_no_completions(mode: str) -> None:
    async with desk(mode=mode) as each:
        each.sandbox.faults.add(Fault(status=403), "listCatalogs", times=None)
        assert await completed(each, CATALOG, "catalog", "mus") == []


async def test_at_most_a_hundred_are_shown_and_the_rest_counted() -> None:
    async with desk(options=SandboxOptions(seed=SEED, bases=120)) as each:
        answer = await each.client.complete(BASES, {"name": "product_base_id", "value": ""})
        assert len(answer.completion.values) == 100
        assert answer.completion.total is not None
        assert answer.completion.total > 120
        assert answer.completion.has_more


async def test_a_catalog_of_many_bases_is_read_page_by_page() -> None:
    async with desk(options=SandboxOptions(seed=SEED, bases=300)) as each:
        seen: set[str] = set()
        for alias in await completed(each, CATALOG, "catalog", ""):
            uri = f"korus://catalogs/{alias}/product-bases"
            pages = 1
            number = 1
            while number <= pages:
                found = await each.resource(f"{uri}?page={number}")
                pages = found["pages"]
                assert len(found["product_bases"]) <= 50
                seen |= {b["product_base_id"] for b in found["product_bases"]}
                number += 1
        assert len(seen) > 300
