"""The door to a room: `python -m tests.assistants.play`, one command a call.

`start TASK FOLDER` opens a room in a process that stays, writes `FOLDER/door`, and tells what the
person writes. Then, of the door or of this module with the folder behind the command: `tools`,
`call TOOL JSON`, `ask QUESTION`, `finish LAST_WORDS` (`-` reads what comes last from stdin).
`report FOLDER...` tells how finished rooms ended.
"""

import argparse
import json
import shlex
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from tests.assistants.room import Room

ROOT: Final = Path(__file__).parents[2]
LONGEST_SECONDS: Final = 3 * 3600
"""A room that nobody finishes ends by itself."""
LINE_LIMIT: Final = 1_000_000
READY: Final = b"ready\n"
DOOR: Final = """#!/bin/sh
# tools | call TOOL JSON | ask QUESTION | finish LAST_WORDS; - reads what comes last from stdin
command=$1
shift
cd {root} && exec {python} -m tests.assistants.play "$command" {folder} "$@"
"""


def main(given: Sequence[str] | None = None) -> int:
    """Carry out one command; the exit code."""
    parser = argparse.ArgumentParser(prog="tests.assistants.play", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "stay"):
        start = commands.add_parser(name)
        start.add_argument("task")
        start.add_argument("folder", type=Path, help="new or empty")
        start.add_argument("--shows", choices=("text", "structure"), default="text")
        start.add_argument("--clock", type=float, default=1.0, help="how many times faster it runs")
    for name, more in (("tools", ()), ("call", ("tool", "arguments")), ("ask", ("words",))):
        acting = commands.add_parser(name)
        acting.add_argument("folder", type=Path)
        for each in more:
            acting.add_argument(each)
    finish = commands.add_parser("finish")
    finish.add_argument("folder", type=Path)
    finish.add_argument("words", nargs="?", default="")
    report = commands.add_parser("report")
    report.add_argument("folders", type=Path, nargs="+")
    asked = parser.parse_args(given)
    match asked.command:
        case "start":
            return _start(asked)
        case "stay":
            return _stay(asked)
        case "report":
            return _report(asked.folders)
        case _:
            return _act(asked)


def _start(asked: argparse.Namespace) -> int:
    from tests.assistants.task import MORNING
    from tests.assistants.tasks import TASKS

    if asked.task not in TASKS:
        return _said(f"There is no such task; there are: {', '.join(TASKS)}.", failed=True)
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return _said(f"{folder} is not empty.", failed=True)
    with (folder / "room.log").open("w") as log:
        staying = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.assistants.play", "stay", asked.task, str(folder)),
                *("--shows", asked.shows, "--clock", str(asked.clock)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # it goes on when this process and its terminal have ended
        )
    assert staying.stdout is not None
    if staying.stdout.readline() != READY:
        return _said(f"The room did not open: {folder / 'room.log'} says why.", failed=True)
    door = folder / "door"
    door.write_text(
        DOOR.format(
            root=shlex.quote(str(ROOT)),
            python=shlex.quote(sys.executable),
            folder=shlex.quote(str(folder)),
        )
    )
    door.chmod(0o700)
    return _said(f"Today is {MORNING:%A, %d %B %Y}.\n\nThe person writes: {_opening(asked.task)}")


def _opening(name: str) -> str:
    from tests.assistants.tasks import TASKS

    return TASKS[name].opening


def _act(asked: argparse.Namespace) -> int:
    wish: dict[str, Any] = {"do": asked.command}
    if asked.command == "call":
        try:
            arguments = json.loads(_written(asked.arguments))
        except ValueError as error:
            return _said(f"These arguments are no JSON: {error}", failed=True)
        if not isinstance(arguments, dict):
            return _said("The arguments must be a JSON object.", failed=True)
        wish |= {"tool": asked.tool, "arguments": arguments}
    elif asked.command in ("ask", "finish"):
        wish["words"] = _written(asked.words).strip()
    return _said(_through_the_door(asked.folder, wish))


def _written(given: str) -> str:
    """What was given, or what stands on stdin where that is `-`."""
    return sys.stdin.read() if given == "-" else given


def _through_the_door(folder: Path, wish: dict[str, Any]) -> str:
    place = json.loads((folder / "room.json").read_text("utf-8"))["socket"]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        line.sendall(json.dumps(wish).encode() + b"\n")
        with line.makefile(encoding="utf-8") as answer:
            return answer.read()


def _stay(asked: argparse.Namespace) -> int:
    import anyio

    anyio.run(partial(_open, asked.task, asked.folder, asked.shows, asked.clock))
    return 0


async def _open(name: str, folder: Path, shows: str, rate: float) -> None:
    """Keep a room open until it is finished."""
    import anyio

    from tests.assistants.room import Shows, over_stdio
    from tests.assistants.tasks import TASKS

    # Not in the folder: an address of a socket has at most about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="korus-room-") as beside:
        place = Path(beside) / "door"
        async with (
            over_stdio(TASKS[name], folder, shows=Shows(shows), rate=rate) as room,
            await anyio.create_unix_listener(place) as listener,
            anyio.create_task_group() as tasks,
        ):
            finished = anyio.Event()
            tasks.start_soon(listener.serve, partial(_answer, room, anyio.Lock(), finished))
            (folder / "room.json").write_text(json.dumps({"socket": str(place), "task": name}))
            sys.stdout.buffer.write(READY)
            sys.stdout.flush()
            with anyio.move_on_after(LONGEST_SECONDS):
                await finished.wait()
            tasks.cancel_scope.cancel()


async def _answer(room: "Room", turn: Any, finished: Any, stream: "ByteStream") -> None:
    """Carry out what one command wishes; one after the other."""
    from anyio.streams.buffered import BufferedByteReceiveStream

    async with stream:
        line = await BufferedByteReceiveStream(stream).receive_until(b"\n", LINE_LIMIT)
        wish = json.loads(line)
        async with turn:
            said = await _done(room, wish)
        await stream.send(f"{said}\n".encode())
    if wish["do"] == "finish":
        finished.set()


async def _done(room: "Room", wish: dict[str, Any]) -> str:
    match wish["do"]:
        case "tools":
            return await room.listed()
        case "call":
            return (await room.call(wish["tool"], wish["arguments"])).shown
        case "ask":
            return room.ask(wish["words"])
        case _:
            await room.finish(wish["words"])
            return "The room is closed. Thank you."


def _report(folders: Sequence[Path]) -> int:
    """A line for each room, and how many tasks were right each time they were done."""
    results = [json.loads((each / "result.json").read_text("utf-8")) for each in folders]
    by_task: dict[str, list[bool]] = defaultdict(list)
    rows = ["task                  passed calls least tokens questions refusals"]
    for each in sorted(results, key=lambda result: str(result["task"])):
        by_task[each["task"]].append(each["passed"])
        refusals = ", ".join(f"{code} {count}" for code, count in each["refusals"].items())
        why = "" if each["passed"] else f"  {'; '.join(each['why_not'])}"
        rows.append(
            f"{each['task']:22}{'yes' if each['passed'] else 'NO':6}{each['calls']:6}"
            f"{each['least_calls']:6}{each['tokens']:7,}{len(each['questions']):10}"
            f" {refusals}{why}"
        )
    every_time = sum(all(passed) for passed in by_task.values())
    rows.append(f"right each time: {every_time} of {len(by_task)} tasks, {len(results)} rooms")
    return _said("\n".join(rows))


def _said(text: str, *, failed: bool = False) -> int:
    (sys.stderr if failed else sys.stdout).write(f"{text.rstrip()}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
