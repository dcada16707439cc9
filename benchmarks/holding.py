"""How long a megabyte holds the event loop, beside the bare SDK's with bodies of the same size.

The server runs on an event loop in a thread of its own, over lines as on stdio. Every step of that
loop (each `asyncio.Handle`) is measured by the CPU time of its thread, `time.thread_time`: what
other threads and the other side do does not count. What a server does once, such as its imports,
is done before.
"""

import gc
import logging
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.floor import floor_server
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings, read_settings
from tests.fixtures.assistant import Json
from tests.fixtures.held_loop import HeldLoop, held_loop
from tests.fixtures.hosts import child_environment
from tests.fixtures.megabytes import FILLERS, MIB, Swollen, requests
from tests.fixtures.swollen_world import conversation, swollen_world
from tests.tools.samples import ARGUMENTS

MOST_SECONDS = 0.050
MOST_TIMES = 3.0
Held = tuple[float, str]
"""Seconds of CPU time, and by what."""


def main() -> None:
    """Two lines: requests of a host and answers of the API, each with its longest hold."""
    logging.disable(logging.CRITICAL)  # what cannot be read is logged
    floor = max(_floor())
    with tempfile.TemporaryDirectory(prefix="korus-held-") as folder:
        _tell("requests with a megabyte", list(_by_requests(Path(folder))), floor)
        _tell("answers of the API with a megabyte", list(_by_answers(Path(folder))), floor)
    logging.disable(logging.NOTSET)


def _floor() -> Iterator[Held]:
    """The bare SDK, which answers the same bodies with themselves."""
    with held_loop(floor_server) as loop:
        loop.ask("tools/call", {"name": "echo", "arguments": {"text": "warm"}})
        for filler in FILLERS:
            text = (filler * (MIB // len(filler) + 1))[:MIB]
            for _ in range(3):
                params = {"name": "echo", "arguments": {"text": text}}
                yield loop.held("tools/call", params), f"echo of {filler!r}"


def _by_requests(folder: Path) -> Iterator[Held]:
    with held_loop(partial(build_server, _settings(folder / "requests"))) as loop:
        _warm(loop)
        for filler in FILLERS:
            for each in requests(filler):
                yield loop.held(each.method, each.params), f"{each.place} of {filler!r}"


def _warm(loop: HeldLoop) -> None:
    for name, arguments in ARGUMENTS.items():
        loop.ask("tools/call", {"name": name, "arguments": arguments})
    _forget()


def _by_answers(folder: Path) -> Iterator[Held]:
    """A whole conversation a round; in each round another text of each answer is swollen."""
    swollen = Swollen()
    with swollen_world(swollen) as served:
        while swollen.round < swollen.rounds:
            own = _settings(folder / str(swollen.round), **served.environment)
            with held_loop(partial(build_server, own)) as loop:
                loop.ask("tools/list", {})
                _forget()
                held = list[Held]()

                def ask(method: str, params: Json, loop: HeldLoop = loop) -> object:
                    loop.longest_seconds = 0.0
                    answer = loop.ask(method, params)
                    held.append((loop.longest_seconds, f"{method} {params.get('name', '')}"))  # noqa: B023 - called within the round
                    return answer

                conversation(served.sandbox, ask)
            if swollen.round >= 0:  # the first round imports
                yield from held
            swollen.round += 1
            swollen.filler = FILLERS[swollen.round % len(FILLERS)]


def _forget() -> None:
    """What earlier rounds left behind must not be looked through while this one is measured."""
    gc.collect()
    gc.freeze()


def _settings(folder: Path, **given: str) -> Settings:
    wished = {"PROFILE": "service-desk", "APPROVAL": "two_step"}
    own = {**child_environment(folder, **wished), **given}
    return read_settings({name: value for name, value in own.items() if name.startswith("KORUS_")})


def _tell(what: str, held: list[Held], floor: Held) -> None:
    seconds, by = max(held)
    times = seconds / floor[0]
    print(
        f"longest hold of the event loop by {what}: {seconds * 1000:.1f} ms of CPU ({by}), "
        f"floor {floor[0] * 1000:.1f} ms ({floor[1]}), ratio {times:.2f} ({len(held)} inputs); "
        f"{'within' if seconds < MOST_SECONDS and times <= MOST_TIMES else 'ABOVE'} "
        f"{MOST_SECONDS * 1000:.0f} ms and {MOST_TIMES:.0f} x"
    )


if __name__ == "__main__":
    main()
