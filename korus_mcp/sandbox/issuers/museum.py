"""A museum: an entry every half hour, an exhibition, and a pass that never expires."""

from datetime import time
from decimal import Decimal
from functools import partial

from korus_mcp.sandbox.calendars import Rolling, Undated
from korus_mcp.sandbox.issuers.parts import CHILD, FULL, REDUCED, by_price_type
from korus_mcp.sandbox.model import Base, Issuer, Product, Slot, Ticket, Venue
from korus_mcp.sandbox.texts import Text

_VENUE = Venue(
    name="Musée des Marées",
    line1="Rue du Phare",
    postal_code="29998",
    city="Saint-Malouen",
    website="https://musee-des-marees.example",
    latitude="48.65",
    longitude="-2.00",
)
# Closed on Tuesdays, so that every week has a day without offers.
_OPEN_DAYS = frozenset({0, 2, 3, 4, 5, 6})
_base = partial(Base, universe="museum", venue=_VENUE)


def issuer() -> Issuer:
    """The museum and its catalog."""
    return Issuer(
        key="museum",
        name="Musée des Marées",
        catalog_name=Text("Musée des Marées - Revendeurs", "Museum of Tides - Resellers"),
        hold_seconds=20 * 60,
        # No tax rate is stated, so amounts without tax are null (T7).
        tax_rate=None,
        bases=(_permanent_collection(), _exhibition(), _pass()),
    )


def _permanent_collection() -> Base:
    return _base(
        key="museum",
        name=Text("Collection permanente - entrée horodatée", "Permanent collection - timed entry"),
        description=Text(
            "<p>Trois étages consacrés à la mer&hellip; et aux &laquo;&nbsp;gens du "
            "large&nbsp;&raquo;.</p>",
            "<p>Three floors about the sea&hellip; and the people of the open water.</p>",
        ),
        # A price of 0 is a price, not a missing one.
        **by_price_type((FULL, "14.00"), (REDUCED, "10.00"), (CHILD, "0.00")),
        tickets=(Ticket(name=Text("Entrée", "Entry"), slots=_half_hours(60)),),
        calendar=Rolling(first=0, weekdays=_OPEN_DAYS),
        # Above 1, so that some sessions are sold out on most days.
        demand=1.15,
    )


def _exhibition() -> Base:
    return _base(
        key="exhibition",
        name=Text("Exposition « Abysses »", "“Abyss” exhibition"),
        description=Text("<p>Lumières des grands fonds.</p>", "<p>Lights of the deep sea.</p>"),
        **by_price_type((FULL, "17.50"), (REDUCED, "13.00"), (CHILD, "6.00")),
        tickets=(Ticket(name=Text("Exposition", "Exhibition"), slots=_half_hours(40)),),
        calendar=Rolling(last=75, weekdays=_OPEN_DAYS),
        # Its live price always differs from the list price (A27).
        realtime_price_required=True,
        demand=0.9,
    )


def _pass() -> Base:
    return _base(
        key="brace-iri",
        name=Text("Pass permanent des Marées", "Permanent Tides pass"),
        short_description=Text("Entrée illimitée, non datée.", "Unlimited entry, undated."),
        products=(Product(name=Text("Pass permanent", "Permanent pass"), price=Decimal("35.00")),),
        tickets=(Ticket(name=Text("Pass", "Pass")),),
        calendar=Undated(),
        availability_check_required=False,
        braces_in_iri=True,
    )


def _half_hours(places: int) -> tuple[Slot, ...]:
    return tuple(Slot(time(10 + half // 2, 30 * (half % 2)), 30, (places,)) for half in range(16))
