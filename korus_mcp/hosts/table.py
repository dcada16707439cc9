"""The table of hosts: what a person writes to connect one, and which setting matters there.

hosts.toml holds the rows. docs/hosts.md is made of it, and `make hosts` runs each row's script.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).with_name("hosts.toml")


class Kind(StrEnum):
    """What a host is; ELSEWHERE: it has a recipe, and runs where no script can start it."""

    PYTHON = "python"
    NODE = "node"
    TERMINAL = "terminal"
    BRIDGE = "bridge"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Host:
    """A host or framework with its recipe.

    `packages` are pinned as users of pip or npm write them, and `runtime` says which Python or Node
    they need. `file` is where `block`, written in `language`, belongs. `setting` is the one that
    matters, and `reason` is why. `script` is the file in tests/hosts/rows that books through it.
    `http`: the recipe connects to a served korus-mcp. `process_per_call`: the host starts a server
    for each call, so a world or a hold in memory ends with it. `environment` is the key of the
    variables beside the command.
    """

    id: str
    name: str
    kind: Kind
    file: str
    language: str
    block: str
    packages: tuple[str, ...] = ()
    runtime: str = ""
    setting: str = ""
    reason: str = ""
    script: str = ""
    http: bool = False
    process_per_call: bool = False
    note: str = ""
    environment: str = "env"


@cache
def hosts() -> tuple[Host, ...]:
    """All rows, in the order of the file."""
    return tuple(_read(row) for row in tomllib.loads(TABLE.read_text("utf-8"))["host"])


def _read(row: dict[str, Any]) -> Host:
    kind = Kind(row.pop("kind"))
    packages = tuple(row.pop("packages", ()))
    return Host(**row, kind=kind, packages=packages)
