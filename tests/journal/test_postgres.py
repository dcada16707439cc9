"""Databases as companies have them: each way in which one fails is told apart, and it heals."""

import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest
import trustme
from sqlalchemy import Connection, text

from korus_mcp.answers.explanations import explained
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.database_addresses import problem_of
from korus_mcp.foundation.refusals import Code
from korus_mcp.journal import postgres as server
from korus_mcp.journal.engine import Database
from korus_mcp.journal.faults import fault_of
from korus_mcp.journal.records import JournalDown, JournalFault, OrderResult
from korus_mcp.journal.sql import SqlJournal
from tests.fixtures.postgres import Cluster, cluster, programs
from tests.journal.rows import FENCE, MINE, NOW, approval, claimed, intent, sent

pytestmark = pytest.mark.anyio
PASSWORD = "canary@pass word/:?#%"
CANARY = "canary"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def guarded(authority: trustme.CA) -> Iterator[Cluster]:
    """A server that asks for passwords, and gives TLS to some and not to others."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with cluster(found) as running:
        certificate = authority.issue_cert("localhost")
        chain = b"".join(each.bytes() for each in certificate.cert_chain_pems).decode()
        running.add("server.crt", chain)
        running.add("server.key", certificate.private_key_pem.bytes().decode())
        rules = (
            "hostssl all secured 127.0.0.1/32 scram-sha-256",
            "hostnossl all secured 127.0.0.1/32 reject",
            "host all shop,few,guest 127.0.0.1/32 scram-sha-256",
        )
        running.add("pg_hba.conf", "\n".join((*rules, "")), before=True)
        literal = PASSWORD.replace("'", "''")
        running.run(
            "ALTER SYSTEM SET ssl = on",
            *(f"CREATE ROLE {name} LOGIN PASSWORD '{literal}'" for name in USERS),
            "ALTER ROLE few CONNECTION LIMIT 0",
            "GRANT ALL ON DATABASE postgres TO PUBLIC",
        )
        running.control("restart")
        yield running


USERS = ("shop", "secured", "few", "guest")


def address(running: Cluster, user: str, *, database: str, host: str = "127.0.0.1") -> str:
    """The address of a database for a user whose password has to be encoded."""
    return f"postgres://{user}:{quote(PASSWORD, safe='')}@{host}:{running.port}/{database}"


@pytest.fixture
def owned(guarded: Cluster) -> str:
    """The address of a database that its user may do everything in."""
    name = guarded.new_database().rpartition("/")[2]
    for user in USERS[:3]:
        guarded.run(f"GRANT {user} TO korus", f"ALTER DATABASE {name} OWNER TO shop")
    guarded.run(f"GRANT ALL ON DATABASE {name} TO PUBLIC")
    return address(guarded, "shop", database=name)


def journal_at(url: str) -> SqlJournal:
    return SqlJournal.at(url, "account", clock=SystemClock(), audit_key="a key")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlJournal]:
    journal = journal_at(url)
    try:
        yield journal
    finally:
        await journal.close()


async def fault_at(url: str) -> JournalFault:
    """How a journal at this address fails; no word of its password is in what is said."""
    async with opened(url) as journal:
        with pytest.raises(JournalDown) as down:
            await journal.installation()
        # Sockets of a failed handshake close in the next turns of the loop.
        await anyio.sleep(0.05)
    assert CANARY not in "".join(traceback.format_exception(down.value))
    refusal = explained(down.value)
    assert CANARY not in repr(refusal)
    fault = down.value.fault
    assert refusal.code is (Code.SERVER_BUSY if fault.is_passing else Code.MISCONFIGURED)
    assert (refusal.retry_after_seconds is not None) == fault.is_passing
    return fault


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert CANARY not in caplog.text


# Each told apart


async def test_a_password_with_any_characters_is_understood(owned: str) -> None:
    async with opened(owned) as journal:
        await journal.installation()


async def test_a_wrong_password_is_told(owned: str) -> None:
    assert await fault_at(owned.replace("pass", "other")) is JournalFault.REFUSED


async def test_a_missing_database_is_told(guarded: Cluster) -> None:
    url = address(guarded, "shop", database="nowhere")
    assert await fault_at(url) is JournalFault.NO_DATABASE


async def test_a_user_who_may_not_make_tables_is_told(owned: str) -> None:
    assert await fault_at(owned.replace("shop", "guest")) is JournalFault.NO_RIGHT


async def test_too_many_connections_are_told(owned: str) -> None:
    assert await fault_at(owned.replace("shop", "few")) is JournalFault.TOO_MANY


async def test_a_user_who_is_let_in_with_tls_only_is_told(guarded: Cluster) -> None:
    url = address(guarded, "secured", database="postgres")
    assert await fault_at(f"{url}?sslmode=disable") is JournalFault.NOT_LET_IN


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_is_told(mode: str, postgres: Cluster) -> None:
    url = f"{postgres.new_database()}?sslmode={mode}"
    assert await fault_at(url) is JournalFault.TLS


async def test_a_certificate_that_cannot_be_verified_is_told(
    guarded: Cluster, owned: str, tmp_path: Path
) -> None:
    mine, other = tmp_path / "mine.crt", tmp_path / "other.crt"
    trustme.CA().cert_pem.write_to_path(str(other))
    wrong = f"?sslmode=verify-full&sslrootcert={quote(str(other), safe='')}"
    assert await fault_at(owned + wrong) is JournalFault.TLS
    assert await fault_at(f"{owned}?sslrootcert=system") is JournalFault.TLS
    mine.write_bytes(b"no certificate")
    broken = f"?sslmode=verify-full&sslrootcert={quote(str(mine), safe='')}"
    assert await fault_at(owned + broken) is JournalFault.TLS


async def test_a_certificate_of_an_authority_of_ones_own_is_verified(
    owned: str, authority: trustme.CA, tmp_path: Path
) -> None:
    file = tmp_path / "root.crt"
    authority.cert_pem.write_to_path(str(file))
    verified = f"?sslmode=verify-full&sslrootcert={quote(str(file), safe='')}"
    async with opened(owned.replace("127.0.0.1", "localhost") + verified) as journal:
        await journal.installation()
    # The certificate is for a name, and this is none of it.
    assert await fault_at(owned + verified) is JournalFault.TLS


async def test_a_server_that_is_away_is_told() -> None:
    url = f"postgresql://shop:{CANARY}@127.0.0.1:1/name"
    assert await fault_at(url) is JournalFault.UNREACHABLE


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (socket.EAI_NONAME, JournalFault.UNKNOWN_HOST),
        (socket.EAI_AGAIN, JournalFault.UNREACHABLE),
    ],
)
def test_an_unknown_host_is_told_and_a_silent_resolver_is_not_one(
    code: int, fault: JournalFault
) -> None:
    assert fault_of(socket.gaierror(code, "words"), connecting=True) is fault


async def test_of_several_servers_the_one_that_is_there_is_used(owned: str) -> None:
    async with opened(owned.replace("@", "@127.0.0.1:1,", 1)) as journal:
        await journal.installation()


async def test_no_driver_error_crashes_or_tells_a_password(owned: str) -> None:
    """Whatever an address may hold: it is refused at the start, or the journal works."""
    queries = (
        "channel_binding=prefer",
        "connect_timeout=5",
        "application_name=canary",
        "options=-c%20statement_timeout%3D9000",
        "target_session_attrs=read-write",
        "target_session_attrs=primary",
        "statement_cache_size=0",
        "prepared_statement_cache_size=0",
        "pgbouncer=true",
        "gssencmode=prefer",
        "sslmode=require",
        "ssl=allow",
        "ssl_min_protocol_version=TLSv1.2",
    )
    for query in queries:
        url = f"{owned}?{query}"
        assert problem_of(url) is None
        async with opened(url) as journal:
            await sent(journal, intent(query, query, approved_total=Decimal(1)))
            assert await journal.intents_of([query])


# It heals


def ran(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(statement)).scalar_one()


async def test_a_session_that_may_not_write_is_left_as_soon_as_another_may(
    owned: str, guarded: Cluster
) -> None:
    name = owned.rpartition("/")[2]
    async with opened(owned) as journal:
        await sent(journal, intent("a", "r1"))
        guarded.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await journal.close()  # so that its connections are of that time
        for _ in range(2):
            with pytest.raises(JournalDown) as down:
                await journal.settle("a", OrderResult({"r1": "o1"}))
            assert down.value.fault is JournalFault.READ_ONLY
        guarded.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await journal.settle("a", OrderResult({"r1": "o1"}))).is_final


async def test_sessions_of_a_pool_that_may_not_write_are_made_anew(
    owned: str, guarded: Cluster
) -> None:
    name = owned.rpartition("/")[2]
    async with opened(owned) as journal:
        await sent(journal, intent("a", "r1"))
        # As after a time in which the name led to a standby: old sessions stay as they were.
        guarded.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        server_ = journal._database._connections
        assert isinstance(server_, server.Server)
        await server_._engine.dispose()
        await journal.intents_of(["r1"])
        guarded.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await journal.settle("a", OrderResult({"r1": "o1"}))).is_final


async def test_a_server_that_was_started_anew_is_used_again(owned: str, guarded: Cluster) -> None:
    async with opened(owned) as journal:
        await sent(journal, intent("a", "r1"))
        guarded.control("stop")
        try:
            with pytest.raises(JournalDown) as down:
                await journal.settle("a", OrderResult({"r1": "o1"}))
        finally:
            guarded.control("start")
        assert down.value.fault.is_passing
        assert (await journal.settle("a", OrderResult({"r1": "o1"}))).is_final


@pytest.mark.parametrize("code", ["57P01", "57P02", "57P03"])
def test_a_server_that_stops_or_starts_is_told(code: str) -> None:
    class Answered(Exception):
        sqlstate = code

    assert fault_of(Answered(), connecting=True) is JournalFault.RESTARTING


async def test_a_statement_that_takes_too_long_is_told(owned: str) -> None:
    database = Database(f"{owned}?options=-c%20statement_timeout%3D50", clock=SystemClock())
    with pytest.raises(JournalDown) as down:
        await database.run(ran("SELECT pg_sleep(5)"), writes=True)
    assert down.value.fault is JournalFault.SLOW
    await database.close()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_the_servers_default_isolation_makes_no_booking_fail(
    level: str, owned: str, guarded: Cluster
) -> None:
    name = owned.rpartition("/")[2]
    guarded.run(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    journals = [journal_at(owned) for _ in range(4)]

    async def book(journal: SqlJournal, number: int) -> None:
        yes = approval(f"nonce of i{number}", expires_at=datetime(9000, 1, 1, tzinfo=UTC))
        await journal.approve(yes)
        await sent(journal, intent(f"i{number}", f"r{number}", approved_total=Decimal(1)))
        await journal.settle(f"i{number}", OrderResult({f"r{number}": f"o{number}"}))

    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(book, journals[number % 4], number)
    assert await journals[0].unfinished() == 0
    for journal in journals:
        await journal.close()


async def test_tables_may_take_longer_to_make_than_a_booking_waits(
    owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.2)

    def make(self: Database, connection: Connection) -> None:
        ran("SELECT pg_sleep(0.6)::text")(connection)

    monkeypatch.setattr(Database, "_made", make)
    database = Database(owned, clock=SystemClock())
    await database.run(ran("SELECT 1"), writes=False)
    with pytest.raises(JournalDown) as down:
        await database.run(ran("SELECT pg_sleep(5)::text"), writes=False)
    assert down.value.fault is JournalFault.SLOW
    await database.close()


# What is written down is durable


@pytest.fixture
def waiting(owned: str, guarded: Cluster) -> Iterator[str]:
    """The address of a database whose commits wait for a standby that does not answer."""
    guarded.run("ALTER SYSTEM SET synchronous_standby_names = 'away'", "SELECT pg_reload_conf()")
    try:
        yield owned
    finally:
        guarded.run("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


async def test_a_commit_whose_wait_for_the_standby_was_cancelled_counts_as_none(
    owned: str, guarded: Cluster, request: pytest.FixtureRequest
) -> None:
    async with opened(owned) as journal:
        await claimed(journal, one := intent("a", "r1"))
        request.getfixturevalue("waiting")
        faults = list[JournalFault]()

        async def send() -> None:
            with pytest.raises(JournalDown) as down:
                await journal.start_sending(one, lease=MINE, sent_at=NOW, fence_at=FENCE)
            faults.append(down.value.fault)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            with anyio.fail_after(60):
                while not faults:
                    await anyio.to_thread.run_sync(guarded.told, CANCEL)
        assert faults == [JournalFault.NOT_DURABLE]


async def test_every_transaction_waits_for_the_disk_whatever_the_default(
    owned: str, guarded: Cluster
) -> None:
    name = owned.rpartition("/")[2]
    guarded.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database = Database(owned, clock=SystemClock())
    assert await database.run(ran("SHOW synchronous_commit"), writes=True) == "on"
    await database.close()


async def test_a_transaction_that_does_not_wait_for_the_disk_is_refused(
    owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that leaves out what it does not know."""
    told = server._WITHIN.replace("SET LOCAL synchronous_commit = on", "SELECT 1")
    assert told != server._WITHIN
    monkeypatch.setattr(server, "_WITHIN", f"SET LOCAL synchronous_commit = off; {told}")
    assert await fault_at(owned) is JournalFault.NOT_DURABLE
