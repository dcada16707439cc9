"""The composition root: builds a server from settings. It holds no booking rules."""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp import MCPError
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.request_state import RequestStateSecurity
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
)
from mcp_types import Tool as ToolOnTheWire

from korus_mcp import __version__
from korus_mcp.access.introduction import instructions
from korus_mcp.access.policy import NEEDED, TokenScope, scopes_of, tool_names
from korus_mcp.access.principal import signed_in
from korus_mcp.api import ApiConfig, KorusApi
from korus_mcp.api.jsonld import JsonObject
from korus_mcp.app import App, Running
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.foundation.coalescing import kept_apart
from korus_mcp.foundation.refusals import Code
from korus_mcp.prompts import load_prompts, register_prompts
from korus_mcp.resources import register_resources
from korus_mcp.resources.offering import Offering
from korus_mcp.resources.pages import pages_of
from korus_mcp.server.calling_host import names_host
from korus_mcp.server.embedded import CLIENT_ID, TOKEN_URL, EmbeddedSandbox
from korus_mcp.server.long_requests import lets_others_first
from korus_mcp.server.observing import Observing
from korus_mcp.server.question_seal import QuestionSeal
from korus_mcp.server.sandbox_home import SandboxHome
from korus_mcp.settings import NAME, Approval, Environment, Misconfigured, Settings
from korus_mcp.settings import Scope as Seen
from korus_mcp.tools.answer_times import times_answers
from korus_mcp.tools.listing import listed_tools
from korus_mcp.tools.unanswered import ends_unanswered

if TYPE_CHECKING:
    import httpx

    from korus_mcp.sandbox import Sandbox
    from korus_mcp.server.http_door import OwnPages
    from korus_mcp.server.sign_in import SignIn

READS_OF_ONE: Final = 4
"""Parallel requests for one person, where there are several."""
_log = logging.getLogger("korus_mcp")
RECOVERY_SECONDS = 2.0
"""How long after the start orders in doubt are looked for: a host's first calls go first."""
TITLE = "KorusTicket"
NO_SUCH_PROMPT = f"{Code.NOT_FOUND}: This server has no such prompt. List prompts for those it has."
# These lists change with the settings only, so a host may cache them.
_LISTS: Final = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


class KorusServer(MCPServer[App]):
    """An MCP server with the names of its tools and the services that run in it."""

    running: Running
    names: tuple[str, ...]
    offering: Offering

    def needed_for(self, method: str, params: Mapping[str, Any]) -> TokenScope | None:
        """The scope that a token needs for a request; None for what all may do who signed in."""
        if method == "tools/call":
            return NEEDED.get(str(params.get("name")))
        if method == "resources/read":
            return self.offering.needed_for(str(params.get("uri")))
        return None

    async def list_tools(self) -> list[ToolOnTheWire]:
        """The tools that the caller may call."""
        return [each for each in await super().list_tools() if _may_call(each.name)]

    @property
    def known_names(self) -> frozenset[str]:
        """The names of tools and prompts: any other that a caller writes is their own text."""
        return frozenset((*self.names, *(prompt.name for prompt in load_prompts())))

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[App, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. An unknown name is refused here, since the SDK would repeat it."""
        # The door has answered 403 before; here nothing depends on how it reads a request.
        if name in self.names and _may_call(name):
            return await super().call_tool(name, arguments, context)
        from korus_mcp.answers.explanations import no_such_tool
        from korus_mcp.tools.declare import failure

        return failure(no_such_tool())

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[App, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Fill a prompt. An unknown name is refused here, since the SDK would repeat it.

        Raises:
            MCPError: there is no such prompt, or its arguments are wrong.
        """
        # The name comes from the client, and nothing that a client sent is repeated in an error.
        if name in {prompt.name for prompt in await self.list_prompts()}:
            return await super().get_prompt(name, arguments, context)
        raise MCPError(code=INVALID_PARAMS, message=NO_SUCH_PROMPT)


def build_server(
    settings: Settings,
    *,
    clock: Clock | None = None,
    sandbox: "Sandbox | None" = None,
    beside: Mapping[str, str] | None = None,
    added: Sequence[Tool] = (),
    has_sign_in: bool = False,
) -> KorusServer:
    """Build a server. It opens, reads and sends nothing until it runs and is called.

    `sandbox` replaces the embedded one, for a test that controls it. `beside` is the environment of
    a server that runs beside its person, who can be asked in their browser. `added` are tools that
    only a test has. With `has_sign_in` no call is answered for which nobody signed in (see
    `sign_in`).

    Raises:
        Misconfigured: the settings name tools that do not exist.
    """
    # Orders that were not made here have no owner: nobody who signs in sees them.
    settings = replace(settings, scope=Seen.OWN) if has_sign_in else settings
    names = tool_names(settings)
    running = Running()
    seal = QuestionSeal()
    lifespan = partial(_lifespan, settings, clock or SystemClock(), sandbox, running, beside)
    server = KorusServer(
        NAME,
        title=TITLE,
        instructions=instructions(settings, names),
        version=__version__,
        tools=[*listed_tools(names, settings.content), *added],
        log_level="WARNING",
        lifespan=partial(lifespan, has_sign_in=has_sign_in),
        request_state_security=RequestStateSecurity(codec=seal, bind_principal=_asked),
        subscriptions=False,
        extensions=[pages_of(names)],
        cache_hints=_hints(has_sign_in=has_sign_in),
    )
    # Set here, because the SDK's constructor takes no further arguments.
    server.running, server.names = running, (*names, *(tool.name for tool in added))
    # The outermost one: it reads the refusals of the SDK's own middleware.
    server.middleware[:0] = [ends_unanswered, seal.before_unsealing]
    # Behind the SDK's own, which unseal the state of a question.
    server.middleware.extend([seal.before_sealing, times_answers, names_host, lets_others_first])
    prompt_arguments = register_prompts(server, names)
    # Around all the others, so that it measures whole requests.
    server.middleware.insert(0, Observing(server.known_names))
    server.offering = register_resources(server, running, names, prompt_arguments=prompt_arguments)
    return server


def _asked(ctx: ServerRequestContext[App, Any]) -> str | None:
    """Whose a question is: the person's, with whichever program they answer. The SDK takes one that
    registered itself anew for somebody else.
    """
    del ctx
    caller = signed_in()
    return None if caller is None else caller.principal.key


def _may_call(name: str) -> bool:
    """Whether the caller's token, if they have one, allows a tool."""
    caller = signed_in()
    return caller is None or NEEDED.get(name) in caller.scopes


def _hints(*, has_sign_in: bool) -> dict[Any, CacheHint]:
    """How long lists may be cached, and by whom: which tools there are depends on the token."""
    hints: dict[Any, CacheHint] = dict.fromkeys(_LISTS, CacheHint(ttl_ms=300_000, scope="public"))
    if has_sign_in:
        hints["tools/list"] = CacheHint(ttl_ms=300_000, scope="private")
    return hints


@asynccontextmanager
async def _lifespan(
    settings: Settings,
    clock: Clock,
    sandbox: "Sandbox | None",
    running: Running,
    beside: Mapping[str, str] | None,
    _: MCPServer[App],
    *,
    has_sign_in: bool,
) -> AsyncIterator[App]:
    home = SandboxHome(settings) if settings.embedded and sandbox is None else None
    async with (
        AsyncExitStack() as at_the_end,
        open_api(settings, clock=clock, sandbox=sandbox, home=home) as api,
        anyio.create_task_group() as tasks,
    ):
        app = App(settings, api, clock, tasks, files=home, has_sign_in=has_sign_in)
        if beside is not None and settings.approval is Approval.HUMAN:
            from korus_mcp.server.approval_door import ApprovalDoor

            app.doorbell = ApprovalDoor(app, tasks, beside)
        elif has_sign_in and _has_pages(settings):
            from korus_mcp.server.signed_in_page import SignedInBell

            app.doorbell = SignedInBell(settings.public_url or "")
        # Tasks of the group may still write, so the services are closed after the group ends.
        at_the_end.push_async_callback(app.close)
        # Kept apart: if it fails, the server goes on.
        tasks.start_soon(kept_apart, partial(_recover, app))
        running.apps.append(app)
        try:
            yield app
        finally:
            with anyio.CancelScope(shield=True):
                await app.drain(settings.shutdown_seconds)
            # Only now: a signal that comes during the drain has to wait for it, too.
            running.apps.remove(app)
            tasks.cancel_scope.cancel()


def open_api(
    settings: Settings,
    *,
    clock: Clock | None = None,
    sandbox: "Sandbox | None" = None,
    home: SandboxHome | None = None,
    on_answer: Callable[[str, JsonObject], None] | None = None,
) -> KorusApi:
    """A client of the API: the real one, or the embedded sandbox behind the same client.

    `home`: where an embedded sandbox is kept; without one it ends with the client.
    """
    # The same client for both, so that what works in the sandbox works at the real API.
    if not settings.embedded:
        return KorusApi(api_config(settings), clock=clock, on_answer=on_answer)
    embedded = EmbeddedSandbox(settings, sandbox, home=home)
    named = replace(
        settings,
        token_url=TOKEN_URL,
        client_id=CLIENT_ID if sandbox is None else sandbox.client_id,
        client_secret=embedded.client_secret,
    )
    return KorusApi(api_config(named), clock=clock, transport=embedded, on_answer=on_answer)


def api_config(settings: Settings) -> ApiConfig:
    """The configuration of the API client for these settings."""
    return ApiConfig(
        api_url=settings.api_url,
        token_url=settings.token_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        document_hosts=settings.document_hosts,
        language=settings.language,
        proxy=settings.http_proxy,
        no_proxy=settings.no_proxy,
        ca_file=settings.ca_file,
        ca_folder=settings.ca_folder,
        parallel_per_caller=None if settings.auth_issuer is None else READS_OF_ONE,
        # The sandbox is this machine's.
        reads_per_second=None
        if settings.environment is Environment.SANDBOX
        else settings.reads_per_second or None,
    )


def sign_in_of(server: KorusServer, settings: Settings) -> "SignIn | None":
    """What stands before a server over HTTP whose people sign in, if they do."""
    if settings.auth_issuer is None:
        return None
    from korus_mcp.server.sign_in import SignIn

    way = way_to_provider(settings)
    return SignIn(settings, scopes_of(server.names), server.needed_for, way, SystemClock())


def way_to_provider(settings: Settings) -> "httpx.AsyncBaseTransport":
    """The way to the provider of those who sign in."""
    import httpx

    from korus_mcp.api.transport import WayOut

    # The same way out as to the API: a firm's proxy and its authorities count here, too.
    config = api_config(replace(settings, token_url=settings.token_url or TOKEN_URL))
    return WayOut(config, httpx.Limits(max_connections=4))


def pages_for_people(
    server: KorusServer, settings: Settings, sign_in: "SignIn | None"
) -> "OwnPages | None":
    """The pages on which people who sign in say yes, where only they can.

    Raises:
        Misconfigured: they have to, and the server cannot have them sign in to a page.
    """
    # At the start: else orders would be refused in a conversation, one program after the other,
    # and those that fill in forms by themselves would be the only way left.
    if problem := lacks_page(settings, server.names):
        raise Misconfigured(problem)
    if not _is_asked(settings, server.names):
        return None
    if sign_in is None:
        _log.warning(
            "KORUS_APPROVAL=human where nobody signs in: a program that shows forms asks its "
            "person itself, and through any other no order can be made"
        )
        return None
    from korus_mcp.server.signed_in_page import signed_in_pages

    return signed_in_pages(server.running, sign_in, settings.public_url or "")


def lacks_page(settings: Settings, names: Collection[str]) -> str | None:
    """Why people who sign in could not say yes to an order with the tools of these names; None
    where they can, where nobody signs in, and where they are not asked.
    """
    is_asked = settings.auth_issuer is not None and _is_asked(settings, names)
    if not is_asked or _has_pages(settings):
        return None
    return (
        "KORUS_APPROVAL=human needs KORUS_AUTH_CLIENT_ID where people sign in: the page on "
        "which they say yes has them sign in at the provider, too."
    )


def _is_asked(settings: Settings, names: Collection[str]) -> bool:
    """Whether only a person can say yes to an order."""
    return settings.approval is Approval.HUMAN and "place_order" in names


def _has_pages(settings: Settings) -> bool:
    """Whether people who sign in can be asked on a page."""
    return settings.approval is Approval.HUMAN and settings.auth_client_id is not None


async def _recover(app: App) -> None:
    """Look after orders that an earlier process left in doubt, once the first answers are out."""
    await anyio.sleep(RECOVERY_SECONDS)
    # Without place_order there are no orders in doubt.
    if "place_order" not in app.tools:
        return
    is_embedded, has_bookings = app.settings.embedded, app.may_have_bookings
    # For a user who never ordered nothing is imported or opened.
    if is_embedded or has_bookings:
        # In a thread: the import takes a quarter of a second.
        await anyio.to_thread.run_sync(import_module, "korus_mcp.journal.sql")
        # In a sandbox that begins empty the import is for its first booking only.
        if has_bookings:
            _ = app.booking
