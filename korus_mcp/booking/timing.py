"""How long the calls of a booking may take: the one place of these seconds."""

from typing import Final

from korus_mcp.foundation.refusals import Code, Refusal

ANSWER_SECONDS: Final = 40
POST_SECONDS: Final = 75
"""The time-out of a creating call: after it nobody listens for the answer any more."""
LEASE_SECONDS: Final = 30
"""For so long nobody else takes over what a worker is sending."""
POLL_SECONDS: Final = 0.25
RETRY_SECONDS: Final = 10


def stopping() -> Refusal:
    """The refusal of a new hold or order while the server stops."""
    return Refusal(
        Code.SERVER_BUSY,
        "The server is stopping and takes nothing new.",
        "Nothing was held or ordered. Call again with the same arguments once it is back.",
        retry_after_seconds=RETRY_SECONDS,
    )
