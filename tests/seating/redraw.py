"""The kept pictures.

`python -m tests.seating.redraw` draws them anew: look at each one before you keep it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from korus_mcp.seating.picture import svg
from korus_mcp.seating.rasterize import png
from tests.seating.venues import Venue, hall_venue, schematic_venue, stadium_venue

GOLDEN: Final = Path(__file__).with_name("golden")
WIDTH: Final = 320


def drawn(venue: Venue, *, dark: bool = False, language: str = "en") -> str:
    """The picture of a venue as it is."""
    return svg(
        venue.drawing,
        venue.table.zones,
        heading=venue.heading,
        asked=venue.asked,
        dark=dark,
        language=language,
    )


def kept_pictures() -> Mapping[str, str]:
    """The SVG of each kept picture by its name."""
    return {
        "stadium": drawn(stadium_venue()),
        "hall-dark": drawn(hall_venue(), dark=True),
        "schematic-french": drawn(schematic_venue(), language="fr"),
    }


def main() -> None:
    """Write them all."""
    GOLDEN.mkdir(exist_ok=True)
    for name, picture in kept_pictures().items():
        (GOLDEN / f"{name}.png").write_bytes(png(picture, width=WIDTH))


if __name__ == "__main__":
    main()
