"""The files of an order: when they exist, where they are, what is in them (T26, T27)."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pypdfium2 as pdfium
import pytest

from korus_mcp.sandbox import Sandbox
from tests.sandbox.caller import Caller, Json

pytestmark = pytest.mark.anyio


async def link(caller: Caller, order: Json, language: str = "fr") -> Json:
    """A fresh address of the first file."""
    document = (await caller.members(f"{order['@id']}/documents"))[0]
    answer = await caller.send("PATCH", document["@id"], {}, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def download(
    sandbox: Sandbox, address: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Fetch an address with a client that has no token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app)) as client:
        return await client.get(address, headers=headers)


def text_of(pdf: bytes) -> str:
    """What the page says, read by an engine that did not write it."""
    document = pdfium.PdfDocument(pdf)
    try:
        page = document[0]
        words = page.get_textpage()
        text: str = words.get_text_range()
        words.close()
        page.close()
        return text
    finally:
        document.close()


async def test_t26_a_signed_address_on_another_host_serves_a_small_real_pdf(
    caller: Caller,
) -> None:
    order = await caller.booked("park_offer")
    address = (await link(caller, order))["temporaryUrl"]
    assert urlsplit(address).netloc == "documents.sandbox.invalid"
    file = await download(caller.sandbox, address)
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert len(file.content) < 4000
    text = text_of(file.content)
    for words in ("Parc des Mille Lanternes", "Billet daté", order["reference"], "02/06/2026"):
        assert words in text
    assert order["items"][0]["tickets"][0]["voucher"] in text


async def test_t26_the_address_refuses_a_token_a_changed_signature_and_a_late_caller(
    caller: Caller,
) -> None:
    address = (await link(caller, await caller.booked("park_offer")))["temporaryUrl"]
    expires = int(parse_qs(urlsplit(address).query)["Expires"][0])
    token = {"Authorization": caller.client.headers["Authorization"]}
    assert (await download(caller.sandbox, address, token)).status_code == 400
    longer = address.replace(str(expires), str(expires + 600))
    for wrong in (longer, address[:-1], address.partition("?")[0]):
        assert (await download(caller.sandbox, wrong)).status_code == 403
    assert (await download(caller.sandbox, address)).status_code == 200
    caller.sandbox.clock.advance(300)
    assert (await download(caller.sandbox, address)).status_code == 403


async def test_t26_the_document_host_serves_nothing_else(caller: Caller) -> None:
    origin = caller.sandbox.options.document_origin
    for path in ("/", "/v1/ticketing/catalogs", "/korus-sandbox-documents/x.de.pdf"):
        assert (await download(caller.sandbox, origin + path)).status_code == 404


@pytest.mark.parametrize(
    ("asked", "given", "word"),
    [("fr", "fr", "Billet"), ("en", "en", "Ticket"), ("de", "fr", "Billet")],
)
async def test_t27_files_are_in_french_or_english_and_other_languages_fall_back(
    caller: Caller, asked: str, given: str, word: str
) -> None:
    made = await link(caller, await caller.booked("park_offer"), asked)
    assert made["cachedLanguage"] == given
    file = await download(caller.sandbox, made["temporaryUrl"])
    assert f"{word} 9" in text_of(file.content)


async def test_some_files_can_be_fetched_only_a_while_after_the_order(caller: Caller) -> None:
    """A20."""
    order = await caller.booked("seated_offer")
    document = (await caller.members(f"{order['@id']}/documents"))[0]
    assert document["downloadableAt"] == "2026-06-01T09:01:30+00:00"
    assert (await caller.send("PATCH", document["@id"], {})).status_code == 422
    caller.sandbox.clock.advance(90)
    assert (await caller.send("PATCH", document["@id"], {})).status_code == 200
    assert await caller.read(document["@id"]) == {
        **document,
        "@context": "/contexts/BookingOrderDocument",
    }


async def test_the_holder_is_printed_with_brackets_and_backslashes_intact(
    caller: Caller,
) -> None:
    order = await caller.booked("beneficiary_offer")
    ticket = order["items"][0]["tickets"][0]
    holder = {"firstname": "Zoé (Z\\O)", "lastname": "Œuvrard 李", "dateOfBirth": "2001-02-03"}
    await caller.send("PATCH", ticket["@id"], {"beneficiary": holder})
    caller.sandbox.clock.advance(5)
    file = await download(caller.sandbox, (await link(caller, order))["temporaryUrl"])
    assert "Zoé (Z\\O) Œuvrard ?" in text_of(file.content)


async def test_a_cancelled_order_has_no_files(caller: Caller) -> None:
    order = await caller.booked("park_offer")
    document = (await caller.members(f"{order['@id']}/documents"))[0]
    caller.sandbox.cancel_order(order["id"])
    assert await caller.members(f"{order['@id']}/documents") == []
    assert (await caller.get(document["@id"])).status_code == 404
