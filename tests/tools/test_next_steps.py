"""What an answer says to do next: never a second purchase, never a loop without an end."""

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.answers.reservations import next_of
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.booking.reservations import Reservations
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import MEANINGS, Code, Effect, Refusal
from korus_mcp.resources.help import BOOKING
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropBefore
from tests.booking.stage import OWNER, staged
from tests.fixtures.assistant import CUSTOMER, Desk

pytestmark = pytest.mark.anyio
IF_WANTED = (
    "If the person wants it: place_order answers the words to show them. Otherwise the hold "
    "lapses, at no cost."
)
BUYS_AGAIN = re.compile(r"\bcall reserve\b|(?<!not )\breserve (again|anew|the rest)", re.IGNORECASE)
UNTIL_SHOWN = 75 + 300
"""Seconds after a call until what it made must be shown."""
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STANDINGS = ("held", "ending", "expired", "released", "ordered", "in_doubt", "new")


async def two_holds(desk: Desk, offer: str = "park_offer") -> tuple[str, str]:
    """Two holds of the same: the second made a minute before the first is over."""
    items = [{"offer_id": desk.handle(offer), "quantity": 1}]
    first = (await desk.call("reserve", items=items))["reservations"][0]
    desk.clock.advance(first["seconds_left"] - 60)
    second = (await desk.call("reserve", items=items, again=True))["reservations"][0]
    return first["reservation_id"], second["reservation_id"]


async def look(desk: Desk, *ids: str) -> tuple[list[str], str]:
    """States and the next step of reservations; the resource of each says the same of it alone."""
    seen = await desk.call("get_reservation", reservation_ids=list(ids))
    states = [r["state"] for r in seen["reservations"]]
    for each, state in zip(ids, states, strict=True):
        alone = await desk.resource(f"korus://reservations/{each}")
        assert alone["state"] == state
        of_one = await desk.call("get_reservation", reservation_ids=[each])
        assert alone["next"] == of_one["next"]
    return states, seen["next"]


def hold(place: int, standing: str) -> Hold:
    """A hold that stands so."""
    state = "held" if standing in ("ending", "in_doubt") else standing
    state = "in_doubt" if standing == "new" else state  # made a moment ago, and not shown yet
    left = {"held": 300, "in_doubt": 300, "ending": 9}.get(standing, 0)
    return Hold(
        id=f"r{place}",
        state=HoldState(state),
        lines=(Line(product="Adult", quantity=1, amount=None),),
        total=Money(Decimal(45)),
        expires_at=NOW + timedelta(seconds=left),
        seconds_left=left,
        order_id="o1" if standing == "ordered" else None,
        seats=(),
        seats_together=None,
        catalog_id=None,
    )


def together(standings: Sequence[str]) -> Reservations:
    """Reservations that stand so, one each."""
    named = {f"r{place}": standing for place, standing in enumerate(standings)}
    return Reservations(
        holds=tuple(hold(place, standing) for place, standing in enumerate(named.values())),
        in_doubt=frozenset(i for i, standing in named.items() if standing == "in_doubt"),
        can_be_ordered=frozenset(i for i, s in named.items() if s in ("held", "in_doubt")),
        look_again_in=10 if "new" in standings else None,
    )


MIXTURES = [
    mixture
    for size in range(1, len(STANDINGS) + 1)
    for mixture in itertools.combinations(STANDINGS, size)
]


@pytest.mark.parametrize("mixture", MIXTURES, ids="+".join)
def test_each_mixture_of_states_has_one_next_step_that_buys_nothing_twice(
    mixture: tuple[str, ...],
) -> None:
    for arranged in (mixture, mixture[::-1]):
        said = next_of(together(arranged))
        stands = {"ordered", "in_doubt", "held", "new"} & set(mixture)
        assert bool(BUYS_AGAIN.search(said)) is not bool(stands), said
        assert ("get_tickets" in said) is ("ordered" in mixture and "in_doubt" not in mixture)
        is_open = bool({"in_doubt", "new"} & set(mixture))
        assert ("call get_reservation" in said.lower()) is is_open
        assert said.endswith(IF_WANTED) is ("in_doubt" not in mixture and "held" in mixture)
        if "in_doubt" in mixture:
            assert said.startswith("Do not reserve or order again")


async def test_what_replaced_an_expired_hold_and_was_ordered_is_not_bought_once_more(
    desk: Desk,
) -> None:
    first, second = await two_holds(desk)
    desk.clock.advance(100)
    made = await desk.order(second)
    states, said = await look(desk, first, second)
    assert states == ["expired", "ordered"]
    assert said.startswith("Call get_tickets with the order_id.")
    assert not BUYS_AGAIN.search(said)
    seen = await desk.ask("get_reservation", {"reservation_ids": [first, second]})
    assert made["orders"][0]["order_id"] in seen.text


async def test_a_hold_beside_an_expired_one_is_ordered_or_lapses(desk: Desk) -> None:
    first, second = await two_holds(desk)
    desk.clock.advance(100)
    assert await look(desk, first, second) == (
        ["expired", "held"],
        f"Leave out what is over: it cost nothing. {IF_WANTED}",
    )
    asked = {"reservation_ids": [first, second], "customer": CUSTOMER}
    refused = await desk.ask("place_order", asked)
    assert refused.code == "HOLD_EXPIRED"
    assert refused.fields == {"reservation_ids.0": "over"}
    assert "only for what is over" in refused.error["next"]


async def test_an_order_in_doubt_beside_an_expired_hold_says_until_when(desk: Desk) -> None:
    first, second = await two_holds(desk)
    desk.clock.advance(100)
    desk.sandbox.faults.add(DropBefore(), "createOrders")
    made = await desk.order(second)
    assert made["state"] == "in_doubt"
    states, said = await look(desk, first, second)
    assert states == ["expired", "in_doubt"]
    assert not BUYS_AGAIN.search(said)
    for told in (said, made["next"]):
        assert f"while it is in_doubt: it is settled by {made['not_later_than']} at the" in told
    assert "The same place_order call again sends no second order." in made["next"]
    again = await desk.call("place_order", reservation_ids=[second], customer=CUSTOMER)
    assert again["state"] == "in_doubt"
    assert desk.sent("createOrders") == 1


async def test_a_summary_says_what_is_for_the_person_and_what_for_the_call(desk: Desk) -> None:
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    held = await desk.call("reserve", items=items)
    ids = [held["reservations"][0]["reservation_id"]]
    summary = await desk.ask("place_order", {"reservation_ids": ids, "customer": CUSTOMER})
    said = (
        "Show the person goods, seats, total, buyer, notes and terms, without ids. Ask once, for "
        "their yes"
    )
    assert said in summary.data["next"]
    assert said in summary.text


async def test_a_page_of_products_never_passes_for_all(desk: Desk) -> None:
    whole = await desk.ask("search_products", {"limit": 20})
    count = len(whole.data["products"])
    assert f"{count} of {count} shown." in whole.text
    part = await desk.ask("search_products", {"limit": 1})
    assert f"1 of {count} shown." in part.text
    dated = await desk.ask("search_products", {"limit": 1, "date_from": "2026-06-02"})
    assert "next_cursor" in dated.data
    assert "1 shown, more by cursor." in dated.text


async def test_after_a_hold_nothing_is_ordered_without_a_yes(desk: Desk) -> None:
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    held = await desk.call("reserve", items=items)
    assert held["next"].startswith("Call place_order now for the words to show the person")
    assert "the hold lapses, at no cost" in held["next"]
    alone = [held["reservations"][0]["reservation_id"]]
    assert await look(desk, *alone) == (["held"], IF_WANTED)
    both = [*items, {"offer_id": desk.handle("always_fails_offer"), "quantity": 1}]
    part = await desk.call("reserve", items=both)
    assert part["state"] == "partly_held"
    assert part["next"].endswith(IF_WANTED)
    assert "reserve only those" in part["next"]


async def test_an_order_the_api_does_not_show_at_its_reservation_is_told(desk: Desk) -> None:
    """A reservation that is gone, or lags behind, is ordered all the same when we ordered it."""
    order = await desk.booked(desk.handle("park_offer"))
    asked = {"reservation_ids": [order["reservation_id"]]}
    desk.sandbox.faults.add(Fault(status=404, body="problem"), "getReservation", times=None)
    seen = (await desk.call("get_reservation", **asked))["reservations"]
    assert [(r["state"], r["order_id"]) for r in seen] == [("ordered", order["order_id"])]


async def test_the_journal_outweighs_a_reservation_that_does_not_name_its_order() -> None:
    def without_order(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path:
            body.pop("order", None)

    async with staged(rewrite=without_order) as stage:
        hold = await stage.held()
        made = await stage.ordered(hold)
        stage.move(3600)
        now = await stage.app.booking.reservations.now(OWNER, [hold.id], "en")
        assert [(h.state, h.order_id) for h in now.holds] == [
            (HoldState.ORDERED, made.orders[0].id)
        ]
        assert not now.in_doubt


async def test_one_reservation_that_is_gone_hides_no_other(desk: Desk) -> None:
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    made = [await desk.call("reserve", items=items, again=True) for _ in range(2)]
    first, second = (each["reservations"][0]["reservation_id"] for each in made)
    desk.clock.advance(UNTIL_SHOWN)
    desk.sandbox.faults.add(Fault(status=404, body="problem"), "getReservation")
    seen = await desk.call("get_reservation", reservation_ids=[first, second])
    assert {r["state"] for r in seen["reservations"]} == {"released", "held"}
    desk.sandbox.faults.add(Fault(status=404, body="problem"), "getReservation", times=2)
    gone = await desk.call("get_reservation", reservation_ids=[first, second])
    assert [r["state"] for r in gone["reservations"]] == ["released", "released"]
    assert "only if the person still wants it" in gone["next"]


async def test_an_order_made_elsewhere_is_told_before_a_hold_that_is_over() -> None:
    others: set[str] = set()

    def ordered_elsewhere(path: str, body: dict[str, Any]) -> None:
        if path.rpartition("/")[2] in others:
            body["order"] = "/v1/booking/orders/o-of-somebody"

    async with staged(rewrite=ordered_elsewhere) as stage:
        first = await stage.held()
        stage.move(850)
        second = (await stage.reserve(stage.wish("park_offer"), again=True)).holds[0]
        stage.move(60)
        others.add(second.id)
        with pytest.raises(Exception, match="ALREADY_ORDERED"):
            await stage.place(first, second)


async def test_the_order_of_a_reservation_that_cannot_be_read_is_not_made_again() -> None:
    def unreadable(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path:
            body |= {"order": 7, "expired": True}

    async with staged(rewrite=unreadable) as stage:
        hold = await stage.held()
        with pytest.raises(Refusal, match="Whether it was ordered cannot be read") as refused:
            await stage.place(hold)
        assert refused.value.effect is Effect.NONE
        assert "Do not reserve it again" in refused.value.next_step
        now = await stage.app.booking.reservations.now(OWNER, [hold.id], "en")
        assert "do not reserve or order it again" in next_of(now)
        assert stage.sandbox.orders() == []


async def test_a_hold_too_near_its_end_to_be_ordered_is_held_anew(desk: Desk) -> None:
    """Else reserve and place_order would send the caller from one to the other."""
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    first = (await desk.call("reserve", items=items))["reservations"][0]
    desk.clock.advance(first["seconds_left"] - 15)
    states, said = await look(desk, first["reservation_id"])
    assert states == ["held"]
    assert said.startswith("Too little time is left to order it: wait 15 s.")
    anew = await desk.call("reserve", items=items)
    assert "replayed" not in anew
    assert anew["reservations"][0]["reservation_id"] != first["reservation_id"]


async def test_what_is_left_of_a_partial_order_is_ordered_alone_or_lapses(desk: Desk) -> None:
    wished = ("park_offer", "fails_at_ordering_offer")
    items = [{"offer_id": desk.handle(offer), "quantity": 1} for offer in wished]
    held = await desk.call("reserve", items=items)
    made = await desk.order(*(r["reservation_id"] for r in held["reservations"]))
    assert made["state"] == "partially_ordered"
    assert not BUYS_AGAIN.search(made["next"])
    assert "do not order that again" in made["next"]
    assert made["next"].endswith(IF_WANTED)


@pytest.mark.parametrize("code", list(Code))
def test_no_refusal_sends_to_reserve_without_a_condition(code: Code) -> None:
    said = MEANINGS[code].next_step
    if BUYS_AGAIN.search(said):
        assert "only for what is over, if the person still wants it" in said


def test_help_tells_a_lost_hold_from_a_lost_order() -> None:
    assert "never reserved again" in " ".join(BOOKING.split())
    assert "the same call may be repeated" in BOOKING
