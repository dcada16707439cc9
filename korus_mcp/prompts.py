"""Prompts: one Markdown file each, a TOML header between `+++` lines, arguments as `{{ name }}`.

All files are read and checked at start. So are the arguments, when they come: the SDK's own refusal
does not say what is wrong.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from mcp import MCPError
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Message, Prompt, PromptArgument, UserMessage
from mcp_types import INVALID_PARAMS, InputRequiredResult
from pydantic import Field

from korus_mcp.foundation.text import clean

_PACKAGE: Final = Path(__file__).parent
FOLDERS: Final = (_PACKAGE / "_prompts", _PACKAGE.parent / "prompts")
"""Where the files are: in an installed package, and in a checkout."""
NOT_SAID: Final = "not said"
_PLACE: Final = re.compile(r"\{\{ ([a-z_]+) \}\}")
VALUE_LIMIT: Final = 500


COMPLETED: Final = ("product base", "city")


@dataclass(frozen=True)
class Argument:
    """An argument of a prompt; `completes` is the kind of values that complete it."""

    name: str
    description: str
    required: bool
    example: str
    completes: str | None = None

    def __post_init__(self) -> None:
        if self.completes not in (None, *COMPLETED):
            raise TypeError(f"{self.name} completes none of: {', '.join(COMPLETED)}")

    def told(self) -> PromptArgument:
        """The argument in the form of the protocol."""
        example = f"{self.description}, e.g. {self.example}"
        return PromptArgument(name=self.name, description=example, required=self.required)


@dataclass(frozen=True)
class PromptFile:
    """One prompt as it is in its file."""

    name: str
    title: str
    description: str
    tools: tuple[str, ...]
    arguments: tuple[Argument, ...]
    body: str

    def render(self, given: Mapping[str, Any]) -> str:
        """The text of the prompt with its arguments filled in.

        Raises:
            MCPError: an argument is unknown, missing, too long or no text.
        """
        known = {argument.name for argument in self.arguments}
        if given.keys() - known:
            raise _invalid(f"{self.name} takes: {', '.join(sorted(known))}")
        filled = {a.name: _value(a, given.get(a.name)) for a in self.arguments}
        # All at once: a `{{ name }}` in what a person typed is not replaced.
        return _PLACE.sub(lambda place: filled[place.group(1)], self.body)

    def told(self) -> "CheckedPrompt":
        """The prompt in the form of the SDK."""
        return CheckedPrompt(
            name=self.name,
            title=self.title,
            description=self.description,
            arguments=[argument.told() for argument in self.arguments],
            fn=self.render,
            icons=None,
            context_kwarg=None,
            file=self,
        )


class CheckedPrompt(Prompt):
    """A prompt whose arguments are checked by its file, not by the SDK."""

    file: PromptFile = Field(exclude=True)

    async def render(
        self, arguments: dict[str, Any] | None, context: Context[Any, Any]
    ) -> list[Message] | InputRequiredResult:
        """Fill the prompt.

        Raises:
            MCPError: an argument is unknown, missing, too long or no text.
        """
        return [UserMessage(self.file.render(arguments or {}))]


@cache
def load_prompts() -> tuple[PromptFile, ...]:
    """All prompts, by name.

    Raises:
        ValueError: a file has no proper header, or a `{{ name }}` that is no argument.
    """
    folder = next(folder for folder in FOLDERS if folder.is_dir())
    return tuple(parse_prompt(p.stem, p.read_text("utf-8")) for p in sorted(folder.glob("*.md")))


def parse_prompt(name: str, text: str) -> PromptFile:
    """Read a prompt from the text of its file.

    Raises:
        ValueError: it has no proper header, or a `{{ name }}` that is no argument.
    """
    # Split only twice: the body may have "+++" lines of its own.
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0]:
        raise ValueError(f"prompt {name}: no header between +++ lines")
    try:
        header = tomllib.loads(parts[1])
        header["arguments"] = tuple(Argument(**each) for each in header.get("arguments", ()))
        header["tools"] = tuple(header["tools"])
        found = PromptFile(name, body=parts[2].strip(), **header)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"prompt {name}: the header is not complete: {error}") from error
    unknown = set(_PLACE.findall(found.body)) - {argument.name for argument in found.arguments}
    if unknown or "{{" in _PLACE.sub("", found.body):
        raise ValueError(f"prompt {name}: a place without an argument")
    return found


def register_prompts(server: MCPServer[Any], tools: Collection[str]) -> dict[tuple[str, str], str]:
    """Offer the prompts whose tools the server has. Returns (prompt, argument) -> the kind of value
    that completes it.
    """
    completed: dict[tuple[str, str], str] = {}
    for prompt in load_prompts():
        # Following a prompt whose tools are missing would end in a refusal.
        if not set(prompt.tools) <= set(tools):
            continue
        server.add_prompt(prompt.told())
        completed |= {(prompt.name, a.name): a.completes for a in prompt.arguments if a.completes}
    return completed


def _value(argument: Argument, given: Any) -> str:
    if given is not None and not isinstance(given, str):
        raise _invalid(f"{argument.name} must be a text")
    if given is not None and len(given) > VALUE_LIMIT:
        raise _invalid(f"{argument.name} must have at most {VALUE_LIMIT} characters")
    text = clean(given or "", VALUE_LIMIT)
    if not text and argument.required:
        raise _invalid(f"{argument.name} is needed, e.g. {argument.example}")
    return text or NOT_SAID


def _invalid(message: str) -> MCPError:
    return MCPError(code=INVALID_PARAMS, message=message)
