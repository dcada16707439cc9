"""The sandbox: one ASGI app with its own offers, bookings, clock and scripted faults."""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, time, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.foundation.clock import ManualClock, ShiftedClock
from korus_mcp.sandbox.booking_routes import BookingRoutes
from korus_mcp.sandbox.booking_shapes import BookingShapes
from korus_mcp.sandbox.bookings import Hold, Ledger, Order
from korus_mcp.sandbox.calendars import day_of
from korus_mcp.sandbox.calls import endpoint
from korus_mcp.sandbox.catalog_routes import CatalogRoutes
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.sandbox.documents import FOLDER, Downloads
from korus_mcp.sandbox.faults import Faults, FaultyApp
from korus_mcp.sandbox.ids import Kind, Offer, Ref
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.jsonld import Refused, refusal
from korus_mcp.sandbox.keeping import InFile, InMemory, Keeping, WorldFile
from korus_mcp.sandbox.landmarks import landmarks_of, offer_named, session_named
from korus_mcp.sandbox.operations import DOWNLOAD, OPERATIONS, TOKEN_PATH, operation_named
from korus_mcp.sandbox.sales import Sales
from korus_mcp.sandbox.snapshots import OrderRecord, RequestRecord, ReservationRecord
from korus_mcp.sandbox.stock import Stock
from korus_mcp.sandbox.tokens import Organization, Tokens
from korus_mcp.sandbox.world import World

# Enough for any test; bounded, as a sandbox may be served for weeks.
_REMEMBERED_REQUESTS = 20_000
_Record = TypeVar("_Record", OrderRecord, ReservationRecord)


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Options of a sandbox. With `seed=None` its identifiers differ at every start."""

    seed: int | None = None
    bases: int = 0
    api_origin: str = "https://sandbox.invalid"
    document_origin: str = "https://documents.sandbox.invalid"
    token_lifetime_seconds: int = 1800
    old_server: bool = False
    refresh_token: bool = True
    client_secret: str | None = field(default=None, repr=False)
    """The distributor's client secret; by default it is derived from the seed."""


class Sandbox:
    """A stateful imitation of the API, reconstructed from its public documentation."""

    def __init__(
        self,
        options: SandboxOptions | None = None,
        *,
        clock: ShiftedClock | ManualClock | None = None,
        file: WorldFile | None = None,
    ) -> None:
        """`file`: where its bookings are kept, and its seed; by default, in memory."""
        self.options = options or SandboxOptions()
        self.clock = clock or ShiftedClock()
        self.faults = Faults()
        self.requests: deque[RequestRecord] = deque(maxlen=_REMEMBERED_REQUESTS)
        given = self.options.seed if file is None else file.beginnings.seed
        seed = secrets.randbits(48) if given is None else given
        began_at = None if file is None else file.beginnings.began_at
        # Secrets are derived from the seed, so that those a client has survive a restart.
        key = hashlib.sha256(f"korus sandbox key {seed}".encode()).digest()
        self._world = World(
            seed=seed, bases=self.options.bases, clock=self.clock, began_at=began_at
        )
        self._ledger = Ledger()
        self._keeping: Keeping = InMemory()
        if file is not None:
            self._ledger.earlier = file.beginnings.numbers
            self._keeping = InFile(file, self._ledger, self.clock.now)
        self._stock = Stock(self._world, self._ledger)
        self._iris = Iris(self._world)
        self._sales = Sales(self._world, self._stock, self._ledger)
        # One organisation may sell everything; the other has no catalog yet, like a new account.
        seller = _organization(self._world, key, 1, "distributor", self.options.client_secret)
        newcomer = _organization(self._world, key, 2, "newcomer")
        self.client_id, self.client_secret = seller.client_id, seller.client_secret
        self.empty_client_id, self.empty_client_secret = newcomer.client_id, newcomer.client_secret
        lifetime = timedelta(seconds=self.options.token_lifetime_seconds)
        gives_refresh_token = self.options.refresh_token
        self._tokens = Tokens((seller, newcomer), self.clock, key, lifetime, gives_refresh_token)
        downloads = Downloads(self.options.document_origin, key, self._world, self._ledger)
        self._api = self._routed(downloads)
        files = Route(FOLDER + "{name}", downloads.endpoint, methods=["GET"])
        self._documents = Starlette(routes=[files])
        faulty = FaultyApp(
            self._by_host, self.faults, self.clock, self._issuers_named, self._operation_of
        )
        self.app: ASGIApp = _Front(faulty, self.clock, self.requests, self._operation_of)

    @cached_property
    def landmarks(self) -> Mapping[str, str]:
        """API ids of named offers and other things that tests need; computed at the first use."""
        return landmarks_of(self._iris, self._stock)

    def offer_id(self, base: str, product: str, day: date | None = None) -> str:
        """The API id of an offer: the key of its base, its product's name in English, its day.

        Raises:
            KeyError: There is no such offer today.
        """
        return self._iris.offer_id(offer_named(self._world, base, product, day))

    def session_id(self, base: str, day: date, start: time) -> str:
        """The API id of a session, by the key of its base, its day and the local time of its start.

        Raises:
            KeyError: There is no such session.
        """
        return self._iris.session_id(session_named(self._world, base, day, start))

    def iri(self, identifier: str) -> str:
        """The address of a catalog, product base, product, offer or offer ticket by its id.

        Raises:
            KeyError: It is none of those, or not of this sandbox.
        """
        ref = self._world.ids.ref(identifier)
        if ref is None or ref.kind not in _ADDRESSES:
            raise KeyError(identifier)
        return _ADDRESSES[ref.kind](self._iris, ref)

    def orders(self) -> Sequence[OrderRecord]:
        """Every order, oldest first."""
        orders = sorted(self._ledger.orders.values(), key=lambda order: order.number)
        return [self._order_record(order) for order in orders]

    def reservations(self) -> Sequence[ReservationRecord]:
        """Every reservation, oldest first."""
        holds = sorted(self._ledger.holds.values(), key=lambda hold: hold.number)
        return [self._reservation_record(hold) for hold in holds]

    def cancel_order(self, order_id: str) -> None:
        """Let the issuer cancel an order; KeyError when there is none."""
        self._sales.cancel(order_id)

    def release_reservation(self, reservation_id: str) -> None:
        """Let the issuer release a hold early; KeyError when there is none."""
        self._sales.release(reservation_id)

    def set_price(self, offer_id: str, amount: Decimal) -> None:
        """Set the price of an offer from now on; KeyError when it is not on sale."""
        self._stock.prices.set(self._offer(offer_id), amount, self.clock.now())

    def set_stock(self, offer_id: str, quantity: int | None) -> None:
        """Set an offer's stock from now on; None lifts the limit. KeyError when not on sale."""
        self._stock.offers.set(self._offer(offer_id), quantity, self.clock.now())

    def set_session_stock(self, session_id: str, quantity: int | None) -> None:
        """Set the places left in a session from now on; KeyError when there is no such session."""
        session = self._iris.found_session(session_id)
        if session is None:
            raise KeyError(session_id)
        self._stock.sessions.set(session, quantity, self.clock.now())

    def _routed(self, downloads: Downloads) -> Starlette:
        """The API itself: routes each operation of the contract to the method that answers it."""
        shapes = CatalogShapes(self._world, self._stock, self._iris)
        booking_shapes = BookingShapes(self._world, self._ledger, self._iris)
        catalog = CatalogRoutes(self._world, self._iris, shapes, self.options.old_server)
        booking = BookingRoutes(self._sales, self._iris, booking_shapes, downloads)
        app = Starlette(
            routes=[Route(TOKEN_PATH, self._tokens.endpoint, methods=["POST"], name="getToken")],
            exception_handlers={HTTPException: _routing_problem},
        )
        for each in OPERATIONS:
            side = booking if each.path.startswith("/v1/booking/") else catalog
            handler, writes = getattr(side, each.handler), each.method != "GET"
            answered = endpoint(handler, self._tokens, self._keeping, writes=writes)
            app.add_route(each.path, answered, methods=[each.method], name=each.id)
        # T13: a path with a slash at its end is not the same path, and is not found.
        app.router.redirect_slashes = False
        return app

    # One app serves both hosts, by the Host header: so it notices a client that sends its token to
    # the document host (T26), and needs no network.

    async def _by_host(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._documents if self._is_document_host(scope) else self._api
        await app(scope, receive, send)

    def _is_document_host(self, scope: Scope) -> bool:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return bool(host.decode("latin-1") == urlsplit(self.options.document_origin).netloc)

    def _operation_of(self, scope: Scope) -> str | None:
        if self._is_document_host(scope):
            return DOWNLOAD
        return operation_named(scope["method"], scope["path"])

    def _issuers_named(self, words: list[str]) -> frozenset[str]:
        """The issuers whose catalogs, reservations or orders are among the words."""
        catalogs = {self._catalog_named(word) for word in words}
        return frozenset(self._world.issuer(each).key for each in catalogs if each is not None)

    def _catalog_named(self, word: str) -> int | None:
        # An order leads to its hold, a hold to its offer, and an offer to its issuer.
        order = self._ledger.orders.get(word)
        hold = self._ledger.holds.get(order.hold_id if order else word)
        if hold is not None:
            return self._world.catalog_of(hold.offer.base)
        ref = self._iris.found(word, Kind.CATALOG)
        return ref.base if ref is not None else None

    def _offer(self, offer_id: str) -> Offer:
        offer = self._iris.found_offer(offer_id)
        if offer is None:
            raise KeyError(offer_id)
        return offer

    def _reservation_record(self, hold: Hold) -> ReservationRecord:
        return _recorded(
            ReservationRecord,
            hold,
            catalog_id=self._iris.catalog_id(self._world.catalog_of(hold.offer.base)),
            offer_id=self._iris.offer_id(hold.offer),
            base=self._world.base(hold.offer.base).key,
            product=self._world.product(hold.offer).name.en,
            expired=hold.is_expired_at(self.clock.now()),
            date=day_of(hold.offer.day),
            starts_at=tuple(
                self._world.starts_at(hold.offer, rank, slot)
                for rank, slot in enumerate(hold.slots)
                if slot is not None
            ),
        )

    def _order_record(self, order: Order) -> OrderRecord:
        hold = self._ledger.holds[order.hold_id]
        return _recorded(
            OrderRecord,
            order,
            catalog_id=self._iris.catalog_id(self._world.catalog_of(hold.offer.base)),
            offer_id=self._iris.offer_id(hold.offer),
            reservation_ids=(order.hold_id,),
            ticket_ids=order.tickets,
            beneficiaries=tuple(self._ledger.tickets[each].beneficiary for each in order.tickets),
            document_ids=order.documents,
            quantity=hold.quantity,
            total=hold.total,
        )


def _recorded(kind: type[_Record], source: Hold | Order, **beside: Any) -> _Record:
    """A record for tests: `beside`, and what the sandbox's own record has by the same names."""
    names = {each.name for each in fields(kind)} - beside.keys()
    return kind(**{name: getattr(source, name) for name in names}, **beside)


_ADDRESSES: Mapping[Kind, Callable[[Iris, Ref], str]] = {
    Kind.CATALOG: lambda iris, ref: iris.catalog(ref.base),
    Kind.BASE: lambda iris, ref: iris.base(ref.base),
    Kind.PRODUCT: lambda iris, ref: iris.product(ref.base, ref.product),
    Kind.OFFER: lambda iris, ref: iris.offer(ref.offer),
    Kind.TICKET: lambda iris, ref: iris.ticket(ref.offer, ref.ticket),
}


@dataclass(eq=False, slots=True)
class _Front:
    """Middleware: puts the sandbox's `Date` on every answer, and records every request."""

    app: ASGIApp
    clock: ShiftedClock | ManualClock
    requests: deque[RequestRecord]
    operation_of: Callable[[Scope], str | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None

        async def dated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Clients estimate the API's time by it, so it must be the clock that holds end by.
                date = format_datetime(self.clock.now(), usegmt=True)
                MutableHeaders(scope=message)["Date"] = date
            await send(message)

        try:
            await self.app(scope, receive, dated)
        # A dropped request is recorded, too: it may have been carried out.
        finally:
            method, path, operation = scope["method"], scope["path"], self.operation_of(scope)
            query = scope.get("query_string", b"").decode("latin-1")
            self.requests.append(RequestRecord(method, path, query, status, operation))


def _organization(
    world: World, key: bytes, number: int, name: str, secret: str | None = None
) -> Organization:
    client_id = f"sandbox-{name}"
    secret = secret or hashlib.sha256(key + client_id.encode()).hexdigest()[:32]
    organization_id = world.ids.serial(Kind.ORGANIZATION, number)
    return Organization(organization_id, client_id, secret, sells=name == "distributor")


async def _routing_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # Starlette would answer in plain text; the API answers with problem JSON (T30).
    return refusal(Refused(error.status_code, error.detail))
