"""The tools: one file each, in the order they are listed."""

from korus_mcp.tools.check_availability import check_availability
from korus_mcp.tools.declare import Declared
from korus_mcp.tools.find_orders import find_orders
from korus_mcp.tools.get_offers import get_offers
from korus_mcp.tools.get_reservation import get_reservation
from korus_mcp.tools.get_seat_map import get_seat_map
from korus_mcp.tools.get_tickets import get_tickets
from korus_mcp.tools.name_beneficiaries import name_beneficiaries
from korus_mcp.tools.place_order import place_order
from korus_mcp.tools.reserve import reserve
from korus_mcp.tools.search_products import search_products

ALL_TOOLS: dict[str, Declared] = {
    declared.name: declared
    for declared in (
        search_products,
        get_offers,
        check_availability,
        get_seat_map,
        reserve,
        place_order,
        get_tickets,
        name_beneficiaries,
        get_reservation,
        find_orders,
    )
}
