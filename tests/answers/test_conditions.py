"""What a person must know before they agree is told with the hold, and again with the summary."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.answers.conditions import FINAL, NO_MAIL, TERMS_LENGTH, conditions_text, in_one_line
from korus_mcp.booking.conditions import Conditions
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.text import CUT_MARK
from tests.fixtures.assistant import CUSTOMER, ERAS, Desk, desk
from tests.fixtures.person import CLOSED, Person

BASE = Handle("abcdef", "7")
OTHER = Handle("abcdef", "8")
ONE = Hold(
    id="1", state=HoldState.HELD, lines=(Line(product="A", quantity=2, amount=None),), tickets=2
)


def told(*holds: Hold, **conditions: Any) -> str:
    return conditions_text(holds, Conditions(**conditions))


def test_what_is_usual_takes_one_sentence() -> None:
    assert told(ONE, terms={BASE: ""}) == "It cannot be cancelled here; no mail is promised."


def test_several_orders_tickets_limits_names_and_terms_are_told() -> None:
    said = told(
        replace(ONE, tickets=4),
        replace(ONE, id="2", tickets=4),
        terms={BASE: "No refund.", OTHER: "No dogs."},
        most={BASE: 6},
        names_holders=True,
    )
    for words in (
        "This makes 2 orders, one for each reservation.",
        "These are 8 tickets, 2 for each person, such as entry and show.",
        "at most 6 in one order",
        "holders' names after the order",
        'Terms: "No refund."',
        'Terms: "No dogs."',
    ):
        assert words in said
    assert "korus://" not in said, "all of the terms are there"


def test_who_has_one_ticket_and_who_has_two_is_not_averaged() -> None:
    three = replace(ONE, id="2", tickets=3)
    assert "These are 5 tickets, several for some" in told(ONE, three)


def test_a_sentence_that_is_repeated_is_told_once_also_where_it_was_cut() -> None:
    sentence = "Numbered seats are allocated by the box office."
    assert in_one_line(f"{sentence} {sentence.upper()}\n{sentence}", 200) == (sentence, True)
    assert in_one_line(f"{sentence} Numbered seats are al{CUT_MARK}", 200) == (sentence, False)
    assert f'"{sentence}" (all: korus://product-bases/{BASE})' in told(
        ONE, terms={BASE: f"{sentence} Numbered{CUT_MARK}"}
    )


@given(st.text(max_size=2000))
def test_terms_are_one_line_of_bounded_length_and_no_markup(text: str) -> None:
    line, _ = in_one_line(text, TERMS_LENGTH)
    assert len(line) <= TERMS_LENGTH
    assert not set(line) & set('\n"<>[]`*')


def test_terms_that_are_too_long_are_cut_behind_a_word_and_have_an_address() -> None:
    long = " ".join(f"word{n}" for n in range(100))
    line, is_whole = in_one_line(long, TERMS_LENGTH)
    assert not is_whole
    assert len(line) <= TERMS_LENGTH
    assert line.removesuffix("\u2026").split(" ")[-1] in long.split(" ")


async def held(each: Desk, offer: str, quantity: int = 2) -> Any:
    items = [{"offer_id": each.handle(offer), "quantity": quantity}]
    return await each.call("reserve", items=items)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_hold_and_summary_and_question_tell_the_same(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        hold = await held(each, "park_offer")
        assert "no refund, no exchange" in hold["note"], "before the yes, not after it"
        asked = {"reservation_ids": [hold["reservations"][0]["reservation_id"]]}
        summary = await each.ask("place_order", asked)
        assert summary.data["note"] == hold["note"]
        assert "to be given within 600 s" in summary.text
        assert summary.data["note"] in summary.text
    person = Person([CLOSED])
    async with desk(mode=mode, only=("park",), elicitation_callback=person) as each:
        hold = await held(each, "park_offer")
        ids = [hold["reservations"][0]["reservation_id"]]
        await each.ask("place_order", {"reservation_ids": ids, "customer": CUSTOMER})
        # Its third line says that it cannot be cancelled: that is not said once more.
        assert hold["note"].removesuffix(FINAL) in person.questions[0]
        assert "cannot be cancelled" in person.questions[0]
        assert NO_MAIL in person.questions[0]


@pytest.mark.anyio
async def test_a_hold_ends_in_the_time_of_its_venue() -> None:
    async with desk(only=("park",)) as each:
        hold = await held(each, "park_offer")
        (one,) = hold["reservations"]
        assert one["expires_at"].endswith("+02:00")
        asked = {"reservation_ids": [one["reservation_id"]]}
        summary = await each.call("place_order", **asked)
        assert summary["open_seconds"] == 600


def test_an_age_is_told_once_and_as_a_text() -> None:
    odd = "Aged 3 to [11](https://x.example)."
    said = told(ONE, ages={BASE: ("From the age of 6.",), OTHER: ("From the age of 6.", odd)})
    assert said.count('The issuer says: "From the age of 6."') == 1
    assert 'The issuer says: "Aged 3 to ' in said
    assert "](" not in said


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_an_age_is_told_with_the_hold_and_before_the_yes(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        live = await each.call("get_offers", product_base_id=each.handle("injection_base"))
        offer = live["days"][0]["offers"][0]["offer_id"]
        checked = await each.call("check_availability", offer_id=offer)
        session = next(s["session_id"] for s in checked["sessions"] if s["enough"])
        items = [{"offer_id": offer, "quantity": 1, "session_ids": [session]}]
        held = await each.ask("reserve", {"items": items})
        ids = [row["reservation_id"] for row in held.data["reservations"]]
        summary = await each.ask("place_order", {"reservation_ids": ids, "customer": CUSTOMER})
    for answer in (held, summary):
        assert 'The issuer says: "Lantern workshop, from the age of 6."' in answer.data["note"]
        assert answer.data["note"] in answer.text
        assert "instructions" not in answer.wire
