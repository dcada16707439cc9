"""Nothing secret or personal in what people log: texts, representations, log records."""

import logging
import traceback
from dataclasses import fields
from datetime import date
from typing import Any

import httpx
import pytest

from korus_mcp.api import (
    ApiError,
    BeneficiaryInput,
    CustomerInput,
    OrderDocumentLink,
    OrderFilters,
    OrderRequest,
)
from korus_mcp.api.jsonld import RESERVATION
from korus_mcp.api.transport import Answer, Exchange
from tests.api.wire import Net, config

CUSTOMER = CustomerInput("canary-name", "canary-name", "canary@example.test", phone="canary-name")
ORDER = OrderRequest((RESERVATION.iri("r1"),), CUSTOMER, "ref", notes="canary-name")
BENEFICIARY = BeneficiaryInput("canary-name", "canary-name", date_of_birth=date(2000, 1, 1))
LINK = OrderDocumentLink(temporary_url="https://documents.example.test/x?s=canary-sign")
FILTERS = OrderFilters(external_reference="canary-name")
FAULTS: list[Any] = [
    httpx.LocalProtocolError,
    httpx.ConnectError,
    httpx.ReadTimeout,
    httpx.Response(302, headers={"location": "https://x/?canary-sign"}),
    httpx.Response(403, json={"detail": "canary-name"}),
    httpx.Response(422, json={"detail": "canary-name", "violations": [{"message": "canary-name"}]}),
    httpx.Response(502, text="canary-name"),
    httpx.Response(200, text="canary-name"),
    httpx.Response(200, json=["canary-name"]),
    httpx.Response(200, json={"orders": ["canary-name"], "temporaryUrl": ["canary-sign"]}),
]


def assert_clean(text: str) -> None:
    assert "canary" not in text, text


@pytest.mark.anyio
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_shows_what_was_sent_or_received(
    fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    net = Net()
    net._answer(net.router.route(host="api.example.test"), (fault,))
    net._answer(net.router.route(host="documents.example.test"), (fault,))
    booking = net.api.booking
    for send in (
        lambda: booking.create_orders(ORDER),
        lambda: booking.set_ticket_beneficiary("o", "i", "t", BENEFICIARY),
        lambda: booking.create_order_document_link("o", "d"),
        lambda: booking.download_document(LINK),
        lambda: booking.list_orders(FILTERS).all(),
    ):
        with pytest.raises(ApiError) as failed:
            await send()
        assert_clean(f"{failed.value} {failed.value!r}")
        assert_clean("".join(traceback.format_exception(failed.value)))
    assert_clean(caplog.text)


def test_no_representation_shows_secrets_or_people() -> None:
    shown = [config(), CUSTOMER, ORDER, BENEFICIARY, LINK]
    exchange = Exchange(
        "x",
        "GET",
        LINK.temporary_url,
        (("a", "canary-name"),),
        {"authorization": "canary-token"},
        b"canary-name",
    )
    answer = Answer(200, httpx.Headers(), b"canary-name", 0.0, 0.0)
    for each in [*shown, exchange, answer]:
        assert_clean(f"{each}{each!r}")
    assert "client_secret" not in repr(config())
    assert {each.name for each in fields(config()) if not each.repr} == {"client_secret", "proxy"}
