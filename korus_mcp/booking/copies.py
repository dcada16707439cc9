"""A refusal may be the answer to a second copy of a request: then the first was carried out.

We send a booking call once. A gateway on the way may send it twice, as gateways do after a broken
connection; the API refuses the second copy, and its refusal is the answer that comes back. So
nobody believes a refusal before it was looked for what the first copy may have made.
"""

from typing import Final

from korus_mcp.api import ApiError

# A token that was refused, or asked to wait for, has no such operation (A18).
HOLD: Final = "createReservations"
ORDER: Final = "createOrders"


def was_answered(error: ApiError, operation: str) -> bool:
    """Whether the booking call itself got an answer, and not the request for a token before it."""
    return error.operation == operation and error.status is not None
