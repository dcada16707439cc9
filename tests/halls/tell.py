"""A program of its own: reads halls from stdin and tells what the server makes of each.

It is the only file here that imports the code under test. PYTHONPATH says which commit's: of names
that were other ones at an earlier commit, both are known.

A line in: {"map": as the API sends it, "left": {number of a zone on sale: how many are left}}.
A line out: see `judge.Told`.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

_LONGEST = re.compile(r"up to (\d+)")


def first_of(*places: str) -> Any:
    """The first of these names ("module:name") that the commit has."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(f"korus_mcp.{module}"), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of {', '.join(places)}")


SeatMap = first_of("api.models.seat_map:SeatMap")
Money = first_of("foundation.money:Money", "money:Money")
SeatOffer, seat_table = first_of("seating.table:SeatOffer"), first_of("seating.table:seat_table")
ZoneQuery = first_of("seating.ranking:ZoneQuery", "seating.ranking:Wish")
Preference, ranked = first_of("seating.ranking:Preference"), first_of("seating.ranking:ranked")
drawing_of, svg = first_of("seating.layout:drawing_of"), first_of("seating.picture:svg")
width_of = first_of("seating.lettering:width_of")


def colour(place: int) -> str:
    """The colour of a zone: each has its own, and none is one of the picture's."""
    return f"#{0x305070 + place * 0x010203:06x}"


def paint_each_zone() -> None:
    """Let each price be a colour of its own, and seats be painted as their zone is."""
    scene, picture = (
        import_module("korus_mcp.seating.scene"),
        import_module("korus_mcp.seating.picture"),
    )
    for module, name, value in (
        (scene, "STEPS", 1_000_000),
        (scene, "ramp", lambda count: tuple(map(colour, range(count)))),
        (picture, "mixed", lambda one, other, share: one),
    ):
        getattr(module, name)  # a name that is gone must be told, not set in vain
        setattr(module, name, value)


def told(hall: Mapping[str, Any]) -> dict[str, Any]:
    """What the server says and draws of a hall."""
    seat_map = SeatMap.model_validate(hall["map"])
    left = {int(number): count for number, count in hall["left"].items()}
    names = {number: seat_map.zones[number].name for number in left}
    drawing = drawing_of(seat_map)
    stocked = seat_table(seat_map, offers(names, left), {})
    everything = seat_table(seat_map, offers(names, {}), {})
    ranking = ranked(stocked, ZoneQuery(preference=Preference.TOGETHER), drawing)
    picture = svg(drawing, everything.zones)
    return {
        "together": {
            each.zone.number: told_longest(each.why) for each in ranking.zones if each.rank
        },
        "fronts": [point for point in fronts_of(drawing) if point is not None],
        "zones": [
            {
                "seats": [seat for row in zone.rows for seat in row],
                "outline": list(zone.outline),
            }
            for zone in drawing.zones
        ],
        "picture": picture,
        "colours": {number: colour(place) for place, number in enumerate(names)},
        "widths": widths(picture),
    }


def fronts_of(drawing: Any) -> list[Any]:
    """Where people look, in the drawing's units: a place for each level that has one."""
    fronts = getattr(drawing, "fronts", None)
    return [drawing.focus] if fronts is None else list(fronts)


def offers(names: Mapping[int, str], left: Mapping[int, int | None]) -> list[Any]:
    """One offer a zone, at a price of its own."""
    return [
        SeatOffer(
            offer_id=f"zone-{number}",
            choices={"zone": name},
            price=Money(Decimal(10 + place)),
            left=left.get(number),
        )
        for place, (number, name) in enumerate(names.items())
    ]


def told_longest(why: str) -> int | None:
    """How many can sit side by side, by the words of a rank; None if it says nothing of that."""
    found = _LONGEST.search(why)
    return int(found[1]) if found else None


def widths(picture: str) -> dict[str, float]:
    """The widths of the texts of a picture at size 1."""
    texts = (part.partition("<")[0] for part in re.findall(r"<text[^>]*>([^<]*)", picture))
    return {text: round(width_of(text, 1.0), 4) for text in set(texts)}


def main(lines: Iterable[str], tree: Path) -> None:
    """A line for each, by the code of this tree and no other."""
    package = Path(import_module("korus_mcp").__file__ or "").parents[1]
    if package.resolve() != tree.resolve():
        raise SystemExit(f"the code of {package} was imported, not that of {tree}")
    paint_each_zone()
    for line in lines:
        sys.stdout.write(f"{json.dumps(told(json.loads(line)))}\n")


if __name__ == "__main__":
    main(sys.stdin, Path(sys.argv[1]))
