"""Links and lines that install the server into a program: each says one `Start` in its own way.

A link is opened by the program itself, which decodes it; a line is typed into a shell. Programs
that can ask a person for a value (VS Code, Goose) do, so that no secret needs to stand in a link.
"""

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

NAME: Final = "korus"
"""What programs call the server."""
PROGRAM: Final = "korus-mcp"
"""The command that starts it where it is installed; recipes name it until they are filled."""
REPOSITORY: Final = "https://github.com/korus-mcp/korus-mcp"
GOOSE_SECONDS: Final = 300
GOOSE_COMMANDS: Final = frozenset({"docker", "goosed", "jbang", "npx", "uvx"})
"""Goose starts no other command from a link."""


@dataclass(frozen=True)
class Start:
    """How a program starts the server.

    `asked` are variables for whose values the program asks its person, each with what it asks.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """The command with its arguments."""
        return self.command, *self.args

    @property
    def configuration(self) -> dict[str, Any]:
        """The form that most programs read of a server, without its name."""
        return self.entry("env")

    def entry(self, variables: str) -> dict[str, Any]:
        """The keys of a server's entry; `variables` is that of its variables, if it has any."""
        return {"command": self.command, "args": list(self.args), **self._env(variables)}

    def entry_of_words(self, variables: str) -> dict[str, Any]:
        """The same for programs in which the command is a list with its arguments."""
        return {"command": list(self.parts), **self._env(variables)}

    def _env(self, variables: str) -> dict[str, Any]:
        return {variables: dict(self.env)} if self.env else {}


def from_address(address: str) -> Start:
    """From a repository (git+https://...), or from a wheel that somebody built or was given."""
    return Start("uvx", ("--from", address, PROGRAM))


UNPUBLISHED: Final = from_address(f"git+{REPOSITORY}")
"""From the repository; what works while there is no package in the index."""
PUBLISHED: Final = Start("uvx", (PROGRAM,))
TODAY: Final = UNPUBLISHED
"""What the documents tell to type."""


def vscode(start: Start, *, insiders: bool = False) -> str:
    """The link of VS Code, or of its Insiders."""
    inputs = [
        {"id": _id(name), "type": "promptString", "description": asked, "password": True}
        for name, asked in start.asked.items()
    ]
    env = {**start.env, **{name: f"${{input:{_id(name)}}}" for name in start.asked}}
    said = {"name": NAME, **start.configuration}
    said |= ({"env": env} if env else {}) | ({"inputs": inputs} if inputs else {})
    scheme = "vscode-insiders" if insiders else "vscode"
    # It decodes the link twice: a percent sign of a value has to outlast the first time.
    return f"{scheme}:mcp/install?{_percent(_json(said).replace('%', '%25'))}"


def vscode_page(start: Start, *, insiders: bool = False) -> str:
    """A page that opens the link of VS Code: sites like GitHub show links to pages only.

    Raises:
        ValueError: a value holds a percent sign, or something is asked; the page takes neither.
    """
    if "%" in _json(start.configuration) or start.asked:
        raise ValueError("the page hands on plain values only")
    host, more = (
        ("insiders.vscode.dev", {"quality": "insiders"}) if insiders else ("vscode.dev", {})
    )
    query = {"name": NAME, "config": _json(start.configuration), **more}
    return f"https://{host}/redirect/mcp/install?{urlencode(query, quote_via=quote, safe='')}"


def cursor(start: Start) -> str:
    """The link of Cursor."""
    return f"cursor://anysphere.cursor-deeplink/mcp/install?{_in_base64(start)}"


def cursor_page(start: Start) -> str:
    """A page that opens the link of Cursor."""
    return f"https://cursor.com/en/install-mcp?{_in_base64(start)}"


def lm_studio(start: Start) -> str:
    """The link of LM Studio."""
    return f"lmstudio://add_mcp?{_in_base64(start)}"


def goose(start: Start, description: str) -> str:
    """The link of Goose, which asks for the values of all variables: a link names them only.

    Raises:
        ValueError: Goose would not start this command from a link.
    """
    if start.command not in GOOSE_COMMANDS:
        raise ValueError(f"Goose starts only {', '.join(sorted(GOOSE_COMMANDS))} from a link")
    query = [
        ("cmd", start.command),
        *(("arg", each) for each in start.args),
        ("id", NAME),
        ("name", NAME),
        ("description", description),
        ("timeout", str(GOOSE_SECONDS)),
        *(("env", name) for name in (*start.env, *start.asked)),
    ]
    return f"goose://extension?{urlencode(query, quote_via=quote, safe='')}"


def claude_code(start: Start) -> str:
    """The line for Claude Code. The name comes first: `-e` takes all that follows it."""
    variables = (word for pair in start.env.items() for word in ("-e", "=".join(pair)))
    return shlex.join(["claude", "mcp", "add", NAME, *variables, "--", *start.parts])


def codex(start: Start) -> str:
    """The line for Codex."""
    variables = (word for pair in start.env.items() for word in ("--env", "=".join(pair)))
    return shlex.join(["codex", "mcp", "add", NAME, *variables, "--", *start.parts])


def add_mcp(start: Start, programs: Sequence[str]) -> str:
    """The line that writes the files of several programs at once, for the whole of a user.

    Raises:
        ValueError: a part of the command holds a blank, where add-mcp would break it.
    """
    if any(re.search(r"\s", part) for part in start.parts):
        raise ValueError("add-mcp breaks a command at each blank")
    agents = (word for program in programs for word in ("-a", program))
    variables = (word for pair in start.env.items() for word in ("--env", "=".join(pair)))
    command = ["npx", ADD_MCP, " ".join(start.parts), "-n", NAME, "-y", "-g"]
    return shlex.join([*command, *agents, *variables])


ADD_MCP: Final = "add-mcp@2.4.0"


def _in_base64(start: Start) -> str:
    # Percent-encoded, too: a bare + would be read as a blank.
    config = b64encode(_json(start.configuration).encode()).decode()
    return f"name={NAME}&config={_percent(config)}"


def _id(name: str) -> str:
    return name.lower()


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def _percent(text: str) -> str:
    return quote(text, safe="")
