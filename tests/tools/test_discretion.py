"""What a person said of themselves stands in no representation: that may end in a log."""

from datetime import UTC, datetime

import pytest
from mcp.server.elicitation import AcceptedElicitation

from korus_mcp.booking.approval import Question
from korus_mcp.booking.by_hand import Shown
from korus_mcp.booking.conditions import Attached
from korus_mcp.booking.customers import PartOfCustomer
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.foundation.money import total
from korus_mcp.tools.agreement import Customer, _form
from korus_mcp.tools.arguments import EXAMPLE_ID
from korus_mcp.tools.name_beneficiaries import Person

NAMES = {"firstname": "Canary", "lastname": "Canary", "email": "canary@example.org"}
PART = PartOfCustomer(firstname="Canary", phone="canary")
CALL = OrderCall(
    owner="local",
    reservation_ids=("r1",),
    customer=PART,
    language="en",
    notes="a canary of a note",
    confirmation="2 x Canary - code",
)
QUESTION = Question(
    attempt=0,
    owner="local",
    holds=(),
    total=total([]),
    customer=PART,
    notes="a canary of a note",
    asked_at=datetime(2026, 6, 1, tzinfo=UTC),
)
SHOWN = Shown(
    environment="sandbox",
    lines=(),
    seats=(),
    are_apart=False,
    total="1.00 EUR",
    customer="Canary",
    notes="a canary of a note",
    terms=(),
    attached=Attached(orders=1, units=1, tickets=1),
    doubts=(),
)


@pytest.mark.parametrize(
    "told",
    [
        CALL,
        QUESTION,
        SHOWN,
        Customer(**NAMES),
        Customer(**NAMES).known(),
        Person(ticket_id=EXAMPLE_ID, **NAMES),
        AcceptedElicitation(data=_form(tuple(NAMES))(order=True, **NAMES)),
    ],
    ids=lambda told: type(told).__name__,
)
def test_no_representation_shows_a_person(told: object) -> None:
    assert "canary" not in f"{told!r} {told}".lower()
