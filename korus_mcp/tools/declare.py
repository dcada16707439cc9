"""How a tool is declared, and the one boundary that all calls pass.

The SDK silently drops unknown arguments, passes on only the text of a ToolError, and sends an
answer twice, as JSON text and as structure. Here unknown arguments are refused, a refusal is a
structured error of our own, and the text of a reply is a short one for reading.
"""

import functools
import hashlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from json import dumps
from typing import Any, Final, Generic, TypeAlias, TypeVar

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.resolve import build_resolver_plans, find_resolved_parameters
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.context_injection import find_context_parameter
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata, func_metadata
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ContentBlock,
    InputRequiredResult,
    TextContent,
    ToolAnnotations,
)
from pydantic import ConfigDict, Field, ValidationError

from korus_mcp.access.policy import SAVING_TOOLS
from korus_mcp.answers import explanations
from korus_mcp.answers.ceiling import fits, most_that_fit
from korus_mcp.answers.views import View
from korus_mcp.app import App, app_of
from korus_mcp.foundation.coalescing import kept_apart, watched
from korus_mcp.foundation.deadlines import READ_SECONDS
from korus_mcp.foundation.language_tags import canonical
from korus_mcp.foundation.refusals import Faults, Proposal, Refusal, invalid
from korus_mcp.settings import Content
from korus_mcp.tools.added import without_added
from korus_mcp.tools.blocks import blocks_for, content_for, meta_for
from korus_mcp.tools.given import Checks, Given, partly_given
from korus_mcp.tools.incoming import read
from korus_mcp.tools.problems import field_problems
from korus_mcp.ui.pages import PAGES

ToolContext: TypeAlias = Context[App, Any]
NOT_SPOKEN: Final = "The language asked for is not served here; this answer is in language {}."
SERVED: Final = " Served: {}."
_STRICT: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)
"""Unknown arguments are refused. Inputs are hidden in errors, because the SDK makes a text of every
validation error."""
LONGEST_LIST: Final = 100
"""The longest list within a row of an answer, such as the seats of a hold, before it is cut."""
_log = logging.getLogger(__name__)


AnyView = TypeVar("AnyView", bound=View)


@dataclass(frozen=True)
class Reply(Generic[AnyView]):
    """What a tool answers: a view, and further blocks such as links to files.

    `meta` is for an interactive page beside the conversation; the model does not see it.
    `fewer(n)` makes the same view with only the first n of its `rows`, saying which call shows the
    rest: a reply that is too long for a model is cut with it.
    """

    view: AnyView
    blocks: tuple[ContentBlock, ...] = ()
    rows: int = 0
    fewer: Callable[[int], AnyView] | None = None
    meta: Mapping[str, Any] | None = None

    @classmethod
    def of_rows(
        cls,
        rows: int,
        view: Callable[[int], AnyView],
        blocks: tuple[ContentBlock, ...] = (),
        *,
        meta: Mapping[str, Any] | None = None,
    ) -> "Reply[AnyView]":
        """A reply with `rows` rows, or as many as fit."""
        return cls(view(rows), blocks, rows, view, meta)


Function: TypeAlias = Callable[..., Awaitable[Reply[Any]]]


@dataclass(frozen=True)
class Declared:
    """A tool as its file declares it; `callable_only` makes an SDK tool of it."""

    function: Function
    title: str
    annotations: ToolAnnotations
    writes_if: str | None = None
    """A boolean argument without which a call only reads, whatever the hints say."""
    checks: Checks | None = None
    """What is checked of the arguments before the call is begun, beyond their form."""
    early: str | None = None
    """What a host that asked for progress is told at once, since the call may wait for long."""

    def only_reads(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a call with these arguments only reads, so that it must be answered in time."""
        if self.writes_if is not None:
            return not arguments.get(self.writes_if)
        return bool(self.annotations.read_only_hint)

    @property
    def name(self) -> str:
        """The name of the tool, which is that of its function."""
        return self.function.__name__

    @property
    def meta(self) -> dict[str, Any] | None:
        """Which interactive page shows its answers (MCP Apps), and whether pages may call it: not
        if it writes at KorusTicket."""
        page = PAGES.get(self.name)
        ui: dict[str, Any] = {} if page is None else {"resourceUri": page.uri}
        if not self.annotations.read_only_hint and self.name not in SAVING_TOOLS:
            ui["visibility"] = ["model"]
        return {"ui": ui} if ui else None


def tool(
    *,
    title: str,
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    writes_if: str | None = None,
    checks: Checks | None = None,
    early: str | None = None,
) -> Callable[[Function], Declared]:
    """Declare a function as a tool. Its docstring is the description.

    All hints are stated, but for those that mean nothing for a tool that only reads. The title
    stands among them, too: directories of connectors look for it there.
    """
    # MCP clients act on hints: they ask before a tool that writes, may repeat an idempotent one.
    # All tools are of an open world: what they tell and change is the issuers'.
    hints = ToolAnnotations(
        title=title,
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=None if read_only else idempotent,
        open_world_hint=True,
    )
    return functools.partial(
        Declared, title=title, annotations=hints, writes_if=writes_if, checks=checks, early=early
    )


def callable_only(declared: Declared, content: Content) -> Tool:
    """The tool as the SDK runs it, but without schemas: a server has those from listing.json."""

    @functools.wraps(declared.function)
    async def answered(**arguments: Any) -> CallToolResult:
        context: ToolContext | None = arguments.get(str(context_name))
        # A call that may write has no time limit: if it were cut off, what it did would be lost.
        with anyio.move_on_after(READ_SECONDS if declared.only_reads(arguments) else None):
            note = await _in_spoken_language(arguments, app_of(context)) if context else None
            reply = await declared.function(**arguments)
            reply = replace(reply, blocks=blocks_for(context, reply.blocks))
            if declared.name in PAGES:
                meta = meta_for(context, arguments.get("language"), reply.meta)
                reply = replace(reply, meta=meta)
            return rendered(reply, content, context.protocol_version if context else None, note)
        raise explanations.too_late()

    # The context and the results of resolvers are filled in by the SDK: a model cannot pass them.
    context_name = find_context_parameter(answered)
    resolved = find_resolved_parameters(answered)
    hidden = (str(context_name), *resolved)
    read = func_metadata(answered, skip_names=hidden, structured_output=False)
    return KorusTool(
        fn=answered,
        name=declared.name,
        title=declared.title,
        description=" ".join((inspect.getdoc(declared.function) or "").split()),
        parameters={},
        fn_metadata=_Metadata(arg_model=_strict(read.arg_model)),
        is_async=True,
        context_kwarg=context_name,
        resolved_params=dict(resolved),
        resolver_plans=build_resolver_plans(resolved, set(read.arg_model.model_fields)),
        annotations=declared.annotations,
        meta=declared.meta,
        checks=declared.checks,
        early=declared.early,
    )


class AtAnAddress(Exception):
    """The call ends with `request`: the host opens an address for its person and calls again."""

    def __init__(self, request: InputRequiredResult) -> None:
        super().__init__("asked at an address")
        self.request = request


class KorusTool(Tool):
    """A tool whose refusals are structured and whose arguments are strict."""

    checks: Checks | None = Field(None, exclude=True)
    early: str | None = Field(None, exclude=True)

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool. Refusals, API failures and wrong arguments become structured errors."""
        services: App = context.request_context.lifespan_context
        # First: what a host adds differs from call to call, and equal calls would not be equal.
        arguments = without_added(arguments, self.fn_metadata.arg_model.model_fields)
        try:
            services.pace.call(services.principal.key, repeatable=self._repeatable(arguments))
        except Refusal as busy:
            return failure(busy)
        if self.early is not None:
            # Over HTTP the answer begins with it. A proxy or client whose connection ends before
            # the head of an answer may end more than this call.
            await kept_apart(partial(context.report_progress, 0, message=self.early))
        with watched() as begun:
            try:
                await self._check(arguments, context)
                return await super().run(arguments, context, convert_result)
            except Refusal as wrong:
                refusal = wrong
            except (ToolError, MCPError) as error:
                if isinstance(error.__cause__, AtAnAddress):
                    return error.__cause__.request
                refusal = self._refusal(error, wrote=self._writes and begun.is_true)
        refusal = explanations.told_what_was_booked(refusal) if self._writes else refusal
        return failure(explanations.told_what_is_kept(refusal, services.forgets))

    async def _check(self, arguments: dict[str, Any], context: Context[Any, Any]) -> None:
        """Check the arguments by all that is known without a request.

        Raises:
            Refusal: with everything that is wrong with them.
            UnexpectedToolError: a check crashed.
        """
        faults, model = Faults(), self.fn_metadata.arg_model
        try:
            # What is too large is refused by itself: nothing else looks into it.
            sent = read(arguments, model)
            try:
                given = Given(model.model_validate(sent))
            except ValidationError as error:
                with faults:
                    raise invalid(*field_problems(error, model)) from None
                given = partly_given(sent, model)
            if self.checks is not None:
                await self.checks(faults, context, given)
            faults.check()
        except Refusal:
            raise
        except Exception as error:
            raise UnexpectedToolError(self.name) from error

    def _refusal(self, error: ToolError | MCPError, *, wrote: bool) -> Refusal:
        """The refusal for a call that failed; `wrote`: something that may book was sent.

        Raises:
            MCPError: an error of the protocol that is not about a question to the person.
        """
        if isinstance(error, UnexpectedToolError):
            refusal = explanations.explained(error.__cause__)
            if refusal is None:
                _log.error("%s crashed", self.name, exc_info=error)
            return refusal or explanations.crashed(wrote=wrote)
        if isinstance(error, MCPError):
            if not self.resolved_params:
                raise error
            _log.warning("the host did not ask for %s (error %d)", self.name, error.error.code)
            return explanations.unasked()
        # The cause is not logged: it holds what the person filled in.
        _log.warning("%s could not read the host's answer to its question", self.name)
        return explanations.unasked()

    def _repeatable(self, arguments: dict[str, Any]) -> str | None:
        """A digest that is equal for equal calls of a writing tool. A repeated call, which hosts
        send after they gave one up, does not count against the limit of calls.
        """
        if not self._writes:
            return None
        # default= and surrogatepass: odd arguments must not crash here, before they are checked.
        text = dumps([self.name, arguments], sort_keys=True, default=str)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    @property
    def _writes(self) -> bool:
        """Whether a call may change something at KorusTicket; so for a tool without hints."""
        is_reader = self.annotations is not None and self.annotations.read_only_hint
        return not is_reader and self.name not in SAVING_TOOLS


class _Metadata(FuncMetadata):
    """Reads the arguments with `incoming.read` before the SDK checks them."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are to be checked; one that is too large is refused here."""
        return read(data, self.arg_model)


async def _in_spoken_language(arguments: dict[str, Any], services: App) -> str | None:
    """Replace the wanted language by the one of the answer. Returns a sentence about that, None if
    they are the same.
    """
    wished = arguments.get("language")
    if not wished:
        return None
    spoken = await services.known_language(wished)
    arguments["language"] = spoken
    if spoken == canonical(wished):
        return None
    served = (spoken, *await services.languages_besides(spoken))
    return NOT_SPOKEN.format(spoken) + SERVED.format(", ".join(served))


def rendered(
    reply: Reply[Any], content: Content, protocol: str | None, note: str | None = None
) -> CallToolResult:
    """A reply on the wire: a text for reading, a structure for programs.

    `note` is a sentence beside what the tool says, in both.
    """
    text, structure = _fitting_halves(reply, note)
    return CallToolResult(
        content=content_for(protocol, content, text, reply.blocks),
        structured_content=None if content is Content.TEXT else structure,
        meta=dict(reply.meta) if reply.meta else None,
    )


def _fitting_halves(reply: Reply[Any], note: str | None) -> tuple[str, dict[str, Any]]:
    """Text and structure of a reply, shortened if they would be above the ceiling."""

    def halves(view: View) -> tuple[str, dict[str, Any]]:
        # The note goes into both halves, since a client reads one of them and nobody knows which.
        said = view.noted(note) if note is not None else view
        return said.text(), said.model_dump(mode="json", exclude_defaults=True)

    def shorter(most: int) -> View:
        # In a reply without `fewer`, the lists within its parts are shortened instead: to none,
        # where one is still too many.
        view: View = reply.view.shorter(most - 1)
        return view

    whole = halves(reply.view)
    rows, cut = (
        (reply.rows, reply.fewer) if reply.fewer is not None else (LONGEST_LIST + 1, shorter)
    )
    if rows == 0 or fits(*whole, reply.blocks):
        return whole
    most = most_that_fit(rows, lambda count: fits(*halves(cut(count)), reply.blocks))
    return halves(cut(most))


def failure(refusal: Refusal) -> CallToolResult:
    """A refusal on the wire. Nothing in it comes from the caller or from upstream."""
    error = {
        "code": refusal.code.value,
        "message": refusal.message,
        "next": refusal.next_step,
        "effect": refusal.effect.value,
        "retry_after_seconds": refusal.retry_after_seconds,
        "fields": [_stated(vars(problem)) for problem in refusal.fields],
        "alternatives": [_stated(vars(proposal)) for proposal in refusal.alternatives],
    }
    return CallToolResult(
        is_error=True,
        content=[TextContent(type="text", text=_failure_text(refusal))],
        structured_content={"error": _stated(error)},
    )


def _stated(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members without those that say nothing. An empty text is kept, and so is 0."""
    return {name: value for name, value in members.items() if value not in (None, (), [])}


def _failure_text(refusal: Refusal) -> str:
    wait = refusal.retry_after_seconds
    told = f"effect {refusal.effect.value}" + (f", retry_after_seconds {wait}" if wait else "")
    named = (
        f"- {p.field}: {p.problem}" + (f" (e.g. {p.example})" if p.example is not None else "")
        for p in refusal.fields
    )
    instead = (f"- instead: {_proposal_text(p)}" for p in refusal.alternatives)
    return "\n".join((f"{refusal} ({told})", *named, *instead))


def _proposal_text(proposal: Proposal) -> str:
    sessions = ", ".join(proposal.session_ids) or proposal.session_id
    facts = (proposal.starts_at or proposal.date, proposal.price, f"offer_id {proposal.offer_id}")
    return ", ".join(f for f in (*facts, f"session_id {sessions}" if sessions else None) if f)


def _strict(model: type[ArgModelBase]) -> type[ArgModelBase]:
    return type(model.__name__, (model,), {"__module__": model.__module__, "model_config": _STRICT})
