import inspect
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import pytest

from korus_mcp.api import (
    BeneficiaryInput,
    Booking,
    CustomerInput,
    InvalidId,
    KorusApi,
    OfferFilters,
    OrderFilters,
    OrderRequest,
    Pages,
    ReservationLine,
    TicketChoice,
    Ticketing,
    drift,
)
from korus_mcp.api.contract import contract
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, RESERVATION, SESSION
from tests.api.wire import EXAMPLES, Net, example
from tests.contract.generate import TARGET, load_contract, operations, rendered

CONTRACT = load_contract()
OPERATIONS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    operation["operationId"]: (method, path, operation)
    for method, path, operation in operations(CONTRACT)
}
DAY = date(2026, 6, 7)
LINE = ReservationLine(
    OFFER.iri("c1", "o1"),
    2,
    (
        TicketChoice(OFFER_TICKET.iri("c1", "o1", "t1")),
        TicketChoice(OFFER_TICKET.iri("c1", "o1", "t2"), SESSION.iri("c1", "o1", "t2", "s1")),
    ),
)
CUSTOMER = CustomerInput(
    "john", "doe", "john.doe@example.com", "+33610203040", "FR", "fr", optin=False, title="mr"
)
ORDER = OrderRequest(
    (RESERVATION.iri("r1"),), CUSTOMER, "YOUR-CUSTOM-REFERENCE", "Special assistance needed"
)
BENEFICIARY = BeneficiaryInput(
    "john", "doe", "mr", "FR", date(2000, 1, 1), "string", "string", "string"
)
FILTERS = OfferFilters(
    date_after=DAY,
    date_before=DAY,
    date_strictly_after=DAY,
    date_strictly_before=DAY,
    product_ids=("p1", "p2"),
    session_id="s1",
    product_base_id="b1",
    option_value_ids=("v1", "v2"),
    order_by_date="asc",
)
ORDER_FILTERS = OrderFilters(
    external_reference="YOUR-CUSTOM-REFERENCE",
    created_after=DAY,
    created_before=DAY,
    created_strictly_after=DAY,
    created_strictly_before=DAY,
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "list_catalogs": (),
    "get_catalog": ("c1",),
    "list_product_bases": ("c1",),
    "get_product_base": ("c1", "b1"),
    "list_product_base_options": ("c1", "b1"),
    "list_product_base_option_values": ("c1", "b1", "price_type"),
    "list_product_base_products": ("c1", "b1"),
    "get_product": ("c1", "p1"),
    "list_offers": ("c1", FILTERS),
    "get_offer": ("c1", "o1"),
    "get_offer_availability": ("c1", "o1"),
    "get_offer_price": ("c1", "o1"),
    "list_offer_tickets": ("c1", "o1"),
    "get_offer_ticket": ("c1", "o1", "t1"),
    "list_offer_ticket_sessions": ("c1", "o1", "t1"),
    "get_offer_ticket_session": ("c1", "o1", "t1", "s1"),
    "get_seat_map": ("c1", "b1", "m1"),
    "get_form": ("f1",),
    "list_reservations": (),
    "create_reservations": ([LINE],),
    "get_reservation": ("r1",),
    "list_orders": (ORDER_FILTERS,),
    "create_orders": (ORDER,),
    "get_order": ("o1",),
    "list_order_documents": ("o1",),
    "get_order_document": ("o1", "d1"),
    "create_order_document_link": ("o1", "d1"),
    "get_order_item_ticket": ("o1", "i1", "t1"),
    "set_ticket_beneficiary": ("o1", "i1", "t1", BENEFICIARY),
}
ANSWER = {
    "id": "x1",
    "member": [],
    "reservations": [],
    "orders": [],
    "temporaryUrl": "https://documents.example.test/x",
}


def snake_case(operation_id: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", operation_id).lower()


def method_of(api: KorusApi, name: str) -> Any:
    return getattr(api.ticketing, name, None) or getattr(api.booking, name)


async def call(api: KorusApi, name: str, **options: Any) -> Any:
    result = method_of(api, name)(*ARGUMENTS[name], **options)
    return await result.all() if isinstance(result, Pages) else await result


def test_the_shipped_field_list_is_that_of_the_contract() -> None:
    assert TARGET.read_text("utf-8") == rendered()
    assert set(contract()) == set(OPERATIONS)


def test_every_operation_of_the_contract_has_a_method() -> None:
    names = {
        name
        for side in (Ticketing, Booking)
        for name, _ in inspect.getmembers(side, inspect.isfunction)
        if not name.startswith("_")
    }
    wanted = {snake_case(each) for each in OPERATIONS if each != "getToken"}
    assert names == wanted | {"download_document"}
    assert set(ARGUMENTS) == wanted
    assert hasattr(KorusApi, "token")


def sent_by(net: Net) -> httpx.Request:
    requests: list[httpx.Request] = [each.request for each in net.router.calls]
    return next(each for each in requests if each.url.path.startswith("/v1/"))


@pytest.mark.anyio
@pytest.mark.parametrize("operation_id", [each for each in OPERATIONS if each != "getToken"])
async def test_each_method_sends_what_the_contract_says(operation_id: str) -> None:
    method, path, operation = OPERATIONS[operation_id]
    net = Net()
    net.router.route().respond(json=ANSWER)
    await call(net.api, snake_case(operation_id), language="en")
    request = sent_by(net)
    assert request.method == method
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)
    assert request.headers["accept"] == "application/ld+json"
    assert request.headers["accept-language"] == "en"
    assert request.headers["authorization"] == "Bearer canary-token-1"
    body_types = list(operation.get("requestBody", {}).get("content", {}))
    assert body_types == ([request.headers["content-type"]] if request.content else [])
    allowed = {
        each["name"] for each in operation.get("parameters", ()) if each.get("in") == "query"
    }
    assert set(request.url.params) <= allowed
    assert "itemsPerPage" not in allowed or request.url.params["itemsPerPage"] == "50"


@pytest.mark.anyio
@pytest.mark.parametrize("operation_id", [each for each in OPERATIONS if each != "getToken"])
async def test_each_answer_is_shown_to_the_observer_under_its_operation(operation_id: str) -> None:
    net = Net()
    net.router.route().respond(json=ANSWER)
    await call(net.api, snake_case(operation_id))
    assert net.answers == [(operation_id, ANSWER)]


@pytest.mark.anyio
async def test_all_documented_filters_are_sent_with_their_brackets_encoded() -> None:
    net = Net()
    net.router.route().respond(json=ANSWER)
    await call(net.api, "list_offers")
    request = sent_by(net)
    assert b"date%5Bafter%5D=2026-06-07" in request.url.raw_path
    assert request.url.params.get_list("product[]") == ["p1", "p2"]
    assert request.url.params.get_list("optionValuesContext[]") == ["v1", "v2"]
    parameters = OPERATIONS["listOffers"][2]["parameters"]
    queries = {each["name"] for each in parameters if each.get("in") == "query"}
    assert set(request.url.params) == queries


@pytest.mark.anyio
async def test_orders_are_found_by_the_snake_case_reference() -> None:
    net = Net()
    net.router.route().respond(json=ANSWER)
    await call(net.api, "list_orders")
    params = sent_by(net).url.params
    assert params["external_reference"] == "YOUR-CUSTOM-REFERENCE"
    assert params["order[createdAt]"] == "desc"
    assert params["createdAt[strictly_before]"] == "2026-06-07"


@pytest.mark.anyio
async def test_oldest_first_and_disabled_bases_can_be_asked_for() -> None:
    net = Net()
    route = net.router.route()
    route.respond(json=ANSWER)
    await net.api.booking.list_reservations(newest_first=False).all()
    await net.api.ticketing.list_product_bases("c1", with_disabled=True).all()
    await net.api.ticketing.list_product_bases("c1").all()
    reservations, with_disabled, without = (each.request.url.params for each in route.calls)
    assert reservations["order[createdAt]"] == "asc"
    assert with_disabled["withDisabled"] == "true"
    assert "withDisabled" not in without


def test_the_documented_requests_are_what_we_send() -> None:
    reserve = example("reservations.bulk.json")["request"]["body"]["items"][0]
    first, second = reserve["ticketSessions"]
    line = ReservationLine(
        reserve["offer"],
        reserve["quantity"],
        (TicketChoice(first["ticket"]), TicketChoice(second["ticket"], second["session"])),
    )
    assert line.body() == reserve
    order = example("orders.bulk.json")["request"]["body"]
    request = OrderRequest(
        tuple(order["reservations"]), CUSTOMER, order["externalReference"], order["notes"]
    )
    assert request.body() == order
    beneficiary = example("order_item_ticket.patch.json")["request"]["body"]["beneficiary"]
    assert BENEFICIARY.body() == beneficiary


def test_what_was_not_given_is_not_sent() -> None:
    request = OrderRequest(
        (RESERVATION.iri("r"),), CustomerInput("a", "b", "c@example.test"), "ref"
    )
    assert request.body() == {
        "reservations": ["/v1/booking/reservations/r"],
        "customer": {"firstname": "a", "lastname": "b", "email": "c@example.test", "optin": False},
        "externalReference": "ref",
    }
    assert BeneficiaryInput("a", "b").body() == {"firstname": "a", "lastname": "b"}


def test_every_example_names_its_source_and_is_used_here() -> None:
    names = {path.name for path in EXAMPLES.glob("*.json")}
    tests = "".join(path.read_text("utf-8") for path in EXAMPLES.parent.glob("api/test_*.py"))
    for name in names:
        assert example(name)["source"]["pages"]
        assert f'"{name}"' in tests, f"{name} is parsed by no test"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "send",
    [
        lambda api: api.booking.create_reservations([]),
        lambda api: api.booking.create_reservations([ReservationLine("o1", 1, LINE.tickets)]),
        lambda api: api.booking.create_reservations([ReservationLine(LINE.offer_iri, 1, ())]),
        lambda api: api.booking.create_reservations(
            [ReservationLine(LINE.offer_iri, 0, LINE.tickets)]
        ),
        lambda api: api.booking.create_reservations(
            [ReservationLine(LINE.offer_iri, 1, (TicketChoice("t1"),))]
        ),
        lambda api: api.booking.create_reservations(
            [
                ReservationLine(
                    LINE.offer_iri, 1, (TicketChoice(OFFER_TICKET.iri("c", "o", "t"), "s1"),)
                )
            ]
        ),
        lambda api: api.booking.create_orders(OrderRequest((), CUSTOMER, "ref")),
        lambda api: api.booking.create_orders(OrderRequest(("r1",), CUSTOMER, "ref")),
        lambda api: api.booking.create_orders(OrderRequest(ORDER.reservation_iris, CUSTOMER, "")),
        lambda api: api.booking.create_orders(
            OrderRequest(ORDER.reservation_iris, CUSTOMER, "x" * 51)
        ),
        lambda api: api.booking.list_orders(OrderFilters(external_reference="")).all(),
        lambda api: api.booking.get_order("../catalogs"),
        lambda api: api.booking.get_order("o1", language="fr\r\nx: y"),
        lambda api: api.ticketing.list_offers("c1", OfferFilters(session_id="/v1/x")).all(),
        lambda api: api.ticketing.list_catalogs().page(0),
    ],
)
async def test_what_cannot_be_right_is_never_sent(send: Any) -> None:
    net = Net()
    with pytest.raises(ValueError, match=r"."):
        await send(net.api)
    assert net.router.calls.call_count == 0


def test_the_older_form_of_a_session_may_be_sent_back() -> None:
    older = "/v1/ticketing/catalogs/c/events/e/sessions/s"
    assert TicketChoice(OFFER_TICKET.iri("c", "o", "t"), older).body()["session"] == older


def test_a_bad_id_fails_before_a_list_is_read() -> None:
    with pytest.raises(InvalidId):
        Net().api.ticketing.list_offers("{catalogId}")


def test_the_documented_answers_show_no_drift_but_what_they_leave_out() -> None:
    found = drift("getOfferPrice", example("offer.price.json")["response"])
    assert (found.missing, found.unknown) == ((), ())
    found = drift("getOfferAvailability", example("offer.availability.json")["response"])
    assert (found.missing, found.unknown) == ((), ())
    found = drift("listCatalogs", example("catalogs.list.json")["response"])
    assert found.unknown == ()
    assert found.missing == ("member[].lastSyncedAt",)
    assert drift("getToken", example("token.json")["response"]).unknown == ()


def test_drift_names_new_and_missing_keys() -> None:
    body = {
        "member": [
            {"id": "o", "brandNew": {"inner": 1}, "price": None, "tickets": []},
            {"id": "p", "price": {"amountInclTax": "1.00", "tax": "x"}},
        ],
        "surprise": 1,
    }
    found = drift("listOffers", body)
    assert found.unknown == ("member[].brandNew", "member[].price.tax", "surprise")
    assert "member[].price.currency" in found.missing
    assert "member[].price" not in found.missing
    assert not any(key.startswith("member[].tickets[]") for key in found.missing)
    assert drift("getForm", {"id": "f", "fields": [{"anything": 1}]}).unknown == ()


def test_drift_knows_no_other_operations() -> None:
    with pytest.raises(KeyError):
        drift("cancelOrder", {})
