"""The read-only side of the API: catalogs, bases, products, offers, tickets, sessions, maps."""

from dataclasses import dataclass
from functools import partial

from starlette.datastructures import QueryParams

from korus_mcp.sandbox.calendars import LAST_DAY, UNDATED, day_number
from korus_mcp.sandbox.calls import Call
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.sandbox.ids import Kind, Offer, Ref
from korus_mcp.sandbox.iris import CATALOGS, Iris
from korus_mcp.sandbox.jsonld import Json, Listed, View, collection, not_found
from korus_mcp.sandbox.requests import day_in
from korus_mcp.sandbox.world import OfferFilter, World

_NEW_FILTERS = frozenset({"productBaseId", "optionValuesContext[]"})
"""Filters that an older server ignores without saying so (T20)."""


@dataclass(eq=False, slots=True)
class CatalogRoutes:
    """Handlers of `/v1/ticketing`. Each method is named after its operation in the contract."""

    world: World
    iris: Iris
    shapes: CatalogShapes
    is_old_server: bool

    def list_catalogs(self, call: Call) -> Json:
        """Catalogs the organisation may sell; the list may be empty."""
        ranks = range(self.world.catalog_count if call.organization.sells else 0)
        # The newest catalog comes first; it has the lowest number.
        if call.query.get("order[createdAt]") == "asc":
            ranks = ranks[::-1]
        write = partial(self.shapes.catalog, alone=False)
        return collection("TicketingCatalog", CATALOGS, ranks, write, call.page, View.FOREIGN)

    def get_catalog(self, call: Call) -> Json:
        """One catalog."""
        return self.shapes.catalog(self._catalog(call, "id"))

    def list_product_bases(self, call: Call) -> Json:
        """Product bases of a catalog in the short form."""
        catalog = self._catalog(call)
        # API Platform takes both of these for true.
        with_disabled = call.query.get("withDisabled", "").lower() in {"true", "1"}
        bases = self.world.bases_of(catalog, with_disabled=with_disabled)
        iri, write = f"{self.iris.catalog(catalog)}/product_bases", self.shapes.base_in_list
        return collection("TicketingProductBase", iri, bases, write, call.page, View.FOREIGN)

    def get_product_base(self, call: Call) -> Json:
        """One product base in the long form."""
        return self.shapes.base(self._base(call, "id"))

    def list_product_base_options(self, call: Call) -> Json:
        """Options of a base."""
        base = self._base(call)
        ranks = range(len(self.world.base(base).options))
        iri, write = f"{self.iris.base(base)}/options", partial(self.shapes.option, base)
        return collection("TicketingProductBaseOption", iri, ranks, write, call.page)

    def list_product_base_option_values(self, call: Call) -> Json:
        """Values of one option: the list without a total (T4)."""
        base, code = self._base(call), call.path["code"]
        for rank, option in enumerate(self.world.base(base).options):
            if option.code == code:
                kind, iri = "TicketingProductBaseOptionValue", self.iris.option(base, rank)
                values, write = range(len(option.values)), partial(self.shapes.value, base, rank)
                return collection(kind, f"{iri}/values", values, write, call.page, View.UNCOUNTED)
        raise not_found()

    def list_product_base_products(self, call: Call) -> Json:
        """Products of a base."""
        base = self._base(call)
        ranks = range(len(self.world.base(base).products))
        write = partial(self.shapes.product, base, alone=False)
        iri = f"{self.iris.base(base)}/products"
        return collection("TicketingProduct", iri, ranks, write, call.page)

    def get_product(self, call: Call) -> Json:
        """One product under its address below the catalog."""
        ref = self._ref(call, "id", Kind.PRODUCT)
        return self.shapes.product(ref.base, ref.product)

    def list_offers(self, call: Call) -> Json:
        """Offers of a catalog that match the filters."""
        catalog = self._catalog(call)
        blocks = self.world.offers(catalog, self._filter(call.query))
        order = call.query.get("order[date]", "").lower()
        # Sorting needs all offers of the catalog; without it only those of the page are made.
        found: Listed[Offer] = blocks
        if order in {"asc", "desc"}:
            found = blocks.by_day(newest_first=order == "desc")
        iri, write = f"{self.iris.catalog(catalog)}/offers", self.shapes.offer
        return collection("TicketingOffer", iri, found, write, call.page, View.LINKED)

    def get_offer(self, call: Call) -> Json:
        """One offer."""
        return self.shapes.offer(self._offer(call, "id"))

    def get_offer_availability(self, call: Call) -> Json:
        """Live stock."""
        return self.shapes.availability(self._offer(call, "id"))

    def get_offer_price(self, call: Call) -> Json:
        """Live price."""
        return self.shapes.price(self._offer(call, "id"))

    def list_offer_tickets(self, call: Call) -> Json:
        """Tickets of an offer, not paged (A08)."""
        offer = self._offer(call)
        ranks = range(len(self.world.base(offer.base).tickets))
        iri, write = f"{self.iris.offer(offer)}/tickets", partial(self.shapes.ticket, offer)
        return collection("TicketingOfferTicket", iri, ranks, write, None)

    def get_offer_ticket(self, call: Call) -> Json:
        """One ticket of an offer."""
        return self.shapes.ticket(*self._ticket(call, "id"))

    def list_offer_ticket_sessions(self, call: Call) -> Json:
        """Time slots of an offer ticket; an empty list for full-day access."""
        offer, rank = self._ticket(call, "offerTicketId")
        slots = range(len(self.world.base(offer.base).tickets[rank].slots))
        iri = f"{self.iris.ticket(offer, rank)}/sessions"
        write = partial(self.shapes.session, offer, rank)
        return collection("TicketingOfferTicketSession", iri, slots, write, call.page)

    def get_offer_ticket_session(self, call: Call) -> Json:
        """One time slot."""
        offer, rank = self._ticket(call, "offerTicketId")
        # All products of a base share its sessions, so the offer of any of them leads to one.
        session = self.iris.found_session(call.path["id"])
        if session is None or session[:3] != (offer.base, offer.day, rank):
            raise not_found()
        if session.slot >= len(self.world.base(offer.base).tickets[rank].slots):
            raise not_found()
        return self.shapes.session(offer, rank, session.slot)

    def get_seat_map(self, call: Call) -> Json:
        """The seat map of a base or a session."""
        base = self._base(call)
        # No operation lists maps: their ids come from bases and sessions (A10).
        ref = self.iris.found(call.path["id"], Kind.SEAT_MAP)
        if ref is None or ref.base != base or ref.slot >= len(self.world.base(base).seat_maps):
            raise not_found()
        return self.shapes.seat_map(base, ref.slot)

    def get_form(self, call: Call) -> Json:
        """A form: always a 404, as the current API has none (A28)."""
        raise not_found()

    # Each id of a path has to belong to the one before it: an offer of another catalog is not
    # found.

    def _catalog(self, call: Call, key: str = "catalogId") -> int:
        ref = self.iris.found(call.path[key], Kind.CATALOG)
        if ref is None or not call.organization.sells or ref.base >= self.world.catalog_count:
            raise not_found()
        return ref.base

    def _ref(self, call: Call, key: str, kind: Kind) -> Ref:
        """The content of an id in the path; its base is one of the path's catalog."""
        catalog = self._catalog(call)
        ref = self.iris.found(call.path[key], kind)
        if ref is None or not self.world.belongs(ref.base, catalog):
            raise not_found()
        return ref

    def _base(self, call: Call, key: str = "productBaseId") -> int:
        return self._ref(call, key, Kind.BASE).base

    def _offer(self, call: Call, key: str = "offerId") -> Offer:
        offer = self._ref(call, key, Kind.OFFER).offer
        if not self.world.on_sale(offer):
            raise not_found()
        return offer

    def _ticket(self, call: Call, key: str) -> tuple[Offer, int]:
        offer = self._offer(call)
        ref = self.iris.found(call.path[key], Kind.TICKET)
        if ref is None or ref.offer != offer or self.world.ticket_of(ref) is None:
            raise not_found()
        return offer, ref.ticket

    def _filter(self, query: QueryParams) -> OfferFilter | None:
        """The filters of a query; None when one of them matches nothing, such as an IRI (T19)."""
        first, last = _day_bounds(query)
        base = self._refs(query, "productBaseId", Kind.BASE)
        session = self._refs(query, "session", Kind.SESSION)
        values = self._refs(query, "optionValuesContext[]", Kind.VALUE)
        products = self._refs(query, "product[]", Kind.PRODUCT)
        # All values of these filters must match (A06), so with an unknown one the list is empty. Of
        # several products any may match, so the list is empty only if all are unknown.
        whole = {"productBaseId": base, "session": session, "optionValuesContext[]": values}
        if products == [] or any(
            refs is not None and len(refs) < len(query.getlist(name))
            for name, refs in whole.items()
        ):
            return None
        pairs = None if products is None else frozenset((ref.base, ref.product) for ref in products)
        # If a filter with one value is sent twice, the last value counts.
        return OfferFilter(
            base=base[-1].base if base else None,
            products=pairs,
            values=frozenset((ref.base, ref.product, ref.slot) for ref in values or ()),
            session=session[-1] if session else None,
            first_day=first,
            last_day=last,
        )

    def _refs(self, query: QueryParams, name: str, kind: Kind) -> list[Ref] | None:
        """The references in a filter's values; None when it was not sent or is ignored."""
        if name not in query or (self.is_old_server and name in _NEW_FILTERS):
            return None
        refs = (self.iris.found(text, kind) for text in query.getlist(name))
        return [ref for ref in refs if ref is not None]


def _day_bounds(query: QueryParams) -> tuple[int, int]:
    """The first and the last requested day, as numbers; `after` and `before` include the day."""

    def bounds(shifts: dict[str, int]) -> list[int]:
        days = [(day_in(query, f"date[{name}]"), shift) for name, shift in shifts.items()]
        numbers = [day_number(day) + shift for day, shift in days if day is not None]
        # A day too far away for an identifier is accepted, and cut to the last possible one.
        return [min(max(number, UNDATED), LAST_DAY) for number in numbers]

    firsts = bounds({"after": 0, "strictly_after": 1})
    lasts = bounds({"before": 0, "strictly_before": -1})
    first = max(firsts, default=UNDATED)
    if firsts or lasts:
        first = max(first, UNDATED + 1)
    return first, min(lasts, default=LAST_DAY)
