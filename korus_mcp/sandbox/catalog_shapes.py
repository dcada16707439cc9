"""Makes the JSON of catalogs, product bases, products, offers, sessions and seat maps."""

import re
from dataclasses import asdict, dataclass
from datetime import timedelta

from korus_mcp.sandbox.calendars import day_of
from korus_mcp.sandbox.ids import Kind, Offer, Ref
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.jsonld import Json, node, resource
from korus_mcp.sandbox.model import Base, OptionCode, Venue
from korus_mcp.sandbox.seat_maps import Row
from korus_mcp.sandbox.stock import Stock
from korus_mcp.sandbox.world import World

_IMAGES = "https://images.sandbox.invalid"
_NEVER_SYNCED = 1
"""Number of the catalog whose list entry has no `lastSyncedAt`, as in the published example."""


@dataclass(eq=False, slots=True)
class CatalogShapes:
    """Makes the JSON of the catalog side of the API; some fields are null because of T7."""

    world: World
    stock: Stock
    iris: Iris

    def catalog(self, catalog: int, *, alone: bool = True) -> Json:
        """A catalog."""
        fields: Json = {
            "createdAt": self.world.started_at - timedelta(days=200 + catalog),
            "name": self.world.issuer(catalog).catalog_name,
        }
        if alone or catalog != _NEVER_SYNCED:
            fields["lastSyncedAt"] = self.world.started_at - timedelta(minutes=37)
        return resource("TicketingCatalog", self.iris.catalog(catalog), fields)

    def base_in_list(self, base: int) -> Json:
        """The short form of a base (T29), made without generating the rest of the base."""
        name, disabled = self.world.name_and_disabled(base)
        fields: Json = {"name": name, "disabled": disabled}
        return resource("TicketingProductBase", self._base_iri(base), fields)

    def base(self, number: int) -> Json:
        """The long form of a base."""
        base = self.world.base(number)
        delay = self.world.issuer(self.world.catalog_of(number)).document_delay_seconds
        fields: Json = {
            "name": base.name,
            "disabled": base.disabled,
            "description": base.description,
            "shortDescription": base.short_description,
            "termsOfUse": base.terms,
            "useSession": base.uses_sessions,
            # Null for an undated base, so that no client relies on it (T7).
            "timezone": base.timezone,
            "recurring": len(self.world.days(number)) > 1,
            "beneficiaryInfoMayBeRequired": bool(base.beneficiary_fields),
            # Only if no beneficiary is needed and the issuer makes files without delay.
            "instantDocumentDelivery": not base.beneficiary_fields and delay == 0,
            # T11: in spite of its name it is no money, but limits the units of a call.
            "maxAmountPerOrder": base.max_amount_per_order,
            "universe": base.universe,
            "venue": _venue(base.venue),
            "medias": _medias(number, base),
            "seatMap": self.iris.seat_map(number, 0) if base.seat_maps else None,
        }
        return resource("TicketingProductBase", self._base_iri(number), fields)

    def option(self, base: int, rank: int) -> Json:
        """An option of a base; its IRI ends with its code, not its id (A02)."""
        option = self.world.base(base).options[rank]
        option_id = self.world.ids.text(Ref(Kind.OPTION, base, rank))
        fields: Json = {"id": option_id, "code": option.code, "name": option.name}
        return resource("TicketingProductBaseOption", self.iris.option(base, rank), fields)

    def value(self, base: int, rank: int, value: int) -> Json:
        """A value of an option (A03)."""
        option = self.world.base(base).options[rank]
        fields: Json = {"code": option.code, "name": option.values[value], "position": value}
        iri = self.iris.value(base, rank, value)
        return resource("TicketingProductBaseOptionValue", iri, fields)

    def product(self, base: int, rank: int, *, alone: bool = True) -> Json:
        """A product (A04); only a single one, not one in a list, has a description (T29)."""
        product, options = self.world.base(base).products[rank], self.world.base(base).options
        fields = self._product_core(base, rank)
        if alone:
            fields["description"] = product.description
        fields["productBase"] = self.iris.base(base)
        fields["optionValues"] = [
            {
                "@id": self.iris.value(base, option, value),
                "code": options[option].code,
                "name": options[option].values[value],
            }
            for option, value in enumerate(product.choices)
        ]
        return resource("TicketingProduct", self.iris.product(base, rank), fields)

    def offer(self, offer: Offer) -> Json:
        """An offer (A05) with the price and stock of lists, which lag behind (T21)."""
        base, product = self.world.base(offer.base), self.world.product(offer)
        fields: Json = {
            "date": day_of(offer.day),
            "availabilityCheckRequired": base.availability_check_required,
            "realtimePriceRequired": base.realtime_price_required,
            "price": {
                "amountInclTax": self.stock.list_price(offer),
                "originalAmountInclTax": product.original_price,
                "currency": "eur",  # and upper case in the live price (T1)
            },
            "product": {
                "@id": self.iris.product(offer.base, offer.product),
                "@type": "TicketingProduct",
                "id": self.iris.product_id(offer.base, offer.product),
                **self._product_core(offer.base, offer.product),
            },
            "productBase": self.iris.base(offer.base),
            # An offer shows only these fields of a ticket; the list of tickets has the rest (A08).
            "tickets": [{"dateAccess": each.date_access, "form": None} for each in base.tickets],
            # Null where the issuer sets no limit (T8).
            "availableQuantity": self.stock.offer_left(offer, listed=True),
        }
        return resource("TicketingOffer", self.iris.offer(offer), fields)

    def availability(self, offer: Offer) -> Json:
        """Live stock, with the placeholders of the published examples (T6)."""
        tickets = self.world.base(offer.base).tickets
        sessions: list[Json] = [
            {
                **dict.fromkeys(("@context", "@id", "@type"), "string"),
                "session": self.iris.session(offer, rank, slot),
                "availableQuantity": self.stock.session_left(offer, rank, slot),
            }
            for rank, ticket in enumerate(tickets)
            for slot in range(len(ticket.slots))
        ]
        left = self.stock.offer_left(offer)
        fields: Json = {"availableQuantity": left, "sessionsAvailability": sessions}
        return node("TicketingOfferAvailability", f"{self.iris.offer(offer)}/availability", fields)

    def price(self, offer: Offer) -> Json:
        """The live price, with the wrong `@type` of the published examples (T5)."""
        amounts = self.world.issuer_of(offer).stated("amount", self.stock.price(offer))
        fields: Json = {**amounts, "currency": "EUR"}
        return node("TicketingOffer", f"{self.iris.offer(offer)}/price", fields)

    def ticket(self, offer: Offer, rank: int) -> Json:
        """A ticket of an offer; `dateAccess` says whether it needs a session (T24)."""
        ticket = self.world.base(offer.base).tickets[rank]
        fields: Json = {
            "name": ticket.name,
            "description": ticket.description,
            "dateAccess": ticket.date_access,
        }
        return resource("TicketingOfferTicket", self.iris.ticket(offer, rank), fields)

    def session(self, offer: Offer, rank: int, slot: int) -> Json:
        """A session of an offer ticket (A07)."""
        spec = self.world.base(offer.base).tickets[rank].slots[slot]
        starts, number = self.world.starts_at(offer, rank, slot), spec.seat_map
        # The address contains an offer, the id does not: all products share a session (T10).
        fields: Json = {
            "name": spec.name,
            "startsAt": starts,
            "endsAt": starts + timedelta(minutes=spec.minutes),
            "availableQuantity": self.stock.session_left(offer, rank, slot, listed=True),
            "seatMap": None if number is None else self.iris.seat_map(offer.base, number),
        }
        iri = self.iris.session(offer, rank, slot)
        return resource("TicketingOfferTicketSession", iri, fields)

    def seat_map(self, base: int, number: int) -> Json:
        """The layout of a venue (A10), without a word on which seats are free."""
        layout = self.world.base(base).seat_maps[number]
        iri = self.iris.seat_map(base, number)
        fields: Json = {
            "zones": [
                {
                    "@id": f"{iri}/zones/{rank + 1}",
                    "id": self.world.ids.text(Ref(Kind.ZONE, base, number, slot=rank)),
                    "name": zone.name,
                    "seatingCategory": _category_iri(iri, zone.category),
                    "optionValue": self._value_of(base, "zone", zone.value),
                    "capacity": zone.capacity,
                    "polygon": zone.polygon,
                    "rows": None if zone.rows is None else [_row(row) for row in zone.rows],
                }
                for rank, zone in enumerate(layout.zones)
            ],
            "seatingCategories": [
                {
                    "@id": _category_iri(iri, rank),
                    "id": self.world.ids.text(Ref(Kind.SEATING_CATEGORY, base, number, slot=rank)),
                    "name": category.name,
                    "color": category.color,
                    "optionValue": self._value_of(base, "seating_category", category.value),
                }
                for rank, category in enumerate(layout.categories)
            ],
        }
        return resource("TicketingSeatMap", iri, fields)

    def _base_iri(self, base: int) -> str:
        iri = self.iris.base(base)
        if not self.world.has_braces(base):
            return iri
        # T3: an IRI whose placeholder was not replaced.
        return iri.replace(self.iris.catalog_id(self.world.catalog_of(base)), "{catalogId}")

    def _product_core(self, base: int, rank: int) -> Json:
        spec = self.world.base(base)
        return {"name": spec.products[rank].name, "disabled": spec.disabled}

    def _value_of(self, base: int, code: OptionCode, value: int | None) -> str | None:
        """The IRI of an option value by its rank; None if the base does not have the option."""
        # Maps without links are tied to offers by names only (A10).
        codes = [option.code for option in self.world.base(base).options]
        if value is None or code not in codes:
            return None
        return self.iris.value(base, codes.index(code), value)


def _category_iri(seat_map: str, rank: int | None) -> str | None:
    return None if rank is None else f"{seat_map}/seating_categories/{rank + 1}"


def _row(row: Row) -> Json:
    # Written by hand, since `asdict` is slow for a hall's thousands of seats.
    seats = [{"name": seat.name, "x": seat.x, "y": seat.y} for seat in row.seats]
    return {"name": row.name, "seats": seats}


def _medias(number: int, base: Base) -> Json | None:
    if not base.has_medias:
        return None
    folder = f"{_IMAGES}/{base.key}"
    gallery = [{"url": f"{folder}/{rank}.jpg", "position": rank} for rank in range(3)]
    # Every third base has images but no logo (A09).
    logo = None if number % 3 == 2 else {"url": f"{folder}/logo.png"}
    return {"logo": logo, "gallery": gallery}


def _venue(venue: Venue | None) -> Json | None:
    """The known fields of a venue, with their names in camel case (T12)."""
    # `line2` is always null, and coordinates are text, as published.
    known = asdict(venue).items() if venue else ()
    camel = {re.sub("_([a-z])", lambda match: match[1].upper(), name): each for name, each in known}
    return camel or None
