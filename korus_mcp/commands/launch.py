"""How this installation is started: by programs, with full paths, and by a person who types."""

import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from korus_mcp.settings import NAME

_IN_A_CACHE: Final = re.compile(r"(archive|builds|environments)-v\d+")
"""A folder within uv's cache: an environment in it is gone some day."""


@dataclass(frozen=True)
class Launch:
    """The command that starts the server of this installation."""

    command: str
    arguments: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """Command and arguments."""
        return [self.command, *self.arguments]


def this_launch() -> Launch:
    """How this installation is started, whatever the folder and the path of the starter."""
    if _IN_A_CACHE.search(sys.prefix):
        return Launch(shutil.which("uvx") or "uvx", _from_source())
    name = f"{NAME}.exe" if sys.platform == "win32" else NAME
    script = Path(sysconfig.get_path("scripts")) / name
    if script.exists():
        return Launch(str(script))
    return Launch(sys.executable, ("-m", "korus_mcp"))


def as_typed(launch: Launch) -> str:
    """What a person types in this folder to start it: the bare name where their PATH leads to it,
    a path from here where it lies below, else the whole path.
    """
    return shlex.join([_shortest(Path(launch.command)), *launch.arguments])


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


def _from_source() -> tuple[str, ...]:
    """The arguments of uvx for what is installed: from the same address, or from the registry."""
    try:
        text = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    if text is None:
        return (NAME,)
    told: Mapping[str, Any] = json.loads(text)
    parts = urlsplit(str(told["url"]))
    # An address may hold a password.
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if "vcs_info" in told:
        address = f"{told['vcs_info']['vcs']}+{address}"
    return ("--from", address, NAME)
