"""Whose reservations they are, by what the journal knows."""

from collections.abc import Mapping, Sequence

from korus_mcp.foundation.refusals import Code, Refusal


def check_owner(owner: str, owners: Mapping[str, str], reservation_ids: Sequence[str]) -> None:
    """That all of these are the owner's, by what the journal knows.

    Raises:
        Refusal: NOT_FOUND.
    """
    if any(owners.get(i) != owner for i in reservation_ids):
        raise Refusal(
            Code.NOT_FOUND,
            "No such reservation was made here.",
            "Use a reservation_id from the answer of reserve.",
        )
