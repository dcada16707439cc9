"""The interactive pages (MCP Apps) that show answers of tools: their URIs and built files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BUILT: Final = Path(__file__).with_name("built")


@dataclass(frozen=True, kw_only=True)
class UiPage:
    """One self-contained HTML file, which makes no network requests."""

    uri: str
    title: str
    description: str
    file: Path


SEAT_MAP: Final = UiPage(
    uri="ui://korus/seat-map.html",
    title="Seat map",
    description="The map of get_seat_map: zones to look at and choose.",
    file=_BUILT / "seat-map.html",
)
BOOKING: Final = UiPage(
    uri="ui://korus/booking.html",
    title="Booking",
    description="Holds, orders and tickets as reserve, place_order and get_tickets tell them.",
    file=_BUILT / "booking.html",
)
PAGES: Final = {
    "get_seat_map": SEAT_MAP,
    "reserve": BOOKING,
    "place_order": BOOKING,
    "get_tickets": BOOKING,
}
"""The pages by name of the tool whose answers they show."""
