"""Names of catalogs, bases, offers and sessions that tests and examples use, with their API ids."""

from collections.abc import Iterator, Mapping
from datetime import date, time

from korus_mcp.sandbox.calendars import day_number
from korus_mcp.sandbox.ids import Offer, SessionKey
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.stock import Stock
from korus_mcp.sandbox.world import World

# A landmark is named after its base, or after what tests need it for; then the base may change.
_CATALOGS = ("park", "stadium", "hall", "museum", "ski")
_BASES = (
    *("park", "stadium", "stadium_tour", "hall", "museum", "ski", "disabled", "beneficiary"),
    *("max_six", "injection", "undated", "malformed_id", "brace_iri"),
)
_OFFERS = (
    *("park", "always_fails", "fails_above_four", "fails_at_ordering", "undated", "unlimited"),
    *("dynamic_price", "two_ticket", "night_show", "beneficiary", "locked_beneficiary"),
    *("max_six", "seated", "stadium"),
)
_WANTED = {
    "always_fails": "night-safari",
    "fails_above_four": "balloon-ride",
    "fails_at_ordering": "dinner-show",
    "unlimited": "undated",
    "dynamic_price": "exhibition",
    "beneficiary": "ski",
    "seated": "hall",
}
_STANDING_PRODUCT = 6
"""Product of the concert hall: the standing pit at the full price."""


def landmarks_of(iris: Iris, stock: Stock) -> Mapping[str, str]:
    """All landmarks with their ids, for the present day; both sessions belong to `timed_offer`."""
    world = iris.world
    offers = {name: _first_offer(world, _base(world, name)) for name in _OFFERS}
    offers["standing"] = offers["seated"]._replace(product=_STANDING_PRODUCT)
    sold_out, free = (next(_sessions(world, stock, sold_out=each)) for each in (True, False))
    offers["timed"] = Offer(sold_out.base, 0, sold_out.day)
    return {
        **{f"{key}_catalog": iris.catalog_id(rank) for rank, key in enumerate(_CATALOGS)},
        **{f"{name}_base": iris.base_id(_base(world, name)) for name in _BASES},
        **{f"{name}_offer": iris.offer_id(offer) for name, offer in offers.items()},
        "sold_out_session": iris.session_id(sold_out),
        "free_session": iris.session_id(free),
        "sold_out_offer": iris.offer_id(_away_end(world)),
    }


def offer_named(world: World, base: str, product: str, day: date | None) -> Offer:
    """The offer of a base by the English name of its product, for a day.

    Raises:
        KeyError: there is none today.
    """
    number = _declared(world, base)
    names = [each.name.en for each in world.base(number).products]
    if product not in names or day_number(day) not in world.days(number):
        raise KeyError((base, product, day))
    return Offer(number, names.index(product), day_number(day))


def session_named(world: World, base: str, day: date, start: time) -> SessionKey:
    """The session of a base that begins at a local time of a day.

    Raises:
        KeyError: there is none.
    """
    number = _declared(world, base)
    for rank, ticket in enumerate(world.base(number).tickets):
        for place, slot in enumerate(ticket.slots):
            if slot.start == start and day_number(day) in world.days(number):
                return SessionKey(number, day_number(day), rank, place)
    raise KeyError((base, day, start))


def _declared(world: World, key: str) -> int:
    try:
        return world.fixed_base(key)
    except StopIteration:
        raise KeyError(key) from None


def _base(world: World, name: str) -> int:
    return world.fixed_base(_WANTED.get(name, name.replace("_", "-")))


def _first_offer(world: World, base: int) -> Offer:
    """The first dated offer of a base from tomorrow on, or its undated offer.

    Not of today, since an event of today may begin while a test runs.
    """
    days, today = world.days(base), day_number(world.now().date())
    return Offer(base, 0, next((day for day in days if day > today), days[0]))


def _sessions(world: World, stock: Stock, *, sold_out: bool) -> Iterator[SessionKey]:
    """Sessions of the museum, sold out or not, on the first day that has both kinds."""
    base = world.fixed_base("museum")
    slots = range(len(world.base(base).tickets[0].slots))
    for day in world.days(base):
        if day <= day_number(world.now().date()):
            continue
        left = [stock.session_left(Offer(base, 0, day), 0, slot) for slot in slots]
        # Of one day: a test changes from a sold-out session to a free one.
        if 0 in left:
            wanted = [slot for slot in slots if (left[slot] == 0) is sold_out]
            yield from (SessionKey(base, day, 0, slot) for slot in wanted)


def _away_end(world: World) -> Offer:
    """An offer in the stadium's away end, which is always sold out here."""
    base = world.fixed_base("stadium")
    capacities = world.base(base).tickets[0].slots[0].capacities
    products = enumerate(world.base(base).products)
    product = next(rank for rank, each in products if capacities[each.pool] == 0)
    return _first_offer(world, base)._replace(product=product)
