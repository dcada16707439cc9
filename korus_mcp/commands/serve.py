"""How the server is run: on stdio with signals of our own, on HTTP on loopback, the sandbox alone.

The SDK's own stdio entry dies at once on SIGTERM and hangs on SIGINT, whatever is being ordered.
Here both wait for orders on their way.
"""

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import anyio

from korus_mcp import __version__
from korus_mcp.commands.console import say, write
from korus_mcp.server.composition import KorusServer
from korus_mcp.server.stdio_door import serve_lines
from korus_mcp.settings import Environment, Settings

if TYPE_CHECKING:
    from korus_mcp.sandbox import ServedSandbox

LAST_ANSWER_SECONDS = 0.5
"""Between the end of the last order and the exit: its answer is still on the way to the host."""
_log = logging.getLogger("korus_mcp")
_WORLDS = {
    Environment.SANDBOX: "sandbox: everything is invented, it imitates a reconstruction of the API",
    Environment.DEMO: "demo environment",
    Environment.PRODUCTION: "PRODUCTION environment",
}


def serve_stdio(server: KorusServer, settings: Settings) -> int:
    """Serve one host on stdin and stdout until it leaves or a signal comes."""
    _log.warning("korus-mcp %s on stdio, %s", __version__, _WORLDS[settings.environment])
    anyio.run(_stdio, server, settings.shutdown_seconds)
    return 0


def serve_http(server: KorusServer, settings: Settings, host: str, port: int) -> int:
    """Serve streamable HTTP at /mcp on a loopback address until a signal comes.

    There is no sign-in: who wants to reach a real account has to bring the token made here.

    Raises:
        Misconfigured: the token cannot be kept.
    """
    import uvicorn

    from korus_mcp.server import http_door

    # The sandbox needs none: everything in it is invented.
    token = file = None
    if settings.environment is not Environment.SANDBOX:
        token, file = http_door.write_token(port)
        say(f"bearer token: {token} (in {file})")
    config = uvicorn.Config(
        http_door.loopback_door(server, host, token=token),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        limit_concurrency=http_door.MOST_AT_ONCE,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    _log.warning(
        "korus-mcp %s on http://%s:%d/mcp, %s",
        __version__,
        host,
        port,
        _WORLDS[settings.environment],
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn raises what it caught again when it has stopped
    try:
        uvicorn.Server(config).run()
    finally:
        # However it ends: a file that is left would look like a server that runs.
        if token is not None and file is not None:
            http_door.remove_token(token, file)
    return 0


def _leave(number: int, frame: object) -> NoReturn:
    """A stop that was asked for is no failure."""
    del number, frame
    sys.exit(0)


def serve_sandbox(settings: Settings, *, port: int, control: bool, seed: int | None) -> int:
    """Serve the imitation of the API on loopback until a signal comes."""
    from korus_mcp.sandbox import SandboxOptions, serve

    options = SandboxOptions(seed=seed, bases=settings.sandbox_bases)

    async def serving() -> None:
        await serve(options, port=port, control=control, on_ready=_print_environment)

    anyio.run(serving)
    return 0


def _print_environment(served: "ServedSandbox") -> None:
    """The variables that point korus-mcp at the sandbox, ready to be evaluated by a shell."""
    for name, value in served.environment.items():
        write(f"export {name}={value}")
    if served.control_token is not None:
        say(f"control token: {served.control_token}")


async def _stdio(server: KorusServer, shutdown_seconds: int) -> None:
    async with anyio.create_task_group() as tasks:
        # Windows has no signals that an event loop could wait for.
        if sys.platform != "win32":
            tasks.start_soon(_leave_on_signal, server, shutdown_seconds)
        await serve_lines(server)
        tasks.cancel_scope.cancel()


async def _leave_on_signal(server: KorusServer, shutdown_seconds: int) -> NoReturn:
    """On a signal, wait for the orders on their way, then leave."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            # In this order: orders end, their answers reach the host, what was logged is written.
            await server.running.drain(shutdown_seconds)
            await anyio.sleep(LAST_ANSWER_SECONDS)
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0)  # the thread that reads stdin cannot be interrupted
    # Never: for the type checker, and for whoever changes the loop.
    raise RuntimeError("the signal receiver ended by itself")
