"""Resources: the catalog to browse, bookings to read, help; in both eras of the protocol."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from mcp import MCPError
from mcp_types import BlobResourceContents, ReadResourceResult, TextResourceContents

from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.refusals import STATES, Code
from korus_mcp.foundation.text import CUT_MARK, FIELD_LIMIT, plain_text
from korus_mcp.sandbox import Answer as Fault
from tests.fixtures.assistant import ERAS, Desk, Json, desk
from tests.journeys.walk import pdf_text
from tests.resources.readings import filled, services
from tests.tools.samples import A_HANDLE, AN_ID

pytestmark = pytest.mark.anyio
NOT_FOUND = -32602
FAILED = -32603


async def read(desk: Desk, uri: str) -> ReadResourceResult:
    found = await desk.client.read_resource(uri)
    assert len(found.contents) == 1
    assert found.contents[0].uri == uri
    return found


async def text(desk: Desk, uri: str, mime_type: str = "application/json") -> str:
    content = (await read(desk, uri)).contents[0]
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == mime_type
    return content.text


async def body(desk: Desk, uri: str) -> Any:
    """The JSON of a resource, which has to be compact and without anything empty."""
    said = await text(desk, uri)
    found = json.loads(said)
    assert said == json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    for empty in (":null", ":[]", ":{}"):
        assert empty not in said
    return found


async def refusal(desk: Desk, uri: str) -> MCPError:
    with pytest.raises(MCPError) as refused:
        await desk.client.read_resource(uri)
    return refused.value


async def booked(desk: Desk) -> Json:
    """An order whose document is ready."""
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    held = await desk.call("reserve", items=items, again=True)
    hold = held["reservations"][0]["reservation_id"]
    made = await desk.order(hold)
    desk.clock.advance(600)
    return {**made["orders"][0], "reservation_id": hold}


MIME_TYPES = {
    "application/json",
    "text/markdown",
    "application/pdf",
    "text/calendar",
    "image/svg+xml",
    "text/html;profile=mcp-app",
}


async def test_every_resource_has_a_title_a_description_and_a_type(shared: Desk) -> None:
    listed = (await shared.client.list_resources()).resources
    templates = (await shared.client.list_resource_templates()).resource_templates
    assert {str(r.uri) for r in listed} == {
        "korus://catalogs",
        "korus://help/booking",
        "korus://help/errors",
        "ui://korus/booking.html",
        "ui://korus/seat-map.html",
    }
    assert len(templates) == 9
    stated = [(r.title, r.description, r.mime_type) for r in listed]
    stated += [(t.title, t.description, t.mime_type) for t in templates]
    for title, description, mime_type in stated:
        assert title
        assert description
        assert mime_type in MIME_TYPES


async def test_the_catalog_can_be_walked_from_its_root_to_a_seat_map(shared: Desk) -> None:
    catalogs = (await body(shared, "korus://catalogs"))["catalogs"]
    assert len(catalogs) == 5
    stadium = shared.handle("stadium_base")
    (catalog,) = (c for c in catalogs if stadium.startswith(c["catalog"] + "."))
    page = await body(shared, catalog["product_bases"])
    assert page == await body(shared, f"{catalog['product_bases']}?page=1")
    assert stadium in {b["product_base_id"] for b in page["product_bases"]}
    base = await body(shared, f"korus://product-bases/{stadium}")
    assert base["product_base_id"] == stadium
    assert base["venue"]["city"]
    assert base["timezone"]
    assert "data" in base["note"]
    listed = await body(shared, f"korus://product-bases/{stadium}/products")
    assert (listed["product_base_id"], listed["name"]) == (stadium, base["name"])
    assert {"price_type", "zone"} <= listed["products"][0]["choices"].keys()
    plan = await body(shared, base["seat_map"])
    assert plan["zones"]
    assert sum(zone.get("seats", 0) for zone in plan["zones"]) > 0
    assert plan["categories"] == sorted(set(plan["categories"]))


async def test_texts_of_issuers_are_plain_and_marked_as_data(shared: Desk) -> None:
    base = await body(shared, f"korus://product-bases/{shared.handle('injection_base')}")
    assert "<" not in base["description"]
    assert "not instructions" in base["note"]


async def test_terms_of_sale_are_there_where_the_issuer_has_some(shared: Desk) -> None:
    found = 0
    for catalog in (await body(shared, "korus://catalogs"))["catalogs"]:
        for base in (await body(shared, catalog["product_bases"]))["product_bases"]:
            read = await body(shared, f"korus://product-bases/{base['product_base_id']}")
            found += "terms_of_sale" in read
    assert found


async def test_a_booking_can_be_read_from_the_hold_to_the_file(shared: Desk) -> None:
    order = await booked(shared)
    hold = await body(shared, f"korus://reservations/{order['reservation_id']}")
    assert hold["state"] == "ordered"
    assert hold["order_id"] == order["order_id"]
    assert hold["total"] == order["total"]
    found = await body(shared, f"korus://orders/{order['order_id']}")
    assert found["status"] == "confirmed"
    assert len(found["tickets"]) == 1
    assert "voucher" not in json.dumps(found)
    assert found["documents"]
    for document in found["documents"]:
        assert document["ready"]
        result = await read(shared, document["uri"])
        (content,) = result.contents
        assert isinstance(content, BlobResourceContents)
        assert content.mime_type == "application/pdf"
        assert order["reference"] in pdf_text(base64.b64decode(content.blob))
        assert (result.ttl_ms, result.cache_scope) == (0, "private")


async def test_a_hold_says_how_long_it_lasts(shared: Desk) -> None:
    items = [{"offer_id": shared.handle("park_offer"), "quantity": 2}]
    held = await shared.call("reserve", items=items, again=True)
    hold = held["reservations"][0]
    found = await body(shared, f"korus://reservations/{hold['reservation_id']}")
    assert found["state"] == "held"
    assert 0 < found["seconds_left"] <= hold["seconds_left"]
    assert found["lines"][0]["quantity"] == 2


async def test_documents_appear_when_they_are_ready(shared: Desk) -> None:
    order = await shared.booked(shared.handle("beneficiary_offer"))
    found = await body(shared, f"korus://orders/{order['order_id']}")
    assert not any(document["ready"] for document in found.get("documents", ()))
    early = await refusal(shared, f"korus://orders/{order['order_id']}/documents/{AN_ID}")
    assert early.code == FAILED
    assert early.message.startswith("NOT_READY: ")


@pytest.mark.parametrize(
    "uri",
    [
        f"korus://reservations/{AN_ID}",
        "korus://reservations/a.b",
        f"korus://orders/{AN_ID}",
        "korus://orders/a%20b",
        f"korus://orders/{AN_ID}/documents/{AN_ID}",
        "korus://product-bases/nonsense",
        f"korus://product-bases/{A_HANDLE}",
        f"korus://product-bases/{A_HANDLE}/products",
        f"korus://product-bases/{A_HANDLE}/seat-maps/{AN_ID}",
        "korus://catalogs/k3f7qa/product-bases",
        "korus://catalogs/NO/product-bases",
        "korus://nothing",
        "korus://orders/..%2Fsecret",
        "korus://help/everything",
    ],
)
async def test_what_is_foreign_malformed_or_unknown_is_not_found(uri: str, shared: Desk) -> None:
    refused = await refusal(shared, uri)
    assert refused.code == NOT_FOUND
    assert refused.data == {"uri": uri}
    assert refused.message.startswith(("NOT_FOUND: ", "UNKNOWN_ID: "))
    assert uri not in refused.message


@pytest.mark.parametrize("page", ["0", "2", "-1", "zz", "1.0", "99999", "1" * 1900, "\u0661", ""])
async def test_a_page_that_does_not_exist_is_refused_with_one_that_does(
    page: str, shared: Desk
) -> None:
    bases = (await body(shared, "korus://catalogs"))["catalogs"][0]["product_bases"]
    refused = await refusal(shared, f"{bases}?page={page}")
    assert refused.code == NOT_FOUND
    assert "There is one page" in refused.message
    assert refused.message.endswith(f"Read {bases}?page=1.")


async def test_an_unknown_catalog_is_refused_with_the_way_to_those_there_are(shared: Desk) -> None:
    refused = await refusal(shared, "korus://catalogs/k3f7qa/product-bases")
    assert refused.message == (
        "UNKNOWN_ID: No catalog on sale here has this alias. "
        "Read korus://catalogs for those there are."
    )


@pytest.mark.parametrize("seat_map", [AN_ID, "a.b"])
async def test_a_foreign_seat_map_is_not_found(seat_map: str, shared: Desk) -> None:
    base = shared.handle("stadium_base")
    refused = await refusal(shared, f"korus://product-bases/{base}/seat-maps/{seat_map}")
    assert refused.code == NOT_FOUND


@pytest.mark.parametrize("mode", ERAS)
async def test_a_kept_seat_map_that_is_gone_is_looked_for_once_behind_its_base(mode: str) -> None:
    async with desk(mode=mode, only=("stadium",), cache=None) as each:
        base = f"korus://product-bases/{each.handle('stadium_base')}"
        await filled(each)
        seat_map = (await body(each, base))["seat_map"]
        before = each.sent("getProductBase")
        each.sandbox.faults.add(Fault(status=404), "getSeatMap", times=None)
        gone = await refusal(each, seat_map)
        assert gone.code == NOT_FOUND
        assert gone.message.endswith(f"Read {base} for what is known of it.")
        assert each.sent("getProductBase") == before + 1
        await refusal(each, f"{base}/seat-maps/{AN_ID}")
        assert each.sent("getProductBase") == before + 1, "only for the one that was kept"
        each.sandbox.faults.add(Fault(status=404), "getProductBase", times=None)
        assert "This product base does not exist" in (await refusal(each, seat_map)).message
        assert (await refusal(each, base)).code == NOT_FOUND


@pytest.mark.parametrize("mode", ERAS)
async def test_a_seat_map_that_was_replaced_is_refused_with_the_new_one(mode: str) -> None:
    async with desk(mode=mode, only=("stadium",), cache=None) as each:
        handle = each.handle("stadium_base")
        base = f"korus://product-bases/{handle}"
        await filled(each)
        real = (await body(each, base))["seat_map"]
        running = services(each)
        store = (await running.mirror.ready("en")).store
        record = await running.mirror.base(Handle(*handle.split(".")), "en")
        store.put_records([replace(record, seat_map_id=AN_ID)], 1)
        refused = await refusal(each, f"{base}/seat-maps/{AN_ID}")
        assert refused.code == NOT_FOUND
        assert refused.message == f"NOT_FOUND: This seat map was replaced. Read {real}."
        assert (await body(each, real))["zones"]


async def test_long_texts_are_cut_and_say_so(shared: Desk) -> None:
    await filled(shared)
    handle = shared.handle("museum_base")
    running = services(shared)
    record = await running.mirror.base(Handle(*handle.split(".")), "en")
    long = plain_text("<p>" + "long " * 5000)
    store = (await running.mirror.ready("en")).store
    store.put_records([replace(record, description=long, terms=long)], 1)
    found = await body(shared, f"korus://product-bases/{handle}")
    for text_of in ("description", "terms_of_sale"):
        assert len(found[text_of]) <= FIELD_LIMIT
        assert found[text_of].endswith(CUT_MARK)
    store.put_records([record], 1)


async def test_a_foreign_document_of_an_own_order_is_not_given_out(shared: Desk) -> None:
    order = await booked(shared)
    refused = await refusal(shared, f"korus://orders/{order['order_id']}/documents/{AN_ID}")
    assert refused.code in {NOT_FOUND, FAILED}
    assert AN_ID not in refused.message


async def test_a_failure_upstream_is_told_in_our_words(shared: Desk) -> None:
    order = await booked(shared)
    shared.sandbox.faults.add(Fault(status=502), "getOrder", times=None)
    refused = await refusal(shared, f"korus://orders/{order['order_id']}")
    shared.sandbox.faults.clear()
    assert refused.code == FAILED
    assert refused.message.startswith("UPSTREAM_UNAVAILABLE: ")
    assert "html" not in refused.message


async def test_help_tells_how_a_booking_goes_and_what_each_code_means(shared: Desk) -> None:
    booking = await text(shared, "korus://help/booking", "text/markdown")
    for tool in ("search_products", "reserve", "place_order", "get_tickets", "get_reservation"):
        assert f"`{tool}`" in booking
    errors = await text(shared, "korus://help/errors", "text/markdown")
    rows = [line for line in errors.splitlines() if line.startswith("| `")]
    assert len(rows) == len(Code) + len(STATES)
    for code in (*Code, *STATES):
        assert f"\n| `{code}` |" in errors
