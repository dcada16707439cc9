"""How soon a server answers its host, beside the bare SDK's, and on a busy machine; its memory.

`python -m benchmarks.starting --beside COMMIT` measures an earlier commit in the same turns.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import psutil

from benchmarks.booking import checked_out, has_commit

HERE: Final = Path(__file__).parents[1]
STARTS, BUSY_STARTS = 11, 20
BUSY: Final = 4
"""Processes that compute without end, while the second row is measured."""
OURS, FLOOR = "korus_mcp", "benchmarks.floor"
SERVER_ALONE: Final = "x/unknown"
"""A method that nothing but the server itself answers, once it is there."""
Asked = tuple[str, Mapping[str, Any] | None]
CLIENT: Final = {"name": "bench", "version": "1"}
INITIALIZE: Final[Asked] = (
    "initialize",
    {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
)


@dataclass
class Measured:
    """What was seen of one server: milliseconds from its start, and megabytes once it is there."""

    first: list[float] = field(default_factory=list)
    tools: list[float] = field(default_factory=list)
    there: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def main(commit: str | None = None) -> None:
    """Print one line a figure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places = {"korus-mcp": (HERE, OURS), "the bare SDK": (HERE, FLOOR)}
        if commit is not None and not has_commit(HERE, commit):
            print(f"start beside {commit}: that commit is not in this repository")
        elif commit is not None:
            there = folder / "it"
            stack.enter_context(checked_out(commit, HERE, there))
            places[commit] = (there, OURS)
        _tell("start", _in_turns(places, STARTS, folder), _median)
        with _busy(BUSY):
            busy = _in_turns(places, BUSY_STARTS, folder)
        _tell(f"start beside {BUSY} busy processes, p95 of {BUSY_STARTS}", busy, _p95)


def _in_turns(
    places: Mapping[str, tuple[Path, str]], starts: int, folder: Path
) -> dict[str, Measured]:
    found = {name: Measured() for name in places}
    for _ in range(starts):
        for name, (place, module) in places.items():
            _start(place, module, folder, found[name])
    return found


def _start(place: Path, module: str, folder: Path, found: Measured) -> None:
    """Start a server once, as a host does that asks for its tools at once, and end it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KORUS_")}  # noqa: TID251 - a child's start
    env = {**kept, "KORUS_CACHE_DIR": str(folder), "PYTHONPATH": str(place)}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=place,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        stdin, stdout = _pipes(child)
        for number, (asked, times) in enumerate(
            (
                (INITIALIZE, found.first),
                (("tools/list", None), found.tools),
                ((SERVER_ALONE, None), found.there),
            )
        ):
            _ask(stdin, stdout, number, asked)
            times.append((time.perf_counter() - began) * 1000)
        found.memory.append(psutil.Process(child.pid).memory_info().rss / 1e6)
        stdin.close()


def _pipes(child: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child was started without pipes")
    return child.stdin, child.stdout


def _ask(stdin: IO[bytes], stdout: IO[bytes], number: int, asked: Asked) -> None:
    method, params = asked
    said: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": method}
    if params is not None:
        said["params"] = params
    lines = [said]
    if method != "initialize":
        lines.insert(0, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    stdin.write(b"".join(f"{json.dumps(line)}\n".encode() for line in lines))
    stdin.flush()
    while json.loads(stdout.readline()).get("id") != number:
        continue


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    """The machine with so many processes that compute."""
    command = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def _tell(what: str, found: Mapping[str, Measured], of: Any) -> None:
    bare = found["the bare SDK"]
    for name, measured in found.items():
        if measured is bare:
            continue
        for event in ("first answer", "tools/list", "the server itself"):
            part = {"first answer": "first", "tools/list": "tools"}.get(event, "there")
            ours, floor = of(getattr(measured, part)), of(getattr(bare, part))
            print(
                f"{what}, {name}: {event} after {ours:.0f} ms, bare SDK {floor:.0f} ms, "
                f"ratio {ours / floor:.2f}"
            )
        ours, floor = of(measured.memory), of(bare.memory)
        print(f"{what}, {name}: {ours:.1f} MB resident, bare SDK {floor:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--beside") + 1] if "--beside" in sys.argv else None)
