"""An assistant as a script: how it books through korus-mcp, and through tools that are the API's.

Each does with as few calls as its tools allow what the person said: one ticket at the full price
for an event, on its first day until the end of the season.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.compare.wire import Reply, Wire
from benchmarks.compare.world import PAGE, World
from tests.fixtures.assistant import CUSTOMER, handle_of

Json = dict[str, Any]
REFERENCE: Final = "booking-1"
FULL_PRICE: Final = "Plein tarif"
MOST_SEARCHES: Final = 3
"""A catalog that is being read may not have everything yet."""


class NotBooked(Exception):
    """The conversation did not come to tickets; the text says where it ended."""


@dataclass
class Buyer(ABC):
    """A conversation with a server about a wish."""

    wire: Wire
    world: World
    spent: tuple[str, Json] = field(default=("", {}))
    """The call that orders, with the yes in it, if the server wants one."""

    @abstractmethod
    def afresh(self) -> "Buyer":
        """Another conversation with the same server."""

    def book(self) -> None:
        """From the wish to the tickets."""
        self.order(self.hold())
        self.tickets()

    @abstractmethod
    def choose(self) -> None:
        """Find the event, and see its offers."""

    @abstractmethod
    def hold(self) -> str:
        """Hold what was wished for, chosen before if it was not; what an order calls the hold."""

    @abstractmethod
    def asked(self, hold: str) -> Reply:
        """The first call of an order, before anybody said yes."""

    @abstractmethod
    def order(self, hold: str) -> Reply:
        """Order, with the yes of the person where it is wanted; the last answer."""

    @abstractmethod
    def has_order(self, reply: Reply) -> bool:
        """Whether an answer to an order names an order that exists."""

    @abstractmethod
    def is_in_doubt(self, reply: Reply) -> bool:
        """Whether it says that the order may exist."""

    @abstractmethod
    def tickets(self) -> Reply:
        """The tickets of what was ordered."""

    @abstractmethod
    def file(self) -> Reply:
        """A file of what was ordered, as far as an assistant gets."""

    @abstractmethod
    def offers(self) -> Reply:
        """The offers of the event, once it is chosen."""

    @abstractmethod
    def held(self, hold: str) -> Reply:
        """What has become of a hold."""

    @abstractmethod
    def says_expired(self, reply: Reply) -> bool:
        """Whether that says the hold is over."""

    @abstractmethod
    def wrong(self) -> Sequence[tuple[str, Json]]:
        """Calls with a quantity of none, one in words, and an argument that does not exist."""

    @abstractmethod
    def seat_map(self) -> Reply:
        """The largest seat map there is."""

    @abstractmethod
    def loud(self) -> Reply:
        """What is shown of a product whose text is HTML and gives orders."""

    def tickets_or_error(self) -> None:
        """The tickets once more, whatever comes of it: only what is said counts."""
        with suppress(NotBooked):
            self.tickets()

    def again(self) -> Reply:
        """The call that ordered, once more."""
        return self.wire.call(*self.spent)


class KorusBuyer(Buyer):
    """Through the tools of korus-mcp."""

    _base = ""
    _order = ""
    _offer = ""
    _sessions: Sequence[str] = ()

    def afresh(self) -> "KorusBuyer":
        """Another conversation with the same server."""
        return KorusBuyer(self.wire, self.world)

    def choose(self) -> None:
        """Search by name and seller, then the table of offers."""
        wish = self.world.wish
        asked = {"query": wish.event, "catalog": wish.seller}
        for _ in range(MOST_SEARCHES):
            found = self._data("search_products", asked).get("products", ())
            if best := [each for each in found if each["name"] == wish.event]:
                self._base = best[0]["product_base_id"]
                break
        else:
            raise NotBooked("the search did not find it")
        days = self.offers().data.get("days", ())
        if not days:
            raise NotBooked("no offer at the full price")
        self._offer = days[0]["offers"][0]["offer_id"]

    def offers(self) -> Reply:
        """The table of that price until the end of the season."""
        wanted = {"date_to": self.world.wish.until.isoformat(), "price_type": FULL_PRICE}
        return self.wire.call("get_offers", {"product_base_id": self._base, **wanted})

    def hold(self) -> str:
        """Hold one; a refusal names the sessions, if it needs one."""
        if not self._offer:
            self.choose()
        live = self._data("check_availability", {"offer_id": self._offer})
        self._sessions = [each["session_id"] for each in live.get("sessions", ())[:1]]
        held = self._data("reserve", {"items": [self._item(1)]})
        return str(held["reservations"][0]["reservation_id"])

    def asked(self, hold: str) -> Reply:
        """The summary, as long as nobody agreed."""
        return self.wire.call("place_order", self._wanted(hold))

    def order(self, hold: str) -> Reply:
        """The summary, then the same with its confirmation."""
        confirmation = self.asked(hold).data.get("confirmation")
        if not confirmation:
            raise NotBooked("no summary")
        self.spent = ("place_order", {**self._wanted(hold), "confirmation": confirmation})
        reply = self.wire.call(*self.spent)
        if self.has_order(reply):
            self._order = reply.data["orders"][0]["order_id"]
        return reply

    def has_order(self, reply: Reply) -> bool:
        """An order without a doubt."""
        return reply.structure.get("state") == "ordered"

    def is_in_doubt(self, reply: Reply) -> bool:
        """In doubt, which names what to ask then."""
        return reply.structure.get("state") == "in_doubt"

    def tickets(self) -> Reply:
        """The tickets as they are."""
        return self._told("get_tickets", {"order_id": self._order})

    def file(self) -> Reply:
        """The PDF, saved."""
        return self._told("get_tickets", {"order_id": self._order, "save": True})

    def held(self, hold: str) -> Reply:
        """The reservation."""
        return self.wire.call("get_reservation", {"reservation_ids": [hold]})

    def says_expired(self, reply: Reply) -> bool:
        """By its state."""
        found = reply.structure.get("reservations", ())
        return bool(found) and all(each.get("state") == "expired" for each in found)

    def wrong(self) -> Sequence[tuple[str, Json]]:
        """Of a hold twice, of the offers once."""
        unknown = {"product_base_id": self._base, "day": self.world.wish.until.isoformat()}
        return [
            ("reserve", {"items": [self._item(0)]}),
            ("reserve", {"items": [self._item("some")]}),
            ("get_offers", unknown),
        ]

    def seat_map(self) -> Reply:
        """Of the stadium."""
        base = handle_of(self.world.sandbox, "stadium_base")
        return self.wire.call("get_seat_map", {"product_base_id": base})

    def loud(self) -> Reply:
        """A search for it."""
        return self.wire.call("search_products", {"query": "Atelier de la lanterne"})

    def _item(self, quantity: object) -> Json:
        chosen = {"session_ids": list(self._sessions)} if self._sessions else {}
        return {"offer_id": self._offer, "quantity": quantity, **chosen}

    def _wanted(self, hold: str) -> Json:
        return {"reservation_ids": [hold], "customer": CUSTOMER}

    def _told(self, tool: str, arguments: Json) -> Reply:
        reply = self.wire.call(tool, arguments)
        if reply.is_error:
            raise NotBooked(f"{tool}: {reply.text[:200]}")
        return reply

    def _data(self, tool: str, arguments: Json) -> Json:
        return self._told(tool, arguments).data


class ApiBuyer(Buyer):
    """Through tools that are the operations of the API, however they are called."""

    names: Mapping[str, str]
    """Tools by the names of operations."""
    _catalog = ""
    _base = ""
    _offer: Json
    _sessions: Sequence[Json]
    _order = ""

    def __init__(self, wire: Wire, world: World, names: Mapping[str, str]) -> None:
        super().__init__(wire, world)
        self.names = names

    def afresh(self) -> "ApiBuyer":
        """Another conversation with the same server."""
        return ApiBuyer(self.wire, self.world, self.names)

    def choose(self) -> None:
        """Page through the seller's list until the event comes, then its offers."""
        wish = self.world.wish
        catalogs = self._data("listCatalogs", {})["member"]
        self._catalog = next(c["id"] for c in catalogs if c["name"] == wish.seller)
        self._base = self._base_named(wish.event)
        found = self._told(self.offers()).data["member"]
        self._offer = next(o for o in found if o["product"]["name"] == FULL_PRICE)

    def offers(self) -> Reply:
        """A page of offers, the first days first."""
        return self._call("listOffers", {"catalogId": self._catalog, "productBaseId": self._base})

    def hold(self) -> str:
        """Read what the offer consists of, then hold one."""
        if not self._base:
            self.choose()
        place = {"catalogId": self._catalog, "offerId": self._offer["id"]}
        if self._offer.get("availabilityCheckRequired"):
            self._data("getOfferAvailability", {"catalogId": self._catalog, "id": place["offerId"]})
        self._sessions = []
        for ticket in self._data("listOfferTickets", place)["member"]:
            chosen = {"ticket": ticket["@id"]}
            if not ticket["dateAccess"]:
                asked = {**place, "offerTicketId": ticket["id"]}
                first = self._data("listOfferTicketSessions", asked)["member"][0]
                chosen["session"] = first["@id"]
            self._sessions = [*self._sessions, chosen]
        made = self._data("createReservations", {"items": [self._item(1)]})["reservations"]
        if not made:
            raise NotBooked("nothing was held")
        return str(made[0]["reservation"]["@id"] if "reservation" in made[0] else made[0]["@id"])

    def asked(self, hold: str) -> Reply:
        """The order itself: nobody is asked."""
        return self.order(hold)

    def order(self, hold: str) -> Reply:
        """The order."""
        wanted = {
            "reservations": [hold],
            "customer": CUSTOMER,
            "externalReference": REFERENCE,
        }
        self.spent = (self.names["createOrders"], wanted)
        reply = self.wire.call(*self.spent)
        if self.has_order(reply):
            made = reply.data["orders"][0]
            self._order = str((made.get("order") or made)["id"])
        return reply

    def has_order(self, reply: Reply) -> bool:
        """An order in its list."""
        try:
            return not reply.is_error and bool(reply.data.get("orders"))
        except ValueError:
            return False

    def is_in_doubt(self, reply: Reply) -> bool:
        """By words, as there is no state for it."""
        said = reply.text.lower()
        return any(words in said for words in ("may exist", "may have been", "unknown outcome"))

    def tickets(self) -> Reply:
        """The order."""
        return self._told(self._call("getOrder", {"id": self._order}))

    def file(self) -> Reply:
        """The address of its first file."""
        files = self._data("listOrderDocuments", {"orderId": self._order})["member"]
        return self._call("createOrderDocumentLink", {"orderId": self._order, "id": files[0]["id"]})

    def held(self, hold: str) -> Reply:
        """The reservation."""
        return self._call("getReservation", {"id": hold.rpartition("/")[2]})

    def says_expired(self, reply: Reply) -> bool:
        """By the API's own word."""
        return not reply.is_error and reply.data.get("expired") is True

    def wrong(self) -> Sequence[tuple[str, Json]]:
        """Of a hold twice, of the offers once."""
        unknown = {
            "catalogId": self._catalog,
            "productBaseId": self._base,
            "day": self.world.wish.until.isoformat(),
        }
        return [
            (self.names["createReservations"], {"items": [self._item(0)]}),
            (self.names["createReservations"], {"items": [self._item("some")]}),
            (self.names["listOffers"], unknown),
        ]

    def seat_map(self) -> Reply:
        """Of the stadium, whose address its base has."""
        base = self._landmark("stadium_base")
        place = base["seatMap"].split("/")
        wanted = {"catalogId": place[4], "productBaseId": place[6], "id": place[8]}
        return self._call("getSeatMap", wanted)

    def loud(self) -> Reply:
        """The base, as read."""
        iri = self.world.sandbox.iri(self.world.sandbox.landmarks["injection_base"]).split("/")
        return self._call("getProductBase", {"catalogId": iri[4], "id": iri[6]})

    def _landmark(self, name: str) -> Json:
        iri = self.world.sandbox.iri(self.world.sandbox.landmarks[name]).split("/")
        return self._data("getProductBase", {"catalogId": iri[4], "id": iri[6]})

    def _base_named(self, event: str) -> str:
        page = 1
        while True:
            wanted = {"catalogId": self._catalog, "page": page, "itemsPerPage": PAGE}
            answer = self._data("listProductBases", wanted)
            for base in answer["member"]:
                if base["name"] == event:
                    return str(base["id"])
            if page * PAGE >= answer["totalItems"]:
                raise NotBooked("no such event in the list")
            page += 1

    def _item(self, quantity: object) -> Json:
        sessions = list(self._sessions)
        return {"offer": self._offer["@id"], "quantity": quantity, "ticketSessions": sessions}

    def _call(self, operation: str, arguments: Json) -> Reply:
        return self.wire.call(self.names[operation], arguments)

    def _data(self, operation: str, arguments: Json) -> Json:
        return self._told(self._call(operation, arguments)).data

    def _told(self, reply: Reply) -> Reply:
        if reply.is_error:
            raise NotBooked(f"{self.wire.calls[-1].tool}: {reply.text[:200]}")
        return reply
