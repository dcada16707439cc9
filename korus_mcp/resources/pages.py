"""The interactive pages as resources, for hosts that show them beside a tool's answer."""

from collections.abc import Collection
from typing import Any, Final

from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import FileResource
from mcp.shared.uri_template import UriTemplate

from korus_mcp.resources.offering import OURS, Offered, Offering
from korus_mcp.ui.pages import PAGES, UiPage

META: Final[dict[str, Any]] = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}}}
"""That pages ask no network for anything. A host allows them none in any case; directories of
connectors want it said."""


def pages_of(names: Collection[str]) -> Apps:
    """The extension that carries the pages of these tools; their files are read when asked for."""
    apps = Apps()
    for page in _shown(names):
        apps.add_resource(
            FileResource(
                uri=page.uri,
                name=page.uri.rpartition("/")[2],
                title=page.title,
                description=page.description,
                mime_type=APP_MIME_TYPE,
                path=page.file.resolve(),
                encoding="utf-8",
                meta=META,
            )
        )
    return apps


def offer_pages(offering: Offering, names: Collection[str]) -> None:
    """State the cache hint of the pages: they change with the server's version only."""
    for page in _shown(names):
        offering.offered[page.uri] = Offered(UriTemplate.parse(page.uri), OURS, None)


def _shown(names: Collection[str]) -> list[UiPage]:
    # Several tools may have the same page: it is offered once.
    return list(dict.fromkeys(page for name, page in PAGES.items() if name in names))
