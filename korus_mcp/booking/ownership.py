"""Checks that reservations are the caller's own."""

from collections.abc import Mapping, Sequence

from korus_mcp.foundation.refusals import Code, Refusal


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
