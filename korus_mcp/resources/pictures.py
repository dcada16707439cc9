"""Seat maps as pictures: SVG with the prices of a day, for people and programs that show them."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from korus_mcp.access.policy import TokenScope
from korus_mcp.answers import addresses
from korus_mcp.app import app_of
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.refusals import FieldProblem, invalid
from korus_mcp.foundation.wishes import wished_amount, wished_day, wished_language, wished_quantity
from korus_mcp.resources.boundary import SVG, ReadContext, handle
from korus_mcp.resources.offering import SHORTLY, Offering

_Value = TypeVar("_Value")


def offer_pictures(offering: Offering) -> None:
    """Offer the pictures of seat maps."""
    address = addresses.seat_map("{product_base_id}", "{seat_map_id}.svg")
    wish = "{?session_id,date,quantity,max_price,price_type,seating_category,prefer,language,theme}"
    offering.add(
        seat_map_picture,
        address + wish,
        "Picture of a seat map",
        SHORTLY,
        SVG,
        needs=TokenScope.BROWSE,
    )


async def seat_map_picture(
    product_base_id: str,
    seat_map_id: str,
    ctx: ReadContext,
    session_id: str = "",
    date: str = "",
    quantity: str = "1",
    max_price: str = "",
    price_type: str = "",
    seating_category: str = "",
    prefer: str = "cheapest",
    language: str = "",
    theme: str = "light",
) -> str:
    """Zones with their prices on a day, as get_seat_map links to it."""
    from korus_mcp.proposals.seat_plans import Extra, SeatQuery
    from korus_mcp.seating.ranking import Preference

    services = app_of(ctx)
    # Checked first: both stand in the path of a request to the API.
    for name, given in (("seat_map_id", seat_map_id), ("session_id", session_id or "0")):
        if not is_id(given):
            raise invalid(FieldProblem(name, "not an id from an earlier answer"))
    wish = SeatQuery(
        session_id=session_id or None,
        day=_read("date", date, wished_day, "2027-06-19"),
        quantity=_read("quantity", quantity, wished_quantity, "2") or 1,
        max_price=_read("max_price", max_price, wished_amount, "60"),
        price_type=price_type or None,
        seating_category=seating_category or None,
        preference=_read("prefer", prefer, Preference, "closest") or Preference.CHEAPEST,
    )
    # As with the tools, a language that is not served is replaced by the default one; a picture
    # cannot say so.
    tag = _read("language", language, wished_language, "fr")
    wished = await services.known_language(tag) if tag else services.language(None)
    plan = await services.seat_plans.plan(
        handle(product_base_id),
        wish,
        wished,
        seat_map_id=seat_map_id,
        extras=frozenset({Extra.DARK if theme == "dark" else Extra.LIGHT}),
        live=services.prices.live(services.principal.key),
        own=await services.own_seats(),
    )
    return plan.picture or ""


def _read(name: str, text: str, kind: Callable[[str], _Value], example: str) -> _Value | None:
    """Parse a value from an address; None if it is empty.

    Raises:
        Refusal: INVALID_ARGUMENTS.
    """
    if not text:
        return None
    with suppress(ValueError):
        return kind(text)
    raise invalid(FieldProblem(name, "cannot be read", example))
