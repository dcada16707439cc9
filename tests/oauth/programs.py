"""The programs that sign in, each with an environment of its own, and one of them as it runs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import anyio
from anyio import to_thread
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.fixtures.assistant import Json
from tests.fixtures.hosts import LINE_LIMIT, free_port

HERE: Final = Path(__file__).parent
DRIVERS: Final = HERE / "drivers"
BROWSER: Final = HERE / "browser.py"
PATIENCE_SECONDS: Final = 120
"""A program that says nothing for so long hangs."""
NEW: Final = "2026-07-28"
OLD: Final = "2025-11-25"


class NotInstalled(Exception):
    """A package cannot be had; the text says why."""


class Failed(Exception):
    """A program ended, or did not carry out a call; the text says why."""


@dataclass(frozen=True)
class Program:
    """A client that people use, as it is published."""

    name: str
    version: str
    registry: Literal["pip", "npm", "here"]
    """Where it comes from; `here`: it is in the environment of these tests."""
    driver: str
    modes: Mapping[str, str]
    """The revisions it is run with, and how its driver is told which."""
    by_itself: str = "yes"
    """Whether it signs its person in by itself."""

    @property
    def slug(self) -> str:
        """Its name where it has to be short: its driver's."""
        return Path(self.driver).stem

    def installed(self, folder: Path) -> "Installed":
        """It in an environment of its own.

        Raises:
            NotInstalled: its package cannot be had.
        """
        folder.mkdir()
        # Beside its packages, where Node looks for them.
        shutil.copytree(DRIVERS, folder, dirs_exist_ok=True)
        match self.registry:
            case "npm":
                npm_installed(folder, f"{self.name}@{self.version}")
            case "pip":
                _pip_installed(folder, f"{self.name}=={self.version}")
        return Installed(self, folder)


APP: Final = "its app opens the browser and finishes"
PROGRAMS: Final = (
    Program("mcp", version("mcp"), "here", "mcp_2.py", {NEW: "auto", OLD: "legacy"}),
    Program("mcp", "1.30.0", "pip", "mcp_1.py", {OLD: ""}),
    Program(
        "@modelcontextprotocol/client",
        "2.4.0",
        "npm",
        "ts_2.mjs",
        {NEW: "auto", OLD: "legacy"},
        by_itself=APP,
    ),
    Program("@modelcontextprotocol/sdk", "1.32.2", "npm", "ts_1.mjs", {OLD: ""}, by_itself=APP),
    Program("mcp-remote", "0.15.1", "npm", "mcp_remote.py", {OLD: ""}),
    Program("fastmcp", "4.2.3", "pip", "fastmcp_4.py", {NEW: "auto", OLD: "legacy"}),
)


def npm_installed(folder: Path, *packages: str) -> None:
    """Install packages of npm into a folder.

    Raises:
        NotInstalled: one cannot be had.
    """
    npm = ("npm", "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund")
    _ran(*npm, *packages)


def _pip_installed(folder: Path, *packages: str) -> None:
    uv, python = str(Path(sys.executable).parent / "uv"), str(folder / "venv" / "bin" / "python")
    _ran(uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    _ran(uv, "pip", "install", "--quiet", "--python", python, *packages)


def _ran(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise NotInstalled(f"{command[-1]}: {said[-300:]}")


@dataclass
class Running:
    """A program that has signed its person in, and calls tools for them."""

    process: Process
    home: Path
    _last: int = 0
    _waiting: dict[int, anyio.Event] = field(default_factory=dict)
    _told: dict[int, Json] = field(default_factory=dict)

    @property
    def sign_ins(self) -> int:
        """How often its person was sent to the provider."""
        visits = self.home / "visits"
        return len(visits.read_text().splitlines()) if visits.exists() else 0

    async def ask(self, tool: str, /, **arguments: Any) -> Json:
        """The structure of a tool's answer; `error` is in it where the tool refused.

        Raises:
            Failed: the program threw instead of answering.
        """
        assert self.process.stdin is not None
        self._last += 1
        number, came = self._last, anyio.Event()
        self._waiting[number] = came
        asked = {"id": number, "tool": tool, "arguments": arguments}
        await self.process.stdin.send(json.dumps(asked).encode() + b"\n")
        with anyio.fail_after(PATIENCE_SECONDS):
            await came.wait()
        told = self._told.pop(number)
        if "failed" in told:
            raise Failed(str(told["failed"]))
        structure: Json = told["structure"] or {}
        assert told["is_error"] == ("error" in structure), told
        return structure

    async def call(self, tool: str, /, **arguments: Any) -> Json:
        """The structure of an answer that has to be a success.

        Raises:
            Failed: it is none.
        """
        told = await self.ask(tool, **arguments)
        if "error" in told:
            raise Failed(f"{tool}: {told['error']}")
        return told

    async def listen(self, lines: BufferedByteReceiveStream) -> None:
        """Take its answers, until it ends."""
        try:
            while True:
                told = json.loads(await lines.receive_until(b"\n", LINE_LIMIT))
                self._take(told)
        except (anyio.EndOfStream, anyio.IncompleteRead):
            for number in list(self._waiting):
                self._take({"id": number, "failed": f"it ended: {self.said()}"})

    def said(self) -> str:
        """The end of what it wrote to stderr."""
        text = (self.home / "log").read_text("utf-8", errors="replace")
        return " ".join(text.split())[-300:]

    def _take(self, told: Json) -> None:
        came = self._waiting.pop(told["id"], None)
        if came is not None:
            self._told[told["id"]] = told
            came.set()


@dataclass(frozen=True)
class Installed:
    """A program in its environment."""

    program: Program
    folder: Path

    @asynccontextmanager
    async def running(
        self,
        tasks: TaskGroup,
        url: str,
        revision: str,
        person: str,
        *,
        fixed: str | None = None,
        document: str | None = None,
    ) -> AsyncIterator[Running]:
        """It, with nothing kept from earlier, signed in; `tasks` hears what it says.

        `fixed`, `document`: what it is to a provider where nobody registers.

        Raises:
            Failed: it could not sign in.
        """
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))
        port = free_port()
        asked = {
            "url": url,
            "mode": self.program.modes[revision],
            "callback": f"http://127.0.0.1:{port}/callback",
            "port": port,
            "fixed": fixed,
            "document": document,
            "browser": [sys.executable, str(BROWSER)],
        }
        with (home / "log").open("wb") as log:
            process = await anyio.open_process(
                [self._interpreter, self.program.driver, json.dumps(asked)],
                cwd=self.folder,
                env=self._environment(home, person),
                stderr=log,
                start_new_session=True,
            )
        assert process.stdout is not None
        lines = BufferedByteReceiveStream(process.stdout)
        running = Running(process, home)
        try:
            await _signed_in(running, lines, revision)
            tasks.start_soon(running.listen, lines)
            yield running
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(process)

    @property
    def _interpreter(self) -> str:
        """What runs its driver."""
        if self.program.driver.endswith(".mjs"):
            return "node"
        own = self.folder / "venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable

    def _environment(self, home: Path, person: str) -> Mapping[str, str]:
        """A home of its own, and a browser as programs start one: nobody waits for it."""
        browser = home / "browser"
        browser.write_text(f'#!/bin/sh\n"{sys.executable}" "{BROWSER}" --go "$@" >&2 &\n')
        browser.chmod(0o755)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "BROWSER": str(browser),
            "KORUS_PERSON": person,
            "KORUS_VISITS": str(home / "visits"),
        }


async def _signed_in(running: Running, lines: BufferedByteReceiveStream, revision: str) -> None:
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            told = json.loads(await lines.receive_until(b"\n", LINE_LIMIT))
    except (anyio.EndOfStream, anyio.IncompleteRead, TimeoutError):
        raise Failed(running.said()) from None
    if told["revision"] != revision:
        raise Failed(f"it speaks {told['revision']} and not {revision}")


async def _ended(process: Process) -> None:
    """End it as its user would, then with all that it started."""
    if process.stdin is not None:
        await process.stdin.aclose()
    with anyio.move_on_after(10):
        await process.wait()
    await to_thread.run_sync(_killed, process.pid)
    await process.wait()
    await process.aclose()


def _killed(group: int) -> None:
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return
