"""korus-mcp completion: prints the script by which a shell completes our commands and options.

The script is made of the parser, so it knows what this version knows, and starts nothing while
somebody types.
"""

import argparse

import shtab

from korus_mcp.commands.console import write


def run_completion(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the script of a shell, one of `options.SHELLS`."""
    write(shtab.complete(parser, shell))
    return 0
