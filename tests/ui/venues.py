"""The sheets of the sandbox's five venues, as the server makes them."""

import json
from concurrent.futures import ThreadPoolExecutor

import anyio

from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.ranking import ZoneQuery, ranked
from korus_mcp.seating.sheet import SheetContext, sheet_of
from tests.booking.stage import staged
from tests.seating.test_venues import VENUES, Venue, read_venue
from tests.ui.sheets import Json


def sheets_of_venues(*, quantity: int = 2) -> dict[str, Json]:
    """By the key of the venue.

    Read in a thread of its own, since the browser's driver has an event loop in this one.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, _sheets, quantity).result()


async def _sheets(quantity: int) -> dict[str, Json]:
    async with staged(selling=("stadium", "hall")) as stage:
        venues = {key: await read_venue(stage, key, *VENUES[key]) for key in VENUES}
    return {key: _sheet(venue, quantity) for key, venue in venues.items()}


def _sheet(venue: Venue, quantity: int) -> Json:
    drawing = drawing_of(venue.maps[0], venue.option_values)
    table = venue.table(0)
    context = SheetContext(
        title=venue.base.name,
        product_base_id=str(venue.base.handle),
        language="en",
        quantity=quantity,
        venue=venue.base.place.name,
        day=venue.rows[0].day,
        products={str(row.handle): row.product.name for row in venue.rows},
    )
    sheet = sheet_of(drawing, table, ranked(table, ZoneQuery(quantity=quantity), drawing), context)
    made: Json = json.loads(json.dumps(sheet))
    return made
