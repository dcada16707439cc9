"""Named places of the world that tests and examples go to, as API ids."""

from collections.abc import Iterator, Mapping

from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.stock import SessionKey, Stock
from korus_mcp.sandbox.world import Offer, World

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
_ISSUERS = ("park", "stadium", "hall", "museum", "ski")
_STANDING_PRODUCT = 6


def landmarks_of(world: World, iris: Iris, stock: Stock) -> Mapping[str, str]:
    """All landmarks, found on the day of the call; the two sessions belong to `timed_offer`."""
    places = {f"{key}_catalog": iris.catalog_id(rank) for rank, key in enumerate(_ISSUERS)}
    places |= {name: iris.base_id(world.fixed_base(key)) for name, key in _BASES.items()}
    places |= {
        name: iris.offer_id(_first_offer(world, world.fixed_base(key)))
        for name, key in _OFFERS.items()
    }
    hall = _first_offer(world, world.fixed_base("hall"))
    places["standing_offer"] = iris.offer_id(hall._replace(product=_STANDING_PRODUCT))
    session = next(_sessions(world, stock, sold_out=True))
    places |= {
        "timed_offer": iris.offer_id(Offer(session.base, 0, session.day)),
        "sold_out_session": iris.session_id(session),
        "free_session": iris.session_id(next(_sessions(world, stock, sold_out=False))),
        "sold_out_offer": iris.offer_id(_away_end(world)),
    }
    return places


def _first_offer(world: World, base: int) -> Offer:
    """The first day from tomorrow on, or the undated offer."""
    tomorrow = world.tomorrow
    days = world.days(base)
    return Offer(base, 0, next((day for day in days if day >= tomorrow), days[0]))


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
    spec = world.base(base)
    capacities = spec.tickets[0].slots[0].capacities
    product = next(rank for rank, each in enumerate(spec.products) if capacities[each.pool] == 0)
    return _first_offer(world, base)._replace(product=product)
