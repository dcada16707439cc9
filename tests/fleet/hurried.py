"""A server whose leases are short, so that a sample waits for none of them."""

import sys
from typing import Final

from korus_mcp.booking import recovery, sending, services
from korus_mcp.commands.cli import main

LEASE_SECONDS: Final = 3.0
"""Long enough for a machine that has much else to do; another server looks the order up then."""

if __name__ == "__main__":
    setattr(services, "LEASE_SECONDS", LEASE_SECONDS)  # noqa: B010 - a Final is replaced
    setattr(sending, "RENEWAL_SECONDS", LEASE_SECONDS / 3)  # noqa: B010
    setattr(recovery, "LONGEST_PAUSE_SECONDS", LEASE_SECONDS)  # noqa: B010
    sys.exit(main(sys.argv[1:]))
