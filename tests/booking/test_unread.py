"""Odd amounts, days and figures of an issuer: refused in quote, hold and order alike, and told."""

import re
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.answers.availability import SessionView
from korus_mcp.answers.holds import HoldView
from korus_mcp.answers.reservations import reservations_view
from korus_mcp.booking.approval import KEPT_SECONDS
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.quote import Quote
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import UNKNOWN_END
from korus_mcp.sandbox import DropAfter, DropBefore
from korus_mcp.tools.question_text import order_question as words_of
from korus_mcp.tools.reserve import FailedView
from korus_mcp.tools.reserve import _next as next_of
from tests.booking.stage import OWNER, Rewrite, order_call, staged

pytestmark = pytest.mark.anyio
HOLD = "createReservations"
ORDER = "createOrders"


def of_offers(**changes: Any) -> Rewrite:
    """Changes what the offer itself tells."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("member", ())):
            if "realtimePriceRequired" in each:
                each.update(changes)

    return rewrite


def priced(**changes: Any) -> Rewrite:
    """Changes the price of each offer."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("member", ())):
            if "realtimePriceRequired" in each:
                each["price"] = each["price"] | changes

    return rewrite


def available(**changes: Any) -> Rewrite:
    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/availability"):
            body.update(changes)

    return rewrite


def of_holds(**changes: Any) -> Rewrite:
    """Changes each reservation, wherever it is told."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("reservations", ()), *body.get("member", ())):
            if "expiresAt" in each:
                each.update(changes)

    return rewrite


def of_lines(**changes: Any) -> Rewrite:
    """Changes each line of each reservation."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("reservations", ())):
            if "expiresAt" in each:
                for item in each["items"]:
                    item.update(changes)

    return rewrite


class Later:
    """Changes answers only once it is told to."""

    def __init__(self, rewrite: Rewrite) -> None:
        self._rewrite = rewrite
        self.is_on = False

    def __call__(self, path: str, body: dict[str, Any]) -> None:
        if self.is_on:
            self._rewrite(path, body)


async def quoted(rewrite: Rewrite, landmark: str = "park_offer", selling: str = "park") -> Quote:
    async with staged(rewrite=rewrite, selling=(selling,)) as stage:
        return await stage.app.quotes.of_offer(stage.handle(landmark), "en")


BAD_OFFERS = [
    (priced(amountInclTax="-1.00"), Code.NOT_BOOKABLE, "below zero"),
    (priced(amountInclTax="45,00"), Code.NOT_BOOKABLE, "its price cannot be read"),
    (priced(amountInclTax=True), Code.NOT_BOOKABLE, "its price cannot be read"),
    (of_offers(price="45.00"), Code.NOT_BOOKABLE, "its price cannot be read"),
    (priced(currency="XPF"), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (priced(currency="€"), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (priced(currency={"code": "EUR"}), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (priced(currencyCode="USD"), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (priced(money={"priceCurrency": "USD"}), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (of_offers(currency="CHF"), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (of_offers(prices=[{"currency": "CHF"}]), Code.UNSUPPORTED_CURRENCY, "not in euro"),
    (of_offers(date="31/12/2026"), Code.NOT_BOOKABLE, "its day cannot be read"),
    (of_offers(date=20261231), Code.NOT_BOOKABLE, "its day cannot be read"),
    (
        of_offers(product={"id": "p", "disabled": "perhaps"}),
        Code.NOT_BOOKABLE,
        "whether it is sold",
    ),
    (of_offers(product={"id": "p", "disabled": True}), Code.NOT_BOOKABLE, "does not sell it"),
    (available(availableQuantity={"value": 0}), Code.NOT_BOOKABLE, "what is left of it"),
    (available(availableQuantity="sold_out"), Code.NOT_BOOKABLE, "what is left of it"),
    (available(availableQuantity=0.5), Code.NOT_BOOKABLE, "what is left of it"),
    (available(availableQuantity=-3), Code.SOLD_OUT, "sold out"),
]


@pytest.mark.parametrize(("rewrite", "code", "words"), BAD_OFFERS)
async def test_an_offer_told_oddly_is_neither_bookable_nor_held(
    rewrite: Rewrite, code: Code, words: str
) -> None:
    async with staged(rewrite=rewrite) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, words in obstacle.reason) == (code, True)
        with pytest.raises(Refusal) as refused:
            await stage.held()
        assert refused.value.code is code
        assert stage.sent(HOLD) == 0


async def test_a_price_that_came_as_a_number_is_that_price() -> None:
    quote = await quoted(priced(amountInclTax=35.1))
    assert str(quote.price) == "35.10 EUR"
    assert quote.obstacle(1) is None


@pytest.mark.parametrize("required", ["perhaps", {}, 7])
async def test_where_nobody_knows_whether_a_price_is_live_it_is_asked(required: object) -> None:
    async with staged(rewrite=of_offers(realtimePriceRequired=required)) as stage:
        await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        assert stage.sent("getOfferPrice") == 1


@pytest.mark.parametrize(
    ("amount", "words"), [("21,00", "its price cannot be read"), (None, "states no price")]
)
async def test_a_live_price_that_tells_nothing_is_not_the_listed_one(
    amount: object, words: str
) -> None:
    def unclear(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/price"):
            body["amountInclTax"] = amount

    obstacle = (await quoted(unclear, "dynamic_price_offer", "museum")).obstacle(1)
    assert obstacle is not None
    assert words in obstacle.reason


async def test_a_live_price_in_another_currency_is_refused_whatever_that_is_called() -> None:
    def foreign(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/price"):
            body["priceCurrency"] = "CHF"

    obstacle = (await quoted(foreign, "dynamic_price_offer", "museum")).obstacle(1)
    assert obstacle is not None
    assert obstacle.code is Code.UNSUPPORTED_CURRENCY


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("2026-12-04T23:00:00+00:00", "2026-12-05"),
        ("2026-12-05T00:00:00+01:00", "2026-12-05"),
        ("2026-12-05T00:00:00", "2026-12-05"),
        ("2026-07-04T21:59:59Z", "2026-07-04"),
        ("2026-07-04T22:00:00Z", "2026-07-05"),
    ],
)
async def test_a_moment_is_the_day_at_the_venue(told: str, day: str) -> None:
    quote = await quoted(of_offers(date=told))
    assert str(quote.day) == day
    assert quote.obstacle(1) is None


async def test_a_moment_is_no_day_where_nobody_knows_the_zone() -> None:
    def unzoned(path: str, body: dict[str, Any]) -> None:
        of_offers(date="2026-12-04T23:00:00+00:00")(path, body)
        if "timezone" in body:
            body["timezone"] = "Mars/Olympus"

    obstacle = (await quoted(unzoned)).obstacle(1)
    assert obstacle is not None
    assert obstacle.reason == "its day cannot be read"


def of_sessions(field: str, value: object) -> Rewrite:
    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in body.get("sessionsAvailability", ()) if field == "live" else ():
            each["availableQuantity"] = value
        for each in body["member"] if path.endswith("/sessions") and field != "live" else ():
            each[field] = value

    return rewrite


@pytest.mark.parametrize(
    ("rewrite", "words"),
    [
        (of_sessions("live", "few"), "what is left in a session"),
        (of_sessions("startsAt", "tonight"), "the time of a session"),
        (of_sessions("startsAt", "1796425200"), "the time of a session"),
        (of_sessions("startsAt", "0"), "the time of a session"),
        (of_sessions("startsAt", "2026-06-01T20:00:00"), "the time of a session"),
        (of_sessions("startsAt", "1796155200"), "the time of a session"),
        (available(sessionsAvailability="none"), "what is left in its sessions"),
    ],
)
async def test_a_session_told_oddly_cannot_be_chosen(rewrite: Rewrite, words: str) -> None:
    async with staged(rewrite=rewrite, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert obstacle.reason == f"{words} cannot be read"
        session = next(s for _, s in quote.sessions())
        with pytest.raises(Refusal) as refused:
            await stage.reserve(stage.wish("timed_offer", 1, session.id))
        assert refused.value.code is Code.NOT_BOOKABLE
        assert stage.sent(HOLD) == 0


async def test_whether_a_session_is_needed_must_be_readable() -> None:
    def unclear(path: str, body: dict[str, Any]) -> None:
        for each in body["member"] if path.endswith("/tickets") else ():
            each["dateAccess"] = "sometimes"

    obstacle = (await quoted(unclear)).obstacle(1)
    assert obstacle is not None
    assert obstacle.reason == "whether a session must be chosen cannot be read"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("a few", "how many of it one order may hold cannot be read"),
        (0, "the issuer allows none of it in an order"),
        (-1, "the issuer allows none of it in an order"),
    ],
)
async def test_a_limit_of_the_issuer_that_allows_nothing_is_told_before_the_hold(
    told: object, reason: str
) -> None:
    def unclear(path: str, body: dict[str, Any]) -> None:
        if "maxAmountPerOrder" in body:
            body["maxAmountPerOrder"] = told

    async with staged(rewrite=unclear) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, obstacle.reason) == (Code.NOT_BOOKABLE, reason)
        with pytest.raises(Refusal) as refused:
            await stage.held()
        assert refused.value.code is Code.NOT_BOOKABLE
        assert stage.sent(HOLD) == 0


BAD_HOLDS = [
    (of_holds(currency="CHF"), Code.UNSUPPORTED_CURRENCY),
    (of_lines(currency="CHF"), Code.UNSUPPORTED_CURRENCY),
    (of_lines(unitPrice={"currency": "CHF"}), Code.UNSUPPORTED_CURRENCY),
    (of_holds(price={"amount": "45.00", "currencyCode": "USD"}), Code.UNSUPPORTED_CURRENCY),
    (of_holds(totalAmountInclTax="-45.00"), Code.NOT_BOOKABLE),
    (of_holds(totalAmountInclTax="44.99"), Code.NOT_BOOKABLE),
    (of_holds(totalAmountInclTax=None), Code.NOT_BOOKABLE),
    (of_holds(totalAmountInclTax="45,00"), Code.NOT_BOOKABLE),
    (of_holds(items=[]), Code.NOT_BOOKABLE),
    (of_lines(amountInclTax="-45.00"), Code.NOT_BOOKABLE),
    (of_lines(date="tomorrow"), Code.NOT_BOOKABLE),
    (of_holds(status=None), Code.NOT_BOOKABLE),
    (of_holds(status=""), Code.NOT_BOOKABLE),
    (of_holds(status="on_hold"), Code.NOT_BOOKABLE),
    (of_holds(status=3), Code.NOT_BOOKABLE),
]


@pytest.mark.parametrize(("rewrite", "code"), BAD_HOLDS)
async def test_a_hold_told_oddly_is_refused_once_and_not_made_again(
    rewrite: Rewrite, code: Code
) -> None:
    async with staged(rewrite=rewrite) as stage:
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                await stage.held()
            assert (refused.value.code, refused.value.effect) == (code, Effect.HELD)
        assert stage.sent(HOLD) == 1


@pytest.mark.parametrize(("rewrite", "code"), BAD_HOLDS)
async def test_a_hold_that_turned_odd_after_the_yes_is_not_ordered(
    rewrite: Rewrite, code: Code
) -> None:
    later = Later(rewrite)
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        later.is_on = True
        for changes in ({}, {"confirmation": nonce}):
            with pytest.raises(Refusal) as refused:
                await stage.place(hold, **changes)
            assert refused.value.code is code
        assert stage.sent(ORDER) == 0


@pytest.mark.parametrize(
    "end", [None, "in ten minutes", 1780000000, "899", "1780000000.5", "2026-06-01T09:10:00"]
)
async def test_a_hold_without_a_readable_end_is_held_and_ordered(end: object) -> None:
    async with staged(rewrite=of_holds(expiresAt=end)) as stage:
        hold = await stage.held()
        assert (hold.expires_at, hold.seconds_left) == (None, None)
        assert (await stage.held()).id == hold.id, "the same hold, not a new one"
        assert stage.sent(HOLD) == 1
        placed = await stage.ordered(hold)
        assert placed.state is OrderState.ORDERED
        assert (await stage.place(hold)).replayed
        assert stage.sent(ORDER) == 1


@pytest.mark.parametrize("known", [False, True], ids=["none told", "one of two told"])
async def test_an_order_is_in_doubt_for_as_long_as_an_end_nobody_knows_may_be_ahead(
    known: bool,
) -> None:
    """The hold lives: an order of it may still appear, and what is told must not buy it again."""

    def endless(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("reservations", ())):
            if "expiresAt" in each:
                is_first = known and each["totalAmountInclTax"] == "45.00"
                each["expiresAt"] = "2026-06-01T09:01:00+00:00" if is_first else None

    async with staged(rewrite=endless) as stage:
        wishes = [stage.wish("park_offer"), *([stage.wish("undated_offer")] if known else ())]
        holds = (await stage.reserve(*wishes)).holds
        nonce = await stage.confirmed(*holds)
        stage.sandbox.faults.add(DropBefore(), ORDER)
        assert (await stage.place(*holds, confirmation=nonce)).state is OrderState.IN_DOUBT
        settle = stage.settings.settle_seconds
        stage.move(75 + settle + 30)
        await stage.app.booking.reconciler.reconcile()
        assert all(r.expires_at > stage.clock.now() for r in stage.sandbox.reservations())
        assert (await stage.place(*holds)).state is OrderState.IN_DOUBT
        stage.move(UNKNOWN_END.total_seconds())
        await stage.app.booking.reconciler.reconcile()
        assert (await stage.place(*holds)).state is OrderState.FAILED
        assert stage.sent(ORDER) == 1


async def test_a_hold_that_tells_no_end_is_not_answered_for_ever() -> None:
    async with staged(rewrite=of_holds(expiresAt=None, expired=None)) as stage:
        wish = stage.wish("undated_offer")
        first = await stage.reserve(wish)
        stage.move(UNKNOWN_END.total_seconds() - 60)
        assert (await stage.reserve(wish)).holds[0].id == first.holds[0].id
        stage.move(60)
        anew = await stage.reserve(wish)
        assert (anew.replayed, anew.holds[0].id == first.holds[0].id) == (False, False)
        assert (await stage.reserve(wish)).holds[0].id == anew.holds[0].id
        assert stage.sent(HOLD) == 2


@pytest.mark.parametrize("name", ["expiresAt", "createdAt"])
@pytest.mark.parametrize("told", ["in {} seconds", "{}"])
async def test_a_moment_told_as_what_is_left_keeps_nobody_from_ordering(
    name: str, told: str
) -> None:
    """It reads differently each time, and says nothing else each time."""
    left = iter(range(899, 0, -1))

    def running(path: str, body: dict[str, Any]) -> None:
        of_holds(**{name: told.format(next(left))})(path, body)

    async with staged(rewrite=running) as stage:
        placed = await stage.ordered(await stage.held())
        assert placed.state is OrderState.ORDERED


@pytest.mark.parametrize(
    "terms", ["half \ud800 a character", {"note": ["\udfff"]}, {"\udc00": 1}], ids=ascii
)
async def test_half_a_character_among_the_terms_keeps_nobody_from_ordering(terms: object) -> None:
    async with staged(rewrite=of_holds(conditions=terms)) as stage:
        placed = await stage.ordered(await stage.held())
        assert placed.state is OrderState.ORDERED


@pytest.mark.parametrize("status", ["RESERVED", "Reserved "])
async def test_a_state_in_capitals_is_that_state(status: str) -> None:
    async with staged(rewrite=of_holds(status=status)) as stage:
        hold = await stage.held()
        assert (await stage.held()).id == hold.id, "the same hold, not a new one"
        assert (await stage.ordered(hold)).state is OrderState.ORDERED


@pytest.mark.parametrize("status", ["released", "RELEASED", "cancelled", "expired"])
async def test_what_was_let_go_is_over_and_held_anew(status: str) -> None:
    later = Later(of_holds(status=status))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        later.is_on = True
        (let_go,) = await stage.app.booking.holds.read(OWNER, [hold.id], "en")
        assert not let_go.can_be_ordered(stage.app.api)
        later.is_on = False
        stage.move(3600)
        assert (await stage.held()).id != hold.id


MAY_MEAN_ORDERED: list[dict[str, Any]] = [
    {"status": "paid"},
    {"status": "Confirmed"},
    {"status": "validated"},
    {"status": {}},
    {"status": ["ordered"]},
    {"order": 5},
]


@pytest.mark.parametrize("over", [{}, {"expired": True}, {"expiresAt": "2026-06-01T08:00:00Z"}])
@pytest.mark.parametrize("changes", MAY_MEAN_ORDERED, ids=str)
async def test_what_may_have_been_ordered_is_never_held_or_bought_again(
    changes: dict[str, Any], over: dict[str, Any]
) -> None:
    later = Later(of_holds(**changes, **over))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        later.is_on = True
        for seconds in (0, 3600, 100_000):
            stage.move(seconds)
            with pytest.raises(Refusal) as again:
                await stage.held()
            assert (again.value.code, again.value.effect) == (Code.NOT_BOOKABLE, Effect.HELD)
            with pytest.raises(Refusal) as placed:
                await stage.place(hold)
            seen = await reservations_view(stage.app, [hold.id], "en")
            assert [each.state for each in seen.reservations] == ["held"]
            for said in (again.value.next_step, placed.value.next_step, seen.next):
                assert re.search("do not reserve (or order )?it again", said, re.IGNORECASE)
                assert "find_orders" in said
                assert "lapses" not in said
                assert "another offer" not in said
        assert (stage.sent(HOLD), stage.sent(ORDER)) == (1, 0)


async def test_what_may_have_been_ordered_is_told_beside_what_is_held() -> None:
    """Neither has it held again, nor another in its place."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.rpartition("/")[2] in odd:
            body["status"] = "paid"

    odd: set[str] = set()
    async with staged(rewrite=rewrite) as stage:
        wishes = (stage.wish("park_offer"), stage.wish("park_offer", 2))
        first, second = (await stage.reserve(*wishes)).holds
        odd.add(first.id)
        reserved = await stage.reserve(*wishes)
        assert (reserved.state, reserved.replayed) == (ReserveState.PARTLY_HELD, True)
        assert [hold.id for hold in reserved.holds] == [second.id]
        (failed,) = reserved.failed
        assert failed.may_have_been_ordered
        assert failed.message == (
            "held before; whether it was ordered cannot be read: do not reserve it again"
        )
        said = next_of(reserved, (), has_alternatives=False)
        assert said.startswith("Do not reserve anew what may be ordered: call find_orders")
        stage.move(3600)
        with pytest.raises(Refusal, match="Do not reserve it again"):
            await stage.reserve(*wishes)
        assert stage.sent(HOLD) == 1


async def test_an_order_that_is_named_nowhere_is_looked_for_and_not_bought_again() -> None:
    later = Later(of_holds(status="ordered"))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        later.is_on = True
        seen = await reservations_view(stage.app, [hold.id], "en")
        assert seen.reservations[0].state == "ordered"
        assert seen.next == (
            "One was ordered, and its order_id is not told: do not reserve or order it again. "
            "Call find_orders for it, then get_tickets."
        )


async def test_what_says_that_it_was_ordered_is_not_bought_again() -> None:
    later = Later(of_holds(status="ordered"))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        later.is_on = True
        with pytest.raises(Refusal) as refused:
            await stage.place(hold)
        assert refused.value.code is Code.ALREADY_ORDERED


async def test_a_total_that_moved_by_less_than_a_cent_is_not_ordered() -> None:
    later = Later(of_holds(totalAmountInclTax="45.004"))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        later.is_on = True
        with pytest.raises(Refusal) as refused:
            await stage.place(hold, confirmation=nonce)
        assert refused.value.code is Code.NOT_BOOKABLE
        (shown,) = await stage.app.booking.holds.read(OWNER, [hold.id], "en")
        assert (shown.total, shown.unread) == (None, ("its total",))
        assert not stage.sandbox.orders()


async def test_what_an_order_may_cost_counts_the_lines() -> None:
    def dearer(path: str, body: dict[str, Any]) -> None:
        of_lines(amountInclTax=None)(path, body)
        of_holds(totalAmountInclTax=1000.5)(path, body)

    async with staged(rewrite=dearer, max_order_amount=Decimal(1000)) as stage:
        with pytest.raises(Refusal) as refused:
            await stage.ordered(await stage.held())
        assert refused.value.code is Code.LIMIT_EXCEEDED


async def test_one_of_two_holds_told_oddly_is_named_beside_the_other() -> None:
    def odd(path: str, body: dict[str, Any]) -> None:
        for each in body.get("reservations", ())[:1]:
            each["currency"] = "CHF"

    async with staged(rewrite=odd) as stage:
        reserved = await stage.reserve(stage.wish("park_offer"), stage.wish("undated_offer"))
        assert len(reserved.holds) == 1
        assert [(f.offer_id, f.code) for f in reserved.failed] == [
            (str(stage.handle("park_offer")), "UNSUPPORTED_CURRENCY")
        ]
        (shown,) = (FailedView.of(f, []) for f in reserved.failed)
        assert shown.text().endswith(
            "held, but cannot be ordered: its total is not in euro (UNSUPPORTED_CURRENCY)"
        )


async def test_an_order_of_our_reference_that_names_nothing_keeps_the_doubt() -> None:
    """It may be the one: that it cannot be read is no proof that none was made."""

    def nameless(path: str, body: dict[str, Any]) -> None:
        if path.startswith("/v1/booking/reservations/"):
            body["order"] = None
        for each in body["member"] if path == "/v1/booking/orders" else ():
            each["reservation"] = {"name": "?"}

    later = Later(nameless)
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        later.is_on = True
        stage.sandbox.faults.add(DropAfter(), ORDER)
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is OrderState.IN_DOUBT
        stage.move(3600)
        await stage.app.booking.reconciler.reconcile()
        assert (await stage.place(hold)).state is OrderState.IN_DOUBT


@pytest.mark.parametrize("entry", [None, True, {}, "", [], {"reservation": None}])
async def test_a_failure_that_says_nothing_proves_no_failure(entry: object) -> None:
    """The order was made: what is told must not buy it again."""

    def mute(path: str, body: dict[str, Any]) -> None:
        if path == "/v1/booking/orders/_bulk":
            body.clear()
            body.update(orders=[], failedOrders=[entry])

    async with staged(rewrite=mute) as stage:
        hold = await stage.held()
        placed = await stage.ordered(hold)
        assert placed.state is not OrderState.FAILED
        await stage.app.booking.reconciler.reconcile()
        assert (await stage.place(hold)).state is OrderState.ORDERED
        assert stage.sent(ORDER) == 1


async def test_the_question_says_that_nobody_knows_when_a_hold_ends() -> None:
    later = Later(of_holds(expiresAt=None))
    async with staged(rewrite=later) as stage:
        known = await stage.held()
        both = [known, await stage.held("undated_offer")]
        assert known.expires_at is not None
        ordering = stage.app.booking.ordering
        asked = await ordering.question(order_call(*both))
        assert asked is not None
        assert "a time not stated" not in words_of(asked, "sandbox")
        later.is_on = True
        asked = await ordering.question(order_call(*both))
        assert asked is not None
        assert "Held until: a time not stated" in words_of(asked, "sandbox")
        assert (asked.closes_at - asked.asked_at).total_seconds() == KEPT_SECONDS


async def test_a_session_says_why_it_cannot_be_chosen() -> None:
    rewrite = of_sessions("startsAt", "tonight")
    quote = await quoted(rewrite, "timed_offer", "museum")
    session = next(s for _, s in quote.sessions())
    shown = SessionView.of(session, 1, None)
    assert not shown.enough
    assert "(the time of a session cannot be read)" in shown.text()


async def test_a_hold_says_why_it_cannot_be_ordered() -> None:
    later = Later(of_holds(currency="CHF"))
    async with staged(rewrite=later) as stage:
        hold = await stage.held()
        assert "cannot be ordered" not in HoldView.of(hold).text()
        later.is_on = True
        view = await reservations_view(stage.app, [hold.id], "en")
        assert "cannot be ordered: its total is not in euro" in view.text()
        assert view.next == (
            "It cannot be ordered and lapses unused, at no cost: choose another offer."
        )
