"""The client against the sandbox: two independent readings of one documentation meet."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import httpx
import pytest

from korus_mcp.api import (
    ApiConfig,
    ApiError,
    BeneficiaryInput,
    CustomerInput,
    Disconnected,
    KorusApi,
    Malformed,
    NotFound,
    OfferFilters,
    Order,
    OrderFilters,
    OrderRequest,
    Outcome,
    RateLimited,
    Reservation,
    ReservationLine,
    ServerFailed,
    TicketChoice,
    TokenRefused,
    TooLarge,
    Unprocessable,
    drift,
    ids_in,
    jsonld,
)
from korus_mcp.api.contract import contract
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, SESSION
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import (
    Answer,
    DropAfter,
    DropBefore,
    NotAnObject,
    Oversize,
    Sandbox,
    SandboxOptions,
    Truncate,
)

Action = DropBefore | DropAfter | Truncate | Oversize | NotAnObject | Answer

CUSTOMER = CustomerInput("Ada", "Martin", "ada@example.test", phone="06 10 20 30 40", language="fr")

pytestmark = pytest.mark.anyio


@dataclass
class Stage:
    """A sandbox, a client of it, and the drift of all answers so far."""

    sandbox: Sandbox
    api: KorusApi
    unknown: dict[str, set[str]]


def client(sandbox: Sandbox, **changes: str) -> tuple[KorusApi, dict[str, set[str]]]:
    unknown: dict[str, set[str]] = {}
    origin = sandbox.options.api_origin
    settings = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret} | changes
    config = ApiConfig(
        api_url=origin,
        token_url=f"{origin}/realms/korusticket/protocol/openid-connect/token",
        document_hosts=frozenset({"documents.sandbox.invalid"}),
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
    )

    def observe(operation: str, body: jsonld.JsonObject) -> None:
        unknown.setdefault(operation, set()).update(drift(operation, body).unknown)

    transport = httpx.ASGITransport(app=sandbox.app)
    return KorusApi(config, clock=sandbox.clock, transport=transport, on_answer=observe), unknown


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    sandbox = Sandbox(SandboxOptions(seed=7), clock=ManualClock())
    api, unknown = client(sandbox)
    async with api:
        yield Stage(sandbox, api, unknown)


async def line_of(api: KorusApi, catalog_id: str, offer_id: str, quantity: int) -> ReservationLine:
    choices = []
    async for ticket in api.ticketing.list_offer_tickets(catalog_id, offer_id):
        session = None
        if not ticket.date_access:
            sessions = api.ticketing.list_offer_ticket_sessions(catalog_id, offer_id, ticket.id)
            found = next(s for s in await sessions.all() if s.available_quantity != 0)
            session = SESSION.iri(catalog_id, offer_id, ticket.id, found.id)
        choices.append(TicketChoice(OFFER_TICKET.iri(catalog_id, offer_id, ticket.id), session))
    return ReservationLine(OFFER.iri(catalog_id, offer_id), quantity, tuple(choices))


async def held(stage: Stage, offer: str, quantity: int = 1) -> Reservation:
    offer_id = stage.sandbox.landmarks[offer]
    catalog_id, _ = ids_in(stage.sandbox.iri(offer_id), jsonld.OFFER)
    line = await line_of(stage.api, catalog_id, offer_id, quantity)
    result = await stage.api.booking.create_reservations([line])
    assert not result.failed_reservations
    return result.reservations[0]


def request_for(reservation: Reservation, reference: str = "ref-1") -> OrderRequest:
    return OrderRequest((jsonld.RESERVATION.iri(reservation.id),), CUSTOMER, reference)


async def ordered(stage: Stage, reservation: Reservation) -> Order:
    result = await stage.api.booking.create_orders(request_for(reservation))
    assert not result.failed_orders
    return result.orders[0]


async def walk_the_catalog(stage: Stage) -> None:
    ticketing = stage.api.ticketing
    unread = []
    for catalog in await ticketing.list_catalogs().all():
        assert (await ticketing.get_catalog(catalog.id)).name == catalog.name
        for listed in await ticketing.list_product_bases(catalog.id, with_disabled=True).all():
            base = await ticketing.get_product_base(catalog.id, listed.id)
            unread += [base.unread, *(each.unread for each in (base.venue, base.medias) if each)]
            for option in await ticketing.list_product_base_options(catalog.id, base.id).all():
                assert option.code
                values = ticketing.list_product_base_option_values(catalog.id, base.id, option.code)
                unread += [value.unread for value in await values.all()]
            products = await ticketing.list_product_base_products(catalog.id, base.id).all()
            product = await ticketing.get_product(catalog.id, products[0].id)
            assert product.product_base == jsonld.PRODUCT_BASE.iri(catalog.id, base.id)
            if base.seat_map:
                places = ids_in(base.seat_map, jsonld.SEAT_MAP)
                seat_map = await ticketing.get_seat_map(*places)
                unread += [seat_map.unread, *(zone.unread for zone in seat_map.zones)]
            unread += await offers_of(stage.api, catalog.id, product.id)
    assert not [each for each in unread if each]


async def offers_of(api: KorusApi, catalog_id: str, product_id: str) -> list[Mapping[str, object]]:
    filters = OfferFilters(product_ids=(product_id,), order_by_date="asc")
    page = await api.ticketing.list_offers(catalog_id, filters).page()
    for listed in page.items[:1]:
        offer = await api.ticketing.get_offer(catalog_id, listed.id)
        assert offer.product
        assert offer.product.id == product_id
        availability = await api.ticketing.get_offer_availability(catalog_id, offer.id)
        price = await api.ticketing.get_offer_price(catalog_id, offer.id)
        assert price.amount_incl_tax is not None
        for ticket in await api.ticketing.list_offer_tickets(catalog_id, offer.id).all():
            await api.ticketing.get_offer_ticket(catalog_id, offer.id, ticket.id)
            sessions = api.ticketing.list_offer_ticket_sessions(catalog_id, offer.id, ticket.id)
            for session in (await sessions.all() if not ticket.date_access else [])[:1]:
                one = await api.ticketing.get_offer_ticket_session(
                    catalog_id, offer.id, ticket.id, session.id
                )
                assert one.starts_at == session.starts_at
        return [offer.unread, availability.unread, price.unread, *(o.unread for o in page.items)]
    return []


async def book_and_fetch(stage: Stage) -> None:
    api, booking = stage.api, stage.api.booking
    reservation = await held(stage, "beneficiary_offer", 2)
    assert (reservation.status, reservation.expired, reservation.may_have_order) == (
        "reserved",
        False,
        False,
    )
    assert len(reservation.items) == 2
    order = await ordered(stage, reservation)
    assert (await booking.get_reservation(reservation.id)).may_have_order
    assert isinstance(order.reservation, str)
    assert order.reservation == reservation.iri
    assert order.total_amount_incl_tax == reservation.total_amount_incl_tax
    assert await booking.list_order_documents(order.id).all() == []
    for item in (await booking.get_order(order.id)).items:
        for ticket in item.tickets:
            assert ticket.status == "waiting_beneficiary_data"
            read = await booking.get_order_item_ticket(order.id, item.id, ticket.id)
            assert read.required_beneficiary_fields == ticket.required_beneficiary_fields
            named = await booking.set_ticket_beneficiary(
                order.id,
                item.id,
                ticket.id,
                BeneficiaryInput(
                    "Ada", "Martin", "mrs", "FR", date(1990, 5, 4), "Lyon", "ada@example.test", "06"
                ),
            )
            assert named.status == "validated"
            assert named.beneficiary
            assert named.beneficiary.date_of_birth == date(1990, 5, 4)
    for listed in await booking.list_order_documents(order.id).all():
        document = await booking.get_order_document(order.id, listed.id)
        assert isinstance(document.downloadable_at, datetime)
        wait = (document.downloadable_at - api.now()).total_seconds()
        stage.sandbox.clock.advance(max(0.0, wait) + 1)
        link = await booking.create_order_document_link(order.id, document.id, "de")
        assert link.cached_language == "fr"
        assert (await booking.download_document(link)).startswith(b"%PDF-")
    assert [each.id for each in await booking.list_orders().all()] == [order.id]
    assert [each.id for each in await booking.list_reservations().all()] == [reservation.id]
    assert abs((api.now() - stage.sandbox.clock.now()).total_seconds()) <= api.skew_bound_seconds


async def test_every_operation_but_the_deprecated_one_is_served(stage: Stage) -> None:
    await walk_the_catalog(stage)
    await book_and_fetch(stage)
    assert set(stage.unknown) == set(contract()) - {"getToken", "getForm"}
    new_keys = {key.rpartition(".")[2] for keys in stage.unknown.values() for key in keys}
    assert new_keys == {"revision"}, "the one key the sandbox adds to every resource (T31)"
    with pytest.raises(NotFound):
        await stage.api.ticketing.get_form("f1")


async def test_half_of_a_call_can_fail(stage: Stage) -> None:
    catalog_id = stage.sandbox.landmarks["park_catalog"]
    offers = [stage.sandbox.landmarks[each] for each in ("park_offer", "always_fails_offer")]
    lines = [await line_of(stage.api, catalog_id, offer_id, 1) for offer_id in offers]
    result = await stage.api.booking.create_reservations(lines)
    assert [each.status for each in result.reservations] == ["reserved"]
    failure = result.failed_reservations[0]
    assert failure.message
    assert failure.offer == lines[1].offer_iri


async def test_the_consistency_check_refuses_a_whole_call(stage: Stage) -> None:
    catalog_id, offer_id = (stage.sandbox.landmarks[e] for e in ("park_catalog", "park_offer"))
    other = OFFER_TICKET.iri(catalog_id, offer_id, "0194ac40-fda7-78c1-8fcb-26fc2e2612d4")
    line = ReservationLine(OFFER.iri(catalog_id, offer_id), 1, (TicketChoice(other),))
    with pytest.raises(Unprocessable) as refused:
        await stage.api.booking.create_reservations([line])
    assert refused.value.violations
    assert refused.value.outcome is Outcome.REFUSED
    assert not stage.sandbox.reservations()


async def test_an_order_whose_answer_is_lost_is_found_by_its_reference(stage: Stage) -> None:
    reservation = await held(stage, "park_offer")
    stage.sandbox.faults.add(DropAfter(), operation="createOrders")
    with pytest.raises(Disconnected) as lost:
        await stage.api.booking.create_orders(request_for(reservation, "lost-1"))
    assert lost.value.outcome is Outcome.UNKNOWN
    found = await stage.api.booking.list_orders(OrderFilters(external_reference="lost-1")).all()
    assert [each.external_reference for each in found] == ["lost-1"]
    assert len(stage.sandbox.orders()) == 1


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (DropBefore(), Disconnected),
        (Truncate(), Malformed),
        (Oversize(), TooLarge),
        (NotAnObject(), Malformed),
        (Answer(status=502), ServerFailed),
    ],
)
async def test_an_order_is_never_sent_twice(
    stage: Stage, action: Action, error: type[ApiError]
) -> None:
    reservation = await held(stage, "park_offer")
    stage.sandbox.faults.add(action, operation="createOrders")
    with pytest.raises(error) as failed:
        await stage.api.booking.create_orders(request_for(reservation))
    assert failed.value.outcome is Outcome.UNKNOWN
    sent = [each for each in stage.sandbox.requests if each.operation == "createOrders"]
    assert len(sent) == 1


async def test_a_busy_server_is_waited_for(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=429, retry_after="4"), operation="listCatalogs")
    began = stage.sandbox.clock.monotonic()
    assert len(await stage.api.ticketing.list_catalogs().all()) == 5
    assert stage.sandbox.clock.monotonic() - began == 4
    busy_for_long = Answer(status=429, body="empty", retry_after="60")
    stage.sandbox.faults.add(busy_for_long, operation="listCatalogs")
    with pytest.raises(RateLimited) as busy:
        await stage.api.ticketing.list_catalogs().all()
    assert busy.value.retry_after_seconds == 60


async def test_an_expired_token_is_replaced_without_anybody_noticing(stage: Stage) -> None:
    await stage.api.ticketing.list_catalogs().all()
    stage.sandbox.clock.advance(4000)
    assert await stage.api.ticketing.list_catalogs().all()
    stage.sandbox.faults.add(Answer(status=401, body="empty"), operation="listCatalogs")
    assert await stage.api.ticketing.list_catalogs().all()


async def test_a_newcomer_sees_no_catalog_and_a_stranger_nothing(stage: Stage) -> None:
    sandbox = stage.sandbox
    newcomer, _ = client(
        sandbox, client_id=sandbox.empty_client_id, client_secret=sandbox.empty_client_secret
    )
    assert await newcomer.ticketing.list_catalogs().all() == []
    stranger, _ = client(sandbox, client_secret="wrong")
    with pytest.raises(TokenRefused):
        await stranger.ticketing.list_catalogs().all()


async def test_amounts_arrive_exactly(stage: Stage) -> None:
    offer_id = stage.sandbox.landmarks["park_offer"]
    catalog_id = stage.sandbox.landmarks["park_catalog"]
    stage.sandbox.set_price(offer_id, Decimal("0.10"))
    price = await stage.api.ticketing.get_offer_price(catalog_id, offer_id)
    assert price.amount_incl_tax == Decimal("0.10")
    reservation = await held(stage, "park_offer", 3)
    assert reservation.total_amount_incl_tax == Decimal("0.30")
