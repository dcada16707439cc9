"""A seat map of 50,000 seats: drawing, join, ranking and sheet, beside reading its JSON."""

import json
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.ranking import Preference, ZoneQuery, ranked
from korus_mcp.seating.sheet import SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, seat_table
from tests.seating.halls import bowl, bowl_offers

TIMES: Final = 15


def main() -> None:
    """Print one line a figure."""
    for name, zones, rows, seats in (("50,000 seats", 50, 25, 40), ("500 zones", 500, 10, 10)):
        text = json.dumps(bowl(zones=zones, rows=rows, seats=seats))
        seat_map, offers = SeatMap.model_validate(json.loads(text)), bowl_offers(zones)
        read = _median(partial(json.loads, text))
        modelled = _median(partial(SeatMap.model_validate_json, text))
        drawn = _median(partial(drawing_of, seat_map))
        whole = _median(partial(_shown, seat_map, offers))
        print(
            f"seat map of {name}: drawn, joined, ranked, told in {whole:.0f} ms, "
            f"{whole / read:.1f} times json.loads ({read:.0f} ms); drawing alone {drawn:.0f} ms, "
            f"reading it into models {modelled:.0f} ms (medians of {TIMES})"
        )


def _shown(seat_map: SeatMap, offers: list[SeatOffer]) -> object:
    drawing = drawing_of(seat_map)
    table = seat_table(seat_map, offers, {}, max_price=Decimal(60))
    ranking = ranked(table, ZoneQuery(quantity=4, preference=Preference.CLOSEST), drawing)
    context = SheetContext(title="Match", product_base_id="aaaaaa.1", language="en", quantity=4)
    return sheet_of(drawing, table, ranking, context)


def _median(work: Callable[[], object]) -> float:
    """Milliseconds of the processor, so that busy neighbours do not count."""
    times = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
