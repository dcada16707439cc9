"""python -m korus_mcp."""

import sys

from korus_mcp.commands.cli import main

sys.exit(main())
