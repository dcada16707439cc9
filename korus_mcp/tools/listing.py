"""The list of tools as hosts see it, generated beforehand, so that a start builds no schemas.

`make readme` writes listing.json from the tools' own files; a test compares.
"""

import json
import logging
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

from anyio import to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult

from korus_mcp.access.policy import BROWSE_TOOLS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.settings import Content
from korus_mcp.tools import declared

LISTING: Final = Path(__file__).with_name("listing.json")
_log = logging.getLogger(__name__)


class ProgramReplaced(Exception):
    """The files of this package are not those that the server was started from."""


def _installed() -> tuple[int, int, int]:
    """What tells one installation of the package from the next."""
    found = LISTING.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


_STARTED_FROM: Final = _installed()


class ListedTool(Tool):
    """A tool from listing.json, whose code is imported at its first call."""

    content: Content

    @cached_property
    def imported(self) -> Tool:
        """The tool from its own file."""
        from korus_mcp.tools.declare import callable_only

        return callable_only(declared(self.name), self.content)

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool."""
        # Only the first call waits for the import; the database code is for tools that book.
        if "imported" not in vars(self):
            try:
                await to_thread.run_sync(self._import, self.name not in BROWSE_TOOLS)
            except Exception:  # noqa: BLE001 - logged; its message is no answer for a model
                _log.exception("%s could not be imported", self.name)
                return _replaced()
        return await self.imported.run(arguments, context, convert_result)

    def _import(self, with_journal: bool) -> None:
        """Import what the tool needs. Run in a thread: the journal takes a third of a second.

        Raises:
            Exception: what the import raised.
            ProgramReplaced: what would be imported is of another version than what runs.
        """
        # An upgrade replaces files beneath a server that runs. Code of two versions must not meet
        # in a booking, even where it can be imported.
        if _installed() != _STARTED_FROM:
            raise ProgramReplaced
        _ = self.imported
        if with_journal:
            import korus_mcp.booking.services
            import korus_mcp.journal.sql  # noqa: F401 - imported to be there


def _replaced() -> CallToolResult:
    from korus_mcp.tools.declare import failure

    return failure(
        Refusal(
            Code.MISCONFIGURED,
            "This server's program was replaced or removed while it ran; nothing was done.",
            "Tell the person to start this server anew, in the program that runs it.",
        )
    )


def listed_tools(names: tuple[str, ...], content: Content) -> list[Tool]:
    """The tools of these names, in this order."""
    # In the given order, which is that of a booking: hosts show tools as they are listed.
    listing = {each["name"]: each for each in json.loads(LISTING.read_bytes())}
    return [_listed(listing[name], content) for name in names]


def _listed(description: dict[str, Any], content: Content) -> ListedTool:
    schema = None if content is Content.TEXT else description["outputSchema"]
    # The SDK's Tool requires a function and metadata; neither is ever used.
    return ListedTool(
        fn=_never,
        name=description["name"],
        title=description["title"],
        description=description["description"],
        parameters=description["inputSchema"],
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=schema),
        is_async=True,
        annotations=description["annotations"],
        meta=description.get("_meta"),
        content=content,
    )


def _never() -> NoReturn:
    raise AssertionError("a listed tool runs the one that is imported")  # pragma: no cover
