"""korus-mcp config PROGRAM: prints what a program needs to start this server, with full paths.

The block goes to stdout and where it belongs to stderr, so that the block alone can be sent to a
file. Programs that are started from a desktop find no command that a shell finds: hence the paths.
"""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from korus_mcp.commands.console import say, write
from korus_mcp.commands.launch import this_start
from korus_mcp.commands.screen import Column, Screen
from korus_mcp.hosts.blocks import block_of, key_of
from korus_mcp.hosts.table import Host, Kind, hosts
from korus_mcp.settings import SETTINGS, Misconfigured

ACCOUNT: Final = ("KORUS_ENVIRONMENT", "KORUS_CLIENT_ID", "KORUS_CLIENT_SECRET")
"""What an account needs: written as places to fill in, where nothing is set."""
AT_A_TERMINAL: Final = "-terminal"
"""Behind the id of a program as a person uses it, where another row is of its unattended use."""


def run_config(environ: Mapping[str, str], program: str | None, *, account: bool = False) -> int:
    """Print the block of a program, or which programs there are.

    Raises:
        Misconfigured: no program has this name.
    """
    if program is None:
        rows = [(name, host.name, _plain(host.file)) for name, host in programs().items()]
        Screen().table([Column("program"), Column("name"), Column("where it goes")], rows)
        return 0
    host = _found(program)
    say(f"{host.name}: in {_plain(host.file)}")
    if key := key_of(host):
        say(f"Beside what is under `{key}` there already:")
    found = variables(environ, account=account)
    write(block_of(host, replace(this_start(), env=found)))
    if account and "KORUS_TOKEN_URL" not in found:
        say("For KORUS_ENVIRONMENT=demo also KORUS_TOKEN_URL, which KorusTicket tells you.")
    if host.note:
        say(_plain(host.note))
    return 0


def programs() -> dict[str, Host]:
    """The programs for which there is a block, by the names that are typed."""
    kinds = (Kind.TERMINAL, Kind.ELSEWHERE)
    rows = {host.id: host for host in hosts() if host.kind in kinds and not host.http}
    attended = {name.removesuffix(AT_A_TERMINAL) for name in rows if name.endswith(AT_A_TERMINAL)}
    return {
        name.removesuffix(AT_A_TERMINAL): host
        for name, host in rows.items()
        if name not in attended
    }


def variables(environ: Mapping[str, str], *, account: bool) -> dict[str, str]:
    """The settings of this shell as a block has them: of a secret only a place to fill it in."""
    found = {}
    for setting in SETTINGS:
        for name in (setting.name, f"{setting.name}_FILE"):
            if not environ.get(name):
                continue
            is_secret = setting.secret and name == setting.name
            found[name] = _place(name) if is_secret else environ[name]
    if account:
        for name in ACCOUNT:
            if not {name, f"{name}_FILE"} & found.keys():
                found[name] = _place(name)
    return found


def _place(name: str) -> str:
    return f"PUT {name} HERE"


def _found(program: str) -> Host:
    known = programs()
    wanted = program.strip().lower()
    by_name = {host.name.lower(): host for host in known.values()}
    host = known.get(wanted) or by_name.get(wanted)
    if host is None:
        near = difflib.get_close_matches(wanted, [*known, *by_name], n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}."
        raise Misconfigured(f"config knows no program of this name; {hint}")
    return host


def _plain(text: str) -> str:
    """A text of the table without its marks of Markdown."""
    return text.replace("`", "")
