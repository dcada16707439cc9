"""Servers without their start: each is forked from a process that has imported all of it.

To kill a server a hundred times it has to start a hundred times, and a start is mostly imports: a
second of computing each. What is forked is a process of its own, with its own pipes, environment
and id, and dies like any other; only the imports were done before.

`python -m tests.crash.forking SOCKET` is that process. A host starts `LAUNCH`, a few lines that
hand over their pipes and go away when the server has gone.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import korus_mcp
from tests.fixtures.hosts import PROJECT

MODULE: Final = "tests.crash.child"
DRIVERS: Final = ("sqlite.aiosqlite", "postgresql.asyncpg")
"""SQLAlchemy imports them when a journal is opened."""
LAUNCH: Final = """
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
socket.send_fds(line, [json.dumps(dict(os.environ)).encode()], [0, 1, 2])
line.shutdown(socket.SHUT_WR)
for each in (0, 1, 2):
    os.close(each)
line.recv(1)
"""
"""What a host starts. Nobody answers: the line breaks when the server is dead, however it died."""


@contextmanager
def forked_servers() -> Iterator[Sequence[str]]:
    """The command that starts a server; its environment is that of the command."""
    with tempfile.TemporaryDirectory(prefix="korus-fork-", ignore_cleanup_errors=True) as folder:
        place = str(Path(folder) / "line")
        command = [sys.executable, "-m", "tests.crash.forking", place]
        with subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == b"ready\n"
            # -I and -S: nothing of Python's own start is needed, either
            yield [sys.executable, "-I", "-S", "-c", LAUNCH, place]


def _serve(place: str) -> None:
    """Fork a server for each call, until ended. Returns in the servers."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:  # closed: whoever wanted servers has gone
                sys.exit()
            line, _ = listener.accept()
            said, pipes, _, _ = socket.recv_fds(line, 1 << 20, 3)
            while more := line.recv(1 << 20):
                said += more
            if os.fork() == 0:
                break
            line.close()
            for each in pipes:
                os.close(each)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, each in enumerate(pipes):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()  # noqa: TID251 - a program
    os.environ.update(json.loads(said))  # noqa: TID251
    line.detach()  # stays open for as long as this process lives


if __name__ == "__main__":
    for each in pkgutil.walk_packages(korus_mcp.__path__, "korus_mcp."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    for name in DRIVERS:
        importlib.import_module(f"sqlalchemy.dialects.{name}")
    gc.freeze()  # what is shared with all servers is not to be walked in each
    _serve(sys.argv[1])
    sys.argv = [MODULE]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
