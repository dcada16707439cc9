"""How long what was read may be kept: stated beside each resource, told in the modern protocol."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ReadResourceResult, TextResourceContents

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.app import App, Running
from korus_mcp.catalog.mirror import JITTER, KEPT_SECONDS
from korus_mcp.resources import register_resources
from korus_mcp.resources.offering import HOUR, SOON
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.server.composition import build_server
from tests.fixtures.assistant import ERAS, Desk, desk, settings_of
from tests.resources.readings import filled, services

pytestmark = pytest.mark.anyio
DAY_MS: Final = 24 * HOUR * 1000
HOUR_MS: Final = HOUR * 1000
SOON_MS: Final = SOON * 1000
MINUTE_MS: Final = 60_000
PICTURE: Final = (
    "korus://product-bases/{product_base_id}/seat-maps/{seat_map_id}.svg"
    "{?session_id,date,quantity,max_price,price_type,seating_category,prefer,language,theme}"
)
FRESHNESS: Final = {
    "korus://catalogs": ("public", HOUR_MS),
    "korus://catalogs/{catalog}/product-bases{?page}": ("public", HOUR_MS),
    "korus://product-bases/{product_base_id}": ("public", HOUR_MS),
    "korus://product-bases/{product_base_id}/products": ("public", HOUR_MS),
    "korus://product-bases/{product_base_id}/seat-maps/{seat_map_id}": ("public", HOUR_MS),
    PICTURE: ("public", MINUTE_MS),
    "ui://korus/seat-map.html": ("public", DAY_MS),
    "ui://korus/booking.html": ("public", DAY_MS),
    "korus://reservations/{reservation_id}": ("private", 0),
    "korus://orders/{order_id}": ("private", 0),
    "korus://orders/{order_id}/documents/{document_id}": ("private", 0),
    "korus://orders/{order_id}/calendar.ics": ("private", 0),
    "korus://help/booking": ("public", DAY_MS),
    "korus://help/errors": ("public", DAY_MS),
}
"""What each resource says of itself while the catalog is fresh."""


def told(result: ReadResourceResult) -> tuple[str | None, int | None]:
    return result.cache_scope, result.ttl_ms


async def read(desk: Desk, uri: str) -> ReadResourceResult:
    return await desk.client.read_resource(uri)


async def addresses(desk: Desk) -> dict[str, str]:
    """One address of each resource, by the address it is offered under."""
    base = desk.handle("stadium_base")
    seat_map = (await desk.resource(f"korus://product-bases/{base}"))["seat_map"]
    order = await desk.booked(desk.handle("park_offer"))
    desk.clock.advance(600)
    document = (await desk.resource(f"korus://orders/{order['order_id']}"))["documents"][0]["uri"]
    values = {
        "{catalog}": base.partition(".")[0],
        "{?page}": "?page=1",
        PICTURE.partition(".svg")[2]: "?quantity=2",
        "{product_base_id}": base,
        "{seat_map_id}": seat_map.rpartition("/")[2],
        "{reservation_id}": order["reservation_id"],
        "{order_id}": order["order_id"],
        "{document_id}": document.rpartition("/")[2],
    }
    found = {}
    for offered in FRESHNESS:
        uri = offered
        for place, value in values.items():
            uri = uri.replace(place, value)
        found[offered] = uri
    return found


async def test_every_resource_states_how_long_it_may_be_kept() -> None:
    server = build_server(settings_of())
    listed = [resource.uri for resource in await server.list_resources()]
    listed += [template.uri_template for template in await server.list_resource_templates()]
    bare = MCPServer[App]("bare")
    offering = register_resources(bare, Running(), ALL_TOOLS, prompt_arguments={})
    assert set(offering.offered) == set(listed) == set(FRESHNESS)


async def test_each_read_tells_its_freshness() -> None:
    async with desk(only=("stadium", "park"), cache=None) as each:
        await filled(each)
        for offered, uri in (await addresses(each)).items():
            assert told(await read(each, uri)) == FRESHNESS[offered], offered


async def test_the_older_protocol_has_no_word_for_it() -> None:
    async with desk(mode="legacy", only=("stadium", "park")) as each:
        for uri in (await addresses(each)).values():
            result = await read(each, uri)
            assert not {"ttl_ms", "cache_scope"} & result.model_fields_set


async def test_a_catalog_is_kept_for_what_is_left_of_its_day() -> None:
    async with desk(only=("park",), cache=None) as each:
        await filled(each)
        fresh = KEPT_SECONDS * (1 - JITTER) - 1
        each.clock.advance(fresh)
        left = min(HOUR, KEPT_SECONDS - fresh)
        scope, ttl_ms = told(await read(each, "korus://catalogs"))
        assert scope == "public"
        assert ttl_ms == pytest.approx(left * 1000, abs=1000)


async def test_a_catalog_that_is_being_read_is_kept_for_a_minute() -> None:
    async with desk(only=("park",), cache=None) as each:
        each.sandbox.faults.add(Fault(status=503), "listProductBases", times=None)
        assert told(await read(each, "korus://catalogs")) == ("public", SOON_MS)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_warm_catalog_is_browsed_while_nothing_answers_and_says_so(mode: str) -> None:
    async with desk(mode=mode, only=("stadium",), cache=None) as each:
        await filled(each)
        base = each.handle("stadium_base")
        alias = base.partition(".")[0]
        uris = [
            "korus://catalogs",
            f"korus://catalogs/{alias}/product-bases",
            f"korus://product-bases/{base}",
            f"korus://product-bases/{base}/products",
        ]
        before = [await each.resource(uri) for uri in uris]
        in_utc, at_the_venue = "2026-06-01T09:00Z", "2026-06-01T11:00+02:00"
        assert [found["as_of"] for found in before] == [in_utc] * 2 + [at_the_venue] * 2
        assert not any("does not answer" in found.get("note", "") for found in before)
        each.sandbox.faults.add(Fault(status=503), times=None)
        each.clock.advance(3 * 24 * HOUR)
        await filled(each)
        for uri, kept in zip(uris, before, strict=True):
            found = await each.resource(uri)
            note = found.pop("note")
            assert note.endswith("does not answer now; this is the catalog as it was then.")
            assert found == {name: kept[name] for name in found}
            if mode == "auto":
                assert told(await read(each, uri)) == ("public", SOON_MS)


@pytest.mark.parametrize("mode", ERAS)
async def test_help_is_there_whatever_happens_upstream(mode: str) -> None:
    async with desk(mode=mode) as each:
        each.sandbox.faults.add(Fault(status=503), times=None)
        assert (await read(each, "korus://help/errors")).contents
        assert not each.sandbox.requests


async def test_a_host_that_keeps_what_it_may_asks_once() -> None:
    async with desk(only=("park",)) as each:
        await filled(each)
        base = f"korus://product-bases/{each.handle('park_base')}"
        assert await read(each, base) == await read(each, base)
        each.sandbox.faults.add(Fault(status=503), times=None)
        assert (await each.resource(base))["name"]


@pytest.mark.parametrize(
    ("uri", "reader"),
    [
        ("korus://catalogs", "catalogs"),
        ("korus://catalogs/{alias}/product-bases", "all_rows"),
        ("korus://product-bases/{base}", "record"),
        ("korus://product-bases/{base}/products", "record"),
    ],
)
async def test_what_is_told_of_the_age_was_so_before_the_data_were_read(
    uri: str, reader: str
) -> None:
    async with desk(only=("park",), cache=None) as each:
        await filled(each)
        base = each.handle("park_base")
        running = services(each)
        language = running.language(None)
        store = (await running.mirror.ready(language)).store
        before = running.clock.now().timestamp()
        store.put_facts(complete_at=None, listed_at=before)
        read_before = getattr(store, reader)

        def overtaken(*given: Any, **more: Any) -> Any:
            found = read_before(*given, **more)
            store.put_facts(complete_at=before + 7200)
            return found

        setattr(store, reader, overtaken)
        address = uri.format(base=base, alias=base.partition(".")[0])
        result = await read(each, address)
        (content,) = result.contents
        assert isinstance(content, TextResourceContents)
        state = await running.mirror.state(language)
        assert state.read_at is not None
        assert state.read_at.timestamp() == before + 7200
        as_of = datetime.fromisoformat(json.loads(content.text)["as_of"])
        assert as_of == datetime.fromtimestamp(before, UTC).replace(second=0, microsecond=0)
        assert told(result) == ("public", SOON_MS), "it may not have been all"
