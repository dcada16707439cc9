"""Rows of a list that nobody can read: they are there, and no list is empty because of them."""

from collections.abc import Callable
from typing import Any

import pytest

from korus_mcp.api import Malformed, ReservationLine, TicketChoice
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET
from korus_mcp.booking.order_search import OrderQuery
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.quote import Missed
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import DropAfter
from korus_mcp.settings import Scope
from korus_mcp.tools.check_availability import _choose
from korus_mcp.tools.find_orders import OrderRow
from tests.booking.stage import OWNER, Stage, staged

pytestmark = pytest.mark.anyio
Body = dict[str, Any]


def no_row(body: Body) -> None:
    body["member"] = [None for _ in body["member"]]


def no_id(body: Body) -> None:
    for each in body["member"]:
        each |= {"id": None, "@id": "/.well-known/genid/1"}


def other_ids(body: Body) -> None:
    for each in body["member"]:
        each |= {"id": {"value": each["id"]}}


def counted_only(body: Body) -> None:
    body["member"] = []


UNREAD_ROWS = [no_row, no_id, other_ids, counted_only]


@pytest.mark.parametrize("spoil", UNREAD_ROWS)
async def test_an_order_in_a_row_nobody_can_read_is_not_one_that_was_never_made(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/booking/orders"):
            spoil(body)
        if "/reservations/" in path:
            body["order"] = None

    async with staged(rewrite=spoiled) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropAfter(), "createOrders")
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is OrderState.IN_DOUBT
        assert placed.not_later_than is not None
        stage.move((placed.not_later_than - stage.clock.now()).total_seconds() + 2)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        assert len(stage.sandbox.orders()) == 1


@pytest.mark.parametrize("spoil", UNREAD_ROWS)
async def test_where_no_session_can_be_read_none_is_said_to_be_full(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/sessions"):
            spoil(body)

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, obstacle.reason) == (
            Code.NOT_BOOKABLE,
            "one of its sessions cannot be read",
        )


async def test_an_offer_with_a_ticket_nobody_can_read_is_not_booked_without_it() -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/tickets"):
            body["member"].append(None)

    async with staged(rewrite=spoiled) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert obstacle.reason == "a ticket in it cannot be read"


@pytest.mark.parametrize("spoil", [no_row, no_id, other_ids])
async def test_a_document_nobody_can_read_is_not_one_that_is_still_to_come(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/documents"):
            spoil(body)

    async with staged(rewrite=spoiled) as stage:
        order_id = await stage.bought()
        issued = await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        assert issued.unread == ("a document of it",)


@pytest.mark.parametrize(
    "state",
    [
        lambda order: order.update(currency="CHF"),
        lambda order: order.update(currencyCode="CHF"),
        lambda order: order.update(total={"amount": "45.00", "currency": "CHF"}),
        lambda order: [item.update(currency="CHF") for item in order["items"]],
    ],
)
async def test_an_order_in_another_currency_is_not_told_in_euro(
    state: Callable[[Body], object],
) -> None:
    def foreign(path: str, body: Body) -> None:
        for each in (body, *(body.get("orders") or ()), *(body.get("member") or ())):
            if "connectorReference" in each:
                state(each)

    async with staged(rewrite=foreign) as stage:
        hold = await stage.held()
        ordered = await stage.ordered(hold)
        assert ordered.state is OrderState.ORDERED
        assert str(ordered.orders[0].total) == "45.00 CHF"
        order = await stage.app.booking.orders.order(OWNER, ordered.orders[0].id)
        assert OrderRow.of(order).total == "45.00 CHF"


@pytest.mark.parametrize("session", [None, {}, 3, "", "no link/"])
async def test_a_live_stock_of_no_session_is_not_that_of_the_list(session: object) -> None:
    def spoiled(path: str, body: Body) -> None:
        live = body.get("sessionsAvailability") or ()
        for each in live:
            each |= {"session": session, "availableQuantity": 0}

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        assert [s.left for _, s in quote.sessions()] == [None] * 16
        assert {s.unread for _, s in quote.sessions()} == {("what is left in a session",)}
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert obstacle.code is Code.NOT_BOOKABLE
        assert (await refusal_of(stage)).code is Code.NOT_BOOKABLE
        assert stage.sandbox.reservations() == []


@pytest.mark.parametrize("session", [None, {}, 3])
async def test_sessions_that_are_told_live_stand_beside_a_stock_of_none(session: object) -> None:
    def spoiled(path: str, body: Body) -> None:
        if "sessionsAvailability" in body:
            first, *others = body["sessionsAvailability"]
            del first["session"]
            body["sessionsAvailability"] = [first | {"session": session}, *others]

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        unread = [s for _, s in quote.sessions() if s.unread]
        assert len(unread) == 1, "the one that may be meant"
        assert quote.obstacle(1) is None


async def test_a_stock_of_no_session_does_not_matter_where_none_is_chosen() -> None:
    def spoiled(path: str, body: Body) -> None:
        if "sessionsAvailability" in body:
            body["sessionsAvailability"] = [{"session": None, "availableQuantity": 0}]

    async with staged(rewrite=spoiled) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        assert quote.obstacle(1) is None


async def refusal_of(stage: Stage) -> Refusal:
    quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
    session = next(s.id for _, s in quote.sessions())
    with pytest.raises(Refusal) as refused:
        await stage.reserve(stage.wish("timed_offer", 1, session))
    return refused.value


@pytest.mark.parametrize("told", [None, "absent", "perhaps"])
@pytest.mark.parametrize("landmark", ["timed_offer", "park_offer"])
async def test_an_offer_that_does_not_say_whether_it_takes_a_session_is_not_held(
    told: object, landmark: str
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/tickets"):
            for each in body["member"]:
                each["dateAccess"] = told
                if told == "absent":
                    del each["dateAccess"]

    async with staged(rewrite=spoiled, selling=("museum", "park")) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle(landmark), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert obstacle.code is Code.NOT_BOOKABLE
        assert obstacle.reason == "whether a session must be chosen cannot be read"


UNREAD_HOLDS: list[Callable[[Body], object]] = [
    lambda each: None,
    lambda each: each | {"id": None, "@id": "/.well-known/genid/1"},
    lambda each: each | {"id": {"value": each["id"]}, "@id": None},
    lambda each: each | {"createdAt": None},
    lambda each: each | {"createdAt": "now"},
    lambda each: each | {"items": None},
    lambda each: each | {"items": [None, *each["items"][1:]]},
    lambda each: each | {"items": [item | {"offer": {}} for item in each["items"]]},
    lambda each: each | {"expired": "perhaps"},
    lambda each: each | {"order": {}},
]


@pytest.mark.parametrize("spoil", UNREAD_HOLDS)
async def test_an_equal_hold_of_somebody_else_is_not_taken_for_one_nobody_can_read(
    spoil: Callable[[Body], object],
) -> None:
    foreign: list[str] = []

    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/booking/reservations") and "member" in body:
            rows = body["member"]
            body["member"] = [row if row["id"] in foreign else spoil(row) for row in rows]

    async with staged(rewrite=spoiled, sole_writer=True) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        where = (quote.catalog_id, quote.handle.id)
        tickets = tuple(TicketChoice(OFFER_TICKET.iri(*where, need.id)) for need in quote.tickets)
        line = ReservationLine(OFFER.iri(*where), 2, tickets)
        made = await stage.app.api.booking.create_reservations([line], language="en")
        foreign += [each.id for each in made.reservations]
        stage.sandbox.faults.add(DropAfter(), "createReservations")
        reserved = await stage.reserve(stage.wish("park_offer", 2))
        assert len(stage.sandbox.reservations()) == 2
        assert (reserved.state, reserved.holds) == (ReserveState.IN_DOUBT, ())


@pytest.mark.parametrize("spoil", UNREAD_ROWS)
async def test_orders_of_the_account_that_cannot_be_read_are_counted(
    spoil: Callable[[Body], None],
) -> None:
    is_spoilt = False

    def spoiled(path: str, body: Body) -> None:
        if is_spoilt and path.endswith("/booking/orders") and body.get("member"):
            newest, *others = body["member"]
            rest = {"member": others}
            spoil(rest)
            body["member"] = [newest, *rest["member"]]

    async with staged(rewrite=spoiled, scope=Scope.ACCOUNT) as stage:
        made = [await stage.bought(quantity=n) for n in (1, 2, 3)]
        is_spoilt = True
        sought = OrderQuery(created_from=stage.clock.now().date())
        found = await stage.app.booking.orders.find("somebody", sought)
        assert [order.id for order in found.orders] == [made[-1]]
        assert (found.not_read, found.total) == ("2 orders cannot be read", None)


@pytest.mark.parametrize(
    "spoil", [no_row, no_id, lambda body: body["member"][0].update(externalReference={})]
)
async def test_an_order_of_the_account_nobody_can_read_is_not_unknown(
    spoil: Callable[[Body], None],
) -> None:
    is_spoilt = False

    def spoiled(path: str, body: Body) -> None:
        if is_spoilt and path.endswith("/booking/orders") and "member" in body:
            spoil(body)

    async with staged(rewrite=spoiled, scope=Scope.ACCOUNT) as stage:
        await stage.bought()
        reference = stage.sandbox.orders()[0].external_reference or ""
        is_spoilt = True
        with pytest.raises(Malformed):
            await stage.app.booking.orders.order("somebody", reference)
        day = stage.clock.now().date()
        found = await stage.app.booking.orders.find("somebody", OrderQuery(reference, day))
        assert (found.orders, found.not_read) == ((), "1 orders cannot be read")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda order: order.update(items=None),
        lambda order: order.pop("items"),
        lambda order: order.update(items=[]),
        lambda order: order.update(items={"value": 3}),
        lambda order: order["items"][0].update(tickets=None),
        lambda order: order["items"][0].pop("tickets"),
        lambda order: order["items"][0].update(tickets=[3]),
    ],
)
async def test_an_order_whose_tickets_are_not_told_is_not_one_without_tickets(
    spoil: Callable[[Body], object],
) -> None:
    is_spoilt = False

    def spoiled(path: str, body: Body) -> None:
        for order in (body, *(body.get("orders") or ()), *(body.get("member") or ())):
            if is_spoilt and "connectorReference" in order:
                spoil(order)

    async with staged(rewrite=spoiled) as stage:
        hold = await stage.held()
        is_spoilt = True
        (placed,) = (await stage.ordered(hold)).orders
        assert placed.tickets is None
        issued = await stage.app.booking.tickets.of_order(OWNER, placed.id, "en")
        assert issued.unread == ("which tickets it holds",)
        (order,) = (await stage.app.booking.orders.find(OWNER, OrderQuery())).orders
        row = OrderRow.of(order)
        assert row.tickets is None
        assert "its tickets cannot be read" in row.text()


@pytest.mark.parametrize(
    ("spoil", "is_none"),
    [
        (lambda body: None, True),
        (lambda body: body.update(member=[None, *body["member"][1:]]), False),
        (
            lambda body: (
                body["member"][0].update(id=None) or body["member"][0].update({"@id": None})
            ),
            False,
        ),
        (lambda body: body["member"][0].update(startsAt="soon"), False),
        (lambda body: body.update(totalItems=len(body["member"]) + 1), False),
    ],
)
async def test_where_a_session_cannot_be_read_nobody_says_that_none_is_near(
    spoil: Callable[[Body], object], is_none: bool
) -> None:
    is_spoilt = False

    def spoiled(path: str, body: Body) -> None:
        if is_spoilt and path.endswith("/sessions"):
            spoil(body)
        if path.endswith("/offers"):
            body |= {"member": [], "totalItems": 0}

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        is_spoilt = True
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        assert quote.is_partly_unread is not is_none
        is_spoilt = False  # what else there is can be read
        near = await stage.app.alternatives.instead_of(Missed(quote=quote, quantity=40_000), "en")
        assert near.alternatives == ()
        assert near.is_none is is_none


@pytest.mark.parametrize("spoil", [no_row, no_id, counted_only])
async def test_sessions_that_are_left_out_are_said(spoil: Callable[[Body], None]) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/sessions") and body["member"]:
            first, *others = body["member"]
            rest = {"member": others}
            spoil(rest)
            body["member"] = [first, *rest["member"]]

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        assert "Some sessions cannot be read and are left out." in _choose([quote])
