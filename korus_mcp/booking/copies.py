"""Why a refused booking call is looked up: a gateway may have sent it twice.

We send a booking call once. A gateway on the way may repeat it, as gateways do after a broken
connection. The API then carries out the first copy and refuses the second, and that refusal is the
answer we get. So after a refusal we first look for what the first copy may have made.
"""

from typing import Final

from korus_mcp.api import ApiError

# An error names the operation of its request. An error of the token request, which is sent before a
# booking call, names another one: then the booking call itself never left (A18).
HOLD: Final = "createReservations"
ORDER: Final = "createOrders"


def was_answered(error: ApiError, operation: str) -> bool:
    """Whether this error is an answer to the booking call, not to the token request before it."""
    return error.operation == operation and error.status is not None
