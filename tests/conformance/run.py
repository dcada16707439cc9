"""make conformance: the official suite of the protocol against this server, in both eras.

The suite and the Node it needs come from npm, into a folder that is thrown away.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import yaml
from mcp import Client

from tests.fixtures.hosts import START_SECONDS, child_environment, free_port, listening, started
from tests.fixtures.npm import installed

SUITE: Final = "@modelcontextprotocol/conformance"
VERSION: Final = "0.2.0-alpha.12"
REQUIRED: Final = {"2026-07-28": 37, "2025-11-25": 30}
"""How many scenarios of a server each revision requires: one that asks for fewer proves less."""
PASSED: Final = frozenset({"SUCCESS", "INFO", "WARNING", "SKIPPED"})


@dataclass(frozen=True)
class Result:
    """What became of the scenarios that a revision requires of a server."""

    revision: str
    scenarios: Mapping[str, tuple[str, ...]]
    """Each required scenario, and what failed in it."""

    @property
    def passed(self) -> int:
        """How many scenarios passed."""
        return sum(not failures for failures in self.scenarios.values())

    @property
    def is_whole(self) -> bool:
        """Whether all passed that the revision is known to require."""
        return self.passed == len(self.scenarios) == REQUIRED[self.revision]

    def __str__(self) -> str:
        failed = [f"  {name}: {each}" for name, all_ in self.scenarios.items() for each in all_]
        told = f"conformance {self.revision}: {self.passed}/{len(self.scenarios)} scenarios"
        return "\n".join([told, *failed])


def judged(revision: str, scenarios: list[str], results: Path) -> Result:
    """The result of a run that wrote the checks of each scenario into a folder of `results`."""
    return Result(revision, {name: tuple(_failures(name, results)) for name in scenarios})


def _failures(scenario: str, results: Path) -> list[str]:
    # The name of a folder ends with the time, which begins with the year.
    files = sorted(results.glob(f"server-{scenario}-[0-9][0-9][0-9][0-9]-*/checks.json"))
    if not files:
        return ["was not run"]
    checks = json.loads(files[-1].read_text("utf-8"))
    failed = [_told(each) for each in checks if each["status"] not in PASSED]
    # Without one that succeeded all was skipped, or nothing was looked at.
    succeeded = any(each["status"] == "SUCCESS" for each in checks)
    return failed or ([] if succeeded else ["nothing succeeded"])


def _told(check: Mapping[str, Any]) -> str:
    return f"{check['id']}: {check.get('errorMessage', check['status'])}"


async def run(folder: Path) -> list[Result]:
    """Install the suite, serve, and run it for each revision."""
    tools = installed(folder, f"{SUITE}@{VERSION}")
    suite = tools.modules / SUITE
    port = free_port()
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    server = (sys.executable, "-m", "tests.conformance.server")
    with (folder / "server.log").open("wb", buffering=0) as log:
        environment = {**child_environment(folder), **home}
        async with started(str(port), environment=environment, stderr=log, command=server):
            with anyio.fail_after(START_SECONDS):
                await listening(port)
            url = f"http://127.0.0.1:{port}/mcp"
            await _ask_once(url)
            return [await _tried(tools.node, suite, url, each, folder / each) for each in REQUIRED]


async def _ask_once(url: str) -> None:
    """Have the server import and open what its first question needs: the suite allows 0.6 s."""
    async with Client(url) as client:
        await client.session.call_tool(
            "test_input_required_result_elicitation", {}, allow_input_required=True
        )


async def _tried(node: Path, suite: Path, url: str, revision: str, results: Path) -> Result:
    required = yaml.safe_load((suite / "requirements" / f"{revision}.yaml").read_text("utf-8"))
    command = [str(node), str(suite / "dist" / "index.js"), "server", "--url", url]
    # Its own result counts scenarios that no revision requires, too.
    await anyio.run_process([*command, "--requirements", revision, "-o", str(results)], check=False)
    return judged(revision, required["server"], results)


def main() -> int:
    """Run it all; 0 if every required scenario passed."""
    if shutil.which("npm") is None:
        sys.stderr.write("conformance: npm is not installed. Debian, Ubuntu: apt-get install npm\n")
        return int("KORUS_TEST_NO_SKIP" in os.environ)
    with tempfile.TemporaryDirectory(prefix="korus-conformance-") as folder:
        results = anyio.run(run, Path(folder))
        sys.stdout.write("".join(f"{result}\n" for result in results))
        is_whole = all(result.is_whole for result in results)
        if not is_whole:
            log = (Path(folder) / "server.log").read_text("utf-8", errors="replace")
            sys.stderr.write(log[-4_000:])
    return int(not is_whole)


if __name__ == "__main__":
    sys.exit(main())
