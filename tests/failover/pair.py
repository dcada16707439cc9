"""Two PostgreSQL servers behind one address, and the ways in which a company loses one.

Their users may be behind a PgBouncer, which knows that address alone.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import SocketStream, TaskGroup

from tests.fixtures.pooler import Pooler, pooler
from tests.fixtures.postgres import SUPERUSER, Cluster, cluster, free_port, standby_of

_Thing = TypeVar("_Thing")
DATABASE: Final = "journal"
POOLED: Final = 20
"""Connections that a pooler keeps to the primary."""
RETRY_SECONDS: Final = 0.5
"""How soon a pooler looks for the primary again. By default it takes 15 s, by when an order that
was on its way has arrived: then nothing could be sent twice.
"""
CANCELLED: Final = (
    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
)


async def in_thread(work: Callable[[], _Thing]) -> _Thing:
    """The result of what blocks."""
    return await to_thread.run_sync(work)


@dataclass
class Switch:
    """One address for whichever server is the primary."""

    port: int
    target: int
    _open: set[SocketStream] = field(default_factory=set)

    async def serve(self, tasks: TaskGroup) -> None:
        """Pass connections on, for ever."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self.port)
        tasks.start_soon(listener.serve, self._passed)

    async def point_at(self, port: int) -> None:
        """Lead new connections elsewhere, and cut those there are."""
        self.target = port
        for stream in list(self._open):
            await stream.aclose()

    async def _passed(self, client: SocketStream) -> None:
        try:
            server = await anyio.connect_tcp("127.0.0.1", self.target)
        except OSError:
            await client.aclose()
            return
        self._open |= {client, server}
        async with anyio.create_task_group() as both:
            for one, other in ((client, server), (server, client)):
                both.start_soon(self._copied, one, other)
        self._open -= {client, server}

    async def _copied(self, one: SocketStream, other: SocketStream) -> None:
        try:
            async for chunk in one:
                await other.send(chunk)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            pass  # the other direction ends, too
        with anyio.CancelScope(shield=True):
            await one.aclose()
            await other.aclose()


@dataclass
class Pair:
    """A primary with a standby, if there is one, and the address of their journal."""

    primary: Cluster
    standby: Cluster | None
    switch: Switch
    folder: Path
    pooler: Pooler | None = None

    @property
    def address(self) -> str:
        """The address of the journal."""
        address = f"postgresql://{SUPERUSER}@127.0.0.1:{self.switch.port}/{DATABASE}"
        return address if self.pooler is None else self.pooler.before(address)

    async def lag(self) -> None:
        """Have the standby follow no more."""
        standby = self._standby
        cut = "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"
        await in_thread(lambda: standby.run(*cut))
        following = "SELECT count(*) FROM pg_stat_replication"
        while await in_thread(lambda: self.primary.told(following)) != "0":  # noqa: ASYNC110 - another process
            await anyio.sleep(0.05)

    async def caught_up(self) -> None:
        """Wait until the standby has all that the primary wrote."""
        behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()"
        with anyio.move_on_after(10):
            while await in_thread(lambda: self.primary.told(behind)) != "0":  # noqa: ASYNC110 - another process
                await anyio.sleep(0.05)

    async def fail_over(self) -> None:
        """Kill the primary and promote the standby behind its address."""
        standby = self._standby
        await in_thread(self.primary.kill)
        await in_thread(lambda: standby.control("promote"))
        # Nobody follows the new primary, so its commits wait for nobody.
        alone = "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"
        await in_thread(lambda: standby.run(*alone))
        await self.switch.point_at(standby.port)

    async def start_anew(self) -> None:
        """Kill the primary and start it again."""
        await in_thread(self.primary.kill)
        await in_thread(lambda: self.primary.control("start"))

    async def replicate_synchronously(self) -> None:
        """Have each commit wait for the standby."""
        wait = "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"
        await in_thread(lambda: self.primary.run(*wait))

    async def cancel_waits(self) -> None:
        """Cancel every wait for the standby, for ever."""
        while True:
            await in_thread(lambda: self.primary.told(CANCELLED))

    async def dump(self) -> None:
        """Write a dump of the journal."""
        await in_thread(lambda: self.primary.dump(DATABASE, self._dumped))

    async def restore(self) -> None:
        """Restore that dump."""
        await in_thread(lambda: self.primary.restore(DATABASE, self._dumped))

    @property
    def _dumped(self) -> Path:
        return self.folder / "dump"

    @property
    def _standby(self) -> Cluster:
        assert self.standby is not None
        return self.standby


@contextmanager
def _clusters(programs: Path, *, is_pair: bool) -> Iterator[tuple[Cluster, Cluster | None]]:
    with ExitStack() as stack:
        primary = stack.enter_context(cluster(programs))
        primary.run(f"CREATE DATABASE {DATABASE}")
        yield primary, stack.enter_context(standby_of(primary)) if is_pair else None


@contextmanager
def _pooled(program: str | None, primary: Cluster, port: int) -> Iterator[Pooler | None]:
    """A pooler before the port of a primary, if there is to be one."""
    if program is None:
        yield None
        return
    behind = replace(primary, port=port)
    with pooler(
        program, behind, "transaction", servers=POOLED, retry_seconds=RETRY_SECONDS
    ) as running:
        yield running


@asynccontextmanager
async def pair(
    programs: Path, *, is_pair: bool, pooler_program: str | None = None
) -> AsyncIterator[Pair]:
    """A primary, with a standby that follows it if it is to be a pair, behind a PgBouncer if the
    program of one is given.
    """
    made = _clusters(programs, is_pair=is_pair)
    primary, standby = await in_thread(made.__enter__)
    try:
        async with anyio.create_task_group() as tasks:
            switch = Switch(free_port(), primary.port)
            await switch.serve(tasks)
            with _pooled(pooler_program, primary, switch.port) as before:
                yield Pair(primary, standby, switch, primary.data.parent, before)
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await in_thread(lambda: made.__exit__(None, None, None))
