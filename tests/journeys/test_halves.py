"""Each half of a reply is enough by itself: hosts show their models one of the two."""

from pathlib import Path

import pytest

from tests.fixtures.assistant import CUSTOMER, compact, desk, settings_of
from tests.journeys.walk import FOLLOWING

pytestmark = pytest.mark.anyio


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
