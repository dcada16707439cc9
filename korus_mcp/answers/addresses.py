"""The addresses of resources, each written once: for links in answers, and, called with names in
braces, for the templates of resources.
"""

from typing import Final

from korus_mcp.foundation.handles import Handle

CATALOGS: Final = "korus://catalogs"
PDF: Final = "application/pdf"
"""The media type of a document."""
CALENDAR: Final = "text/calendar"
"""The media type of a calendar file."""


def product_bases(alias: str) -> str:
    """The product bases of a catalog; `?page=` follows."""
    return f"{CATALOGS}/{alias}/product-bases"


def product_base(base: Handle | str) -> str:
    """A product base, with its terms of sale."""
    return f"korus://product-bases/{base}"


def seat_map(base: Handle | str, seat_map_id: str) -> str:
    """A seat map of a product base; the same with `.svg` is its picture."""
    return f"{product_base(base)}/seat-maps/{seat_map_id}"


def document(order_id: str, document_id: str) -> str:
    """A PDF of an order."""
    return f"korus://orders/{order_id}/documents/{document_id}"


def calendar(order_id: str) -> str:
    """The calendar file of an order."""
    return f"korus://orders/{order_id}/calendar.ics"
