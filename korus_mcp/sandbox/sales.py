"""The issuers' rules of booking: hold, order, set beneficiaries, release, cancel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Ledger, Order
from korus_mcp.sandbox.calendars import day_of, local_moment
from korus_mcp.sandbox.ids import Kind
from korus_mcp.sandbox.jsonld import Violation, invalid
from korus_mcp.sandbox.model import Trouble
from korus_mcp.sandbox.requests import RequestedHold, RequestedOrders
from korus_mcp.sandbox.stock import Stock, arrangement_of
from korus_mcp.sandbox.world import World

_LARGEST_HOLD = 100
_CLOSES = time(8, 30)
"""Beneficiaries must be set before this time of the day: the ski lifts open then."""


@dataclass(eq=False, slots=True)
class Sales:
    """Makes and changes bookings.

    A refusal by an issuer is a `Failure` inside a successful answer (T14), but for setting a
    beneficiary, where the whole call is refused.
    """

    world: World
    stock: Stock
    ledger: Ledger

    def reserve(self, wanted: RequestedHold, organization: str) -> Hold | Failure:
        """Hold the units of one item, all or none."""
        if failure := self._refusal(wanted):
            return failure
        now, number = self.world.now(), self.ledger.numbers.holds + 1
        lifetime = timedelta(seconds=self.world.issuer_of(wanted.offer).hold_seconds)
        places = tuple(
            () if slot is None else self.stock.seats(wanted.offer, rank, slot, wanted.quantity)
            for rank, slot in enumerate(wanted.slots)
        )
        hold = Hold(
            id=self.world.ids.serial(Kind.RESERVATION, number),
            number=number,
            organization=organization,
            offer=wanted.offer,
            quantity=wanted.quantity,
            unit_price=self.stock.price(wanted.offer),
            slots=wanted.slots,
            places=places,
            arrangement=arrangement_of(next(filter(None, places), ())),
            created_at=now,
            expires_at=now + lifetime,
        )
        self.ledger.put(hold)
        return hold

    def order(self, hold_id: str, wanted: RequestedOrders, organization: str) -> Order | Failure:
        """Turn one hold into an order."""
        hold = self.ledger.holds[hold_id]
        if failure := self._order_refusal(hold):
            return failure
        now, number = self.world.now(), self.ledger.numbers.orders + 1
        issuer = self.world.issuer_of(hold.offer)
        prefix = issuer.order_prefix
        order_id = self.world.ids.serial(Kind.ORDER, number)
        tickets = self._issued(hold, order_id, now)
        first = self.ledger.numbers.documents + 1
        last = first + (len(tickets) if issuer.document_per_ticket else 1)
        documents = [self.world.ids.serial(Kind.DOCUMENT, each) for each in range(first, last)]
        order = Order(
            id=order_id,
            number=number,
            organization=organization,
            hold_id=hold_id,
            item_id=self.world.ids.serial(Kind.ORDER_ITEM, number),
            external_reference=wanted.external_reference,
            customer=wanted.customer,
            notes=wanted.notes,
            created_at=now,
            reference=f"KT-ORD-{100000 + number}",
            connector_reference=f"{prefix}-{70000 + 13 * number}" if prefix else None,
            tickets=tuple(ticket.id for ticket in tickets),
            documents=tuple(documents),
        )
        # The `status` of the hold does not change: only its `order` shows the order (T23).
        self.ledger.put(order, *tickets, replace(hold, ordered_at=now, order_id=order_id))
        return order

    def name_holder(self, ticket: IssuedTicket, beneficiary: Mapping[str, object]) -> IssuedTicket:
        """Set the beneficiary of a ticket, which becomes valid once all fields are there.

        Raises:
            Refused: 422 when the ticket is locked, or it is too late.
        """
        now = self.world.now()
        if self.ledger.orders[ticket.order_id].cancelled_at:
            raise invalid(Violation("beneficiary", "The order is cancelled."))
        if not ticket.amendable:
            raise invalid(Violation("beneficiary", "The beneficiary cannot be changed."))
        if ticket.deadline is not None and now > ticket.deadline:
            raise invalid(Violation("beneficiary", "The designation deadline has passed."))
        # Earlier fields stay, so that they can be sent one after the other.
        named = {**(ticket.beneficiary or {}), **beneficiary}
        complete = all(named.get(name) for name in ticket.required_fields)
        validated_at = ticket.validated_at or now if complete else None
        changed = replace(ticket, beneficiary=named, validated_at=validated_at)
        self.ledger.put(changed)
        return changed

    def documents_from(self, order: Order) -> datetime | None:
        """When the files of an order can be downloaded; None while there are none."""
        # There are none if a beneficiary is missing or the order was cancelled.
        validated = [self.ledger.tickets[each].validated_at for each in order.tickets]
        moments = [each for each in validated if each is not None]
        if order.cancelled_at is not None or len(moments) < len(validated):
            return None
        issuer = self.world.issuer_of(self.ledger.holds[order.hold_id].offer)
        return max(moments) + timedelta(seconds=issuer.document_delay_seconds)

    def cancel(self, order_id: str) -> None:
        """Cancel an order on the issuer's side; its places are free again."""
        order, now = self.ledger.orders[order_id], self.world.now()
        hold = self.ledger.holds[order.hold_id]
        self.ledger.put(replace(order, cancelled_at=now), replace(hold, ended_at=now))

    def release(self, hold_id: str) -> None:
        """Release a hold early on the issuer's side."""
        # The API has no operation for it: only an issuer can do it.
        hold = self.ledger.holds[hold_id]
        self.ledger.put(replace(hold, ended_at=self.world.now()))

    def _refusal(self, wanted: RequestedHold) -> Failure | None:
        trouble = self.world.product(wanted.offer).trouble
        # The message contains markup, as issuers' messages may (T9).
        if trouble is Trouble.NEVER_RESERVES:
            return Failure(
                "CONNECTOR_ERROR", "Le système de billetterie a refusé la réservation <b>(E42)</b>."
            )
        if trouble is Trouble.FAILS_ABOVE_FOUR and wanted.quantity > 4:
            return Failure("QUANTITY_REFUSED", "Pas plus de 4 places par réservation.")
        # The live stock decides, not that of lists, which lag behind (T21).
        room = self.stock.room_for(wanted.offer, wanted.slots)
        if room is not None and room < wanted.quantity:
            return Failure("INSUFFICIENT_STOCK", f"Stock insuffisant : {room} restant(s).")
        # Even with unlimited stock, an issuer limits the size of a hold.
        if wanted.quantity > _LARGEST_HOLD:
            return Failure("QUANTITY_REFUSED", f"Pas plus de {_LARGEST_HOLD} par réservation.")
        return None

    def _order_refusal(self, hold: Hold) -> Failure | None:
        if hold.order_id is not None:
            return Failure("ALREADY_ORDERED", "La réservation a déjà été commandée.")
        if hold.ended_at is not None:
            return Failure("RELEASED", "La réservation a été libérée.")
        # Only the expired hold fails, not the whole call (A16).
        if self.world.now() >= hold.expires_at:
            return Failure("EXPIRED", "La réservation a expiré.")
        if self.world.product(hold.offer).trouble is Trouble.NEVER_ORDERS:
            return Failure("CONNECTOR_ERROR", "La commande a été refusée par la billetterie.")
        return None

    def _issued(self, hold: Hold, order_id: str, now: datetime) -> list[IssuedTicket]:
        """Make the tickets of an order: for each unit, one for each ticket of the offer."""
        base, day = self.world.base(hold.offer.base), day_of(hold.offer.day)
        deadline = local_moment(day, _CLOSES, base.timezone) if day else None
        # Each ticket has its own beneficiary: day entry and show may be for two people.
        pairs = [(unit, rank) for unit in range(hold.quantity) for rank in range(len(hold.slots))]
        return [
            IssuedTicket(
                id=self.world.ids.serial(Kind.ORDER_TICKET, number),
                order_id=order_id,
                unit=unit,
                rank=rank,
                voucher=f"{9_000_000_000 + 7919 * number}",
                required_fields=base.beneficiary_fields,
                amendable=base.beneficiary_amendable,
                deadline=deadline if base.beneficiary_fields else None,
                validated_at=None if base.beneficiary_fields else now,
            )
            for number, (unit, rank) in enumerate(pairs, start=self.ledger.numbers.tickets + 1)
        ]
