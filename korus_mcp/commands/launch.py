"""How this installation is started: by programs, with full paths, and by a person who types."""

import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from korus_mcp.hosts.links import PROGRAM, PUBLISHED, Start, from_address

_IN_A_CACHE: Final = re.compile(r"(archive|builds|environments)-v\d+")
"""A folder within uv's cache: an environment in it is gone some day."""


def this_start() -> Start:
    """How this installation is started, whatever the folder and the path of the starter."""
    if _IN_A_CACHE.search(sys.prefix):
        start = _from_source()
        return replace(start, command=shutil.which(start.command) or start.command)
    name = f"{PROGRAM}.exe" if sys.platform == "win32" else PROGRAM
    script = Path(sysconfig.get_path("scripts")) / name
    if script.exists():
        return Start(str(script))
    return Start(sys.executable, ("-m", "korus_mcp"))


def as_typed(start: Start) -> str:
    """What a person types in this folder to start it: the bare name where their PATH leads to it,
    a path from here where it lies below, else the whole path.
    """
    return shlex.join([_shortest(Path(start.command)), *start.args])


def _shortest(command: Path) -> str:
    found = shutil.which(command.name)
    if found is not None and _is_same(command, Path(found)):
        return command.name
    here = Path.cwd()
    if not command.is_relative_to(here):
        return str(command)
    below = command.relative_to(here)
    # A shell looks for a name without a slash on the PATH only.
    return str(below) if len(below.parts) > 1 else os.path.join(os.curdir, below)


def _is_same(command: Path, found: Path) -> bool:
    # The Python of an environment is often a link to one that knows nothing of the environment.
    if command == Path(sys.executable) or not command.exists():
        return command == found
    return command.samefile(found)


def _from_source() -> Start:
    """How uvx starts what is installed: from the same address, or from the registry."""
    try:
        text = distribution(PROGRAM).read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    if text is None:
        return PUBLISHED
    told: Mapping[str, Any] = json.loads(text)
    parts = urlsplit(str(told["url"]))
    # An address may hold a password.
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if "vcs_info" in told:
        address = f"{told['vcs_info']['vcs']}+{address}"
    return from_address(address)
