"""Reads reservations from the API as holds, for their owners."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from typing import Final

from cachetools import LRUCache

from korus_mcp.api import ApiError, NotFound
from korus_mcp.api.models.reservation import Reservation
from korus_mcp.booking.hold import Hold, hold_of
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.ownership import check_no_orders, check_owner
from korus_mcp.booking.ports import Service
from korus_mcp.booking.settling import Settling
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.foundation.unread import zone_of_all
from korus_mcp.journal.records import JournalDown

MOST_ZONES: Final = 5000
"""The zones of at most so many reservations are remembered, for when they are gone."""


@dataclass(kw_only=True)
class HoldReader(Service):
    """Reads reservations as holds, with the names of what they hold."""

    names: ProductNames
    settling: Settling
    _zones: LRUCache[str, tzinfo] = field(default_factory=lambda: LRUCache(MOST_ZONES), init=False)
    """Reservation id -> the zone of its venue."""

    async def found(
        self, owner: str, reservation_ids: Sequence[str], language: str
    ) -> Mapping[str, Hold]:
        """Reservation id -> hold as it is now; those that KorusTicket does not show are left out.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's (nothing is asked upstream), or an
                order.
        """
        check_owner(owner, await self.journal.owners_of(reservation_ids), reservation_ids)
        there = await self._there(reservation_ids, language)
        await check_no_orders(self.journal, owner, [i for i in reservation_ids if i not in there])
        return dict(zip(there, await self.shown([*there.values()], language), strict=True))

    async def check_known(self, owner: str, reservation_ids: Sequence[str]) -> None:
        """Check by the journal alone that all of these are this owner's, if it can be read.

        Raises:
            Refusal: NOT_FOUND.
        """
        with suppress(JournalDown):
            check_owner(owner, await self.journal.owners_of(reservation_ids), reservation_ids)

    async def all(self, owner: str, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """The holds that these reservations are now: all of them, or a refusal.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's (nothing is asked upstream) or gone;
                one that is not shown yet.
        """
        check_owner(owner, await self.journal.owners_of(reservation_ids), reservation_ids)
        return await self.read(owner, reservation_ids, language)

    async def read(self, owner: str, reservation_ids: Sequence[str], language: str) -> list[Hold]:
        """The same as `all`, for reservations that are known to be this owner's.

        Raises:
            Refusal: NOT_FOUND when one is gone or an order; UPSTREAM_UNAVAILABLE when one that is
                not shown was made too recently to be missed.
        """
        # All of them or a refusal: nothing less than all a person agreed to may be ordered.
        there = await self._there(reservation_ids, language)
        missed = [i for i in reservation_ids if i not in there]
        if missed:
            await check_no_orders(self.journal, owner, missed)
            self.settling.check_none_new(
                await self.settling.holds_left(owner, missed),
                "KorusTicket does not show a reservation yet that was just made; nothing was "
                "ordered now.",
                "Do not reserve it again.",
            )
            raise Refusal(
                Code.NOT_FOUND,
                "A reservation that was made here is gone at KorusTicket; nothing was ordered now.",
                "Call get_reservation to see what became of each.",
            )
        return await self.shown([there[i] for i in reservation_ids], language)

    async def _there(
        self, reservation_ids: Sequence[str], language: str
    ) -> Mapping[str, Reservation]:
        async def read(reservation_id: str) -> Reservation | None:
            try:
                return await self.booking.get_reservation(reservation_id, language=language)
            except NotFound:
                return None

        answers = await side_by_side([partial(read, i) for i in reservation_ids])
        return {i: r for i, r in zip(reservation_ids, answers, strict=True) if r is not None}

    async def in_full(self, reservation: Reservation, language: str) -> Reservation:
        """A reservation from an answer; if that left out its end or its items, it is read once
        more. An answer may have a bare IRI in its place (A13).
        """
        if isinstance(reservation.expires_at, datetime) and reservation.items:
            return reservation
        try:
            return await self.booking.get_reservation(reservation.id, language=language)
        except ApiError:
            if not reservation.items:
                raise
            return reservation

    async def shown(self, found: Sequence[Reservation], language: str) -> list[Hold]:
        """Make holds of reservations that were read, with the names of products and sessions."""
        names = await self.names.for_reservations(found, language)
        for reservation in found:
            zone = zone_of_all(names.zone(item.product) for item in reservation.items)
            if zone is not None:
                self._zones[reservation.id] = zone
        return [hold_of(r, names, self.clock) for r in found]

    def zone_of(self, reservation_ids: Iterable[str]) -> tzinfo | None:
        """The zone of the venues of all these reservations, as far as this process read them."""
        return zone_of_all(self._zones.get(each) for each in reservation_ids)
