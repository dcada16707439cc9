"""Calls tools for a person at a terminal: the same server as an assistant's, in this process.

So limits, journal, refusals and the question before an order are the same. The terminal is a host
that asks its person by forms: an order is theirs, whatever `KORUS_APPROVAL` allows an assistant.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp_types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ImageContent,
    Implementation,
    TextContent,
    TextResourceContents,
)

from korus_mcp import __version__
from korus_mcp.access.policy import BUYER_TOOLS, tool_names
from korus_mcp.answers.asked import words
from korus_mcp.booking.approval import KEPT_SECONDS
from korus_mcp.commands.screen import NotDone, Screen, Told, moment_here, moment_told
from korus_mcp.commands.terminal import Conversation, converse, has_terminal
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Approval, Content, Misconfigured, Profile, Settings
from korus_mcp.tools.agreement import problem_of
from korus_mcp.tools.get_seat_map import SHEET

ITS_NAME: Final = "korus-mcp-terminal"
"""What the terminal calls itself. In the sandbox, holds and orders are of the host with this name:
were it another one, nobody would find them any more."""
COMMANDS: Final[Mapping[str, str]] = {
    "search_products": "korus-mcp search",
    "get_offers": "korus-mcp offers",
    "check_availability": "korus-mcp availability",
    "get_seat_map": "korus-mcp seats",
    "reserve": "korus-mcp reserve",
    "place_order": "korus-mcp order",
    "find_orders": "korus-mcp orders",
    "get_tickets": "korus-mcp tickets",
    "get_reservation": "korus-mcp call get_reservation",
    "name_beneficiaries": "korus-mcp call name_beneficiaries",
}
"""Tool -> the command that calls it."""
OPTIONS: Final[Mapping[str, str]] = {
    "price_type": "--price-type",
    "seating_category": "--category",
    "max_price": "--max-price",
    "max_total": "--max-total",
    "date_from": "--from",
    "date_to": "--to",
    "session_id": "--session",
    "session_ids": "--session",
    "the cursor": "--more",
}
"""Argument of a tool -> the option for it."""
_NAMES: Final = {
    **{tool: f"`{command}`" for tool, command in COMMANDS.items()},
    **OPTIONS,
    # `zone` is an ordinary word, too: it means the argument where it follows the tool.
    "reserve calls": "`korus-mcp reserve` commands",
    "again: true": "--again",
    "place_order with both": "`korus-mcp order` with the numbers of both",
    "place_order with all": "`korus-mcp order` with the numbers of all",
    "get_offers with zone": "`korus-mcp offers PRODUCT --zone NAME`",
}
# `reserve` is an ordinary word, too: it means the tool where it is called.
_NAMED: Final = re.compile(
    rf"(?<![\w.])(?:{'|'.join(sorted(_NAMES.keys() - {'reserve'}, reverse=True))})(?!\w)"
    r"|(?<=[Cc]all )reserve\b"
)
NOTHING_ORDERED: Final = "Nothing was ordered; what is held lapses, at no cost."
NOTHING_HELD: Final = (
    "Nothing is held any more: it was ordered, and `korus-mcp orders` shows the order."
)
_FOR_PEOPLE: Final[Mapping[str, str]] = {
    "ALREADY_ORDERED": NOTHING_HELD,
    "APPROVAL_DECLINED": "You said no to this, and nothing was ordered. It is not asked again for "
    f"{KEPT_SECONDS // 60} minutes; `korus-mcp reserve` with --again holds it anew, and `korus-mcp "
    "order` asks then.",
}
"""The code of a refusal -> what a person is told, where its own words are of an assistant."""
TRIES: Final = 3
"""So often a field is asked for that is filled in wrongly: then nobody is there who fills it in."""
_TYPED: Final[Mapping[str, str]] = {
    **{name: f"--{name}" for name in ("quantity", "firstname", "lastname", "email", "phone")},
    **{name: f"--{name}" for name in ("country", "title", "notes", "reference", "language")},
    "offer_id": "OFFER",
    "product_base_id": "PRODUCT",
}
"""Argument of a tool -> what is typed for it, where the word means something else in a sentence."""
_PROBLEMS: Final[Mapping[str, str]] = {
    "not an id from an earlier answer": "neither a number of the last list nor an id",
}
"""What is wrong with a value -> how it is told to who types numbers for ids."""
_CHOOSE_A_SESSION: Final = (
    "`korus-mcp availability` with the same offers lists their sessions: give the number of one "
    "with --session."
)
_WITHOUT_SESSIONS: Final = frozenset({"full-day offer", "none is open now"})
"""What is wrong where no session can be chosen."""
_ITEM: Final = re.compile(r"items\.([0-9]{1,3})")
_MOMENT: Final = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){1,2}(?:[+-][0-9:]{5}|Z)?"
)
_TERMS: Final = re.compile(r"(?<=\(all: )korus://product-bases/([\w.-]+)(?=\))")
"""Where terms of sale are told in part: the address of all of them, which no terminal opens."""
_HELD_UNTIL: Final = "Held until: "
_CODE: Final = re.compile(r"\(Question \w+\)")
"""By which assistants and the journal name a question."""
_NOES: Final = frozenset({"n", "no", "non"})


@dataclass(frozen=True)
class Answer:
    """What a tool answered: its structure, the text of it, and for a seat map sheet and picture."""

    structure: Mapping[str, Any]
    text: str
    sheet: Mapping[str, Any] | None = None
    picture: bytes | None = None


class ToolRefused(NotDone):
    """A tool refused a call. `structure` is what a program reads of it."""

    def __init__(self, structure: Mapping[str, Any], *lines: str) -> None:
        super().__init__(*lines)
        self.structure = structure


@dataclass
class Desk:
    """A server, and the terminal as its client."""

    client: Client
    person: "Person"

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        told: Told | None = None,
        *,
        is_for_people: bool = True,
    ) -> Answer:
        """The answer of a tool. `told` is told how far it is. A refusal names what is typed for an
        argument, unless the arguments themselves were: then it says what an assistant reads.

        Raises:
            NotDone: the call was refused, or the person did not agree.
        """

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            if told is not None:
                told(progress, total, message)

        result = await self.client.call_tool(
            tool, dict(arguments), progress_callback=None if told is None else tell
        )
        structure = result.structured_content or {}
        if not result.is_error:
            sheet = (result.meta or {}).get(SHEET)
            return Answer(structure, _text_of(result), sheet, _picture_in(result))
        if self.person.said_no:
            raise ToolRefused(structure, NOTHING_ORDERED)
        if not is_for_people:
            raise ToolRefused(structure, *_text_of(result).splitlines())
        raise ToolRefused(structure, *_refusal(structure.get("error") or {}, _text_of(result)))

    async def read(self, address: str) -> Answer:
        """A resource that is a JSON object.

        Raises:
            NotDone: it cannot be read.
        """
        try:
            (content,) = (await self.client.read_resource(address)).contents
        except MCPError as refused:
            raise NotDone(for_people(refused.error.message)) from None
        text = content.text if isinstance(content, TextResourceContents) else "{}"
        return Answer(json.loads(text), text)


@dataclass
class Person:
    """Whoever sits at this terminal, and what they said."""

    said_no: bool = field(default=False)
    beforehand: Sequence[str] = ()
    """What they read above the next question."""

    async def asked(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """Their answer to a form of the server's."""
        del context
        if not isinstance(params, ElicitRequestFormParams):
            return ElicitResult(action="cancel")
        try:
            given = await converse(partial(_filled_in, params, self.beforehand))
        except OSError:
            return ElicitResult(action="cancel")
        self.said_no = given.action != "accept"
        return given


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """A server of these settings, and the terminal as its client."""
    settings = replace(
        settings,
        content=Content.BOTH,
        # Asked here is a person, at the terminal itself: that is what this setting stands for.
        approval=Approval.HUMAN,
    )
    person = Person()
    client = Client(
        build_server(settings),
        client_info=Implementation(name=ITS_NAME, version=__version__),
        # Without a terminal there is nobody to ask, and the server refuses to order.
        elicitation_callback=person.asked if has_terminal() else None,
        # Those who show pages are sent the drawing of a seat map.
        extensions=[advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})],
    )
    async with client:
        yield Desk(client, person)


def allowed(settings: Settings, tool: str) -> Settings:
    """The settings of a server that has this tool.

    Raises:
        Misconfigured: they do not allow it; which of them is said.
    """
    command = COMMANDS[tool]
    if tool == "find_orders" and settings.profile is Profile.BUYER and settings.tools is None:
        # To an assistant it is one more tool to read. A buyer sees their own orders with it.
        return replace(settings, profile=Profile.SERVICE_DESK)
    if tool in tool_names(settings):
        return settings
    if settings.tools is not None and tool in tool_names(replace(settings, tools=None)):
        raise Misconfigured(f"--tools leaves out {tool}, which `{command}` needs.")
    needed = Profile.BUYER if tool in (*BUYER_TOOLS, "find_orders") else Profile.SERVICE_DESK
    raise Misconfigured(
        f"`{command}` needs KORUS_PROFILE={needed}; the profile {settings.profile} has no {tool}."
    )


def for_people(text: str) -> str:
    """A sentence for an assistant as a person at a terminal reads it: with commands for tools, and
    options for arguments.
    """
    return _with_terms(_NAMED.sub(lambda found: _NAMES[found.group()], text))


def _with_terms(text: str) -> str:
    """A text with the command that prints terms of sale in place of their address."""
    return _TERMS.sub(r"korus-mcp terms \1", text)


def _filled_in(
    params: ElicitRequestFormParams, beforehand: Sequence[str], talk: Conversation
) -> ElicitResult:
    """The form of an order, shown and filled in: who orders, as far as that is missing, and yes."""
    screen = Screen(talk.screen)
    for line in (*beforehand, *_told_here(params.message)):
        screen.line(line)
    # All of the screen is English, so the yes is, too, whatever the language of the catalog.
    said = words("en")
    fields: Mapping[str, Any] = params.requested_schema["properties"]
    content: dict[str, Any] = {}
    for name, about in fields.items():
        if about["type"] == "string":
            typed = _typed(name, about.get("title", name), talk, screen)
            if typed is None:
                return ElicitResult(action="cancel")
            content[name] = typed
    answer = talk.asked(said.ask).lower()
    if answer in said.yes_keys:
        agreed = {name: True for name, about in fields.items() if about["type"] == "boolean"}
        return ElicitResult(action="accept", content={**content, **agreed})
    # Whoever presses another key, or none, may look again at once; a no is kept for a while.
    return ElicitResult(action="decline" if answer in _NOES else "cancel")


def _told_here(message: str) -> Iterator[str]:
    """The lines of a question with times as they stand on other screens: those of a visit by the
    clock of the venue, the end of the hold by that of this machine.
    """
    for line in message.splitlines():
        if _CODE.fullmatch(line):
            continue
        told = moment_here if line.startswith(_HELD_UNTIL) else moment_told
        line = _with_terms(line)
        for written in _MOMENT.findall(line):
            line = line.replace(written, told(written) or written)
        yield line


def _typed(name: str, title: str, talk: Conversation, screen: Screen) -> str | None:
    """What is typed into a field, once the server would take it; None after some wrong values."""
    # Checked before the yes: after it, a slip of the finger would be a refused order.
    for _ in range(TRIES):
        text = talk.asked(f"{title}: ")
        problem = problem_of(name, text)
        if problem is None:
            return text
        screen.line(f"{title}: {problem}.")
    return None


def _text_of(result: CallToolResult) -> str:
    return "\n".join(each.text for each in result.content if isinstance(each, TextContent))


def _picture_in(result: CallToolResult) -> bytes | None:
    pictures = [each for each in result.content if isinstance(each, ImageContent)]
    return base64.b64decode(pictures[0].data) if pictures else None


def _refusal(error: Mapping[str, Any], text: str) -> Sequence[str]:
    """The lines of a refusal: what happened and what to do, then what is wrong with which value."""
    if not error:
        return [for_people(text)]
    if (own := _FOR_PEOPLE.get(error["code"])) is not None:
        return [f"{own} ({error['code']})"]
    fields = error.get("fields", ())
    next_step = for_people(error["next"])
    match error["code"]:
        case "INVALID_ARGUMENTS":
            next_step = ""  # it is to correct the named fields, which stand below by what is typed
        case "SESSION_REQUIRED" if any(f["problem"] not in _WITHOUT_SESSIONS for f in fields):
            next_step, fields = _CHOOSE_A_SESSION, ()
    said = (for_people(error["message"]), next_step, f"({error['code']})")
    return [" ".join(filter(None, said)), *map(_field_told, fields)]


def _field_told(field: Mapping[str, Any]) -> str:
    """What is wrong with what was typed for an argument."""
    problem = _PROBLEMS.get(field["problem"]) or for_people(field["problem"])
    return f"{_option(field['field'])}: {problem}"


def _option(field: str) -> str:
    """What a person types for an argument, which may be one of an item: items.0.session_ids."""
    within, _, name = field.rpartition(".")
    option = OPTIONS.get(name, _TYPED.get(name, name))
    found = _ITEM.fullmatch(within)
    # An option of `reserve` is for all offers: what is wrong with it may be so for one.
    if found is None:
        return option
    offer = f"OFFER {int(found[1]) + 1} of those typed"
    return offer if option == "OFFER" else f"{offer}, {option}"
