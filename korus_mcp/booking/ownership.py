"""Checks that ids are the caller's own, and of the right kind, by what the journal knows."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import Journal

_ALL: Final = sys.maxsize


def check_owner(owner: str, owners: Mapping[str, str], reservation_ids: Sequence[str]) -> None:
    """Check that all of these reservations are the owner's. `owners`: reservation id -> owner.

    Raises:
        Refusal: NOT_FOUND, for an id that is unknown and for one that is somebody else's.
    """
    if any(owners.get(i) != owner for i in reservation_ids):
        raise Refusal(
            Code.NOT_FOUND,
            "No such reservation was made here.",
            "Use a reservation_id from the answer of reserve.",
        )


async def check_no_orders(journal: Journal, owner: str, missed: Sequence[str]) -> None:
    """Check that none of these ids is that of an order. KorusTicket found no reservation of them.

    Raises:
        Refusal: NOT_FOUND.
    """
    # The journal has owners of both kinds of ids, so an order's id passes `check_owner`.
    if missed and not set(missed).isdisjoint(await journal.orders_of(owner, limit=_ALL)):
        raise Refusal(
            Code.NOT_FOUND,
            "This is the id of an order, and not of a reservation.",
            "Call get_tickets with it as order_id.",
        )


async def check_no_reservation(journal: Journal, owner: str, missed: str) -> None:
    """Check that this id is not that of a reservation. KorusTicket found no order of it.

    Raises:
        Refusal: NOT_FOUND.
    """
    is_own = (await journal.owners_of([missed])).get(missed) == owner
    if is_own and missed not in await journal.orders_of(owner, limit=_ALL):
        raise Refusal(
            Code.NOT_FOUND,
            "This is the id of a reservation, and not of an order.",
            "Call get_reservation with it: it names the order, if there is one.",
        )
