"""The catalog over real servers: one crawl for three of them, warm starts, a dead API."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import ERAS, SEED, Assistant
from tests.fixtures.hosts import child_environment, on_stdio

pytestmark = pytest.mark.anyio
BASES = 150
CATALOG_READS = ("listCatalogs", "listProductBases", "getProductBase", "listProductBaseProducts")


@pytest.fixture
async def sandbox() -> AsyncIterator[ServedSandbox]:
    async with served_sandbox(SandboxOptions(seed=SEED, bases=BASES)) as served:
        yield served


def environment(sandbox: ServedSandbox, folder: Path) -> dict[str, str]:
    return {**child_environment(folder), **sandbox.environment}


def asked_for(sandbox: ServedSandbox, operation: str) -> list[str]:
    """Where an operation was asked for."""
    requests = list(sandbox.sandbox.requests)
    return [f"{r.path}?{r.query}" for r in requests if r.operation == operation]


async def warmed(sandbox: ServedSandbox, folder: Path) -> None:
    """Let a first server read everything."""
    async with on_stdio("auto", environment(sandbox, folder)) as assistant:
        await until_complete(assistant)


async def until_complete(assistant: Assistant) -> None:
    with anyio.fail_after(30):
        while "still being read" in (await assistant.ask("search_products", {})).text:  # noqa: ASYNC110 - another process reads
            await anyio.sleep(0.1)


async def test_three_servers_that_start_at_once_share_one_crawl(
    sandbox: ServedSandbox, tmp_path: Path
) -> None:
    answers = list[str]()

    async def use(assistant_of: str) -> None:
        async with on_stdio(assistant_of, environment(sandbox, tmp_path)) as assistant:
            for _ in range(5):
                answer = await assistant.ask("search_products", {"query": "night safari"})
                answers.append(answer.text)
                assert answer.data["products"][0]["name"] == "Night safari"
            await until_complete(assistant)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as hosts:
            for mode in (*ERAS, "auto"):
                hosts.start_soon(use, mode)
    assert len(answers) == 15
    pages = asked_for(sandbox, "listProductBases")
    assert len(pages) == len(set(pages)), "no page of names was read twice"
    bases = asked_for(sandbox, "getProductBase")
    assert len(set(bases)) > BASES
    assert len(bases) - len(set(bases)) <= 3 * 5, "only what was asked about meanwhile"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_warm_server_answers_and_shows_without_a_request(
    mode: str, sandbox: ServedSandbox, tmp_path: Path
) -> None:
    await warmed(sandbox, tmp_path)
    before = len(sandbox.sandbox.requests)
    async with on_stdio(mode, environment(sandbox, tmp_path)) as assistant:
        found = (await assistant.ask("search_products", {"query": "night safari"})).data
        base = found["products"][0]
        assert (base["name"], base["city"]) == ("Night safari", "Val-des-Songes")
        shown = await assistant.resource(f"korus://product-bases/{base['product_base_id']}")
        assert shown["venue"]["city"] == "Val-des-Songes"
    assert len(sandbox.sandbox.requests) == before


@pytest.mark.parametrize("mode", ERAS)
async def test_a_warm_server_answers_while_the_api_is_dead(
    mode: str, sandbox: ServedSandbox, tmp_path: Path
) -> None:
    await warmed(sandbox, tmp_path)
    sandbox.sandbox.clock.advance(1)
    for operation in (*CATALOG_READS, "listOffers", "getToken"):
        sandbox.sandbox.faults.add(Fault(status=503, body="html"), operation, times=None)
    async with on_stdio(mode, environment(sandbox, tmp_path)) as assistant:
        answer = await assistant.ask("search_products", {"query": "dated ticket"})
        assert "Catalog as of 20" in answer.text
        assert "Catalog as of 20" in answer.data["note"]
        base_id = answer.data["products"][0]["product_base_id"]
        alias = base_id.partition(".")[0]
        for uri in (
            "korus://catalogs",
            f"korus://catalogs/{alias}/product-bases",
            f"korus://product-bases/{base_id}",
            f"korus://product-bases/{base_id}/products",
        ):
            assert await assistant.resource(uri)
        offers = await assistant.ask("get_offers", {"product_base_id": base_id})
        assert offers.error["code"] == "UPSTREAM_UNAVAILABLE"
        assert offers.error["effect"] == "none"
        dated = await assistant.ask(
            "search_products", {"query": "dated", "date_from": "2099-01-01"}
        )
        assert "checked" in dated.text
