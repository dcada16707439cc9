"""What catalogs, bases, products, offers, sessions and seat maps look like on the wire."""

from datetime import datetime, timedelta

from korus_mcp.sandbox.ids import Kind, Ref
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.jsonld import Json, moment, money, resource
from korus_mcp.sandbox.model import (
    Base,
    Language,
    Product,
    Row,
    SeatMap,
    Text,
    Venue,
    Zone,
    day_of,
)
from korus_mcp.sandbox.stock import SessionKey, Stock
from korus_mcp.sandbox.world import Offer, World

_IMAGES = "https://images.sandbox.invalid"
_NEVER_SYNCED = 1
"""The catalog whose list entry has no lastSyncedAt, as in the published example."""


class CatalogShapes:
    """Writes the catalog side of the API."""

    def __init__(self, world: World, stock: Stock, iris: Iris, started: datetime) -> None:
        self._world = world
        self._stock = stock
        self._iris = iris
        self._started = started

    def catalog(self, catalog: int, language: Language, *, alone: bool) -> Json:
        """A catalog."""
        fields: Json = {
            "id": self._iris.catalog_id(catalog),
            "createdAt": moment(self._started - timedelta(days=200 + catalog)),
            "name": self._world.issuer(catalog).catalog_name.in_language(language),
        }
        if alone or catalog != _NEVER_SYNCED:
            fields["lastSyncedAt"] = moment(self._started - timedelta(minutes=37))
        iri = self._iris.catalog(catalog)
        return resource("TicketingCatalog", iri, fields, alone=alone)

    def base_in_list(self, base: int, language: Language) -> Json:
        """The short form of a base (T29)."""
        fields: Json = {
            "id": self._iris.base_id(base),
            "name": self._world.base_name(base).in_language(language),
            "disabled": self._world.is_disabled(base),
        }
        return resource("TicketingProductBase", self._base_iri(base), fields)

    def base(self, number: int, language: Language) -> Json:
        """The long form of a base."""
        base = self._world.base(number)
        fields: Json = {
            "id": self._iris.base_id(number),
            "name": base.name.in_language(language),
            "disabled": base.disabled,
            "description": _text(base.description, language),
            "shortDescription": _text(base.short_description, language),
            "termsOfUse": _text(base.terms, language),
            "useSession": base.uses_sessions,
            "timezone": base.timezone,
            "recurring": len(self._world.days(number)) > 1,
            "beneficiaryInfoMayBeRequired": bool(base.beneficiary_fields),
            "instantDocumentDelivery": self._delivers_at_once(number, base),
            "maxAmountPerOrder": base.max_amount_per_order,
            "universe": base.universe,
            "venue": _venue(base.venue),
            "medias": self._medias(number, base),
            "seatMap": self._iris.seat_map(number, 0) if base.seat_maps else None,
        }
        return resource("TicketingProductBase", self._base_iri(number), fields, alone=True)

    def option(self, base: int, option: int, language: Language) -> Json:
        """An option of a base."""
        spec = self._world.base(base).options[option]
        fields: Json = {
            "id": self._iris.option_id(base, option),
            "code": spec.code,
            "name": spec.name.in_language(language),
        }
        return resource("TicketingProductBaseOption", self._iris.option(base, option), fields)

    def value(self, base: int, option: int, value: int, language: Language) -> Json:
        """A value of an option."""
        spec = self._world.base(base).options[option]
        fields: Json = {
            "id": self._iris.value_id(base, option, value),
            "code": spec.code,
            "name": spec.values[value].in_language(language),
            "position": value,
        }
        iri = self._iris.value(base, option, value)
        return resource("TicketingProductBaseOptionValue", iri, fields)

    def product(self, base: int, rank: int, language: Language, *, alone: bool) -> Json:
        """A product; the description only comes with a single one (T29)."""
        product = self._world.base(base).products[rank]
        fields = self._product_core(base, rank, product, language)
        if alone:
            fields["description"] = _text(product.description, language)
        fields["productBase"] = self._iris.base(base)
        fields["optionValues"] = [
            {
                "@id": self._iris.value(base, option, value),
                "code": self._world.base(base).options[option].code,
                "name": self._world.base(base).options[option].values[value].in_language(language),
            }
            for option, value in enumerate(product.choices)
        ]
        return resource("TicketingProduct", self._iris.product(base, rank), fields, alone=alone)

    def offer(self, offer: Offer, language: Language, *, alone: bool) -> Json:
        """An offer with list price and list stock."""
        base, product = self._world.base(offer.base), self._world.product(offer)
        product_core: Json = {
            "@id": self._iris.product(offer.base, offer.product),
            "@type": "TicketingProduct",
            **self._product_core(offer.base, offer.product, product, language),
        }
        day, original = day_of(offer.day), product.original_price
        fields: Json = {
            "id": self._iris.offer_id(offer),
            "date": day.isoformat() if day else None,
            "availabilityCheckRequired": base.availability_check_required,
            "realtimePriceRequired": base.realtime_price_required,
            "price": {
                "amountInclTax": money(self._stock.list_price(offer)),
                "originalAmountInclTax": money(original) if original else None,
                "currency": "eur",
            },
            "product": product_core,
            "productBase": self._iris.base(offer.base),
            "tickets": [{"dateAccess": each.date_access, "form": None} for each in base.tickets],
            "availableQuantity": self._stock.list_quantity(offer),
        }
        return resource("TicketingOffer", self._iris.offer(offer), fields, alone=alone)

    def availability(self, offer: Offer) -> Json:
        """Live stock, with the published placeholders (T6)."""
        tickets = self._world.base(offer.base).tickets
        sessions: list[Json] = [
            {
                "@context": "string",
                "@id": "string",
                "@type": "string",
                "session": self._iris.session(offer, rank, slot),
                "availableQuantity": self._stock.session_left(offer, rank, slot),
            }
            for rank, ticket in enumerate(tickets)
            for slot in range(len(ticket.slots))
        ]
        fields: Json = {
            "availableQuantity": self._stock.offer_left(offer),
            "sessionsAvailability": sessions,
        }
        iri = f"{self._iris.offer(offer)}/availability"
        return resource("TicketingOfferAvailability", iri, fields, alone=True)

    def price(self, offer: Offer) -> Json:
        """The live price, under the published wrong type (T5)."""
        amount = self._stock.price(offer)
        rate = self._world.issuer_of(offer).tax_rate
        fields: Json = {
            "amountInclTax": money(amount),
            "amountExclTax": None if rate is None else money(amount / (1 + rate)),
            "currency": "EUR",
        }
        return resource("TicketingOffer", f"{self._iris.offer(offer)}/price", fields, alone=True)

    def ticket(self, offer: Offer, rank: int, language: Language, *, alone: bool) -> Json:
        """A ticket of an offer."""
        ticket = self._world.base(offer.base).tickets[rank]
        fields: Json = {
            "id": self._iris.ticket_id(offer, rank),
            "name": ticket.name.in_language(language),
            "description": _text(ticket.description, language),
            "dateAccess": ticket.date_access,
        }
        iri = self._iris.ticket(offer, rank)
        return resource("TicketingOfferTicket", iri, fields, alone=alone)

    def session(
        self, offer: Offer, rank: int, slot: int, language: Language, *, alone: bool
    ) -> Json:
        """A session of an offer ticket."""
        base = self._world.base(offer.base)
        spec = base.tickets[rank].slots[slot]
        starts = self._world.starts_at(base, offer.day, spec)
        seat_map = spec.seat_map
        fields: Json = {
            "id": self._iris.session_id(SessionKey(offer.base, offer.day, rank, slot)),
            "name": _text(spec.name, language),
            "startsAt": moment(starts),
            "endsAt": moment(starts + timedelta(minutes=spec.minutes)),
            "availableQuantity": self._stock.list_session_left(offer, rank, slot),
            "seatMap": None if seat_map is None else self._iris.seat_map(offer.base, seat_map),
        }
        iri = self._iris.session(offer, rank, slot)
        return resource("TicketingOfferTicketSession", iri, fields, alone=alone)

    def seat_map(self, base: int, number: int, language: Language) -> Json:
        """The layout of a venue."""
        layout = self._world.base(base).seat_maps[number]
        iri = self._iris.seat_map(base, number)
        fields: Json = {
            "id": self._iris.seat_map_id(base, number),
            "zones": [
                self._zone(base, number, rank, zone, language)
                for rank, zone in enumerate(layout.zones)
            ],
            "seatingCategories": self._categories(base, number, layout, language),
        }
        return resource("TicketingSeatMap", iri, fields, alone=True)

    def _base_iri(self, base: int) -> str:
        iri = self._iris.base(base)
        if not self._world.has_braces(base):
            return iri
        catalog = self._iris.catalog_id(self._world.catalog_of(base))
        return iri.replace(catalog, "{catalogId}")

    def _delivers_at_once(self, number: int, base: Base) -> bool:
        issuer = self._world.issuer(self._world.catalog_of(number))
        return not base.beneficiary_fields and issuer.document_delay_seconds == 0

    def _medias(self, number: int, base: Base) -> Json | None:
        if not base.has_medias:
            return None
        folder = f"{_IMAGES}/{base.key}"
        gallery = [{"url": f"{folder}/{rank}.jpg", "position": rank} for rank in range(3)]
        logo = None if number % 3 == 2 else {"url": f"{folder}/logo.png"}
        return {"logo": logo, "gallery": gallery}

    def _product_core(self, base: int, rank: int, product: Product, language: Language) -> Json:
        return {
            "id": self._iris.product_id(base, rank),
            "name": product.name.in_language(language),
            "disabled": self._world.base(base).disabled,
        }

    def _zone(self, base: int, seat_map: int, rank: int, zone: Zone, language: Language) -> Json:
        category = zone.category
        value = zone.value
        return {
            "@id": f"{self._iris.seat_map(base, seat_map)}/zones/{rank + 1}",
            "id": self._world.ids.text(Ref(Kind.ZONE, base, seat_map, slot=rank)),
            "name": zone.name.in_language(language),
            "seatingCategory": (
                None if category is None else self._category_iri(base, seat_map, category)
            ),
            "optionValue": None if value is None else self._value_of(base, "zone", value),
            "capacity": zone.capacity,
            "polygon": None if zone.polygon is None else [list(point) for point in zone.polygon],
            "rows": None if zone.rows is None else [_row(row) for row in zone.rows],
        }

    def _categories(
        self, base: int, seat_map: int, layout: SeatMap, language: Language
    ) -> list[Json]:
        return [
            {
                "@id": self._category_iri(base, seat_map, rank),
                "id": self._world.ids.text(Ref(Kind.SEATING_CATEGORY, base, seat_map, slot=rank)),
                "name": category.name.in_language(language),
                "color": category.color,
                "optionValue": (
                    None
                    if category.value is None
                    else self._value_of(base, "seating_category", category.value)
                ),
            }
            for rank, category in enumerate(layout.categories)
        ]

    def _category_iri(self, base: int, seat_map: int, rank: int) -> str:
        return f"{self._iris.seat_map(base, seat_map)}/seating_categories/{rank + 1}"

    def _value_of(self, base: int, code: str, value: int) -> str | None:
        codes = [option.code for option in self._world.base(base).options]
        return self._iris.value(base, codes.index(code), value) if code in codes else None


def _row(row: Row) -> Json:
    seats = [{"name": seat.name, "x": seat.x, "y": seat.y} for seat in row.seats]
    return {"name": row.name, "seats": seats}


def _text(text: Text | None, language: Language) -> str | None:
    return None if text is None else text.in_language(language)


def _venue(venue: Venue | None) -> Json | None:
    if venue is None:
        return None
    return {
        "name": venue.name,
        "line1": venue.line1,
        "line2": None,
        "postalCode": venue.postal_code,
        "city": venue.city,
        "country": venue.country,
        "phone": venue.phone,
        "website": venue.website,
        "latitude": venue.latitude,
        "longitude": venue.longitude,
    }
