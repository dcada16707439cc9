"""The rules of booking as the issuers apply them: hold, order, name holders, release, cancel."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Ledger, Order
from korus_mcp.sandbox.ids import Kind
from korus_mcp.sandbox.jsonld import Violation, invalid
from korus_mcp.sandbox.local_time import local_moment
from korus_mcp.sandbox.model import Base, Trouble, day_of
from korus_mcp.sandbox.requests import RequestedHold, RequestedOrders
from korus_mcp.sandbox.stock import Stock, arrangement_of
from korus_mcp.sandbox.world import Offer, World

_LARGEST_HOLD = 100
_CLOSES = time(8, 30)
"""Holders must be named before the first lift opens."""


class Sales:
    """Makes and changes bookings; every refusal here is the issuer's, never an HTTP error."""

    def __init__(self, world: World, stock: Stock, ledger: Ledger, clock: Clock) -> None:
        self._world = world
        self._stock = stock
        self._ledger = ledger
        self._clock = clock

    def reserve(self, wanted: RequestedHold, organization: str) -> Hold | Failure:
        """Hold the units of one item, all or none."""
        failure = self._refusal(wanted)
        if failure is not None:
            return failure
        now, number = self._clock.now(), len(self._ledger.holds) + 1
        issuer = self._world.issuer_of(wanted.offer)
        places = tuple(
            () if slot is None else self._stock.seats(wanted.offer, rank, slot, wanted.quantity)
            for rank, slot in enumerate(wanted.slots)
        )
        seated = next((each for each in places if each), ())
        hold = Hold(
            id=self._world.ids.serial(Kind.RESERVATION, number),
            number=number,
            organization=organization,
            offer=wanted.offer,
            quantity=wanted.quantity,
            unit_price=self._stock.price(wanted.offer),
            slots=wanted.slots,
            places=places,
            arrangement=arrangement_of(seated),
            created_at=now,
            expires_at=now + timedelta(seconds=issuer.hold_seconds),
        )
        self._ledger.add_hold(hold)
        return hold

    def order(self, hold_id: str, wanted: RequestedOrders, organization: str) -> Order | Failure:
        """Turn one hold into an order."""
        hold = self._ledger.holds[hold_id]
        failure = self._order_refusal(hold)
        if failure is not None:
            return failure
        now, number = self._clock.now(), len(self._ledger.orders) + 1
        issuer = self._world.issuer_of(hold.offer)
        order_id = self._world.ids.serial(Kind.ORDER, number)
        tickets = self._issued(hold, order_id, now)
        count = len(tickets) if issuer.document_per_ticket else 1
        order = Order(
            id=order_id,
            number=number,
            organization=organization,
            hold_id=hold_id,
            item_id=self._world.ids.serial(Kind.ORDER_ITEM, number),
            external_reference=wanted.external_reference,
            customer=wanted.customer,
            notes=wanted.notes,
            created_at=now,
            reference=f"KT-ORD-{100000 + number}",
            connector_reference=(
                f"{issuer.order_prefix}-{70000 + 13 * number}" if issuer.order_prefix else None
            ),
            tickets=tuple(ticket.id for ticket in tickets),
            documents=self._new_documents(order_id, count),
        )
        self._ledger.orders[order_id] = order
        self._ledger.tickets |= {ticket.id: ticket for ticket in tickets}
        self._ledger.holds[hold_id] = replace(hold, ordered_at=now, order_id=order_id)
        return order

    def name_holder(self, ticket: IssuedTicket, beneficiary: Mapping[str, object]) -> IssuedTicket:
        """Put a name on a ticket; complete data validate it.

        Raises:
            Refused: 422 when the ticket is locked, or it is too late.
        """
        now = self._clock.now()
        if self._ledger.orders[ticket.order_id].cancelled_at:
            raise invalid(Violation("beneficiary", "The order is cancelled."))
        if not ticket.amendable:
            raise invalid(Violation("beneficiary", "The beneficiary cannot be changed."))
        if ticket.deadline is not None and now > ticket.deadline:
            raise invalid(Violation("beneficiary", "The designation deadline has passed."))
        named = {**(ticket.beneficiary or {}), **beneficiary}
        complete = all(named.get(name) for name in ticket.required_fields)
        validated_at = ticket.validated_at or now if complete else None
        changed = replace(ticket, beneficiary=named, validated_at=validated_at)
        self._ledger.tickets[ticket.id] = changed
        return changed

    def documents_from(self, order: Order) -> datetime | None:
        """When the files of an order can be fetched; None while there are none."""
        validated = [self._ledger.tickets[each].validated_at for each in order.tickets]
        moments = [each for each in validated if each is not None]
        if order.cancelled_at is not None or len(moments) < len(validated):
            return None
        issuer = self._world.issuer_of(self._ledger.holds[order.hold_id].offer)
        return max(moments) + timedelta(seconds=issuer.document_delay_seconds)

    def cancel(self, order_id: str) -> None:
        """The issuer cancels an order by itself; its places come back."""
        order, now = self._ledger.orders[order_id], self._clock.now()
        self._ledger.orders[order_id] = replace(order, cancelled_at=now)
        hold = self._ledger.holds[order.hold_id]
        self._ledger.holds[hold.id] = replace(hold, ended_at=now)

    def release(self, hold_id: str) -> None:
        """The issuer gives a hold up before its end."""
        hold = self._ledger.holds[hold_id]
        self._ledger.holds[hold_id] = replace(hold, ended_at=self._clock.now())

    def _refusal(self, wanted: RequestedHold) -> Failure | None:
        trouble = self._world.product(wanted.offer).trouble
        if trouble is Trouble.NEVER_RESERVES:
            return Failure(
                "CONNECTOR_ERROR", "Le système de billetterie a refusé la réservation <b>(E42)</b>."
            )
        if trouble is Trouble.FAILS_ABOVE_FOUR and wanted.quantity > 4:
            return Failure("QUANTITY_REFUSED", "Pas plus de 4 places par réservation.")
        room = self._stock.room_for(wanted.offer, wanted.slots)
        if room is not None and room < wanted.quantity:
            return Failure("INSUFFICIENT_STOCK", f"Stock insuffisant : {room} restant(s).")
        if wanted.quantity > _LARGEST_HOLD:
            return Failure("QUANTITY_REFUSED", f"Pas plus de {_LARGEST_HOLD} par réservation.")
        return None

    def _order_refusal(self, hold: Hold) -> Failure | None:
        if hold.order_id is not None:
            return Failure("ALREADY_ORDERED", "La réservation a déjà été commandée.")
        if hold.ended_at is not None:
            return Failure("RELEASED", "La réservation a été libérée.")
        if self._clock.now() >= hold.expires_at:
            return Failure("EXPIRED", "La réservation a expiré.")
        if self._world.product(hold.offer).trouble is Trouble.NEVER_ORDERS:
            return Failure("CONNECTOR_ERROR", "La commande a été refusée par la billetterie.")
        return None

    def _issued(self, hold: Hold, order_id: str, now: datetime) -> list[IssuedTicket]:
        base = self._world.base(hold.offer.base)
        pairs = [(unit, rank) for unit in range(hold.quantity) for rank in range(len(hold.slots))]
        first = len(self._ledger.tickets) + 1
        return [
            IssuedTicket(
                id=self._world.ids.serial(Kind.ORDER_TICKET, number),
                order_id=order_id,
                unit=unit,
                rank=rank,
                voucher=f"{9_000_000_000 + 7919 * number}",
                required_fields=base.beneficiary_fields,
                amendable=base.beneficiary_amendable,
                deadline=_deadline(base, hold.offer),
                validated_at=None if base.beneficiary_fields else now,
            )
            for number, (unit, rank) in enumerate(pairs, start=first)
        ]

    def _new_documents(self, order_id: str, count: int) -> tuple[str, ...]:
        first = len(self._ledger.documents) + 1
        numbers = range(first, first + count)
        made = tuple(self._world.ids.serial(Kind.DOCUMENT, number) for number in numbers)
        self._ledger.documents |= dict.fromkeys(made, order_id)
        return made


def _deadline(base: Base, offer: Offer) -> datetime | None:
    day = day_of(offer.day)
    if day is None or not base.beneficiary_fields:
        return None
    return local_moment(day, _CLOSES, base.timezone)
