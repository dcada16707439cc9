"""The command line. Everything heavy is imported by the command that needs it."""

import argparse
import errno
import gc
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from korus_mcp import __version__
from korus_mcp.commands.options import SHELLS, Proposals, add_shop, completed_by, whole
from korus_mcp.foundation.origins import MOST_PORT, is_loopback
from korus_mcp.settings import (
    MOST_SEED,
    Content,
    Environment,
    LogForm,
    LogLevel,
    Misconfigured,
    Profile,
    Settings,
    log_form,
    read_settings,
)

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from korus_mcp.opening.listening import Opening

EXIT_UNHEARD = 1
EXIT_MISCONFIGURED = 2
EXIT_INTERRUPTED = 130
EXIT_NO_READER = 141
"""128 and SIGPIPE: so a shell tells of any program whose reader went, as with `| head`."""
_NAMES_OF_A_CALL = "KT-ORD-..., the id of an order, a reservation or the call, or a reference"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
AT_A_TERMINAL = (
    "korus-mcp waits for a program (an MCP host) that speaks to it on stdin; Ctrl-C ends it. For "
    "people: korus-mcp demo, search, config, check; --help lists all commands."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, or serve on stdio if none is given. Returns the exit code."""
    if sys.stderr is None:
        # The process was started with stderr closed. Every write to the log would raise.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
    arguments = sys.argv[1:] if arguments is None else arguments
    given = parser(has_arguments=bool(arguments)).parse_args(arguments)
    from korus_mcp.commands.console import complain, log_as, log_to_stderr, log_without_waiting

    # A server must never block on a stderr that nobody reads. A command may, and so its lines on
    # stderr and stdout stay in order.
    if given.run in (_serve, _sandbox):
        log_without_waiting()
        # Also what is wrong with the settings is read by a program there.
        if given.run is _serve:
            log_as(log_form(os.environ), LogLevel.INFO)
    else:
        log_to_stderr()
    try:
        _check_streams(given)
        if given.run is not _serve and isinstance(sys.stdout, io.TextIOWrapper):
            # A name with an accent is no reason to say nothing where only ASCII can be shown.
            sys.stdout.reconfigure(errors="replace")
        code = _run(given)
        if sys.stdout is not None:
            sys.stdout.flush()
    except Misconfigured as wrong:
        for problem in wrong.problems:
            complain(LogLevel.ERROR, problem)
        return EXIT_MISCONFIGURED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    # In a command that runs in a task group, a failed write comes as an ExceptionGroup.
    except (OSError, ExceptionGroup):
        lost = None if given.run is _serve else _loss_of_stdout()
        if lost is None:
            raise
        return _end_unheard(lost)
    return code


def _run(given: argparse.Namespace) -> int:
    """Run a command. Returns its exit code.

    Raises:
        Misconfigured: A setting or an argument is wrong; for a program it stands on stdout, too.
    """
    try:
        code: int = given.run(given)
    except Misconfigured as wrong:
        if getattr(given, "json", False):
            from korus_mcp.commands.console import error_of, tell_json

            tell_json(error_of(" ".join(wrong.problems)))
        raise
    return code


def _check_streams(given: argparse.Namespace) -> None:
    """Refuse to run if the answer cannot be written, or a host's requests not be read.

    Raises:
        Misconfigured: stdout is closed, or the stdin of a server on stdio.
    """
    # A server over HTTP uses neither stdin nor stdout.
    if given.run is _serve and given.http:
        return
    needed = ("stdin", "stdout") if given.run is _serve else ("stdout",)
    closed = [name for name in needed if getattr(sys, name) is None]
    if closed:
        raise Misconfigured(f"{' and '.join(closed)} must be open: what is said goes over it.")


def _loss_of_stdout() -> OSError | None:
    """Why stdout cannot be written any more, as with `| head` or on a full disk; None if it can."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as lost:
        return lost
    return None


def _end_unheard(lost: OSError) -> int:
    """Give up a stdout that cannot be written, and say so to whoever is there. The exit code."""
    from korus_mcp.commands.console import complain

    # The interpreter flushes it at exit, and must not fail. The file descriptor itself is
    # replaced, since that flush writes to it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # Whoever stopped reading wants to read no more.
    if lost.errno == errno.EPIPE:
        return EXIT_NO_READER
    complain(LogLevel.ERROR, "what it had to say could not be written to stdout")
    return EXIT_UNHEARD


class _Parser(argparse.ArgumentParser):
    """A parser that refuses what it does not know itself, with its own usage; argparse leaves that
    to the parser of the whole program, whose usage helps nobody who typed a command.
    """

    def parse_known_args(  # type: ignore[override] # its overloads are about types of namespaces
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """What was given. The rest is always empty."""
        given, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return given, unknown

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        is_stdout = file is not None and file is sys.stdout
        if not is_stdout:
            super()._print_message(message, file)
            return
        # Help and version: argparse would end with 0, though nobody could read them.
        try:
            sys.stdout.write(message)
            sys.stdout.flush()
        except OSError as lost:
            sys.exit(_end_unheard(lost))


def parser(*, has_arguments: bool) -> argparse.ArgumentParser:
    """The parser; without arguments, as hosts start it, there is no command to look up."""
    parser = _Parser(
        prog="korus-mcp",
        description="MCP server for KorusTicket. Without a command it serves on stdio; without "
        "KORUS_ settings it serves the embedded sandbox.",
    )
    parser.add_argument("--version", action="version", version=f"korus-mcp {__version__}")
    _add_narrowing(parser)
    parser.set_defaults(run=_serve, http=False, host=None, port=None)
    if not has_arguments:
        return parser
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve on stdio, or on HTTP with --http")
    # SUPPRESS: options that are given before the command are not overwritten by defaults.
    _add_narrowing(serve, default=argparse.SUPPRESS)
    serve.add_argument("--http", action="store_true", help="streamable HTTP")
    serve.add_argument("--host", help=f"the address to listen on ({DEFAULT_HOST})")
    port = whole(0, MOST_PORT)
    serve.add_argument("--port", type=port, help=f"({DEFAULT_PORT}; 0 for a free one)")
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="tell the story of a booking on the sandbox")
    keep = demo.add_argument("--keep", metavar="FOLDER", help="where its PDFs stay")
    completed_by(keep, "directory")
    demo.set_defaults(run=_demo)

    add_shop(commands, _at_terminal)

    what = "print what a program needs to start this server, with full paths"
    config = commands.add_parser("config", help=what, description=what)
    # Any spelling is taken, and a wrong one is answered with those that are near.
    program = config.add_argument("program", metavar="PROGRAM", nargs="?", help="(a list of them)")
    program.choices = Proposals(_programs)
    account = "with places for the settings of an account"
    config.add_argument("--account", action="store_true", help=account)
    config.set_defaults(run=_config)

    what = "print the script by which a shell completes commands and options"
    completion = commands.add_parser("completion", help=what, description=what)
    completion.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    completion.set_defaults(run=_completion)

    approve = commands.add_parser(
        "approve", help="answer whether to order what an assistant asks for"
    )
    approve.add_argument("code", metavar="CODE", help="as the assistant tells it")
    approve.set_defaults(run=_approve)

    check = commands.add_parser("check", help="say whether everything works, and what to do if not")
    check.add_argument("--json", action="store_true", help="for a program")
    check.set_defaults(run=_check)

    _add_catalog(commands.add_parser("catalog", help="read the catalog into its file, or empty it"))

    _add_journal(commands.add_parser("journal", help="look at the journal of bookings"))

    sandbox = commands.add_parser("sandbox", help="serve the imitation of the API on loopback")
    sandbox.add_argument("--port", type=port, default=0, help="(a free one)")
    sandbox.add_argument("--control", action="store_true", help="allow steering it over HTTP")
    sandbox.add_argument("--seed", type=whole(0, MOST_SEED), default=None, help="fixes all ids")
    sandbox.set_defaults(run=_sandbox)
    parts = sandbox.add_subparsers(title="commands", metavar="COMMAND")
    what = "throw away what the embedded sandbox keeps: bookings, and who made them"
    parts.add_parser("reset", help=what, description=what).set_defaults(run=_reset_sandbox)
    return parser


def _add_catalog(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_catalog)
    command = _commands_of(parser)
    sync = command("sync", "read it now, or follow the server that is reading it")
    status = command("status", "say what the files hold, asking nobody")
    clear = command("clear", "empty the files")
    for each in (sync, status, clear):
        each.add_argument("--language", help="these only, commas (KORUS_LANGUAGES)")
    status.add_argument("--json", action="store_true", help="for a program")


def _add_journal(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_journal)
    command = _commands_of(parser)
    listed = command("list", "list the newest order calls")
    listed.add_argument("--open", action="store_true", help="those in doubt only")
    listed.add_argument("--limit", type=whole(1, 10_000), default=50, help="(50)")
    listed.add_argument("--json", action="store_true", help="for a program")
    shown = command("show", "show an order call and its audit")
    shown.add_argument("name", metavar="ORDER", help=_NAMES_OF_A_CALL)
    shown.add_argument("--json", action="store_true", help="for a program")
    purge = command("purge", "remove what has been known for long")
    days = whole(0, 36_500)
    purge.add_argument("--older-than-days", type=days, default=90, help="(90; at least 35)")
    command("stop", "no server of this journal takes new orders; those on their way are settled")
    command("go", "they take orders again")
    verify = command("verify", "check that no audit row was changed or removed")
    rows = "rows there may be from before there was a key (0)"
    verify.add_argument("--unsealed", type=whole(0, 1_000_000_000), default=0, help=rows)
    verify.add_argument("--seal", help="one that an earlier check printed: it must still be there")
    verify.add_argument("--json", action="store_true", help="for a program")


def _commands_of(parser: argparse.ArgumentParser) -> Callable[[str, str], argparse.ArgumentParser]:
    """A function that adds a subcommand to `parser`: it takes its name and what it does."""
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, dest="command"
    )
    return lambda name, what: commands.add_parser(name, help=what, description=what)


def _add_narrowing(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    parser.add_argument(
        "--profile",
        choices=[str(each) for each in Profile],
        default=default,
        help="offer fewer tools",
    )
    parser.add_argument("--tools", default=default, help="offer only these tools, commas")


def _read_settings(environ: Mapping[str, str]) -> Settings:
    from korus_mcp.commands.console import complain

    settings = read_settings(environ)
    for warning in settings.warnings:
        complain(LogLevel.WARNING, warning)
    return settings


def _narrowed(given: argparse.Namespace) -> Settings:
    tools = None
    if given.tools is not None:
        tools = tuple(t.strip() for t in given.tools.split(",") if t.strip())
    profile = Profile(given.profile) if given.profile else None
    return _read_settings(os.environ).narrowed(profile=profile, tools=tools)


def _serve(given: argparse.Namespace) -> int:
    settings = _narrowed(given)
    from korus_mcp.commands.console import log_as

    log_as(settings.log, settings.log_level)
    host = DEFAULT_HOST if given.host is None else given.host
    port = DEFAULT_PORT if given.port is None else given.port
    if given.http:
        _check_reach(settings, host)
    elif given.host is not None or given.port is not None:
        raise Misconfigured("--host and --port are of `serve --http`: on stdio nothing listens.")
    elif sys.stdin.isatty():
        _tell_what_is_awaited(settings)
    _require_full_text()
    opening = None if given.http else _opened(settings)
    with _nothing_collected():
        from korus_mcp.commands import serve
        from korus_mcp.server.composition import build_server

        # Over HTTP anybody may ask for a page, who is not the person that sits before this machine.
        has_sign_in = given.http and settings.auth_issuer is not None
        beside = None if given.http else os.environ
        server = build_server(settings, beside=beside, has_sign_in=has_sign_in)
    with _telling(settings, server.known_names):
        if given.http:
            return serve.serve_http(server, settings, host, port)
        return serve.serve_stdio(server, settings, opening)


def _tell_what_is_awaited(settings: Settings) -> None:
    """Tell a person who started a server by hand what it waits for."""
    from korus_mcp.commands.console import say
    from korus_mcp.commands.screen import Screen

    lines = [AT_A_TERMINAL]
    # JSON is for a program, which wants a record, and a file has no width.
    if settings.log is LogForm.TEXT and sys.stderr.isatty():
        width = Screen(sys.stderr).width
        lines = textwrap.wrap(AT_A_TERMINAL, width, break_on_hyphens=False, break_long_words=False)
    for line in lines:
        say(line)


def _telling(settings: Settings, names: frozenset[str]) -> AbstractContextManager[object]:
    """Tell measurements and traces to whom the settings name.

    Raises:
        Misconfigured: they name somebody, and OpenTelemetry is not installed.
    """
    if not settings.metrics_port and settings.otlp_endpoint is None:
        return nullcontext()
    try:
        from korus_mcp.server.telemetry import telling
    except ImportError:
        raise Misconfigured(
            "KORUS_METRICS_PORT and KORUS_OTLP_ENDPOINT need OpenTelemetry: "
            "install korus-mcp[otel]."
        ) from None
    return telling(settings, names)


def _check_reach(settings: Settings, host: str) -> None:
    """Refuse to serve a network whose callers nobody knows, or by names that nobody said.

    Raises:
        Misconfigured: the address is not loopback, and something is missing for that.
    """
    if is_loopback(host):
        return
    problems = []
    if not settings.allowed_hosts:
        problems.append(
            "--host beyond loopback needs KORUS_MCP_ALLOWED_HOSTS: the names by which clients "
            "reach this server, as they or a proxy write them in the header Host."
        )
    # In the sandbox everything is invented. Elsewhere anybody in the network could order.
    if settings.environment is not Environment.SANDBOX and settings.auth_issuer is None:
        problems.append(
            f"--host beyond loopback needs KORUS_AUTH_ISSUER in {settings.environment}: without it "
            "nobody signs in."
        )
    if problems:
        raise Misconfigured(*problems)


def _opened(settings: Settings) -> "Opening | None":
    """Begin to answer a host on stdio, before the server is there; None where that cannot be.

    Raises:
        Misconfigured: the settings name tools that do not exist.
    """
    from korus_mcp.access.introduction import instructions
    from korus_mcp.access.policy import tool_names
    from korus_mcp.opening.answers import Answers
    from korus_mcp.opening.conversation import Conversation
    from korus_mcp.opening.listening import Opening, has_pipes

    names = tool_names(settings)
    if not has_pipes():
        return None
    said = instructions(settings, names)
    answers = Answers(names, said, has_structure=settings.content is not Content.TEXT)
    opening = Opening(Conversation(answers))
    opening.start()
    opening.wait_for_quiet()
    return opening


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Turn the garbage collector off while the server is built: there is nothing to collect, and
    looking takes a tenth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        # Frozen objects are never looked at again. They stay as long as the process.
        gc.freeze()
        gc.enable()


def _at_terminal(name: str) -> Callable[[argparse.Namespace], int]:
    """The function of a command that finds, holds or orders."""

    def run(given: argparse.Namespace) -> int:
        settings = _narrowed(given)
        _require_full_text()
        from korus_mcp.commands.shop import COMMANDS

        given.environ = os.environ
        return COMMANDS[name](settings, given)

    return run


def _config(given: argparse.Namespace) -> int:
    from korus_mcp.commands.config import run_config

    return run_config(os.environ, given.program, account=given.account)


def _programs() -> Iterable[str]:
    from korus_mcp.commands.config import programs

    return programs()


def _completion(given: argparse.Namespace) -> int:
    from korus_mcp.commands.completion import run_completion

    return run_completion(parser(has_arguments=True), given.shell)


def _demo(given: argparse.Namespace) -> int:
    from pathlib import Path

    from korus_mcp.commands.demo import run_demo

    _require_full_text()
    return run_demo(os.environ, None if given.keep is None else Path(given.keep))


def _approve(given: argparse.Namespace) -> int:
    settings = _read_settings(os.environ)
    from korus_mcp.commands.approve import run_approve

    return run_approve(settings, given.code)


def _check(given: argparse.Namespace) -> int:
    settings = _read_settings(os.environ)
    from korus_mcp.commands.check import run_check

    _require_full_text()
    return run_check(settings, as_json=given.json)


def _catalog(given: argparse.Namespace) -> int:
    chosen = {"KORUS_LANGUAGES": given.language} if given.language else {}
    settings = _read_settings({**os.environ, **chosen})
    from korus_mcp.commands import catalog

    _require_full_text()
    if given.command == "sync":
        return catalog.run_sync(settings)
    if given.command == "clear":
        return catalog.run_clear(settings, with_others=not given.language)
    return catalog.run_status(settings, with_others=not given.language, as_json=given.json)


def _journal(given: argparse.Namespace) -> int:
    settings = _read_settings(os.environ)
    from korus_mcp.commands import journal

    if given.command == "show":
        return journal.run_show(settings, given.name, as_json=given.json)
    if given.command == "purge":
        return journal.run_purge(settings, days=given.older_than_days)
    if given.command == "verify":
        return journal.run_verify(
            settings, unsealed=given.unsealed, kept_seal=given.seal, as_json=given.json
        )
    if given.command in ("stop", "go"):
        return journal.run_switch(settings, takes_orders=given.command == "go")
    return journal.run_list(settings, open_only=given.open, limit=given.limit, as_json=given.json)


def _sandbox(given: argparse.Namespace) -> int:
    from korus_mcp.commands import serve

    settings = _sandbox_settings()
    seed = settings.sandbox_seed if given.seed is None else given.seed
    return serve.serve_sandbox(settings, port=given.port, control=given.control, seed=seed)


def _reset_sandbox(_: argparse.Namespace) -> int:
    from korus_mcp.commands.sandbox import run_reset

    return run_reset(_sandbox_settings())


def _sandbox_settings() -> Settings:
    # Settings of a real account do not concern a sandbox, so they need not be valid.
    return _read_settings({k: v for k, v in os.environ.items() if k.startswith("KORUS_SANDBOX_")})


def _require_full_text() -> None:
    """Refuse a Python that cannot search the catalog, before anything is opened.

    Raises:
        Misconfigured: its SQLite has no FTS5.
    """
    from korus_mcp.catalog.full_text import has_full_text

    # Checked now, so that the refusal is a sentence and not an error of SQLite later on.
    if not has_full_text():
        raise Misconfigured(
            "the catalog is searched with SQLite's full-text index (FTS5), which the SQLite of "
            f"this Python ({sys.executable}) does not have. Use another Python, such as uv's "
            "or python.org's."
        )
