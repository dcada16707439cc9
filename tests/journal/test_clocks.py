"""A journal whose clock is set back or ahead strands nothing and drops nothing.

For PostgreSQL's a function of the same name as its own stands before it in the search path.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import Connection

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import Journal
from korus_mcp.journal.engine import Database
from korus_mcp.journal.records import LeaseLost
from korus_mcp.journal.sql import SqlJournal
from tests.journal.memory import MemoryJournal
from tests.journal.rows import FENCE, MINE, NOW, OTHER, approval, claimed, hold, intent, sent

pytestmark = pytest.mark.anyio
BACK, AHEAD = timedelta(minutes=-10), timedelta(days=2)
NEVER = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass
class TurnedClock(SystemClock):
    """A clock that somebody set."""

    by: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The time, as it was set."""
        return super().now() + self.by


@dataclass
class Turned:
    """A journal, and how to set its clock."""

    journal: Journal
    turn: Callable[[timedelta], Awaitable[None]]


_MADE = (
    "CREATE SCHEMA turned",
    "CREATE TABLE turned.by (microseconds BIGINT)",
    "INSERT INTO turned.by VALUES (0)",
    "CREATE FUNCTION turned.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS"
    " 'SELECT pg_catalog.clock_timestamp()"
    " + (SELECT microseconds FROM turned.by) * interval ''1 microsecond'''",
)


@pytest.fixture(params=["model", "sqlite", "postgres"])
async def turned(
    request: pytest.FixtureRequest, sql_url: Callable[[str], str]
) -> AsyncIterator[Turned]:
    clock = TurnedClock()

    async def turn(by: timedelta) -> None:
        clock.by = by

    if request.param == "model":
        yield Turned(MemoryJournal(clock), turn)
        return
    url = sql_url(request.param)
    if request.param == "sqlite":
        journal = SqlJournal.at(url, "account", clock=clock, audit_key="a key")
        yield Turned(journal, turn)
        await journal.close()
        return
    database = Database(url, clock=SystemClock())

    async def ran(*statements: str) -> None:
        def work(connection: Connection) -> None:
            for each in statements:
                connection.exec_driver_sql(each)

        await database.run(work, writes=True)

    async def turn_server(by: timedelta) -> None:
        await ran(f"UPDATE turned.by SET microseconds = {by // timedelta(microseconds=1)}")

    await ran(*_MADE)
    options = quote("-c search_path=turned,public,pg_catalog")
    away = f"{url}?options={options}"
    journal = SqlJournal.at(away, "account", clock=SystemClock(), audit_key="a key")
    yield Turned(journal, turn_server)
    await journal.close()
    await database.close()


async def test_what_a_dead_sender_left_is_taken_over_though_its_lease_seems_to_last(
    turned: Turned,
) -> None:
    await sent(turned.journal, intent("lost", "r1"), lease=MINE)
    assert list(await turned.journal.take_over(OTHER)) == [], "its sender may live"
    await turned.turn(BACK)
    assert [each.id for each in await turned.journal.take_over(OTHER)] == ["lost"]


async def test_a_sender_whose_lease_the_clock_ended_does_not_send(turned: Turned) -> None:
    for by in (BACK, AHEAD):
        name = f"by {by}"
        await turned.turn(timedelta())
        await claimed(turned.journal, one := intent(name, name), lease=MINE)
        await turned.turn(by)
        again = intent(f"{name} again", name)
        await claimed(turned.journal, again, lease=OTHER)
        with pytest.raises(LeaseLost):
            await turned.journal.start_sending(one, lease=MINE, sent_at=NOW, fence_at=FENCE)
        await turned.journal.start_sending(again, lease=OTHER, sent_at=NOW, fence_at=FENCE)


async def test_a_lease_lasts_when_the_clock_is_set_back_a_little(turned: Turned) -> None:
    await sent(turned.journal, intent("a", "r1"), lease=MINE)
    await turned.turn(timedelta(seconds=-2))
    assert list(await turned.journal.take_over(OTHER)) == []
    assert await turned.journal.renew("a", MINE)


async def test_a_reserve_call_past_its_fence_is_no_obstacle_though_its_lease_seems_to_last(
    turned: Turned,
) -> None:
    await turned.journal.begin_hold(hold("h1"), MINE)
    late = hold("h2", sent_at=FENCE)
    assert await turned.journal.begin_hold(late, MINE) is not None, "its sender may live"
    await turned.turn(BACK)
    assert await turned.journal.begin_hold(late, MINE) is None


async def test_what_one_person_agreed_to_stays_when_another_does(turned: Turned) -> None:
    journal, now = turned.journal, SystemClock().now()
    mine = approval("mine", expires_at=now + timedelta(minutes=5))
    await journal.approve(mine, now=now)
    await turned.turn(AHEAD)
    await journal.approve(approval("another", expires_at=NEVER), now=now)
    await turned.turn(timedelta())
    await journal.approve(approval("a third", expires_at=NEVER), now=now + AHEAD)
    assert (await journal.approvals(["mine"])) == {"mine": mine}
    await turned.turn(AHEAD)
    await journal.approve(approval("a fourth", expires_at=NEVER), now=now + AHEAD)
    assert (await journal.approvals(["mine"])) == {}, "it expired more than a day ago"


async def test_a_sweep_is_due_though_the_last_one_seems_to_come(turned: Turned) -> None:
    every = timedelta(days=1)
    await turned.turn(AHEAD)
    assert await turned.journal.begin_sweep(every=every)
    await turned.turn(timedelta())
    assert await turned.journal.begin_sweep(every=every), "that one may have died"
    await turned.turn(AHEAD)
    await turned.journal.sweep_done()
    await turned.turn(timedelta())
    assert await turned.journal.begin_sweep(every=every)
