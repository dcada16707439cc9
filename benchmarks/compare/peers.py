"""The servers that are compared: their versions, where they come from, how they are started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.buyers import ApiBuyer, Buyer, KorusBuyer
from benchmarks.compare.contract import operations, write_contract
from benchmarks.compare.wire import Wire
from benchmarks.compare.world import World
from tests.fixtures.hosts import PROJECT

Json = dict[str, Any]
SERVERS: Final = Path(__file__).parent / "servers"
INSTALL_SECONDS: Final = 900
Command = Callable[["Peer", Path, Path, World], Sequence[str]]


class NotInstalled(Exception):
    """A server is not here; the text says why."""


@dataclass(frozen=True)
class Peer:
    """A server: what it is called in tables, and the package it is from, if it is not ours."""

    id: str
    name: str
    command: Command
    package: str = ""
    is_ours: bool = False

    @property
    def is_npm(self) -> bool:
        """Whether its package is one of npm."""
        return "@" in self.package

    def install(self, cache: Path) -> Path:
        """The folder of its own environment, made the first time.

        Raises:
            NotInstalled: it cannot be made.
        """
        folder = cache / self.id
        mark = folder / "installed"
        if not self.package or (mark.exists() and mark.read_text("utf-8") == self.package):
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        for command in self._installing(folder):
            _run(command)
        mark.write_text(self.package, "utf-8")
        return folder

    def _installing(self, folder: Path) -> Iterator[Sequence[str]]:
        if self.is_npm:
            npm = shutil.which("npm")
            if npm is None:
                raise NotInstalled("npm is not installed")
            quiet = ("--no-audit", "--no-fund", "--silent")
            yield (npm, "install", "--prefix", str(folder), *quiet, self.package)
            return
        uv = str(Path(sys.executable).with_name("uv"))
        yield (uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder / "venv"))
        python = str(folder / "venv" / "bin" / "python")
        yield (uv, "pip", "install", "--quiet", "--python", python, self.package)


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS, text=True)
    except subprocess.CalledProcessError as failed:
        said = (failed.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotInstalled(f"{Path(command[0]).name}: {said}") from failed
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise NotInstalled(f"{Path(command[0]).name}: {failed}") from failed


def _korus(peer: Peer, folder: Path, contract: Path, world: World) -> Sequence[str]:
    del peer, folder, contract, world
    return (sys.executable, "-m", "korus_mcp")


def _bare(peer: Peer, folder: Path, contract: Path, world: World) -> Sequence[str]:
    del peer, folder, contract
    return (sys.executable, str(SERVERS / "bare_sdk.py"), world.served.api_url, world.token)


def _fastmcp(peer: Peer, folder: Path, contract: Path, world: World) -> Sequence[str]:
    del peer
    python = str(folder / "venv" / "bin" / "python")
    program = str(SERVERS / "fastmcp_openapi.py")
    return (python, program, str(contract), world.served.api_url, world.token)


def _awslabs(peer: Peer, folder: Path, contract: Path, world: World) -> Sequence[str]:
    del peer
    program = str(folder / "venv" / "bin" / "awslabs.openapi-mcp-server")
    api = ("--api-name", "korus", "--api-url", world.served.api_url, "--spec-path", str(contract))
    sign_in = ("--auth-type", "bearer", "--auth-token", world.token)
    # An API on loopback, which it refuses otherwise.
    return (program, *api, *sign_in, "--allow-insecure-http", "--allow-private-networks")


def _ivotoby(peer: Peer, folder: Path, contract: Path, world: World) -> Sequence[str]:
    del peer
    package = folder / "node_modules" / "@ivotoby" / "openapi-mcp-server"
    api = ("--api-base-url", world.served.api_url, "--openapi-spec", str(contract))
    sign_in = ("--headers", f"Authorization:Bearer {world.token}")
    return ("node", str(package / "bin" / "mcp-server.js"), *api, *sign_in)


KORUS: Final = Peer("korus-mcp", "korus-mcp", _korus, is_ours=True)
BARE: Final = Peer("bare-sdk", "bare SDK, by hand", _bare)
PEERS: Final = (
    KORUS,
    BARE,
    Peer("fastmcp", "FastMCP.from_openapi", _fastmcp, "fastmcp==4.2.3"),
    Peer(
        "awslabs",
        "awslabs.openapi-mcp-server",
        _awslabs,
        "awslabs.openapi-mcp-server==1.1.6",
    ),
    Peer(
        "ivotoby",
        "@ivotoby/openapi-mcp-server",
        _ivotoby,
        "@ivotoby/openapi-mcp-server@1.16.1",
    ),
)


@contextmanager
def conversation(peer: Peer, cache: Path, home: Path, world: World) -> Iterator[Buyer]:
    """An assistant on a server that begins with nothing: no cache, no journal, no home."""
    with started(peer, cache, home, world) as wire:
        wire.begin()
        yield buyer_of(peer, wire, world, wire.tools())


def started(peer: Peer, cache: Path, home: Path, world: World) -> Wire:
    """A server, to be started."""
    home.mkdir(parents=True, exist_ok=True)
    contract = home / "contract.json"
    write_contract(contract)
    command = peer.command(peer, peer.install(cache), contract, world)
    return Wire(command, _environment(peer, home, world), home / "stderr.log")


def buyer_of(peer: Peer, wire: Wire, world: World, tools: Sequence[Json]) -> Buyer:
    """Who books through this server, with the tools that it listed."""
    if peer.is_ours:
        return KorusBuyer(wire, world)
    return ApiBuyer(wire, world, tools_by_operation(tools))


def tools_by_operation(tools: Sequence[Json]) -> Mapping[str, str]:
    """Tools by the operation each is for: by its address if it tells it, else by its name."""
    known = operations()
    found = {}
    for tool in tools:
        address = (str(tool.get("httpMethod", "")).upper(), str(tool.get("originalPath", "")))
        found[known.get(address, tool["name"])] = tool["name"]
    return found


_PASSED_ON: Final = ("PATH", "LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def _environment(peer: Peer, home: Path, world: World) -> Mapping[str, str]:
    given = os.environ  # noqa: TID251 - a child's start
    plain = {name: given[name] for name in _PASSED_ON if name in given}
    # FastMCP would ask a registry for a newer version of itself at each start.
    plain |= {"HOME": str(home), "PYTHONPATH": str(PROJECT), "FASTMCP_CHECK_FOR_UPDATES": "off"}
    if not peer.is_ours:
        return plain
    # All ten tools, and no pace: the others have neither profiles nor bounds.
    bounds = {"KORUS_CALLS_PER_MINUTE": "0", "KORUS_WRITES_PER_MINUTE": "0"}
    return {**plain, **world.served.environment, "KORUS_PROFILE": "service-desk", **bounds}
