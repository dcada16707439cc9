"""The read-only side of the API: catalogs, bases, products, offers, tickets, sessions, maps."""

from collections.abc import Mapping

from starlette.datastructures import QueryParams
from starlette.responses import Response

from korus_mcp.sandbox.calls import Call, Handler
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.sandbox.ids import Kind, Ref
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.jsonld import Refused, View, answer, collection, not_found, page_of
from korus_mcp.sandbox.model import LAST_DAY, UNDATED, day_number
from korus_mcp.sandbox.requests import read_day
from korus_mcp.sandbox.world import Offer, OfferFilter, World

_NEW_FILTERS = frozenset({"productBaseId", "optionValuesContext[]"})


class CatalogRoutes:
    """Handlers of `/v1/ticketing`."""

    def __init__(
        self, world: World, iris: Iris, shapes: CatalogShapes, *, old_server: bool
    ) -> None:
        self._world = world
        self._iris = iris
        self._shapes = shapes
        self._ignored_filters = _NEW_FILTERS if old_server else frozenset()

    def handlers(self) -> Mapping[str, Handler]:
        """Each handler under its operation."""
        return {
            "listCatalogs": self.list_catalogs,
            "getCatalog": self.get_catalog,
            "listProductBases": self.list_bases,
            "getProductBase": self.get_base,
            "listProductBaseOptions": self.list_options,
            "listProductBaseOptionValues": self.list_values,
            "listProductBaseProducts": self.list_products,
            "getProduct": self.get_product,
            "listOffers": self.list_offers,
            "getOffer": self.get_offer,
            "getOfferAvailability": self.get_availability,
            "getOfferPrice": self.get_price,
            "listOfferTickets": self.list_tickets,
            "getOfferTicket": self.get_ticket,
            "listOfferTicketSessions": self.list_sessions,
            "getOfferTicketSession": self.get_session,
            "getSeatMap": self.get_seat_map,
            "getForm": self.get_form,
        }

    def list_catalogs(self, call: Call) -> Response:
        """Catalogs the organisation may sell, perhaps none."""
        page = page_of(call.query)
        total = self._world.catalog_count if call.organization.sells else 0
        ranks = list(range(total))
        if call.query.get("order[createdAt]") == "asc":
            ranks.reverse()
        shown = ranks[page.start : page.stop]
        members = [self._shapes.catalog(rank, call.language, alone=False) for rank in shown]
        return collection(
            "TicketingCatalog",
            "/v1/ticketing/catalogs",
            members,
            total=total,
            view=View.FOREIGN,
        )

    def get_catalog(self, call: Call) -> Response:
        """One catalog."""
        catalog = self._catalog(call, "id")
        return answer(self._shapes.catalog(catalog, call.language, alone=True))

    def list_bases(self, call: Call) -> Response:
        """Product bases of a catalog in the short form."""
        catalog, page = self._catalog(call), page_of(call.query)
        wanted = call.query.get("withDisabled", "").lower() in {"true", "1"}
        bases = self._world.bases_of(catalog, with_disabled=wanted)
        shown = bases[page.start : page.stop]
        members = [self._shapes.base_in_list(base, call.language) for base in shown]
        iri = f"{self._iris.catalog(catalog)}/product_bases"
        total = len(bases)
        return collection("TicketingProductBase", iri, members, total=total, view=View.FOREIGN)

    def get_base(self, call: Call) -> Response:
        """One product base in the long form."""
        return answer(self._shapes.base(self._base(call, "id"), call.language))

    def list_options(self, call: Call) -> Response:
        """Options of a base."""
        base, page = self._base(call), page_of(call.query)
        ranks = range(len(self._world.base(base).options))
        shown = ranks[page.start : page.stop]
        members = [self._shapes.option(base, rank, call.language) for rank in shown]
        iri = f"{self._iris.base(base)}/options"
        return collection("TicketingProductBaseOption", iri, members, total=len(ranks))

    def list_values(self, call: Call) -> Response:
        """Values of one option; the list that does not say how long it is (T4)."""
        base, page = self._base(call), page_of(call.query)
        codes: list[str] = [option.code for option in self._world.base(base).options]
        if call.path["code"] not in codes:
            raise not_found()
        option = codes.index(call.path["code"])
        ranks = range(len(self._world.base(base).options[option].values))
        shown = ranks[page.start : page.stop]
        return collection(
            "TicketingProductBaseOptionValue",
            f"{self._iris.option(base, option)}/values",
            [self._shapes.value(base, option, rank, call.language) for rank in shown],
            total=len(ranks),
            view=View.UNCOUNTED,
        )

    def list_products(self, call: Call) -> Response:
        """Products of a base."""
        base, page = self._base(call), page_of(call.query)
        ranks = range(len(self._world.base(base).products))
        shown = ranks[page.start : page.stop]
        members = [self._shapes.product(base, rank, call.language, alone=False) for rank in shown]
        iri = f"{self._iris.base(base)}/products"
        return collection("TicketingProduct", iri, members, total=len(ranks))

    def get_product(self, call: Call) -> Response:
        """One product under its flat address."""
        catalog = self._catalog(call)
        ref = self._iris.found(call.path["id"], Kind.PRODUCT)
        if ref is None or not self._world.belongs(ref.base, catalog):
            raise not_found()
        return answer(self._shapes.product(ref.base, ref.product, call.language, alone=True))

    def list_offers(self, call: Call) -> Response:
        """Offers of a catalog that match the filters."""
        catalog, page = self._catalog(call), page_of(call.query)
        found = self._world.offers(catalog, self._filter(call.query))
        order = call.query.get("order[date]", "").lower()
        if order in {"asc", "desc"}:
            shown = found.by_day(newest_first=order == "desc")[page.start : page.stop]
        else:
            shown = found.window(page.start, page.stop)
        return collection(
            "TicketingOffer",
            f"{self._iris.catalog(catalog)}/offers",
            [self._shapes.offer(offer, call.language, alone=False) for offer in shown],
            total=found.total,
            view=View.LINKED,
            page=page,
        )

    def get_offer(self, call: Call) -> Response:
        """One offer."""
        return answer(self._shapes.offer(self._offer(call, "id"), call.language, alone=True))

    def get_availability(self, call: Call) -> Response:
        """Live stock."""
        return answer(self._shapes.availability(self._offer(call, "id")))

    def get_price(self, call: Call) -> Response:
        """Live price."""
        return answer(self._shapes.price(self._offer(call, "id")))

    def list_tickets(self, call: Call) -> Response:
        """Tickets of an offer, all at once."""
        offer = self._offer(call)
        ranks = range(len(self._world.base(offer.base).tickets))
        members = [self._shapes.ticket(offer, rank, call.language, alone=False) for rank in ranks]
        iri = f"{self._iris.offer(offer)}/tickets"
        return collection("TicketingOfferTicket", iri, members, total=len(ranks))

    def get_ticket(self, call: Call) -> Response:
        """One ticket of an offer."""
        offer = self._offer(call)
        rank = self._ticket(call, offer, "id")
        return answer(self._shapes.ticket(offer, rank, call.language, alone=True))

    def list_sessions(self, call: Call) -> Response:
        """Time slots of an offer ticket; none for full-day access."""
        offer, page = self._offer(call), page_of(call.query)
        rank = self._ticket(call, offer, "offerTicketId")
        slots = range(len(self._world.base(offer.base).tickets[rank].slots))
        shown = slots[page.start : page.stop]
        members = [
            self._shapes.session(offer, rank, slot, call.language, alone=False) for slot in shown
        ]
        iri = f"{self._iris.ticket(offer, rank)}/sessions"
        return collection("TicketingOfferTicketSession", iri, members, total=len(slots))

    def get_session(self, call: Call) -> Response:
        """One time slot."""
        offer = self._offer(call)
        rank = self._ticket(call, offer, "offerTicketId")
        session = self._iris.found_session(call.path["id"])
        slots = self._world.base(offer.base).tickets[rank].slots
        if (
            session is None
            or session[:3] != (offer.base, offer.day, rank)
            or session.slot >= len(slots)
        ):
            raise not_found()
        return answer(self._shapes.session(offer, rank, session.slot, call.language, alone=True))

    def get_seat_map(self, call: Call) -> Response:
        """The layout behind a base or a session."""
        base = self._base(call)
        ref = self._iris.found(call.path["id"], Kind.SEAT_MAP)
        if ref is None or ref.base != base or ref.slot >= len(self._world.base(base).seat_maps):
            raise not_found()
        return answer(self._shapes.seat_map(base, ref.slot, call.language))

    def get_form(self, call: Call) -> Response:
        """Forms are gone from this model; nothing is ever here (A28)."""
        del call
        raise not_found()

    def _catalog(self, call: Call, key: str = "catalogId") -> int:
        ref = self._iris.found(call.path[key], Kind.CATALOG)
        if ref is None or not call.organization.sells or ref.base >= self._world.catalog_count:
            raise not_found()
        return ref.base

    def _base(self, call: Call, key: str = "productBaseId") -> int:
        catalog = self._catalog(call)
        ref = self._iris.found(call.path[key], Kind.BASE)
        if ref is None or not self._world.belongs(ref.base, catalog):
            raise not_found()
        return ref.base

    def _offer(self, call: Call, key: str = "offerId") -> Offer:
        catalog = self._catalog(call)
        offer = self._iris.found_offer(call.path[key])
        if offer is None or not self._world.belongs(offer.base, catalog):
            raise not_found()
        return offer

    def _ticket(self, call: Call, offer: Offer, key: str) -> int:
        ref = self._iris.found(call.path[key], Kind.TICKET)
        tickets = self._world.base(offer.base).tickets
        if ref is None or ref.ticket >= len(tickets):
            raise not_found()
        if Offer(ref.base, ref.product, ref.day) != offer:
            raise not_found()
        return ref.ticket

    def _filter(self, query: QueryParams) -> OfferFilter | None:
        """The filters sent; None when one of them can match nothing, as an IRI cannot (T19)."""
        first, last = _day_bounds(query)
        base = self._refs(query, "productBaseId", Kind.BASE)
        session = self._refs(query, "session", Kind.SESSION)
        values = self._refs(query, "optionValuesContext[]", Kind.VALUE)
        products = self._refs(query, "product[]", Kind.PRODUCT)
        whole = {"productBaseId": base, "session": session, "optionValuesContext[]": values}
        if products == [] or any(
            refs is not None and len(refs) < len(query.getlist(name))
            for name, refs in whole.items()
        ):
            return None
        return OfferFilter(
            base=base[-1].base if base else None,
            products=(
                None if products is None else frozenset((ref.base, ref.product) for ref in products)
            ),
            values=frozenset((ref.base, ref.product, ref.slot) for ref in values or ()),
            session=session[-1] if session else None,
            first_day=first,
            last_day=last,
        )

    def _refs(self, query: QueryParams, name: str, kind: Kind) -> list[Ref] | None:
        """What the values of a filter point to; None when it was not sent or is ignored."""
        if name in self._ignored_filters or name not in query:
            return None
        refs = (self._iris.found(text, kind) for text in query.getlist(name))
        return [ref for ref in refs if ref is not None]


def _day_bounds(query: QueryParams) -> tuple[int | None, int | None]:
    firsts = [_day(query, "date[after]", 0), _day(query, "date[strictly_after]", 1)]
    lasts = [_day(query, "date[before]", 0), _day(query, "date[strictly_before]", -1)]
    first = max((bound for bound in firsts if bound is not None), default=None)
    last = min((bound for bound in lasts if bound is not None), default=None)
    return first, last


def _day(query: QueryParams, name: str, shift: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    day = read_day(text)
    if day is None:
        raise Refused(400, f'"{name}" is not a day of the form YYYY-MM-DD')
    return min(max(day_number(day) + shift, UNDATED), LAST_DAY)
