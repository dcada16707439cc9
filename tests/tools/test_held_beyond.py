"""A hold of more than was asked for, of another offer or day, is never told without a word."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from korus_mcp.booking.reserved import ReserveState
from korus_mcp.tools.place_order import _next as next_of_order
from korus_mcp.tools.reserve import _next
from tests.booking.stage import Stage, staged

pytestmark = pytest.mark.anyio
Json: TypeAlias = dict[str, Any]


def more(hold: Json) -> None:
    hold["items"] += [hold["items"][0]] * 3
    hold["totalAmountInclTax"] = "225.00"


def other_day(hold: Json) -> None:
    for item in hold["items"]:
        item["date"] = "2026-07-09"


def other_offer(hold: Json) -> None:
    for item in hold["items"]:
        item["offer"] = item["offer"][:-4] + "ffff"


def unnamed(hold: Json) -> None:
    more(hold)
    for item in hold["items"]:
        item.pop("offer", None)


def as_asked(hold: Json) -> None:
    """Nothing is changed."""


def of_holds(change: Callable[[Json], None]) -> Callable[[str, Json], None]:
    def rewrite(path: str, body: Json) -> None:
        del path
        for each in (body, *(body.get("reservations") or ())):
            if isinstance(each, dict) and each.get("@type") == "BookingReservation":
                change(each)

    return rewrite


async def told(stage: Stage, *, quantity: int = 2) -> str:
    reserved = await stage.reserve(stage.wish("park_offer", quantity))
    assert reserved.state in (ReserveState.HELD, ReserveState.PARTLY_HELD)
    return _next(reserved, (), has_alternatives=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (more, "The issuer holds 5 where 2 were asked for."),
        (unnamed, "The issuer holds 5 where 2 were asked for."),
        (other_day, "The issuer holds 2026-07-09, where the offer is of 2026-06-"),
        (other_offer, "The issuer holds 2 of an offer that was not asked for."),
    ],
)
async def test_what_is_held_beyond_the_wish_is_told(
    change: Callable[[Json], None], said: str
) -> None:
    async with staged(rewrite=of_holds(change)) as stage:
        text = await told(stage)
    assert said in text
    assert "let it lapse, at no cost, or order all of it" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (more, "The issuer holds 5 where 2 were asked for."),
        (other_day, "The issuer holds 2026-07-09, where the offer is of 2026-06-"),
    ],
)
async def test_a_repeat_tells_again_what_is_held_beyond_the_wish(
    change: Callable[[Json], None], said: str
) -> None:
    async with staged(rewrite=of_holds(change)) as stage:
        await told(stage)
        assert said in await told(stage)


async def test_a_repeat_tells_again_what_the_issuer_did_not_answer() -> None:
    def short(path: str, body: Json) -> None:
        if path.endswith("/_bulk") and "reservations" in body:
            body["reservations"] = body["reservations"][:1]

    async with staged(rewrite=short) as stage:
        items = (stage.wish("park_offer", 2), stage.wish("undated_offer", 2))
        first, again = [await stage.reserve(*items) for _ in range(2)]
        assert (first.state, again.state) == (ReserveState.PARTLY_HELD, ReserveState.PARTLY_HELD)
        assert [f.offer_id for f in again.failed] == [f.offer_id for f in first.failed]
        assert [f.message for f in again.failed] == ["the issuer gave no answer for all of these"]
        said = _next(again, (), has_alternatives=False)
        assert "do not reserve it again for 375 s. For what is held: If the person" in said
        stage.move(375)
        later = _next(await stage.reserve(*items), (), has_alternatives=False)
        assert "replacements for the rest are chosen from get_offers" in later


async def test_nothing_is_proposed_instead_of_what_an_answer_was_silent_on() -> None:
    def one_refused(path: str, body: Json) -> None:
        if path.endswith("/_bulk") and "reservations" in body:
            offer = body["reservations"][1]["items"][0]["offer"]
            body.update(reservations=None, failedReservations=[{"offer": offer}])

    async with staged(rewrite=one_refused) as stage:
        made = await stage.reserve(stage.wish("park_offer", 2), stage.wish("undated_offer", 2))
        said = _next(made, (), has_alternatives=True)
    assert "a hold may exist and lapses by itself, at no cost" in said
    assert "may be repeated after 375 s, not before" in said
    assert "Nothing is held" not in said
    assert "alternatives" not in said


@pytest.mark.parametrize("quantity", [1, 3])
async def test_of_what_was_asked_for_nothing_more_is_said(quantity: int) -> None:
    async with staged(rewrite=of_holds(as_asked)) as stage:
        assert "The issuer holds" not in await told(stage, quantity=quantity)


@pytest.mark.parametrize("change", [{"totalAmountInclTax": "150.00"}, {"currency": "CHF"}])
async def test_an_order_that_comes_to_something_else_than_was_agreed_is_told(change: Json) -> None:
    def dearer(path: str, body: Json) -> None:
        del path
        for each in (body, *(body.get("orders") or ())):
            if isinstance(each, dict) and each.get("@type") == "BookingOrder":
                each |= change

    async with staged(rewrite=dearer) as stage:
        first = await stage.held()
        again = await stage.held("undated_offer")
        for made in (await stage.ordered(first), await stage.ordered(again)):
            assert "The person agreed to " in next_of_order(made)
    async with staged() as stage:
        made = await stage.ordered(await stage.held())
        assert next_of_order(made) == "Call get_tickets; save: true saves the PDFs, too."
