"""What a host starts of the bundle: the server from the wheel beside it, on stdio."""

import sys

from korus_mcp.commands.cli import main

sys.exit(main())
