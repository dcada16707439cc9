"""What the tests of resources share: the services behind a desk, and a catalog read completely."""

import anyio

from korus_mcp.app import App
from korus_mcp.server.composition import KorusServer
from tests.fixtures.assistant import Desk


def services(desk: Desk) -> App:
    """What runs in the server of a desk."""
    assert isinstance(desk.client.server, KorusServer)
    return desk.client.server.running.app


async def filled(desk: Desk) -> None:
    """Wait until the catalog was read completely, or could not be renewed."""
    mirror = services(desk).mirror
    shelf = await mirror.searchable("en")
    with anyio.fail_after(60):
        while shelf.is_crawling:  # noqa: ASYNC110 - nobody tells when a thread has written
            await anyio.sleep(0.002)
    assert (await mirror.state("en")).is_complete
