"""For each tool, arguments of the right form for everything it takes; the ids belong to nothing."""

import copy
from typing import Any

from korus_mcp.foundation.paging import Pages, PageStart
from korus_mcp.foundation.wishes import wished_weekdays
from tests.fixtures.assistant import CUSTOMER, HOLDER, Desk, Json

AN_ID = "0194ac3f-7bdd-7175-a275-30c865618283"
A_HANDLE = f"k3f7qa.{AN_ID}"
A_DAY = "2026-06-20"
A_CURSOR = "00000000o5"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "search_products": {
        "query": "herons",
        "catalog": "herons",
        "city": "Port",
        "date_from": A_DAY,
        "date_to": A_DAY,
        "limit": 2,
        "cursor": A_CURSOR,
        "language": "en",
    },
    "get_offers": {
        "product_base_id": A_HANDLE,
        "date_from": A_DAY,
        "date_to": A_DAY,
        "price_type": "Child",
        "seating_category": "Gold",
        "zone": "East 101",
        "days_count": "2 days",
        "weekdays": "sat,sun",
        "max_price": 60,
        "by_price": True,
        "limit": 2,
        "cursor": A_CURSOR,
        "language": "en",
    },
    "check_availability": {
        "offer_id": A_HANDLE,
        "quantity": 2,
        "cursor": A_CURSOR,
        "language": "en",
    },
    "get_seat_map": {
        "product_base_id": A_HANDLE,
        "session_id": AN_ID,
        "date": A_DAY,
        "quantity": 2,
        "max_price": 60,
        "price_type": "Child",
        "seating_category": "Gold",
        "prefer": "closest",
        "picture": True,
        "language": "en",
    },
    "reserve": {
        "items": [{"offer_id": A_HANDLE, "quantity": 2, "session_ids": [AN_ID]}],
        "max_total": 100,
        "again": False,
        "language": "en",
    },
    "place_order": {
        "reservation_ids": [AN_ID],
        "customer": {
            **CUSTOMER,
            "phone": "+33610203040",
            "country": "FR",
            "language": "fr",
            "title": "mrs",
        },
        "notes": "by the aisle",
        "reference": "WEB-1",
        "confirmation": "abc",
    },
    "get_tickets": {
        "order_id": AN_ID,
        "vouchers": True,
        "save": False,
        "cursor": A_CURSOR,
        "language": "en",
    },
    "name_beneficiaries": {"order_id": AN_ID, "beneficiaries": [{"ticket_id": AN_ID, **HOLDER}]},
    "get_reservation": {"reservation_ids": [AN_ID], "language": "en"},
    "find_orders": {
        "reference": "WEB-1",
        "created_from": A_DAY,
        "created_to": A_DAY,
        "limit": 2,
        "cursor": A_CURSOR,
    },
}

OF_NOTHING = {"reservation_ids", "confirmation"}
"""Those that are known here to belong to nothing: that is told beside whatever else is wrong."""

FILTERS = {
    "search_products": ("query", "catalog", "city", "date_from", "date_to", "language"),
    "get_offers": (
        "product_base_id",
        "date_from",
        "date_to",
        "price_type",
        "seating_category",
        "zone",
        "days_count",
        "weekdays",
        "max_price",
        "by_price",
    ),
    "check_availability": ("offer_id",),
    "get_tickets": ("order_id",),
    "find_orders": ("reference", "created_from", "created_to"),
}
"""By tool, the arguments that say which list its pages are of."""


def cursor_of(name: str, arguments: Json, place: PageStart) -> str:
    """The cursor of a page that begins there, of the list these arguments ask for."""
    given = {each: arguments.get(each) or None for each in FILTERS[name]}
    if given.get("weekdays"):
        given["weekdays"] = wished_weekdays(given["weekdays"])
    filters = [*given.values()]
    return str(Pages.of(name, filters, None).cursor(place))


def real(shared: Desk, name: str) -> Json:
    """Arguments whose catalog ids belong to something."""
    arguments = copy.deepcopy(ARGUMENTS[name])
    if "product_base_id" in arguments:
        arguments["product_base_id"] = shared.handle("stadium_base")
    for each in (arguments, *arguments.get("items", ())):
        if "offer_id" in each:
            each["offer_id"] = shared.handle("stadium_offer")
    if name in FILTERS:
        arguments["cursor"] = cursor_of(name, arguments, PageStart(5))
    return arguments


def variants(shared: Desk, name: str) -> list[Json]:
    """Real arguments, once for each choice between arguments that exclude each other."""
    arguments = real(shared, name)
    if name != "get_seat_map":
        return [arguments]
    by_session = {k: v for k, v in arguments.items() if k != "date"}
    return [arguments, {**by_session, "session_id": AN_ID}]
