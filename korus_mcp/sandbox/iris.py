"""IRIs of resources: made from numbers, and parsed in requests."""

import re
from dataclasses import dataclass

from korus_mcp.sandbox.ids import Kind, Offer, Ref, SessionKey
from korus_mcp.sandbox.world import World

CATALOGS = "/v1/ticketing/catalogs"
HOLDS = "/v1/booking/reservations"
ORDERS = "/v1/booking/orders"
_OFFER = re.compile(rf"{CATALOGS}/[^/]+/offers/([^/]+)")
_TICKET = re.compile(rf"{_OFFER.pattern}/tickets/([^/]+)")
# Matches both forms of a session's IRI; only the last part counts (T10).
_SESSION = re.compile(
    rf"{CATALOGS}/[^/]+/(?:offers/[^/]+/tickets/[^/]+|events/[^/]+)/sessions/([^/]+)"
)
_HOLD = re.compile(rf"{HOLDS}/([^/]+)")


@dataclass(eq=False, slots=True)
class Iris:
    """Makes and parses IRIs (server-relative addresses) and the ids in them."""

    world: World

    def catalog_id(self, catalog: int) -> str:
        """The id of a catalog."""
        return self.world.ids.text(Ref(Kind.CATALOG, catalog))

    def base_id(self, base: int) -> str:
        """The id of a product base."""
        return self.world.ids.text(Ref(Kind.BASE, base))

    def product_id(self, base: int, product: int) -> str:
        """The id of a product."""
        return self.world.ids.text(Ref(Kind.PRODUCT, base, product))

    def offer_id(self, offer: Offer) -> str:
        """The id of an offer."""
        return self.world.ids.text(Ref(Kind.OFFER, *offer))

    def session_id(self, session: SessionKey) -> str:
        """The id of a session, the same for all products of the base."""
        base, day, ticket, slot = session
        return self.world.ids.text(Ref(Kind.SESSION, base, 0, day, ticket, slot))

    def catalog(self, catalog: int) -> str:
        """Address of a catalog."""
        return f"{CATALOGS}/{self.catalog_id(catalog)}"

    def catalog_of(self, base: int) -> str:
        """Address of the catalog a product base belongs to."""
        return self.catalog(self.world.catalog_of(base))

    def base(self, base: int) -> str:
        """Address of a product base."""
        return f"{self.catalog_of(base)}/product_bases/{self.base_id(base)}"

    def option(self, base: int, option: int) -> str:
        """Address of an option."""
        return f"{self.base(base)}/options/{self.world.base(base).options[option].code}"

    def value(self, base: int, option: int, value: int) -> str:
        """Address of an option value."""
        value_id = self.world.ids.text(Ref(Kind.VALUE, base, option, slot=value))
        return f"{self.option(base, option)}/values/{value_id}"

    def product(self, base: int, product: int) -> str:
        """Address of a product, below its catalog and not below its base."""
        return f"{self.catalog_of(base)}/products/{self.product_id(base, product)}"

    def offer(self, offer: Offer) -> str:
        """Address of an offer."""
        return f"{self.catalog_of(offer.base)}/offers/{self.offer_id(offer)}"

    def ticket(self, offer: Offer, ticket: int) -> str:
        """Address of an offer ticket."""
        ticket_id = self.world.ids.text(Ref(Kind.TICKET, *offer, ticket))
        return f"{self.offer(offer)}/tickets/{ticket_id}"

    def session(self, offer: Offer, ticket: int, slot: int) -> str:
        """Address of a session under its offer and ticket."""
        session = SessionKey(offer.base, offer.day, ticket, slot)
        return f"{self.ticket(offer, ticket)}/sessions/{self.session_id(session)}"

    def legacy_session(self, offer: Offer, ticket: int, slot: int) -> str:
        """Address of a session in the older form (T10)."""
        session = SessionKey(offer.base, offer.day, ticket, slot)
        event = self.world.ids.text(Ref(Kind.NODE, offer.base, day=offer.day))
        return f"{self.catalog_of(offer.base)}/events/{event}/sessions/{self.session_id(session)}"

    def seat_map(self, base: int, seat_map: int) -> str:
        """Address of a seat map."""
        map_id = self.world.ids.text(Ref(Kind.SEAT_MAP, base, slot=seat_map))
        return f"{self.base(base)}/seat_maps/{map_id}"

    def found(self, text: str, kind: Kind) -> Ref | None:
        """Decode an id; None if it is of another kind."""
        ref = self.world.ids.ref(text)
        return ref if ref is not None and ref.kind is kind else None

    def found_offer(self, text: str) -> Offer | None:
        """The offer with this id; None if it is not on sale."""
        ref = self.found(text, Kind.OFFER)
        return ref.offer if ref is not None and self.world.on_sale(ref.offer) else None

    def found_session(self, text: str) -> SessionKey | None:
        """The session with this id; None if there is none."""
        ref = self.found(text, Kind.SESSION)
        return SessionKey(ref.base, ref.day, ref.ticket, ref.slot) if ref else None

    # IRIs are parsed strictly: the last id decides, and the whole IRI must be the one we would make
    # for it. So an offer below another catalog is refused, as by the API (T19).

    def read_offer(self, iri: str) -> Offer | None:
        """The offer with this IRI; None if it is not on sale."""
        match = _OFFER.fullmatch(iri)
        offer = self.found_offer(match[1]) if match else None
        return offer if offer is not None and self.offer(offer) == iri else None

    def read_ticket(self, iri: str) -> tuple[Offer, int] | None:
        """The offer ticket with this IRI, as offer and rank; None if there is none."""
        match = _TICKET.fullmatch(iri)
        ref = self.found(match[2], Kind.TICKET) if match else None
        if ref is None or self.world.ticket_of(ref) is None:
            return None
        return (ref.offer, ref.ticket) if self.ticket(ref.offer, ref.ticket) == iri else None

    def read_session(self, iri: str, offer: Offer) -> SessionKey | None:
        """The session with this IRI, in either form (T10); None if it is not of this offer."""
        match = _SESSION.fullmatch(iri)
        session = self.found_session(match[1]) if match else None
        if session is None or (session.base, session.day) != (offer.base, offer.day):
            return None
        tickets = self.world.base(offer.base).tickets
        if session.ticket >= len(tickets) or session.slot >= len(tickets[session.ticket].slots):
            return None
        forms = (self.session, self.legacy_session)
        known = (form(offer, session.ticket, session.slot) for form in forms)
        return session if iri in known else None


def read_hold(iri: object) -> str:
    """The id in the IRI of a reservation; empty if it is none."""
    match = _HOLD.fullmatch(str(iri))
    return match[1] if match else ""
