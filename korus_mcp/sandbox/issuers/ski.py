"""A ski resort: passes in a person's name, by number of days and price type."""

from decimal import Decimal
from functools import partial

from korus_mcp.sandbox.calendars import Rolling, Undated
from korus_mcp.sandbox.issuers import parts
from korus_mcp.sandbox.issuers.parts import ADULT, CHILD, by_price_type, option, price_list
from korus_mcp.sandbox.model import Base, Issuer, Product, Ticket, Venue
from korus_mcp.sandbox.texts import Text

_VENUE = Venue(
    name="Domaine du Grand Chamois",
    line1="Front de neige",
    postal_code="73998",
    city="Valneige-les-Hauts",
    phone="+33 (0)4 99 11 11 11",
    latitude="45.3210",
    longitude="6.5432",
)
_base = partial(Base, universe="snow_sports", venue=_VENUE)

# Fields of the beneficiary, without which tickets are not valid and have no documents (A22).
_HOLDER = ("firstname", "lastname", "dateOfBirth")


def issuer() -> Issuer:
    """The resort and its catalog."""
    return Issuer(
        key="ski",
        name="Domaine du Grand Chamois",
        catalog_name=Text("Forfaits Grand Chamois - CSE", "Grand Chamois ski passes - CSE"),
        hold_seconds=12 * 60,
        tax_rate=Decimal("0.10"),
        document_delay_seconds=3,
        document_per_ticket=True,
        order_prefix="GC",
        bases=(_passes(), _beginners(), _season_card()),
    )


def _passes() -> Base:
    lengths, less = (1, 2, 3, 4, 5, 6), Decimal("2.50")
    daily = (Decimal("48.50"), Decimal("38.00"), Decimal("42.00"), Decimal("158.00"))
    return _base(
        key="ski",
        name=Text("Forfait nominatif 1 à 6 jours", "Named ski pass for 1 to 6 days"),
        description=Text(
            "<p>Un forfait est <u>personnel</u> : nom, prénom et date de naissance exigés.</p>",
            "<p>A pass is <u>personal</u>: surname, first name and date of birth required.</p>",
        ),
        **price_list(
            option("days_count", *(parts.days(count) for count in lengths)),
            option("price_type", ADULT, CHILD, parts.SENIOR, parts.FAMILY),
            # Each further day costs a little less.
            prices=(price * n - less * (n - 1) for n in lengths for price in daily),
        ),
        tickets=(Ticket(name=Text("Forfait", "Pass"), capacities=(2500,)),),
        calendar=Rolling(),
        demand=0.5,
        beneficiary_fields=_HOLDER,
    )


def _beginners() -> Base:
    return _base(
        key="locked-beneficiary",
        name=Text("Forfait débutant au porteur", "Beginners' bearer pass"),
        short_description=Text("Trois téléskis, sans nom.", "Three drag lifts, no name."),
        **by_price_type((ADULT, "26.00"), (CHILD, "19.00")),
        tickets=(Ticket(name=Text("Forfait débutant", "Beginners' pass"), capacities=(300,)),),
        calendar=Rolling(last=90),
        # Its beneficiary cannot be changed: an attempt is answered with 422 (A22).
        beneficiary_amendable=False,
    )


def _season_card() -> Base:
    return _base(
        key="season-card",
        name=Text("Carte saison nominative", "Named season card"),
        products=(Product(name=Text("Carte saison", "Season card"), price=Decimal("640.00")),),
        tickets=(Ticket(name=Text("Carte saison", "Season card")),),
        calendar=Undated(),
        availability_check_required=False,
        # Undated, so there is no deadline for the name either.
        beneficiary_fields=_HOLDER,
    )
