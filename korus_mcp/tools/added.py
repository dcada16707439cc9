"""Arguments that hosts add to the calls of their models, and that no model can leave out.

They are dropped before a call is read. Every other unknown argument is refused: it is a mistake of
the model's, which would otherwise believe that it counted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Added:
    """What one host adds: the versions that do, the names, and where that can be read."""

    host: str
    versions: str
    names: frozenset[str]
    source: str


ADDED: Final = (
    Added(
        "Gemini CLI",
        "0.61.0",
        frozenset({"wait_for_previous"}),
        "offered to the model beside the arguments of every tool, and passed on",
    ),
    Added(
        "n8n, MCP Client Tool",
        "before 2.2.5",
        frozenset({"toolCallId", "sessionId", "action", "chatInput"}),
        "https://github.com/n8n-io/n8n/issues/21716, .../issues/22787, mended by .../pull/23167",
    ),
)


def without_added(arguments: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The arguments of a call without those that its host added; `own` are those of the tool.

    A name that is one of the tool's in another spelling, such as `sessionId`, may be the model's:
    it is only dropped beside another one of the same host.
    """
    sent = set(arguments)
    dropped: set[str] = set()
    for added in ADDED:
        found = added.names & sent
        misspelled = {_plain(name) for name in own}
        alike = {name for name in found if _plain(name) in misspelled}
        dropped |= found if len(found) > 1 else found - alike
    return {name: value for name, value in arguments.items() if name not in dropped}


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
