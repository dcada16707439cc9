"""Finds and reads orders that exist, for those who may see them.

In scope `own` a caller sees what they ordered through this server: an unknown id and somebody
else's get the same answer, without a request. In scope `account` they see the account's orders.
"""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import partial
from typing import Final

from korus_mcp.api import Malformed, NotFound, OrderFilters, Outcome
from korus_mcp.api.models.order import Order
from korus_mcp.booking.customers import buyer_of
from korus_mcp.booking.earlier import EarlierOrders
from korus_mcp.booking.ownership import check_no_reservation
from korus_mcp.booking.ports import Service
from korus_mcp.booking.settling import Settling, look_again_in
from korus_mcp.booking.timing import LOOK_AGAIN_SECONDS
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.refusals import TO_SUPPORT, Code, Effect, FieldProblem, Refusal, invalid
from korus_mcp.foundation.unread import UNREAD, value_of
from korus_mcp.journal.records import JournalDown
from korus_mcp.settings import Scope

MAX_PAGES: Final = 20
MAX_DAYS: Final = 31
OWN_LIMIT: Final = 200
"""At most this many orders are read, one by one, for a page of a caller's own orders."""
LEAST_READ: Final = 8
"""After the first round of a page, at least this many orders are read at once: a search by name or
day drops most of them.
"""
REFERENCE_LIMIT: Final = 50
NEWEST: Final = 25
"""How many of a caller's newest orders are searched for a reference of KorusTicket's or the
issuer's: the journal does not have those."""
_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class OrderQuery:
    """What a service desk looks for: a reference or the customer's e-mail address, a range of
    creation days, or both.
    """

    reference: str | None = None
    created_from: date | None = None
    created_to: date | None = None


@dataclass(frozen=True)
class OrdersFound:
    """A page of orders, newest first. `not_read` says in words what was left out.

    `total` is None where all orders would have to be read to count them. The next page begins
    after the order with the id `behind`, at place `start` of the list; None at the end.
    """

    orders: tuple[Order, ...]
    not_read: str | None = None
    total: int | None = None
    behind: str | None = None
    start: int = 0


@dataclass(frozen=True)
class OrderWindow:
    """Which page: at most `limit` orders after the order with the id `behind`, wherever it stands
    by now. If that order is gone: from place `number` on.
    """

    behind: str | None = None
    number: int = 0
    limit: int = OWN_LIMIT

    def start(self, ids: Sequence[str]) -> int:
        """The place in a list of ids at which the page begins."""
        return ids.index(self.behind) + 1 if self.behind in ids else self.number


EVERYTHING: Final = OrderWindow()


@dataclass(kw_only=True)
class OrderSearch(Service):
    """Finds and reads orders for their owners."""

    earlier: EarlierOrders
    scope: Scope
    settling: Settling

    async def order(self, owner: str, id_or_reference: str, language: str | None = None) -> Order:
        """One order, by its id or by any of its references, the caller's own first.

        Raises:
            Refusal: NOT_FOUND; INVALID_ARGUMENTS when a reference has several orders;
                OUTCOME_UNKNOWN while it is not known whether the order exists.
        """
        owners = await self.journal.owners_of([id_or_reference])
        # The caller's own id goes first: somebody may choose a reference that looks like an id.
        ids = [id_or_reference]
        if owners.get(id_or_reference) != owner:
            ids = await self._ids_by_reference(owner, id_or_reference)
            ids = ids or await self._own_called(owner, id_or_reference)
        if len(ids) > 1:
            raise invalid(FieldProblem("order_id", "several orders have this reference", ids[0]))
        if ids:
            return await self._get_own(owner, ids[0], language)
        if self.scope is Scope.ACCOUNT and is_id(id_or_reference):
            order = await self._get_if_there(id_or_reference, language)
            if order is not None:
                return order
        raise _unknown()

    async def check_known(self, owner: str, id_or_reference: str) -> None:
        """Check by the journal alone that there may be an order with this id or reference.

        Raises:
            Refusal: NOT_FOUND when there is surely none that the caller may see.
        """
        if self.scope is Scope.ACCOUNT:
            return
        with suppress(JournalDown):
            if await self.journal.intents_by_reference(owner, id_or_reference):
                return
            ids = {_folded(order_id) for order_id in await self.journal.orders_of(owner)}
            # Another reference may be that of one of these orders: they would have to be read.
            is_id_of_none = not ids or _UUID.fullmatch(id_or_reference.strip()) is not None
            if is_id_of_none and _folded(id_or_reference) not in ids:
                raise _unknown()

    async def shown_in(self, owner: str, order_id: str) -> int | None:
        """After how many seconds to ask again for parts of this order that are missing, if it was
        made just now. None for an older order: what it lacks will not come.
        """
        too_new = await self.settling.orders_left(owner, [order_id])
        return look_again_in(too_new) if too_new else None

    async def find(
        self, owner: str, query: OrderQuery, window: OrderWindow = EVERYTHING
    ) -> OrdersFound:
        """The orders that match the query, newest first; its days are days of UTC.

        Raises:
            Refusal: INVALID_ARGUMENTS for a range of days that is reversed, too long or missing.
        """
        self.check_days(query)
        if self.scope is Scope.OWN:
            return await self._find_own(owner, query, window)
        return _page_of(await self._find_in_account(owner, query), window)

    async def find_within(
        self, tenant: str, reader: str, query: OrderQuery, window: OrderWindow = EVERYTHING
    ) -> OrdersFound:
        """The orders of everybody in a tenant that match the query, newest first.

        Those of an e-mail address the journal knows by a digest of it: KorusTicket is asked about
        none that is unknown, or of another tenant. That `reader` looked is in the audit.

        Raises:
            Refusal: INVALID_ARGUMENTS for a range of days that is reversed or too long.
        """
        self.check_days(query)
        sought, buyer = query.reference or "", None
        if _is_address(sought):
            buyer = buyer_of(await self.journal.installation(), sought)
        ids = await self.journal.orders_within(tenant, reader=reader, buyer=buyer)
        called = ids if buyer is not None else ()
        return await self._read_through(ids, called, query, window)

    async def _get_own(self, owner: str, order_id: str, language: str | None) -> Order:
        """Read an order of the caller's, unless the id is that of a reservation."""
        order = await self._get_if_there(order_id, language)
        if order is None:
            await check_no_reservation(self.journal, owner, order_id)
            message = "KorusTicket does not show this order yet, though it was made."
            too_new = await self.settling.orders_left(owner, [order_id])
            self.settling.check_none_new(too_new, message, "Do not order again.")
            raise Refusal(
                Code.NOT_FOUND,
                "KorusTicket does not show this order (any more), though it was made.",
                TO_SUPPORT,
            )
        return order

    async def _get_each(self, order_ids: Sequence[str]) -> list[Order | None]:
        """The order of each id, None for one that is gone."""
        return await side_by_side([partial(self._get_if_there, i) for i in order_ids])

    async def _get_if_there(self, order_id: str, language: str | None = None) -> Order | None:
        try:
            return await self.booking.get_order(order_id, language=language)
        except NotFound:
            return None

    async def _ids_by_reference(self, owner: str, reference: str) -> list[str]:
        intents = await self.journal.intents_by_reference(owner, reference)
        intents = await side_by_side([partial(self.earlier.looked, i) for i in intents])
        ids = [order_id for intent in intents for order_id in intent.orders.values()]
        if not ids and any(i.is_in_doubt for i in intents):
            raise Refusal(
                Code.OUTCOME_UNKNOWN,
                "Whether this order was made is not known yet; it is being looked up.",
                "Do not order again. Call again with the same reference.",
                effect=Effect.UNKNOWN,
                retry_after_seconds=LOOK_AGAIN_SECONDS,
            )
        # In scope `own` KorusTicket is not asked about a reference that the journal does not know.
        # About an e-mail address it never is: it has no filter for one.
        is_ours = self.scope is Scope.OWN or len(reference) > REFERENCE_LIMIT
        if ids or is_ours or _is_address(reference):
            return ids
        listed = self.booking.list_orders(OrderFilters(external_reference=reference))
        found = await listed.all()
        # Compared again: an API that ignores the filter lists everything (T20).
        ids = [o.id for o in found if o.external_reference == reference]
        if not ids and (listed.unreadable or any(o.external_reference is UNREAD for o in found)):
            raise Malformed("listOrders", Outcome.REFUSED, reason="an order of nothing known")
        return ids

    async def _own_called(self, owner: str, name: str) -> list[str]:
        """The caller's own orders with this id or reference, in any letter case. References are
        searched among the newest orders only."""
        ids = await self.journal.orders_of(owner)
        wanted = _folded(name)
        if same := [i for i in ids if _folded(i) == wanted]:
            return same
        # Order ids are UUIDs. So this is somebody else's id, not a reference: nothing is asked.
        if _UUID.fullmatch(name.strip()):
            return []
        newest = await self._get_each(ids[:NEWEST])
        return [order.id for order in newest if order is not None and _has(order, name)]

    async def _find_own(self, owner: str, query: OrderQuery, window: OrderWindow) -> OrdersFound:
        """A page of the caller's own orders."""
        ids = await self.journal.orders_of(owner)
        reference = query.reference
        # Our reference is in the journal; the issuer's are found only in orders that are read.
        called = set(await self._ids_by_reference(owner, reference)) if reference else set[str]()
        return await self._read_through(ids, called, query, window)

    async def _read_through(
        self, ids: Sequence[str], called: Collection[str], query: OrderQuery, window: OrderWindow
    ) -> OrdersFound:
        """A page of those of these orders that match the query. The `called` are known to have its
        reference; of the others each is read for it.
        """
        reference = query.reference
        place = start = min(window.start(ids), len(ids))
        found: list[Order] = []
        hidden = 0
        while place < min(len(ids), start + OWN_LIMIT) and len(found) < window.limit:
            # After the first round: see LEAST_READ.
            missing = window.limit if place == start else max(window.limit - len(found), LEAST_READ)
            some = ids[place : min(place + missing, start + OWN_LIMIT)]
            for order_id, order in zip(some, await self._get_each(some), strict=True):
                if len(found) == window.limit:
                    break
                place += 1
                is_named = reference is None or order_id in called
                hidden += order is None and is_named
                if order is not None and (is_named or _is_meant(order, reference)):
                    found += [order] if _fits(order, query) else []
        is_whole = query == OrderQuery()
        has_more = place < len(ids)
        is_left = has_more and place >= start + OWN_LIMIT
        not_read = (_hidden_text(hidden), "older orders were not read" if is_left else None)
        return OrdersFound(
            tuple(found),
            ", and ".join(filter(None, not_read)) or None,
            total=len(ids) if is_whole else None,
            behind=ids[place - 1] if has_more else None,
            start=place,
        )

    async def _find_in_account(self, owner: str, query: OrderQuery) -> OrdersFound:
        if query.reference is not None:
            try:
                ids = await self._ids_by_reference(owner, query.reference)
            except Malformed:
                if query.created_from is None:
                    raise
                ids = []  # instead the orders of those days are read; unreadable ones are counted
            if not ids and query.created_from is None and not _is_address(query.reference):
                ids = await self._own_called(owner, query.reference)
            if ids:
                orders = await self._get_each(ids)
                fitting = tuple(o for o in orders if o is not None and _fits(o, query))
                return OrdersFound(fitting, _hidden_text(orders.count(None)))
        if query.created_from is None:
            if _is_address(query.reference or ""):
                raise self._day_needed("needed with an e-mail address")
            raise self._day_needed("needed here: none of your newest orders has the reference")
        return await self._read_newest(query)

    def _day_needed(self, problem: str) -> Refusal:
        week_ago = self.clock.now().astimezone(UTC).date() - timedelta(days=7)
        return invalid(FieldProblem("created_from", problem, week_ago.isoformat()))

    async def _read_newest(self, query: OrderQuery) -> OrdersFound:
        last = query.created_to
        filters = OrderFilters(
            created_after=query.created_from,
            # Whether the API's `before` includes the day is not published: the day after is asked
            # for, and what is too new is left out here.
            created_before=last + timedelta(days=1) if last and last < date.max else None,
            newest_first=True,
        )
        pages = self.booking.list_orders(filters)
        orders: list[Order] = []
        read = total = 0
        is_whole = False
        for number in range(1, MAX_PAGES + 1):
            page = await pages.page(number)
            orders.extend(o for o in page.items if _fits(o, query))
            read += len(page.items)
            # The total of an answer may be missing, or too small (T4).
            total = max(total, page.total or 0, read + page.unreadable)
            is_whole = page.last
            if is_whole:
                break
        named = [o for o in orders if query.reference is None or _is_meant(o, query.reference)]
        # An order whose reference cannot be read may be the wanted one.
        unsure = sum(o.external_reference is UNREAD for o in orders if o not in named)
        unread = unsure + (total - read if is_whole else 0)
        not_read = (
            None if is_whole else "older orders in this range were not read",
            f"{unread} orders cannot be read" if unread else None,
        )
        return OrdersFound(tuple(named), ", and ".join(filter(None, not_read)) or None)

    def check_days(self, query: OrderQuery) -> None:
        """Check the days of a query by our clock.

        Raises:
            Refusal: INVALID_ARGUMENTS for a range that is reversed, too long or missing.
        """
        first, last = query.created_from, query.created_to
        if first is None and query.reference is None and self.scope is Scope.ACCOUNT:
            raise self._day_needed("needed without a reference")
        if first is None:
            return
        now = self.clock.now().astimezone(UTC)
        # Our own clock may be late by `unknown_skew`: only a day beyond that lies in the future.
        latest_today = (now + self.clock.unknown_skew).date()
        if last is None and latest_today < first:
            example = latest_today.isoformat()
            raise invalid(FieldProblem("created_from", "lies in the future", example))
        end = last or max(first, now.date())
        if end < first:
            raise invalid(FieldProblem("created_to", "lies before created_from", first.isoformat()))
        if (end - first).days > MAX_DAYS:
            latest = (first + timedelta(days=MAX_DAYS)).isoformat()
            raise invalid(
                FieldProblem("created_to", f"more than {MAX_DAYS} days after created_from", latest)
            )


def _unknown() -> Refusal:
    # The same words for somebody else's order and for one that is gone.
    return Refusal(
        Code.NOT_FOUND,
        "No such order is known here.",
        "Use the order_id from place_order, or a reference of the order; by an e-mail address only "
        "find_orders looks, for staff.",
    )


def _hidden_text(number: int) -> str | None:
    return f"{number} orders that were made are not shown by KorusTicket" if number else None


def _page_of(found: OrdersFound, window: OrderWindow) -> OrdersFound:
    """Cut a page out of orders that were all read; an order that was listed twice counts once."""
    orders = tuple({order.id: order for order in found.orders}.values())
    ids = [order.id for order in orders]
    start = window.start(ids)
    end = start + window.limit
    return OrdersFound(
        orders[start:end],
        found.not_read,
        total=len(orders) if found.not_read is None else None,
        behind=ids[end - 1] if end < len(ids) else None,
        start=min(end, len(ids)),
    )


def _has(order: Order, reference: str | None) -> bool:
    """Whether this is the id or a reference of an order, in any letter case."""
    names = (order.id, order.reference, order.external_reference, order.connector_reference)
    wanted = _folded(reference or "")
    return bool(wanted) and any(isinstance(n, str) and _folded(n) == wanted for n in names)


def _is_meant(order: Order, wanted: str | None) -> bool:
    """Whether this is the id or a reference of an order, or the e-mail address of its customer."""
    address = order.customer.email if order.customer is not None else None
    return _has(order, wanted) or bool(address and _folded(address) == _folded(wanted or ""))


def _is_address(text: str) -> bool:
    """Whether this is an e-mail address rather than a reference."""
    name, at, domain = text.strip().rpartition("@")
    return bool(name and at and "." in domain.strip("."))


def _folded(name: str) -> str:
    return name[:256].strip().casefold()  # no reference is that long


def _fits(order: Order, query: OrderQuery) -> bool:
    """Whether an order was made on the wanted days, in UTC. The API may ignore the filter (T20)."""
    created_at = value_of(order.created_at)
    if created_at is None:
        return True
    day = created_at.astimezone(UTC).date()
    first, last = query.created_from, query.created_to
    return (first is None or first <= day) and (last is None or day <= last)
