"""A process that is killed while its sandbox keeps an order: the next one finds it, or nothing."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from korus_mcp.foundation.clock import SystemClock
from tests.crash.child import LEASE_SECONDS
from tests.crash.keeping_child import POINTS
from tests.fixtures.assistant import Json
from tests.fixtures.hosts import child_environment, stdio_server
from tests.fixtures.one_call import MUSEUM, Host

pytestmark = pytest.mark.anyio


async def killed_by(wish: Json, dying: StdioServerParameters, host: Host) -> None:
    """Place the order with a server that dies of it."""
    answered = None
    with suppress(Exception), anyio.fail_after(60):  # whatever a client says of an ended server
        async with Client(dying, client_info=host.introduced) as client:
            answered = await client.call_tool("place_order", wish)
    assert answered is None


def orders_in(folder: Path) -> int:
    (path,) = (folder / "sandbox").glob("sandbox-any-0.sqlite")
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT kind, count(*) FROM record GROUP BY kind"
        kinds = dict(db.execute(query).fetchall())
        ordered = db.execute(
            "SELECT count(*) FROM record WHERE kind = 'hold' AND json_extract(body, '$.order_id')"
            " IS NOT NULL"
        ).fetchone()[0]
    assert kinds.get("order", 0) == ordered, "a hold and its order change together"
    assert kinds.get("ticket", 0) == 2 * kinds.get("order", 0)
    return int(kinds.get("order", 0))


@pytest.mark.parametrize("point", POINTS)
async def test_an_order_is_there_or_not_and_the_next_process_says_which(
    point: str, tmp_path: Path
) -> None:
    environment = child_environment(tmp_path, PROFILE="service-desk")
    one = Host(environment)
    async with one.staying():
        reservation = await one.held(await one.bookable(MUSEUM, 4) | {"quantity": 2})
        wish = await one.confirmed(reservation)
    dying = stdio_server({**environment, "CRASH_POINT": point}, module="tests.crash.keeping_child")
    await killed_by(wish, dying, one)
    is_made = point == "after the commit"
    assert orders_in(tmp_path) == int(is_made)
    await anyio.sleep(LEASE_SECONDS)
    async with one.staying():
        seen = await one.call("get_reservation", reservation_ids=[reservation])
        again = await one.call("place_order", **wish)
        found = await one.call("find_orders", created_from=f"{SystemClock().now():%Y-%m-%d}")
    state = "ordered" if is_made else "in_doubt"
    assert seen["reservations"][0]["state"] == state
    assert again["state"] == state
    assert orders_in(tmp_path) == int(is_made), "an order in doubt is never sent again"
    assert len(found.get("orders", ())) == int(is_made)


async def test_a_hold_whose_process_was_killed_does_not_stop_the_next(tmp_path: Path) -> None:
    """The lock of a killed writer ends with it."""
    environment = child_environment(tmp_path, PROFILE="service-desk")
    one = Host(environment)
    async with one.staying():
        item = await one.bookable(MUSEUM, 8) | {"quantity": 2}
        reservation = await one.held(item)
        wish = await one.confirmed(reservation)
    killed = {**environment, "CRASH_POINT": "in the transaction"}
    dying = stdio_server(killed, module="tests.crash.keeping_child")
    await killed_by(wish, dying, one)
    assert await one.held(item, again=True) != reservation
