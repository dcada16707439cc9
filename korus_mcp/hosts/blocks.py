"""Fills the recipe of a program with a command and variables: the block that a person copies.

What a recipe looks like stands in hosts.toml alone; here is known how a language writes an entry.
"""

import json
import re
import shlex
from typing import Any, Final

from korus_mcp.hosts.links import PROGRAM, Start
from korus_mcp.hosts.table import Host

_OURS: Final = re.compile(rf"(?<![\w./-]){PROGRAM}(?![\w./-])")


def block_of(host: Host, start: Start) -> str:
    """The recipe of a program with this start."""
    match host.language:
        case "json":
            filled = _filled(json.loads(host.block), host, start)
            return json.dumps(filled, indent=2, ensure_ascii=False)
        case "yaml":
            # What JSON writes is YAML, too.
            return _in_lines(host, start, ": ")
        case "toml":
            return _in_lines(host, start, " = ")
        case _:
            given = "".join(f"{name}={shlex.quote(said)} " for name, said in start.env.items())
            command = f"{given}{shlex.join(start.parts)}"
            return _OURS.sub(lambda _: command, host.block, count=1).strip()


def key_of(host: Host) -> str | None:
    """Under which key of its file the entry stands; None where there is no such file."""
    if host.language == "json":
        return str(next(iter(json.loads(host.block))))
    if host.language == "toml":
        return host.block.strip().partition("]")[0].strip("[").partition(".")[0]
    return host.block.strip().partition(":")[0] if host.language == "yaml" else None


def _filled(entry: Any, host: Host, start: Start) -> Any:
    """A JSON recipe in which each entry with our command has the full one."""
    if not isinstance(entry, dict):
        return entry
    filled = {key: _filled(value, host, start) for key, value in entry.items()}
    if entry.get("command") == PROGRAM:
        return filled | start.entry(host.environment)
    if entry.get("command") == [PROGRAM]:
        return filled | start.entry_of_words(host.environment)
    return filled


def _in_lines(host: Host, start: Start, between: str) -> str:
    """A recipe in YAML or TOML: behind the line of the command come arguments and variables."""
    lines: list[str] = []
    for line in host.block.strip("\n").splitlines():
        key, separator, value = line.partition(between)
        if separator and key.strip() == "args":
            continue
        if not separator or value.strip('"') != PROGRAM or key.strip() == "name":
            lines.append(line)
            continue
        indent = " " * (len(key) - len(key.lstrip()))
        lines.append(f"{key}{between}{json.dumps(start.command)}")
        lines.append(f"{indent}args{between}{json.dumps(list(start.args))}")
        if start.env:
            pairs = (f"{json.dumps(k)}{between}{json.dumps(v)}" for k, v in start.env.items())
            lines.append(f"{indent}{host.environment}{between}{{ {', '.join(pairs)} }}")
    return "\n".join(lines)
