"""Addresses of resources: written from numbers, read back from bodies."""

import re

from korus_mcp.sandbox.ids import Ids, Kind, Ref
from korus_mcp.sandbox.stock import SessionKey
from korus_mcp.sandbox.world import Offer, World

_ROOT = "/v1/ticketing/catalogs"
_OFFER = re.compile(rf"{_ROOT}/([^/]+)/offers/([^/]+)")
_TICKET = re.compile(rf"{_ROOT}/([^/]+)/offers/([^/]+)/tickets/([^/]+)")
_SESSION = re.compile(rf"{_ROOT}/([^/]+)/offers/([^/]+)/tickets/([^/]+)/sessions/([^/]+)")
_LEGACY_SESSION = re.compile(rf"{_ROOT}/([^/]+)/events/([^/]+)/sessions/([^/]+)")
_RESERVATION = re.compile(r"/v1/booking/reservations/([^/]+)")


class Iris:
    """Server-relative addresses and the identifiers in them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ids: Ids = world.ids

    def catalog_id(self, catalog: int) -> str:
        """The id of a catalog."""
        return self._ids.text(Ref(Kind.CATALOG, catalog))

    def base_id(self, base: int) -> str:
        """The id of a product base."""
        return self._ids.text(Ref(Kind.BASE, base))

    def option_id(self, base: int, option: int) -> str:
        """The id of an option."""
        return self._ids.text(Ref(Kind.OPTION, base, option))

    def value_id(self, base: int, option: int, value: int) -> str:
        """The id of an option value."""
        return self._ids.text(Ref(Kind.VALUE, base, option, slot=value))

    def product_id(self, base: int, product: int) -> str:
        """The id of a product."""
        return self._ids.text(Ref(Kind.PRODUCT, base, product))

    def offer_id(self, offer: Offer) -> str:
        """The id of an offer."""
        return self._ids.text(Ref(Kind.OFFER, *offer))

    def ticket_id(self, offer: Offer, ticket: int) -> str:
        """The id of an offer ticket."""
        return self._ids.text(Ref(Kind.TICKET, *offer, ticket))

    def session_id(self, session: SessionKey) -> str:
        """The id of a session, the same for all products of the base."""
        base, day, ticket, slot = session
        return self._ids.text(Ref(Kind.SESSION, base, 0, day, ticket, slot))

    def seat_map_id(self, base: int, seat_map: int) -> str:
        """The id of a seat map."""
        return self._ids.text(Ref(Kind.SEAT_MAP, base, slot=seat_map))

    def catalog(self, catalog: int) -> str:
        """Address of a catalog."""
        return f"{_ROOT}/{self.catalog_id(catalog)}"

    def base(self, base: int) -> str:
        """Address of a product base."""
        catalog = self.catalog(self._world.catalog_of(base))
        return f"{catalog}/product_bases/{self.base_id(base)}"

    def option(self, base: int, option: int) -> str:
        """Address of an option."""
        return f"{self.base(base)}/options/{self._world.base(base).options[option].code}"

    def value(self, base: int, option: int, value: int) -> str:
        """Address of an option value."""
        return f"{self.option(base, option)}/values/{self.value_id(base, option, value)}"

    def product(self, base: int, product: int) -> str:
        """Address of a product, in the flat form."""
        catalog = self.catalog(self._world.catalog_of(base))
        return f"{catalog}/products/{self.product_id(base, product)}"

    def offer(self, offer: Offer) -> str:
        """Address of an offer."""
        catalog = self.catalog(self._world.catalog_of(offer.base))
        return f"{catalog}/offers/{self.offer_id(offer)}"

    def ticket(self, offer: Offer, ticket: int) -> str:
        """Address of an offer ticket."""
        return f"{self.offer(offer)}/tickets/{self.ticket_id(offer, ticket)}"

    def session(self, offer: Offer, ticket: int, slot: int) -> str:
        """Address of a session under its offer and ticket."""
        session = SessionKey(offer.base, offer.day, ticket, slot)
        return f"{self.ticket(offer, ticket)}/sessions/{self.session_id(session)}"

    def legacy_session(self, offer: Offer, ticket: int, slot: int) -> str:
        """Address of a session in the older form (T10)."""
        session = SessionKey(offer.base, offer.day, ticket, slot)
        catalog = self.catalog(self._world.catalog_of(offer.base))
        event = self._ids.text(Ref(Kind.NODE, offer.base, day=offer.day))
        return f"{catalog}/events/{event}/sessions/{self.session_id(session)}"

    def seat_map(self, base: int, seat_map: int) -> str:
        """Address of a seat map."""
        return f"{self.base(base)}/seat_maps/{self.seat_map_id(base, seat_map)}"

    def found(self, text: str, kind: Kind) -> Ref | None:
        """What an id points to, when it is of the kind."""
        ref = self._ids.ref(text)
        return ref if ref is not None and ref.kind is kind else None

    def found_offer(self, text: str) -> Offer | None:
        """The offer on sale an id points to."""
        ref = self.found(text, Kind.OFFER)
        if ref is None:
            return None
        offer = Offer(ref.base, ref.product, ref.day)
        return offer if self._world.on_sale(offer) else None

    def found_session(self, text: str) -> SessionKey | None:
        """The session an id points to."""
        ref = self.found(text, Kind.SESSION)
        return SessionKey(ref.base, ref.day, ref.ticket, ref.slot) if ref else None

    def read_offer(self, iri: str) -> Offer | None:
        """The offer on sale at an address."""
        match = _OFFER.fullmatch(iri)
        offer = self.found_offer(match[2]) if match else None
        return offer if offer is not None and self.offer(offer) == iri else None

    def read_ticket(self, iri: str) -> tuple[Offer, int] | None:
        """The offer ticket at an address."""
        match = _TICKET.fullmatch(iri)
        ref = self.found(match[3], Kind.TICKET) if match else None
        if ref is None or self._world.ticket_of(ref) is None:
            return None
        offer = Offer(ref.base, ref.product, ref.day)
        return (offer, ref.ticket) if self.ticket(offer, ref.ticket) == iri else None

    def read_session(self, iri: str, offer: Offer) -> SessionKey | None:
        """The session at an address in either form, as seen from an offer."""
        match = _SESSION.fullmatch(iri) or _LEGACY_SESSION.fullmatch(iri)
        session = self.found_session(match[match.lastindex or 0]) if match else None
        if session is None or (session.base, session.day) != (offer.base, offer.day):
            return None
        tickets = self._world.base(offer.base).tickets
        if session.ticket >= len(tickets) or session.slot >= len(tickets[session.ticket].slots):
            return None
        forms = (self.session, self.legacy_session)
        known = (form(offer, session.ticket, session.slot) for form in forms)
        return session if iri in known else None


def read_reservation(iri: str) -> str | None:
    """The id in the address of a reservation."""
    match = _RESERVATION.fullmatch(iri)
    return match[1] if match else None
