"""Runs the server, on stdio or on HTTP, or the sandbox alone.

With the SDK's own stdio entry SIGTERM kills the process at once, and SIGINT hangs, even during an
order. Here both wait for the orders under way, and so does SIGHUP, which ends a host's terminal.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import anyio

from korus_mcp import __version__
from korus_mcp.commands.console import say, write
from korus_mcp.server.composition import KorusServer
from korus_mcp.server.ports import why_not_listening
from korus_mcp.server.stdio_door import serve_lines
from korus_mcp.settings import Environment, Misconfigured, Settings

if TYPE_CHECKING:
    from korus_mcp.opening.listening import Opening
    from korus_mcp.sandbox import ServedSandbox

LAST_ANSWER_SECONDS = 0.5
"""The pause between the end of the last order and the exit, in which its answer is sent."""
_log = logging.getLogger("korus_mcp")
_WORLDS = {
    Environment.SANDBOX: "sandbox: everything is invented, it imitates a reconstruction of the API",
    Environment.DEMO: "demo environment",
    Environment.PRODUCTION: "PRODUCTION environment",
}


def spare_searches() -> None:
    """Let no request search the path for sniffio where that is not installed."""
    # httpcore imports it four times a request, and Python forgets an import that failed. With None
    # in its place the import fails at once.
    if "sniffio" not in sys.modules and find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]


def serve_stdio(server: KorusServer, settings: Settings, opening: "Opening | None" = None) -> int:
    """Serve one host on stdin and stdout until it leaves or a signal comes.

    `opening` has begun the conversation; it is gone on with here.
    """
    spare_searches()
    _log.warning("korus-mcp %s on stdio, %s", __version__, _WORLDS[settings.environment])
    anyio.run(_stdio, server, settings.shutdown_seconds, opening)
    return 0


def serve_http(server: KorusServer, settings: Settings, host: str, port: int) -> int:
    """Serve streamable HTTP at /mcp on an address of this machine until a signal comes.

    With `KORUS_AUTH_ISSUER` people sign in. Without it each request for a real account must carry
    the token that is made here.

    Raises:
        Misconfigured: the address cannot be listened on; the token cannot be kept; people who sign
            in cannot say yes.
    """
    from korus_mcp.server import http_door
    from korus_mcp.server.composition import pages_for_people, sign_in_of
    from korus_mcp.server.health import Health
    from korus_mcp.server.listening import Listening, allow_connections

    spare_searches()
    allow_connections()

    sign_in = sign_in_of(server, settings)
    own = pages_for_people(server, settings, sign_in)
    # Before anything is said, which names the port: there may be nothing to listen on.
    listeners = _bound(host, port)
    with ExitStack() as opened:
        for listener in listeners:
            opened.enter_context(listener)
        port = listeners[0].getsockname()[1]
        # The sandbox needs no token: everything in it is invented.
        token = file = None
        if settings.environment is not Environment.SANDBOX and settings.auth_issuer is None:
            token, file = http_door.write_token(port)
            # Not the token: what is said here is kept in logs.
            _log.warning("the bearer token of each request is in %s", file)
        bearer = None if token is None else partial(http_door.BearerOnly, token=token)
        app = http_door.door(
            server,
            host,
            hosts=settings.served_hosts,
            origins=settings.allowed_origins,
            guard=sign_in.guard if sign_in else bearer,
            own=own,
        )
        app = Health(app, server.running)
        where = f"http://{host if ':' not in host else f'[{host}]'}:{port}{http_door.PATH}"
        _log.warning("korus-mcp %s on %s, %s", __version__, where, _WORLDS[settings.environment])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)  # uvicorn raises the signal again once it has stopped
        try:
            Listening(app, server.running, settings.shutdown_seconds).run(listeners)
        finally:
            # In any case: a file that stays would look like a server that is running.
            if token is not None and file is not None:
                http_door.remove_token(token, file)
        return 0


def _bound(host: str, port: int) -> list[socket.socket]:
    """Sockets of all addresses of a host, at a port that nobody else listens on; 0: a free one.

    Raises:
        Misconfigured: there are none.
    """
    listeners: list[socket.socket] = []
    try:
        # A name may stand for several addresses, such as those of the two versions of IP.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, (address, wished, *more) in found:
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            # On Windows this would take the port away from a server that listens on it.
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, wished or listeners[0].getsockname()[1], *more))
    except OSError as error:
        for each in listeners:
            each.close()
        why = why_not_listening(error, host, port, chosen_with="--port")
        raise Misconfigured(why) from None
    return listeners


def _leave(*_: object) -> NoReturn:
    """Exit with 0: a stop by a signal is no failure."""
    sys.exit(0)


def serve_sandbox(settings: Settings, *, port: int, control: bool, seed: int | None) -> int:
    """Serve the imitation of the API on loopback until a signal comes.

    Raises:
        Misconfigured: the port cannot be listened on.
    """
    from korus_mcp.sandbox import SandboxOptions, serve

    options = SandboxOptions(seed=seed, bases=settings.sandbox_bases)
    serving = partial(serve, options, port=port, control=control, on_ready=_print_environment)
    # Only to say why in time: the sandbox binds what it serves.
    for each in _bound("127.0.0.1", port):
        each.close()
    anyio.run(serving)
    return 0


def _print_environment(served: "ServedSandbox") -> None:
    """Print the variables that point korus-mcp at the sandbox, ready to be evaluated by a shell."""
    for name, value in served.environment.items():
        write(f"export {name}={value}")
    if served.control_token is not None:
        say(f"control token: {served.control_token}")


async def _stdio(server: KorusServer, shutdown_seconds: int, opening: "Opening | None") -> None:
    async with anyio.create_task_group() as tasks:
        # On Windows an event loop cannot wait for signals.
        if sys.platform != "win32":
            tasks.start_soon(_leave_on_signal, server, shutdown_seconds)
        # As late as can be: until then the host is answered.
        unread = None if opening is None else opening.hand_over()
        await serve_lines(server, unread)
        tasks.cancel_scope.cancel()


def _stops() -> Sequence[signal.Signals]:
    """The signals that end a server: those of hosts and people, and of a closed terminal."""
    stops = [signal.SIGTERM, signal.SIGINT]
    # Whoever started the server with nohup wants it to outlive the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        stops.append(signal.SIGHUP)
    return stops


async def _leave_on_signal(server: KorusServer, shutdown_seconds: int) -> NoReturn:
    """Wait for a signal, then for the orders under way, then end the process."""
    with anyio.open_signal_receiver(*_stops()) as signals:
        async for _ in signals:
            # In this order: orders end, their answers reach the host, the log is written.
            await server.running.drain(shutdown_seconds)
            await anyio.sleep(LAST_ANSWER_SECONDS)
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0)  # sys.exit would wait for the thread that reads stdin
    # Never reached; the type checker needs it.
    raise RuntimeError("the signal receiver ended by itself")
