"""When a session or a day is over: the one rule for quotes, holds and all that shows them.

A session is over once it has begun: nobody is offered one to which they would come late. A day is
over at midnight at the venue. For a ticket with a session the session's time decides, and the day
only if no time is stated, since a session may begin after midnight. What cannot be read counts as
not over.
"""

from datetime import datetime
from typing import Final

IT: Final = "it is over or has begun"
ITS_DAY: Final = "its day is over"
ITS_SESSION: Final = "its session is over or has begun"
ITS_SESSIONS: Final = "its sessions are over or have begun"


def has_begun(starts_at: datetime, now: datetime) -> bool:
    """Whether a session that begins at `starts_at` has begun, which makes it over."""
    return starts_at <= now
