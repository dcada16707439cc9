"""The list of tools as hosts see it, generated beforehand, so that a start builds no schemas.

`make readme` writes listing.json from the tools' own files; a test compares.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

from anyio import to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata

from korus_mcp.access.policy import BROWSE_TOOLS
from korus_mcp.settings import Content
from korus_mcp.tools import declared

LISTING: Final = Path(__file__).with_name("listing.json")


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
            await to_thread.run_sync(self._import, self.name not in BROWSE_TOOLS)
        return await self.imported.run(arguments, context, convert_result)

    def _import(self, with_journal: bool) -> None:
        """Import what the tool needs. Run in a thread: the journal takes a third of a second."""
        _ = self.imported
        if with_journal:
            import korus_mcp.booking.services
            import korus_mcp.journal.sql  # noqa: F401 - imported to be there


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
