"""The interactive pages that show answers of tools, by their addresses (MCP Apps)."""

from typing import Final

SEAT_MAP: Final = "ui://korus/seat-map.html"
BOOKING: Final = "ui://korus/booking.html"
