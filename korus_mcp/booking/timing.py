"""How long the calls of a booking may take: the one place of these seconds."""

from typing import Final

from korus_mcp.api.config import CREATION_SECONDS

ANSWER_SECONDS: Final = 40
"""So long a caller waits for a booking that goes on without them: hosts give up after a minute."""
POST_SECONDS: Final = CREATION_SECONDS
"""The time-out of a creating call: after it nobody listens for the answer any more."""
LEASE_SECONDS: Final = 30
"""For so long nobody else takes over what a worker is sending."""
# Often enough that a caller does not notice, seldom enough for a file on a slow disk.
POLL_SECONDS: Final = 0.25
"""How often the journal is read while another process sends."""
ORDER_MARGIN_SECONDS: Final = 20
"""A hold that ends sooner is not ordered any more: the order could arrive after its end."""
LOOK_AGAIN_SECONDS: Final = 10
"""When to ask again what became of an order in doubt."""
RETRY_SECONDS: Final = 10
"""When to call again after a call that was not carried out to its end here."""
