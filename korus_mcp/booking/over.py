"""When what is sold is over, the one rule for quotes, holds and all that shows them.

A session is over once it has begun: nobody is offered one to which they can only come late. A day
is over at midnight at the venue. Where a ticket takes a session, that decides, and its day only as
long as no time is stated: a session may begin after midnight. What cannot be read is not over.
"""

from datetime import datetime
from typing import Final

IT: Final = "it is over or has begun"
ITS_DAY: Final = "its day is over"
ITS_SESSION: Final = "its session is over or has begun"
ITS_SESSIONS: Final = "its sessions are over or have begun"


def has_begun(starts_at: datetime, now: datetime) -> bool:
    """Whether a session that begins then is over."""
    return starts_at <= now
