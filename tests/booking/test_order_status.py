"""What the issuer calls an order: one that is not confirmed is never told as done."""

from typing import Any

import pytest

from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.sandbox import Answer
from korus_mcp.tools.place_order import _next
from tests.booking.stage import OWNER, Stage, staged

pytestmark = pytest.mark.anyio
ENDED = ["failed", "FAILED", "rejected", " Refused ", "error"]
OVER = [
    "refunded",
    "Expired",
    "void",
    "VOIDED",
    "deleted",
    "partially_cancelled",
    "partiallyRefunded",
]
PENDING = ["processing", "pending", "Waiting", "on_hold", "who knows"]
CANCELLED = ["cancelled", "Canceled"]
UNREAD: list[Any] = [{"code": 1}, ["failed"]]
STANDING = ["confirmed", "CONFIRMED", None, ""]


def calling(status: object, *, only_first: bool = False) -> Any:
    """The API with orders of that status, in the answer to the order call and afterwards."""
    first: set[str] = set()

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for order in body.get("orders", [body] if "/orders/" in path else []):
            if not isinstance(order, dict) or "reservation" not in order:
                continue
            first.update([order["id"]] if not first else [])
            if order["id"] in first or not only_first:
                order["status"] = status

    return rewrite


async def made(stage: Stage, *landmarks: str) -> tuple[Ordered, Ordered]:
    """An order of holds of these, and the same call again."""
    holds = [await stage.held(each) for each in landmarks]
    nonce = await stage.confirmed(*holds)
    return (
        await stage.place(*holds, confirmation=nonce),
        await stage.place(*holds, confirmation=nonce),
    )


@pytest.mark.parametrize("status", [*ENDED, *OVER, *PENDING, *UNREAD], ids=str)
async def test_an_order_that_is_not_confirmed_is_not_told_as_ordered(status: Any) -> None:
    async with staged(rewrite=calling(status)) as stage:
        for placed in await made(stage, "park_offer"):
            assert placed.state is OrderState.IN_DOUBT
            assert len(placed.orders) == 1
            assert placed.orders[0].status is not None
            said = _next(placed)
            assert "Do not order again" in said
            assert ("support" in said) is (status not in PENDING)
            assert "save: true saves the PDFs" not in said
        assert len(stage.sandbox.orders()) == 1


def lacking(status: object, *keys: str) -> Any:
    """The answer to an order call says this status and leaves these out."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/orders/_bulk"):
            calling(status)(path, body)
            body["orders"] = [
                {k: v for k, v in order.items() if k not in keys} for order in body["orders"]
            ]

    return rewrite


@pytest.mark.parametrize("fault", [404, 500, 503])
@pytest.mark.parametrize("left_out", ["totalAmountInclTax", "reference", "items"])
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("failed", OrderState.IN_DOUBT),
        ("processing", OrderState.IN_DOUBT),
        ("cancelled", OrderState.FAILED),
        ("confirmed", OrderState.ORDERED),
    ],
)
async def test_the_status_that_the_answer_tells_counts_where_its_order_cannot_be_read(
    status: str, state: OrderState, left_out: str, fault: int
) -> None:
    async with staged(rewrite=lacking(status, left_out)) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Answer(status=fault, body="problem"), "getOrder", times=None)
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is state
        (order,) = placed.orders
        assert order.status == (None if status == "confirmed" else status)
        assert (order.total is None) is (left_out == "totalAmountInclTax")
        assert (order.reference is None) is (left_out == "reference")
        assert (order.tickets is None) is (left_out == "items")
        assert len(stage.sandbox.orders()) == 1


@pytest.mark.parametrize("fault", [404, 500, 503])
@pytest.mark.parametrize("status", ["failed", "processing", "cancelled", "confirmed"])
async def test_an_order_that_cannot_be_read_is_not_told_as_done_to_who_repeats_the_call(
    status: str, fault: int
) -> None:
    async with staged(rewrite=calling(status)) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        (order,) = (await stage.place(hold, confirmation=nonce)).orders
        stage.sandbox.faults.add(Answer(status=fault, body="problem"), "getOrder", times=None)
        again = await stage.place(hold, confirmation=nonce)
        assert (again.state, again.replayed) == (OrderState.IN_DOUBT, True)
        assert [o.id for o in again.orders] == [order.id]
        said = _next(again)
        assert "Do not order again" in said
        assert "get_tickets" in said
        assert "answer is missing" not in said


async def test_an_order_that_is_shown_without_a_status_has_that_of_its_answer() -> None:
    def rewrite(path: str, body: dict[str, Any]) -> None:
        lacking("failed", "reference")(path, body)
        if "/orders/" in path and "status" in body:
            del body["status"]

    async with staged(rewrite=rewrite) as stage:
        placed = await stage.ordered(await stage.held())
        assert (placed.state, placed.orders[0].status) == (OrderState.IN_DOUBT, "failed")


@pytest.mark.parametrize("status", CANCELLED)
async def test_an_order_that_the_issuer_cancelled_at_once_is_told_so(status: str) -> None:
    async with staged(rewrite=calling(status)) as stage:
        for placed in await made(stage, "park_offer"):
            assert placed.state is OrderState.FAILED
            assert _next(placed).startswith("The issuer cancelled")
            assert "reserve" not in _next(placed)


@pytest.mark.parametrize("status", STANDING)
async def test_a_confirmed_order_is_ordered_whatever_the_letters(status: str | None) -> None:
    async with staged(rewrite=calling(status)) as stage:
        for placed in await made(stage, "park_offer"):
            assert (placed.state, placed.orders[0].status) == (OrderState.ORDERED, None)


async def test_an_order_cancelled_since_is_told_so_to_who_repeats_the_call(stage: Stage) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    (order,) = (await stage.place(hold, confirmation=nonce)).orders
    stage.sandbox.cancel_order(order.id)
    again = await stage.place(hold, confirmation=nonce)
    assert (again.state, again.replayed) == (OrderState.FAILED, True)
    assert again.orders[0].status == "cancelled"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("failed", OrderState.IN_DOUBT),
        ("processing", OrderState.IN_DOUBT),
        ("cancelled", OrderState.PARTIALLY_ORDERED),
    ],
)
async def test_of_several_orders_each_says_what_the_issuer_calls_it(
    status: str, state: OrderState
) -> None:
    async with staged(rewrite=calling(status, only_first=True)) as stage:
        first = await stage.held()
        second = (await stage.reserve(stage.wish("park_offer"), again=True)).holds[0]
        placed = await stage.ordered(first, second)
        assert placed.state is state
        assert sorted(str(order.status) for order in placed.orders) == ["None", status]
        assert "rder again" in _next(placed) or "rder any of it again" in _next(placed)


@pytest.mark.parametrize("status", ["confirmed", "Booked", "processing", "failed", None, ""])
@pytest.mark.parametrize(
    ("cancelled_at", "said"),
    [
        ("2026-06-01T09:05:00+00:00", "cancelled"),
        ("soon", ", but whether it was cancelled cannot be read"),
        (1780000000, ", but whether it was cancelled cannot be read"),
        (True, ", but whether it was cancelled cannot be read"),
    ],
)
async def test_no_order_is_called_confirmed_where_its_cancellation_says_otherwise(
    status: str | None, cancelled_at: object, said: str
) -> None:
    from korus_mcp.answers.orders import whole_view
    from korus_mcp.booking.order_search import OrderQuery, OrderWindow
    from korus_mcp.tools.find_orders import OrderRow

    def cancelled(path: str, body: dict[str, Any]) -> None:
        rows = body.get("member") if path.endswith("/orders") else body.get("orders", [body])
        for order in rows or ():
            if isinstance(order, dict) and "externalReference" in order:
                order.update(status=status, cancelledAt=cancelled_at)

    wanted = said if said == "cancelled" else f"{status or 'unknown'}{said}"
    async with staged(rewrite=cancelled) as stage:
        (placed, again) = await made(stage, "park_offer")
        assert [p.orders[0].status for p in (placed, again)] == [wanted, wanted]
        order_id = placed.orders[0].id
        found = await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        shown = whole_view(stage.app, found)
        assert shown.status == wanted
        assert f"({wanted}, sandbox" in shown.text()
        reference = found.order.external_reference
        assert isinstance(reference, str)
        for query in (OrderQuery(reference), OrderQuery(None)):
            rows = await stage.app.booking.orders.find(OWNER, query, OrderWindow(None, 0, 10))
            assert [OrderRow.of(order).status for order in rows.orders] == [wanted]


@pytest.mark.parametrize("status", [*ENDED, *OVER, "processing"])
async def test_tickets_of_an_order_that_is_not_confirmed_are_not_waited_for_for_ever(
    status: str,
) -> None:
    from korus_mcp.answers.orders import whole_view

    def without_documents(path: str, body: dict[str, Any]) -> None:
        calling(status)(path, body)
        if path.endswith("/documents"):
            body.update(member=[], totalItems=0)

    async with staged(rewrite=without_documents) as stage:
        found = await stage.app.booking.tickets.of_order(OWNER, await stage.bought(), "en")
        said = whole_view(stage.app, found).next
        assert ("support" in said) is (status != "processing")
        assert "o not order again" in said
        assert found.is_complete is (status != "processing")


@pytest.mark.parametrize("created", [True, False], ids=["created", "no moment"])
@pytest.mark.parametrize("status", [*PENDING, "validated"])
async def test_an_order_that_is_still_not_confirmed_after_an_hour_is_for_the_support(
    status: str, created: bool
) -> None:
    from korus_mcp.answers.orders import whole_view

    def rewrite(path: str, body: dict[str, Any]) -> None:
        calling(status)(path, body)
        for order in body.get("orders", [body]):
            if not created:
                order.pop("createdAt", None)
        if path.endswith("/documents"):
            body.update(member=[], totalItems=0)

    async with staged(rewrite=rewrite) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        early = await stage.place(hold, confirmation=nonce)
        tickets = stage.app.booking.tickets
        stage.move(3590)
        for placed in (early, await stage.place(hold, confirmation=nonce)):
            assert "Call get_tickets with its order_id in a minute" in _next(placed)
        found = await tickets.of_order(OWNER, early.orders[0].id, "en")
        if created:
            assert "has not confirmed this order yet" in whole_view(stage.app, found).next
            assert not found.is_complete
        stage.move(20)
        late = await stage.place(hold, confirmation=nonce)
        assert late.state is OrderState.IN_DOUBT
        found = await tickets.of_order(OWNER, early.orders[0].id, "en")
        assert found.is_complete, "nobody waits for it any more"
        for said in (_next(late), whole_view(stage.app, found).next):
            assert "Do not order again" in said
            assert "support" in said
            assert "in a minute" not in said


def hidden(reservation: object, *, as_addresses: bool = False) -> Any:
    """Orders that name their reservation so when they are made, and that no look-up finds."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/orders/_bulk"):
            for order in body["orders"]:
                order["reservation"] = reservation
            if as_addresses:
                body["orders"] = [order["@id"] for order in body["orders"]]
        elif path.endswith("/orders"):
            body.update(member=[], totalItems=0)
        elif "/reservations/" in path:
            body["order"] = None

    return rewrite


@pytest.mark.parametrize("as_addresses", [False, True])
async def test_the_only_order_of_an_answer_is_that_of_the_only_reservation(
    as_addresses: bool,
) -> None:
    async with staged(rewrite=hidden(None, as_addresses=as_addresses)) as stage:
        for placed in await made(stage, "park_offer"):
            assert placed.state is OrderState.ORDERED
            assert placed.orders[0].id == stage.sandbox.orders()[0].id


@pytest.mark.parametrize("reservation", ["/v1/booking/reservations/another", 7])
async def test_an_order_that_names_another_reservation_or_nobody_knows_which_stays_in_doubt(
    reservation: object,
) -> None:
    async with staged(rewrite=hidden(reservation)) as stage:
        for placed in await made(stage, "park_offer"):
            assert placed.state is OrderState.IN_DOUBT
            assert placed.orders == ()


async def test_of_two_orders_that_name_none_nobody_guesses_which_is_which() -> None:
    async with staged(rewrite=hidden(None)) as stage:
        first = await stage.held()
        second = (await stage.reserve(stage.wish("park_offer"), again=True)).holds[0]
        assert (await stage.ordered(first, second)).state is OrderState.IN_DOUBT
