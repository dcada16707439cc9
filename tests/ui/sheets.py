"""Results of get_seat_map for the tests of the page, made by code."""

from collections.abc import Iterator, Mapping, Sequence
from math import cos, pi, sin
from typing import Any, TypeAlias

from korus_mcp.seating.rooms import Seats, rooms_in

Json: TypeAlias = dict[str, Any]

META = "io.github.korus-mcp/seat-map"
BASE = "k3f9qa.0194c0de-0000-7000-8000-000000000001"


def offer_id(number: int) -> str:
    """An offer's id as our tools write it."""
    return f"k3f9qa.0195c0de-0000-7000-8000-{number:012d}"


def offer(number: int, product: str, price: str, left: int | None = None) -> Json:
    """An offer of a zone."""
    return _without_none(id=offer_id(number), product=product, price=price, left=left)


def zone(
    number: int,
    name: str,
    outline: Sequence[int],
    offers: Sequence[Json],
    *,
    category: int | None = None,
    rows: Sequence[Sequence[int]] = (),
) -> Json:
    """A zone of a sheet with its offers' prices and stock."""
    prices = sorted((o["price"] for o in offers if o.get("left") != 0), key=float)
    stated = [o["left"] for o in offers if "left" in o]
    return _without_none(
        n=number,
        name=name,
        category=category,
        outlines=[list(outline)],
        at=_middle(outline),
        rooms=_rooms(outline),
        rows=[" ".join(map(str, row)) for row in rows] or None,
        capacity=400,
        **{"from": prices[0] if prices else None},
        to=prices[-1] if prices else None,
        left=max(stated) if stated and len(stated) == len(offers) else None,
        offers=list(offers) or None,
    )


def sheet(zones: Sequence[Json], **changes: Any) -> Json:
    """A sheet around zones, the cheapest ranked first."""
    on_sale = sorted((z for z in zones if "from" in z), key=lambda z: float(z["from"]))
    for rank, ranked in enumerate(on_sale[:8], start=1):
        ranked |= {"best": rank, "why": "cheapest with 2 left"}
    whole: Json = {
        "v": 1,
        "title": "Valmont - Rives",
        "venue": "Stade des Tilleuls",
        "date": "2026-12-05",
        "product_base_id": BASE,
        "language": "en",
        "currency": "EUR",
        "quantity": 2,
        "width": 1000,
        "height": 700,
        "schematic": False,
        "categories": [
            {"name": "Category 1", "color": "#1f77b4"},
            {"name": "Category 2"},
            {"name": "Category 3"},
        ],
        "zones": list(zones),
    }
    return {k: v for k, v in (whole | changes).items() if v is not None}


def result(drawn: Json | None, view: Json | None = None) -> Json:
    """The tool result that carries a sheet; without one, what a host leaves that drops `_meta`."""
    structure = view or {"product_base_id": BASE, "zones": [], "note": "The issuer allocates."}
    answer: Json = {"content": [{"type": "text", "text": "zones"}], "structuredContent": structure}
    return answer if drawn is None else answer | {"_meta": {META: drawn}}


def hall(language: str = "en") -> Json:
    """A hall of six zones: seats, prices, one sold out, one with nothing on sale."""
    box = [(60, 170), (360, 170), (660, 170), (60, 420), (360, 420), (660, 420)]
    prices = ["25.00", "45.00", "25.00", "60.00", "32.50", "18.00"]
    zones = []
    for number, ((x, y), price) in enumerate(zip(box, prices, strict=True)):
        offers = [offer(number * 10, "Match adult", price, 12 - 2 * number)]
        if number == 1:
            offers.append(offer(11, "Match child", "22.00", 12))
        if number == 4:
            offers = [offer(40, "Match adult", price, 0)]
        if number == 5:
            offers = []
        rows = [
            [v for seat in range(14) for v in (x + 25 + 18 * seat, y + 20 + 22 * row)]
            for row in range(8)
        ]
        outline = [x, y, x + 280, y, x + 280, y + 200, x, y + 200]
        zones.append(
            zone(number, f"Block {number + 1}", outline, offers, category=number % 3, rows=rows)
        )
    return sheet(zones, language=language, focus=[500, 80], untied=[offer(99, "Parking", "9.00")])


def stadium(seats_a_zone: int = 100, zones: int = 50) -> Json:
    """A ring of zones around a pitch."""
    names = [f"{side} {101 + i}" for i in range(zones) for side in [_side(i, zones)]]
    drawn = []
    for number, (outline, rows) in enumerate(_ring(zones, seats_a_zone)):
        price = f"{20 + 5 * (number * 7 % 11)}.00"
        left = (number * 13) % 40
        offers = [offer(number, "Match adult", price, left)]
        drawn.append(zone(number, names[number], outline, offers, category=number % 3, rows=rows))
    return sheet(drawn, focus=[500, 350])


def hostile() -> Json:
    """Labels that try to be markup, script, an address, another direction, or endless."""
    names = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(2)</script>",
        "javascript:alert(3)",
        "\u202egnol dna desrever\u202c \u0000\u0007\u001b[31m",
        "שער צפון 101 مدرج",
        "W" * 5_000,
        '"><svg onload=alert(4)>',
        "{{constructor.constructor('alert(5)')()}}",
    ]
    zones = [
        zone(
            number,
            name,
            [60 + 220 * (number % 4), 100 + 250 * (number // 4), 260 + 220 * (number % 4),
             100 + 250 * (number // 4), 260 + 220 * (number % 4), 300 + 250 * (number // 4)],
            [offer(number, name, "45.00", 5)],
            category=number % 2,
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    categories = [
        {"name": names[0], "color": "red;background:url(//evil.example/x)"},
        {"name": names[1], "color": "#12345g"},
    ]
    odd: list[Any] = [
        None, 7, "zone", {"name": 5, "outlines": "M0 0", "offers": {"id": 1}},
        {"name": "Odd", "outlines": [[1, 2, "3", None], 7], "at": ["x"], "rows": [[1], None, 5],
         "category": "__proto__", "left": -4, "from": "free", "offers": [{"id": "two words"}]},
    ]  # fmt: skip
    return sheet(
        zones, title=names[0], venue=names[1], categories=categories, date="<b>", currency="E<R"
    ) | {"zones": [*zones, *odd]}


def checked(*, price: str = "45.00 EUR", left: int | None = 12, **changes: Any) -> Json:
    """A check_availability result of an offer that can be booked."""
    view = _without_none(
        offer_id=offer_id(0),
        product="Match adult",
        bookable=True,
        price=price,
        left=left,
        checked_at="2026-11-25T12:00:00+00:00",
        next="No session is needed: reserve without session_ids.",
    )
    return {"content": [{"type": "text", "text": "bookable"}], "structuredContent": view | changes}


def refused(message: str) -> Json:
    """A refusal of a tool."""
    error = {"code": "RATE_LIMITED", "message": message, "effect": "none", "next": "Wait."}
    text = {"type": "text", "text": message}
    return {"isError": True, "content": [text], "structuredContent": {"error": error}}


def _ring(zones: int, seats_a_zone: int) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Outlines and rows of seats around an ellipse."""
    rows = max(1, int((seats_a_zone / 2) ** 0.5))
    a_row = -(-seats_a_zone // rows) if seats_a_zone else 0
    for number in range(zones):
        first = 2 * pi * number / zones + 0.012
        last = 2 * pi * (number + 1) / zones - 0.012
        edge = [_at(first, 0.6), _at((first + last) / 2, 0.6), _at(last, 0.6)]
        outer = [_at(last, 0.98), _at((first + last) / 2, 0.98), _at(first, 0.98)]
        seats = [
            [
                v
                for i in range(a_row)
                for v in _at(first + (last - first) * (i + 0.5) / a_row, depth)
            ]
            for depth in (0.63 + 0.32 * row / rows for row in range(rows))
        ]
        yield [v for point in (*edge, *outer) for v in point], seats if seats_a_zone else []


def _at(angle: float, depth: float) -> tuple[int, int]:
    return round(500 + 490 * depth * cos(angle)), round(350 + 340 * depth * sin(angle))


def _side(number: int, zones: int) -> str:
    return ("East", "South", "West", "North")[(number + zones // 8) * 4 // zones % 4]


def _rooms(outline: Sequence[int]) -> list[list[int]]:
    """Where a label of a zone lies on the zone alone."""
    corners = tuple(zip(map(float, outline[::2]), map(float, outline[1::2]), strict=True))
    (found,) = rooms_in([[corners]], [], Seats([()], [0.0]))
    return [[round(n) for n in (room.left, room.top, room.right, room.bottom)] for room in found]


def _middle(outline: Sequence[int]) -> list[int]:
    xs, ys = outline[::2], outline[1::2]
    return [round(sum(xs) / len(xs)), round(sum(ys) / len(ys))] if outline else [0, 0]


def _without_none(**fields: Any) -> Json:
    return {k: v for k, v in fields.items() if v is not None}


def view_of(drawn: Mapping[str, Any]) -> Json:
    """The structured answer beside a sheet, as hosts without `_meta` keep it."""
    zones = [
        _without_none(
            zone=z["name"],
            category="Category 1",
            from_price=f"{z['from']} EUR" if "from" in z else None,
            left=z.get("left"),
            offers=[
                {"offer_id": o["id"], "product": o["product"], "price": f"{o['price']} EUR"}
                for o in z.get("offers", [])
            ]
            if i < 3
            else None,
        )
        for i, z in enumerate(drawn["zones"])
    ]
    return {"product_base_id": BASE, "date": "2026-12-05", "zones": zones, "note": "n"}
