"""A command of korus-mcp that says last, on stderr, how many kB of memory its process held at most.

Asked of the system by the process itself: what a parent is told of its children begins with its own
memory.
"""

import re
import sys
from pathlib import Path

from korus_mcp.commands.cli import main


def _peak() -> int:
    """The most that was resident, in kB, as Linux counts it."""
    (most,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(most)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.write(f"{_peak()}\n")
    sys.exit(code)
