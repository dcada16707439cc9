"""Why a refused booking call is looked up: a gateway may have sent it twice.

We send a booking call once. A gateway on the way may repeat it, as gateways do after a broken
connection. The API then carries out the first copy and refuses the second, and that refusal is the
answer we get. So after a refusal we first look for what the first copy may have made.

Of an order call each status that says that nothing was done (400, 401, 403, 404, 422, 429) is such
a refusal, and so is each item that a 200 tells as failed. Any other status, and an answer that is
lost, is a doubt, which nothing but a look-up ends. Only what never left is believed at once: there
was no connection, no place for it, or no token.
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
