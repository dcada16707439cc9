"""A refusal names all that is wrong with a call: some hosts end at the second refusal in a row."""

from typing import Any

import pytest

from tests.fixtures.assistant import CUSTOMER, HOLDER, Desk, Json, desk, settings_of
from tests.tools.samples import A_CURSOR, A_HANDLE, AN_ID

pytestmark = pytest.mark.anyio
PAST = "2026-05-01"
UNKNOWN_ALIAS = "no catalog on sale here has ids like this one"
UNKNOWN_BASE = "this product base does not exist (any more)"
UNKNOWN_ORDER = "no such order is known here"
UNKNOWN_HOLD = "no such reservation was made here"
NEVER_GIVEN = "this confirmation is not open: it was used already or never given"
STRANGER = {**HOLDER, "ticket_id": AN_ID}


def gone(desk: Desk) -> str:
    """The id of a product base that no catalog has, in one that was read to its end."""
    return f"{desk.handle('stadium_base').partition('.')[0]}.{AN_ID}"


FAULTS: list[tuple[str, Json, Json]] = [
    (
        "search_products",
        {"limit": 99, "date_from": PAST, "catalog": "opera", "querry": "x"},
        {
            "limit": "must be at most 20",
            "querry": "unknown argument; did you mean query?",
            "date_from": "lies in the past",
            "catalog": "choices: ",
        },
    ),
    (
        "search_products",
        {"date_from": "tomorrow", "date_to": PAST},
        {"date_from": "must be a day written YYYY-MM-DD", "date_to": "lies in the past"},
    ),
    (
        "get_offers",
        {"product_base_id": "{stadium_base}", "limit": 99, "zone": "Moon", "price_type": "Senior"},
        {"limit": "must be at most 40", "zone": "choices: ", "price_type": "choices: "},
    ),
    (
        "get_offers",
        {"product_base_id": A_HANDLE, "date_from": PAST, "cursor": A_CURSOR},
        {
            "date_from": "lies in the past",
            "cursor": "from an answer of another tool or filter",
            "product_base_id": UNKNOWN_ALIAS,
        },
    ),
    (
        "get_offers",
        {"product_base_id": "{gone}", "date_from": "2026-06-20", "date_to": "2026-06-19"},
        {"date_to": "lies before date_from", "product_base_id": UNKNOWN_BASE},
    ),
    (
        "check_availability",
        {"offer_id": A_HANDLE, "quantity": 99},
        {"quantity": "must be at most 50", "offer_id": UNKNOWN_ALIAS},
    ),
    (
        "check_availability",
        {"offer_id": A_HANDLE, "cursor": A_CURSOR},
        {"cursor": "from an answer of another tool or filter", "offer_id": UNKNOWN_ALIAS},
    ),
    (
        "get_seat_map",
        {"product_base_id": "{gone}", "quantity": 99, "date": PAST, "prefer": "best"},
        {
            "quantity": "must be at most 50",
            "prefer": "must be 'cheapest', 'closest' or 'together'",
            "date": "lies in the past",
            "product_base_id": UNKNOWN_BASE,
        },
    ),
    (
        "reserve",
        {
            "items": [
                {"offer_id": "{stadium_offer}", "quantity": 0},
                {"offer_id": A_HANDLE, "quantity": 1},
                {"offer_id": A_HANDLE, "quantity": "two"},
            ]
        },
        {
            "items.0.quantity": "must be at least 1",
            "items.2.quantity": "must be a whole number",
            "items.1.offer_id": UNKNOWN_ALIAS,
            "items.2.offer_id": UNKNOWN_ALIAS,
        },
    ),
    (
        "place_order",
        {
            "reservation_ids": [AN_ID],
            "customer": {"firstname": "Ada", "email": "ada"},
            "confirmation": "none",
        },
        {
            "customer.email": "must be a plain e-mail address",
            "customer.lastname": "required",
            "reservation_ids": UNKNOWN_HOLD,
            "confirmation": NEVER_GIVEN,
        },
    ),
    (
        "place_order",
        {"reservation_ids": [AN_ID], "confirmation": "none"},
        {
            "customer.firstname": "required",
            "customer.lastname": "required",
            "customer.email": "required",
            "reservation_ids": UNKNOWN_HOLD,
            "confirmation": NEVER_GIVEN,
        },
    ),
    (
        "get_reservation",
        {"reservation_ids": [AN_ID], "language": "english please"},
        {
            "language": "must be the code of a language, like fr or pt-BR",
            "reservation_ids": UNKNOWN_HOLD,
        },
    ),
    (
        "find_orders",
        {"created_from": "2026-06-02", "created_to": "2026-06-01", "limit": 99},
        {"limit": "must be at most 50", "created_to": "lies before created_from"},
    ),
    (
        "find_orders",
        {"created_to": "2026-06-01", "cursor": A_CURSOR},
        {
            "created_from": "needed without a reference",
            "cursor": "from an answer of another tool or filter",
        },
    ),
]
FAULTS_OF_OWN: list[tuple[str, Json, Json]] = [
    (
        "get_tickets",
        {"order_id": AN_ID, "vouchers": "maybe"},
        {"vouchers": "must be true or false", "order_id": UNKNOWN_ORDER},
    ),
    (
        "name_beneficiaries",
        {"order_id": AN_ID, "beneficiaries": [{**STRANGER, "nationality": "French"}, STRANGER]},
        {
            "beneficiaries.0.nationality": "must be the two letters of a country",
            "beneficiaries": "one ticket is named twice",
            "order_id": UNKNOWN_ORDER,
        },
    ),
]


def filled(desk: Desk, value: Any) -> Any:
    """The arguments with the ids of this desk in the places that are named."""
    if isinstance(value, dict):
        return {name: filled(desk, each) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(desk, each) for each in value]
    if isinstance(value, str) and value.startswith("{"):
        return gone(desk) if value == "{gone}" else desk.handle(value.strip("{}"))
    return value


@pytest.mark.parametrize(("tool", "wrong", "told"), FAULTS)
async def test_a_refusal_names_all_that_is_wrong_and_nobody_is_asked(
    tool: str, wrong: Json, told: Json, shared: Desk
) -> None:
    await is_told(tool, wrong, told, shared)


@pytest.mark.parametrize(("tool", "wrong", "told"), FAULTS_OF_OWN)
async def test_an_order_of_nobody_here_is_told_beside_the_other_faults(
    tool: str, wrong: Json, told: Json
) -> None:
    """Where only orders made here are shown: others would have to be asked for."""
    async with desk(settings_of(SCOPE="own"), only=("park",)) as each:
        await is_told(tool, wrong, told, each)
        made = await each.booked(each.handle("park_offer"))
        for known in (made["order_id"], made["order_id"].upper(), made["reference"]):
            answer = await each.ask(tool, {**wrong, "order_id": known})
            assert set(answer.fields) == set(told) - {"order_id"}


async def is_told(tool: str, wrong: Json, told: Json, desk: Desk) -> None:
    before = desk.sent()
    answer = await desk.ask(tool, filled(desk, wrong))
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) == set(told)
    for field, problem in told.items():
        assert answer.fields[field].startswith(problem), field
        assert field in answer.text
    assert desk.sent() == before


@pytest.fixture(autouse=True)
async def warm(shared: Desk) -> None:
    """Let the catalog be read to its end."""
    await shared.call("search_products", query="museum")


async def test_one_fault_is_told_as_before(shared: Desk) -> None:
    days = {"product_base_id": shared.handle("stadium_base"), "date_from": PAST}
    assert (await shared.ask("get_offers", days)).code == "PAST_DATE"
    unknown = await shared.ask("get_reservation", {"reservation_ids": [AN_ID]})
    assert unknown.code == "NOT_FOUND"
    assert unknown.fields == {}


async def test_of_a_range_with_one_wrong_end_the_other_is_not_judged(shared: Desk) -> None:
    asked = {"product_base_id": shared.handle("stadium_base"), "date_from": "soon"}
    answer = await shared.ask("get_offers", {**asked, "date_to": "2027-03-01"})
    assert set(answer.fields) == {"date_from"}


async def test_two_unknown_choices_are_told_together(shared: Desk) -> None:
    asked = {"product_base_id": shared.handle("stadium_base"), "zone": "Moon", "price_type": "Old"}
    answer = await shared.ask("get_offers", asked)
    assert set(answer.fields) == {"zone", "price_type"}


async def test_every_item_that_lacks_a_session_or_stock_is_told(shared: Desk) -> None:
    timed = {"offer_id": shared.handle("timed_offer"), "quantity": 1}
    items = [
        timed,
        {"offer_id": shared.handle("park_offer"), "quantity": 1, "session_ids": [AN_ID]},
    ]
    answer = await shared.ask("reserve", {"items": [*items, {**timed, "session_ids": [AN_ID]}]})
    assert answer.code == "SESSION_REQUIRED"
    assert set(answer.fields) == {f"items.{n}.session_ids" for n in range(3)}
    dear = await shared.ask("reserve", {"items": items, "max_total": 1})
    assert set(dear.fields) == {"items.0.session_ids", "items.1.session_ids", "max_total"}
    assert shared.sent("createReservations") == 0


async def test_a_customer_is_not_asked_for_what_a_call_has_to_correct_anyway() -> None:
    """What a host can ask a person for is no fault."""

    async def never(*_: Any) -> Any:
        raise AssertionError("nobody is asked")

    async with desk(only=("park",), elicitation_callback=never) as each:
        wrong = {"reservation_ids": [AN_ID], "customer": {"email": "ada"}}
        answer = await each.ask("place_order", wrong)
        assert set(answer.fields) == {"customer.email", "reservation_ids"}


async def test_an_invented_confirmation_is_told_what_counts_as_none(desk: Desk) -> None:
    """A model whose host has it fill in everything cannot leave it out."""
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    hold = (await desk.call("reserve", items=items))["reservations"][0]["reservation_id"]
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    for invented in ("none", "null", "N/A", "pending"):
        answer = await desk.ask("place_order", {**asked, "confirmation": invented})
        assert answer.code == "APPROVAL_REQUIRED"
        assert 'confirmation ""' in answer.error["next"]
    first = await desk.call("place_order", **asked, confirmation="")
    assert first["state"] == "confirmation_needed"
