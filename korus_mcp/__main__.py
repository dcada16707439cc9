"""python -m korus_mcp."""

import sys

from korus_mcp.cli import main

sys.exit(main())
