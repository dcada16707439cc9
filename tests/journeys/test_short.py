"""From "two tickets for the match, together, under 60 euros" to tickets in hand: seven calls."""

from pathlib import Path

import pytest
from bpe_openai import get_encoding

from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, compact, desk, settings_of
from tests.journeys.walk import FOLLOWING, pdf_text

pytestmark = pytest.mark.anyio
MOST_CALLS = 7
MOST_TOKENS = 6_000


def tokens(answer: Answer) -> tuple[int, int]:
    """The size of a reply: its text and its structure in o200k tokens."""
    encode = get_encoding("o200k_base").encode
    return len(encode(answer.text)), len(encode(compact(answer.structure)))


@pytest.mark.parametrize("mode", ERAS)
async def test_two_seats_at_the_match_take_seven_calls(mode: str, tmp_path: Path) -> None:
    async with desk(settings_of(PROFILE="buyer", DOWNLOAD_DIR=str(tmp_path)), mode=mode) as each:
        found = await each.call("search_products", query="herons derby")
        base = found["products"][0]["product_base_id"]
        plan = await each.call("get_seat_map", product_base_id=base, quantity=2, max_price=60)
        offer = plan["zones"][0]["offers"][0]["offer_id"]
        live = await each.call("check_availability", offer_id=offer, quantity=2)
        session = next(s["session_id"] for s in live["sessions"] if s["enough"])
        wished = [{"offer_id": offer, "quantity": 2, "session_ids": [session]}]
        held = await each.call("reserve", items=wished, max_total=120)
        made = await each.order(held["reservations"][0]["reservation_id"])
        order_id = made["orders"][0]["order_id"]
        tickets = await each.ask("get_tickets", {"order_id": order_id, "save": True}, **FOLLOWING)

        assert len(each.calls) <= MOST_CALLS
        assert len(tickets.data["tickets"]) == 2
        for document in tickets.data["documents"]:
            assert made["orders"][0]["reference"] in pdf_text(Path(document["saved_to"]))
        (order,) = each.sandbox.orders()
        assert (order.quantity, order.status) == (2, "confirmed")
        assert order.total <= 120
        sizes = [(name, *tokens(answer)) for name, answer in each.calls]
        assert sum(max(text, structure) for _, text, structure in sizes) < MOST_TOKENS, sizes
        for name, text, structure in sizes:
            print(f"{mode} {name}: text {text}, structure {structure}")  # noqa: T201 - pytest -s


@pytest.mark.parametrize("half", ["text", "structured"])
async def test_a_host_that_shows_one_half_of_a_reply_can_still_book(
    half: str, tmp_path: Path
) -> None:
    """Every id, price and expiry the next call needs stands in each half by itself."""
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        held = await each.ask(
            "reserve", {"items": [{"offer_id": each.handle("park_offer"), "quantity": 2}]}
        )
        hold = held.data["reservations"][0]
        asked = {"reservation_ids": [hold["reservation_id"]], "customer": CUSTOMER}
        summary = await each.ask("place_order", asked)
        made = await each.ask(
            "place_order", {**asked, "confirmation": summary.data["confirmation"]}
        )
        order = made.data["orders"][0]
        tickets = await each.ask("get_tickets", {"order_id": order["order_id"]}, **FOLLOWING)
        ids = [t["ticket_id"] for t in tickets.data["tickets"]]
        files = [d["uri"] for d in tickets.data["documents"]]
        needed = [
            (held, [hold["reservation_id"], hold["total"], hold["expires_at"], "sandbox"]),
            (summary, [summary.data["confirmation"], summary.data["total"], hold["total"]]),
            (made, [order["order_id"], order["reference"], order["total"], "sandbox"]),
            (tickets, [*ids, *files]),
        ]
        assert ids
        assert files
        for answer, values in needed:
            shown = answer.text if half == "text" else compact(answer.structure)
            for value in values:
                assert value in shown
