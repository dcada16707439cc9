"""Named places of the world that tests and examples go to, as API ids."""

from collections.abc import Iterator, Mapping

from korus_mcp.sandbox.ids import Offer, SessionKey
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.stock import Stock
from korus_mcp.sandbox.world import World

_CATALOGS = ("park", "stadium", "hall", "museum", "ski")

# What a test asks for -> the key of a base in `issuers`. Two names may mean one base: a test says
# what it needs, and the base may change.
_BASES = {
    "park_base": "park",
    "stadium_base": "stadium",
    "stadium_tour_base": "stadium-tour",
    "hall_base": "hall",
    "museum_base": "museum",
    "ski_base": "ski",
    "disabled_base": "disabled",
    "beneficiary_base": "ski",
    "max_six_base": "max-six",
    "injection_base": "injection",
    "undated_base": "undated",
    "malformed_id_base": "malformed-id",
    "brace_iri_base": "brace-iri",
}
_OFFERS = {
    "park_offer": "park",
    "always_fails_offer": "night-safari",
    "fails_above_four_offer": "balloon-ride",
    "fails_at_ordering_offer": "dinner-show",
    "undated_offer": "undated",
    "unlimited_offer": "undated",
    "dynamic_price_offer": "exhibition",
    "two_ticket_offer": "two-ticket",
    "night_show_offer": "night-show",
    "beneficiary_offer": "ski",
    "locked_beneficiary_offer": "locked-beneficiary",
    "max_six_offer": "max-six",
    "seated_offer": "hall",
    "stadium_offer": "stadium",
}
_STANDING_PRODUCT = 6


def landmarks_of(iris: Iris, stock: Stock) -> Mapping[str, str]:
    """All landmarks, found on the day of the call; the two sessions belong to `timed_offer`."""
    world = iris.world
    offers = {name: _first_offer(world, world.fixed_base(key)) for name, key in _OFFERS.items()}
    offers["standing_offer"] = offers["seated_offer"]._replace(product=_STANDING_PRODUCT)
    sold_out, free = (next(_sessions(world, stock, sold_out=each)) for each in (True, False))
    offers["timed_offer"] = Offer(sold_out.base, 0, sold_out.day)
    return {
        **{f"{key}_catalog": iris.catalog_id(rank) for rank, key in enumerate(_CATALOGS)},
        **{name: iris.base_id(world.fixed_base(key)) for name, key in _BASES.items()},
        **{name: iris.offer_id(offer) for name, offer in offers.items()},
        "sold_out_session": iris.session_id(sold_out),
        "free_session": iris.session_id(free),
        "sold_out_offer": iris.offer_id(_away_end(world)),
    }


def _first_offer(world: World, base: int) -> Offer:
    """The first day from tomorrow on, or the undated offer.

    From tomorrow: what is on sale today may begin while a test runs.
    """
    days = world.days(base)
    return Offer(base, 0, next((day for day in days if day >= world.tomorrow), days[0]))


def _sessions(world: World, stock: Stock, *, sold_out: bool) -> Iterator[SessionKey]:
    """Timed entries of the museum on the first day that has sold-out ones."""
    base = world.fixed_base("museum")
    slots = range(len(world.base(base).tickets[0].slots))
    for day in world.days(base):
        if day < world.tomorrow:
            continue
        left = [stock.session_left(Offer(base, 0, day), 0, slot) for slot in slots]
        if 0 in left:
            yield from (
                SessionKey(base, day, 0, slot) for slot in slots if (left[slot] == 0) is sold_out
            )


def _away_end(world: World) -> Offer:
    """A place in the part of the stadium this club has nothing left to sell of."""
    base = world.fixed_base("stadium")
    capacities = world.base(base).tickets[0].slots[0].capacities
    products = enumerate(world.base(base).products)
    product = next(rank for rank, each in products if capacities[each.pool] == 0)
    return _first_offer(world, base)._replace(product=product)
