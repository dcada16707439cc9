"""How long the steps of a booking may take. The time-out of the creating POSTs themselves,
`CREATION_SECONDS`, stands in `api/config.py`; how long a caller is kept waiting is a setting,
`Settings.answer_seconds`.
"""

from typing import Final

LEASE_SECONDS: Final = 30
"""How long the process that sends an order is left alone: no other one looks that order up."""
# Often enough that a caller does not notice, seldom enough for a file on a slow disk.
POLL_SECONDS: Final = 0.25
"""The pause between two readings of the journal while another process sends."""
ORDER_MARGIN_SECONDS: Final = 20
"""A hold that ends sooner is not ordered any more: the order could arrive after its end."""
LOOK_AGAIN_SECONDS: Final = 10
"""After how long a caller should ask again what became of an order in doubt."""
JOIN_SECONDS: Final = 1
"""After how long a caller may repeat a call that goes on without them: the repeat waits itself."""
RETRY_SECONDS: Final = 10
"""After how long a caller should repeat a call that this server could not finish."""
