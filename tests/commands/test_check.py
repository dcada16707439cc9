"""korus-mcp check: each step says what is so, what is wrong and what to do, and nothing stays."""

import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import ByteStream

from korus_mcp.commands import check
from korus_mcp.commands.check import CheckFindings, State, run_check
from korus_mcp.commands.cli import EXIT_MISCONFIGURED, main
from korus_mcp.foundation.clock import ManualClock, SystemClock
from korus_mcp.foundation.private_files import NotPrivate, try_folder
from korus_mcp.journal.opening import journal_of
from korus_mcp.journal.records import JournalFault
from korus_mcp.sandbox import Answer, NotAnObject, Oversize, SandboxOptions, served_sandbox
from korus_mcp.settings import Profile, Settings, read_settings
from tests.api.test_way_out import Proxy, secure_server
from tests.fixtures.assistant import SEED, handle_of
from tests.fixtures.hosts import child_environment, free_port
from tests.fixtures.postgres import Cluster
from tests.fixtures.provider import FakeProvider
from tests.journal.rows import intent, sent

IN_ORDER = (
    "settings",
    "network",
    "journal",
    "cache",
    "downloads",
    "token",
    "catalogs",
    "reading",
    "clock",
    "documents",
    "contract",
    "orders",
)
HERE = "http://127.0.0.1"


def steps_of(
    environment: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
    *,
    clock: ManualClock | None = None,
) -> dict[str, tuple[str, str]]:
    """State and text of each step by its name. The exit code says whether one is broken."""
    capsys.readouterr()
    code = run_check(read_settings(environment), as_json=True, clock=clock)
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found.keys() == {"steps"}
    for step in found["steps"]:
        assert step.keys() == {"name", "state", "text"}
        assert step["state"] in list(State)
        assert step["name"] in (*IN_ORDER, "sign-in")
    assert code == int(any(step["state"] == "BROKEN" for step in found["steps"]))
    assert environment.get("KORUS_CLIENT_SECRET", "-") not in said.out.replace("-", "")
    return {step["name"]: (step["state"], step["text"]) for step in found["steps"]}


def folders(folder: Path) -> dict[str, str]:
    """Settings by which everything is kept below a folder."""
    return {k: v for k, v in child_environment(folder).items() if k.startswith("KORUS_")}


@asynccontextmanager
async def served(folder: Path, **given: str) -> AsyncIterator[dict[str, str]]:
    """A shop with an account at a served sandbox, and folders of its own."""
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        yield {
            **folders(folder),
            **world.environment,
            **{f"KORUS_{k}": v for k, v in given.items()},
        }


async def checked(
    environment: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
    *,
    clock: ManualClock | None = None,
) -> dict[str, tuple[str, str]]:
    return await anyio.to_thread.run_sync(partial(steps_of, environment, capsys, clock=clock))


def files_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


# A machine on which everything works


def test_the_built_in_sandbox_works_and_its_differences_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"KORUS_SANDBOX_SEED": str(SEED), "KORUS_SANDBOX_DIR": str(tmp_path / "kept")}
    steps = steps_of(environment, capsys)
    assert tuple(steps) == IN_ORDER
    assert {state for state, _ in steps.values()} == {"OK"}
    assert "nothing leaves this computer" in steps["settings"][1]
    said = steps["contract"][1]
    # Whoever reads no further than its numbers must not take it for a failure.
    assert said.startswith("nothing is wrong: the sandbox answers in the shapes")
    assert "differ" not in said
    assert "invented ones can be made, up to 1000 EUR an order and 5000" in steps["orders"][1]
    assert not files_below(tmp_path)


def test_a_person_reads_a_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(read_settings({})) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(IN_ORDER)
    assert all(line.split()[1] in list(State) for line in lines)


@pytest.mark.anyio
async def test_of_what_is_tried_nothing_stays_and_nothing_is_held_or_ordered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        steps = await checked({**folders(tmp_path), **world.environment}, capsys)
        assert {state for state, _ in steps.values()} == {"OK"}
        methods = {r.method for r in world.sandbox.requests if r.operation != "getToken"}
        assert methods <= {"GET", "HEAD"}
    assert not files_below(tmp_path)
    assert world.environment["KORUS_TOKEN_URL"] in steps["token"][1]
    assert "it can be made" in steps["journal"][1]


# Catalogs


@pytest.mark.anyio
async def test_catalogs_are_told_by_the_names_that_the_setting_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        environment = {**folders(tmp_path), **world.environment}
        alias = handle_of(world.sandbox, "park_offer").partition(".")[0]
        state, told = (await checked(environment, capsys))["catalogs"]
        assert state == "OK"
        assert told.startswith("5 open to this account: ")
        assert f"{alias} (" in told
        allowed = {**environment, "KORUS_CATALOGS": alias}
        assert (await checked(allowed, capsys))["catalogs"][0] == "OK"
        wrong = {**environment, "KORUS_CATALOGS": f"{alias},nosuch"}
        steps = await checked(wrong, capsys)
    state, told = steps["catalogs"]
    assert state == "BROKEN"
    assert told.startswith("KORUS_CATALOGS names nosuch, which is not open to this account; open: ")
    assert f"{alias} (" in told
    assert steps["orders"] == ("BROKEN", "none can be made until this is mended: catalogs")


@pytest.mark.anyio
async def test_an_account_without_a_catalog_has_nothing_to_sell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served_sandbox() as world:
        newcomer = {
            **folders(tmp_path),
            **world.environment,
            "KORUS_CLIENT_ID": world.sandbox.empty_client_id,
            "KORUS_CLIENT_SECRET": world.sandbox.empty_client_secret,
        }
        state, told = (await checked(newcomer, capsys))["catalogs"]
    assert state == "BROKEN"
    assert "ask KorusTicket to open one" in told


# The journal


@pytest.mark.anyio
async def test_a_journal_is_written_and_left_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path) as environment:
        path = tmp_path / "journal.db"
        journal = journal_of(read_settings(environment), SystemClock())
        await sent(journal, intent("a"))
        await journal.close()
        before = path.read_bytes()
        state, told = (await checked(environment, capsys))["journal"]
        assert (state, told) == ("OK", f"can be written, 1 orders in doubt: {path}")
        assert path.read_bytes() == before
        assert files_below(tmp_path) == [path]
        path.write_text("nothing of ours " * 1000)
        state, told = (await checked(environment, capsys))["journal"]
    assert state == "BROKEN"
    assert "its file is damaged" in told
    assert "Put the last backup in its place" in told


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"DATABASE_URL": "sqlite:////proc/x.db"}, JournalFault.UNWRITABLE),
        ({"DATABASE_URL": "sqlite:////dev/null/x.db"}, JournalFault.UNWRITABLE),
        ({"JOURNAL_KEY": "short"}, JournalFault.SHORT_KEY),
        ({"DATABASE_URL": "postgresql://shop:hidden@127.0.0.1:1/name"}, JournalFault.UNREACHABLE),
    ],
)
async def test_a_journal_that_cannot_be_made_stops_orders_but_no_search(
    given: dict[str, str],
    fault: JournalFault,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served(tmp_path, **given) as environment:
        steps = await checked(environment, capsys)
        state, told = steps["journal"]
        assert state == "BROKEN"
        assert fault.value in told
        assert "hidden" not in told
        assert steps["orders"] == ("BROKEN", "none can be made until this is mended: journal")
        steps = await checked({**environment, "KORUS_PROFILE": "browse"}, capsys)
    assert steps["journal"][0] == "NOTE"
    assert steps["orders"][0] == "NOTE"
    assert "KORUS_PROFILE=buyer" in steps["orders"][1]


@pytest.mark.anyio
async def test_while_orders_wait_for_what_a_journal_lost_none_is_said_to_work(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    postgres: Cluster,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    address = {"DATABASE_URL": postgres.new_database(), "SETTLE_SECONDS": "300"}
    async with served(tmp_path, **address) as environment:
        settings = read_settings(environment)
        elsewhere = journal_of(settings, SystemClock())
        await sent(elsewhere, intent("a"))
        await elsewhere.close()
        state, told = (await checked(environment, capsys))["orders"]
        assert state == "NOTE"
        assert told.startswith("wait for 375 s once a server here looks at the journal: ")
        assert not list((tmp_path / "data").rglob("seen-*"))
        server = journal_of(settings, SystemClock(), wait=timedelta(seconds=375))
        waiting = await server.waits()
        await server.close()
        assert waiting is not None
        (file,) = (tmp_path / "data").rglob("seen-*")
        left = file.read_bytes()
        state, told = (await checked(environment, capsys))["orders"]
        assert state == "NOTE"
        assert told.startswith(f"wait until {waiting.told}: it was restored or is new")
        assert file.read_bytes() == left
        later = ManualClock(waiting.until + timedelta(seconds=1))
        assert (await checked(environment, capsys, clock=later))["orders"][0] == "OK"


def test_for_every_fault_of_a_journal_there_is_something_to_do() -> None:
    assert check._JOURNAL_ADVICE.keys() == set(JournalFault)


# Folders


@pytest.mark.anyio
async def test_folders_that_cannot_be_written_are_named_with_the_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"CACHE_DIR": "/proc/x", "DOWNLOAD_DIR": "/dev/null/x"}
    async with served(tmp_path, **given) as environment:
        steps = await checked(environment, capsys)
    assert steps["cache"][0] == "NOTE"
    assert "/proc/x" in steps["cache"][1]
    assert "KORUS_CACHE_DIR" in steps["cache"][1]
    assert steps["downloads"][0] == "BROKEN"
    assert "KORUS_DOWNLOAD_DIR" in steps["downloads"][1]
    assert steps["orders"][0] == "OK", "an order can be made all the same"


def test_where_people_sign_in_no_folder_is_needed_for_pdfs() -> None:
    asked = Settings(profile=Profile.BUYER, download_dir=Path("/dev/null/x"))
    assert check._downloads(asked).state is State.BROKEN
    signed_in = replace(asked, auth_issuer="https://id.example.test")
    assert check._downloads(signed_in).state is State.OK


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    try_folder(tmp_path / "a" / "b", ours="tickets-", is_read_again=False)
    assert not files_below(tmp_path)
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    try_folder(there, ours="tickets-", is_read_again=False)
    assert there.stat().st_mode & 0o777 == 0o755
    assert files_below(tmp_path) == [there]
    there.chmod(0o777)
    (there / "other").touch()
    with pytest.raises(NotPrivate):
        try_folder(there, ours="tickets-", is_read_again=True)
    link = tmp_path / "link"
    link.symlink_to(there)
    with pytest.raises(NotPrivate):
        try_folder(link, ours="tickets-", is_read_again=False)
    with pytest.raises(NotADirectoryError):
        try_folder(there / "other", ours="tickets-", is_read_again=False)


NOBODY = 65534
"""Nothing is closed to root, so a test that runs as root looks with another user's eyes."""


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder of the user that may only be read; pytest's own are closed to others altogether."""
    with tempfile.TemporaryDirectory() as named:
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(named, NOBODY, NOBODY)
        Path(named).chmod(0o500)
        if is_root:
            os.seteuid(NOBODY)
        yield Path(named)
        if is_root:
            os.seteuid(0)
        Path(named).chmod(0o700)


def test_a_folder_that_may_only_be_read_is_refused(closed: Path) -> None:
    assert list(closed.iterdir()) == []
    for folder in (closed, closed / "below"):
        with pytest.raises(PermissionError):
            try_folder(folder, ours="tickets-", is_read_again=False)


# The sign-in


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"CLIENT_SECRET": "hidden-and-wrong"},
            "refuses KORUS_CLIENT_ID or KORUS_CLIENT_SECRET (status 401",
        ),
        ({"TOKEN_URL": "{api}/nowhere"}, "answers with status 404: no account can sign in"),
        ({"TOKEN_URL": f"{HERE}:1/token"}, "nothing answers at this host and port."),
        ({"TOKEN_URL": "https://nowhere.invalid/token"}, "there is no host of this name."),
        ({"TOKEN_URL": "{https}/token"}, "it does not speak https."),
    ],
)
async def test_what_is_wrong_with_the_sign_in_is_told_apart(
    given: dict[str, str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served(tmp_path) as environment:
        api = environment["KORUS_API_URL"]
        places = {"api": api, "https": api.replace("http:", "https:")}
        environment |= {f"KORUS_{k}": v.format(**places) for k, v in given.items()}
        steps = await checked(environment, capsys)
    state, text = steps["token"]
    assert state == "BROKEN"
    assert environment["KORUS_TOKEN_URL"] in text
    assert told in text
    assert text.endswith(".")
    assert steps["orders"] == ("BROKEN", "none can be made until this is mended: token")
    assert "catalogs" not in steps, "what needs a token was not tried"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(status=503), "answers with status 503. Try again"),
        (Answer(status=302), "points to another address (status 302)"),
        (NotAnObject(), "answers, but not with a token"),
        (Oversize(), "the answer is too large"),
    ],
)
async def test_an_answer_that_is_no_token_is_told_by_its_kind(
    answer: Answer | NotAnObject | Oversize,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served_sandbox() as world:
        world.sandbox.faults.add(answer, "getToken", times=None)
        state, text = (await checked({**folders(tmp_path), **world.environment}, capsys))["token"]
    assert state == "BROKEN"
    assert told in text


@pytest.mark.anyio
async def test_a_certificate_nobody_here_trusts_is_named_as_one_with_what_to_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        secure_server(trustme.CA(), "localhost") as port,
        served(
            tmp_path,
            TOKEN_URL=f"https://localhost:{port}/token",
            DOCUMENT_HOSTS=f"localhost:{port}",
            API_URL=f"https://localhost:{port}",
        ) as environment,
    ):
        steps = await checked(environment, capsys)
    for name in ("token", "documents"):
        state, text = steps[name]
        assert state == "BROKEN"
        assert "certificate comes from an authority that is not trusted" in text
        assert "SSL_CERT_FILE" in text


# The API


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("operation", "name", "action"),
    [
        ("listCatalogs", "catalogs", Answer(status=403)),
        ("listCatalogs", "catalogs", Oversize()),
        ("getCatalog", "reading", NotAnObject()),
    ],
)
async def test_what_cannot_be_read_is_told_and_what_needs_it_is_not_tried(
    operation: str,
    name: str,
    action: Answer | NotAnObject | Oversize,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        world.sandbox.faults.add(action, operation, times=None)
        steps = await checked({**folders(tmp_path), **world.environment}, capsys)
    broken = [each for each, (state, _) in steps.items() if state == "BROKEN"]
    assert broken == [name, "orders"]
    assert operation not in steps["catalogs"][1]
    assert ("reading" in steps) == (name == "reading")


@pytest.mark.anyio
async def test_a_host_of_pdfs_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path) as environment:
        hosts = f"{environment['KORUS_DOCUMENT_HOSTS']},nowhere.invalid"
        steps = await checked({**environment, "KORUS_DOCUMENT_HOSTS": hosts}, capsys)
        assert steps["documents"][0] == "BROKEN"
        assert steps["documents"][1].startswith("nowhere.invalid: there is no host of this name. ")
        assert steps["orders"][0] == "OK"


# The way there


class Unproxied(Proxy):
    """A proxy that answers each request for a tunnel with a status."""

    status = b"403"

    async def _serve(self, stream: ByteStream) -> None:
        # Who only looks whether anybody answers leaves without a word.
        async with stream:
            with suppress(anyio.EndOfStream):
                await stream.receive()
                await stream.send(b"HTTP/1.1 %s canary\r\ncontent-length: 0\r\n\r\n" % self.status)


PRODUCTION = {
    "KORUS_ENVIRONMENT": "production",
    "KORUS_API_URL": "https://api.example.test",
    "KORUS_TOKEN_URL": "https://auth.example.test/token",
    "KORUS_CLIENT_ID": "shop",
    "KORUS_CLIENT_SECRET": "hidden",
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (b"407", "the proxy wants another user name or password."),
        (b"403", "the proxy does not allow this address."),
        (b"502", "the proxy opened no connection."),
    ],
)
async def test_a_proxy_that_opens_no_way_is_told_without_its_password(
    status: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = Unproxied()
    proxy.status = status
    async with proxy.running():
        address = f"http://me:canary@127.0.0.1:{proxy.port}"
        steps = await checked(
            {**folders(tmp_path), **PRODUCTION, "KORUS_HTTP_PROXY": address}, capsys
        )
    assert steps["network"][0] == "OK"
    assert steps["network"][1].startswith(f"proxy http://127.0.0.1:{proxy.port}; ")
    assert told in steps["token"][1]
    assert "canary" not in str(steps)


@pytest.mark.anyio
async def test_a_proxy_that_is_not_there_is_told_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://me:canary@127.0.0.1:{free_port()}"
    steps = await checked({**folders(tmp_path), **PRODUCTION, "KORUS_HTTP_PROXY": address}, capsys)
    assert steps["network"][0] == "BROKEN"
    assert "nothing answers at this host and port. Look at KORUS_HTTP_PROXY." in steps["network"][1]
    assert "canary" not in str(steps)


# The clock


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ahead", "state", "told"),
    [
        (timedelta(days=-1.1), "BROKEN", "more than a day from the API's. Set the clock"),
        (timedelta(days=400), "BROKEN", "more than a day from the API's. Set the clock"),
        (timedelta(hours=13), "NOTE", " ahead of the API's. "),
        (timedelta(minutes=-10), "NOTE", " behind the API's. "),
        (timedelta(seconds=30), "OK", " ahead of the API's, give or take "),
    ],
)
async def test_the_offset_of_the_clock_is_told(
    ahead: timedelta,
    state: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = ManualClock(SystemClock().now() + ahead)
    async with served(tmp_path) as environment:
        found = await checked(environment, capsys, clock=wrong)
    assert found["clock"][0] == state
    assert told in found["clock"][1]


# What it says, and to whom


@pytest.mark.anyio
async def test_nothing_else_is_said_and_the_log_is_as_loud_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("korus_mcp")
    before = logger.level
    async with served(tmp_path, DATABASE_URL="sqlite:////proc/x.db") as environment:
        assert await anyio.to_thread.run_sync(partial(run_check, read_settings(environment))) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert logger.level == before
    assert "hop" not in said.out


def test_the_command_checks_the_settings_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_ENVIRONMENT", "demo")
    assert main(["check"]) == 2
    assert "KORUS_CLIENT_ID" in capsys.readouterr().err


def test_a_key_is_missing_only_when_no_answer_had_it() -> None:
    findings = CheckFindings()
    findings.note("getOffer", {"id": "1", "surprise": True})
    missing = set(findings.missing["getOffer"])
    assert "date" in missing
    findings.note("getOffer", {"id": "2", "date": None})
    assert findings.missing["getOffer"] == missing - {"date"}
    assert findings.unknown["getOffer"] == {"surprise"}
    assert findings.seen == {"getOffer": 2}
    assert findings.differing == ["getOffer"]


def test_of_a_real_api_every_difference_is_told() -> None:
    findings = CheckFindings()
    findings.note("getOffer", {"id": "1", "surprise": True})
    told = [*check._contract(findings, read_settings(PRODUCTION))]
    assert [step.state for step in told] == [State.NOTE, State.NOTE]
    assert "not documented surprise" in told[0].text
    assert told[1].text.startswith("1 of 1 kinds of answers differ from the documentation. ")


# People who sign in


def signing_in(issuer: str, folder: Path, **more: str) -> dict[str, str]:
    """The settings of a server on the sandbox whose people sign in."""
    address = {"KORUS_AUTH_ISSUER": issuer, "KORUS_PUBLIC_URL": "https://tickets.example.test/mcp"}
    return {**folders(folder), **address, **{f"KORUS_{k}": v for k, v in more.items()}}


@pytest.mark.anyio
async def test_where_people_sign_in_their_provider_is_asked_as_a_server_asks_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeProvider().served() as provider:
        environment = signing_in(provider.issuer, tmp_path, AUTH_CLIENT_ID="page")
        steps = await checked(environment, capsys)
        assert tuple(steps) == (*IN_ORDER[:-1], "sign-in", "orders")
        told = f"{provider.issuer} lists the keys with which it signs"
        assert steps["sign-in"] == ("OK", told)
        assert steps["orders"][0] == "OK"
        assert provider.looks == 1
        provider.names = []
        steps = await checked(environment, capsys)
        assert steps["sign-in"][0] == "BROKEN"
        assert steps["sign-in"][1].endswith("lists no key that signs: every token is refused.")
        provider.is_down = True
        steps = await checked(environment, capsys)
    assert steps["sign-in"] == (
        "BROKEN",
        f"status 503 at {provider.issuer}/jwks. Nobody can sign in. Look at KORUS_AUTH_ISSUER, and "
        "at the network.",
    )
    assert steps["orders"] == ("BROKEN", "none can be made until this is mended: sign-in")


def test_a_provider_that_is_not_reached_is_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = f"{HERE}:{free_port()}"
    steps = steps_of(signing_in(issuer, tmp_path), capsys)
    assert steps["sign-in"][0] == "BROKEN"
    metadata = f"{issuer}/.well-known/openid-configuration"
    told = f"{metadata}: nothing answers at this host and port; "
    assert steps["sign-in"][1].startswith(told)
    keys = {"AUTH_KEYS_URL": f"{issuer}/keys"}
    state, told = steps_of(signing_in(issuer, tmp_path, **keys), capsys)["sign-in"]
    assert (state, told) == (
        "BROKEN",
        f"{issuer}/keys: nothing answers at this host and port. Nobody can sign in. Look at "
        "KORUS_AUTH_KEYS_URL, and at the network.",
    )


@pytest.mark.anyio
async def test_a_server_that_would_not_start_since_nobody_could_say_yes_is_told_in_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeProvider().served() as provider:
        environment = signing_in(provider.issuer, tmp_path, APPROVAL="human")
        state, told = (await checked(environment, capsys))["orders"]
        assert state == "BROKEN"
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # Of the tests, which a command would warn of.
        monkeypatch.delenv("KORUS_TEST_NO_SKIP", raising=False)
        arguments = ["serve", "--http", "--port", "0"]
        assert await anyio.to_thread.run_sync(main, arguments) == EXIT_MISCONFIGURED
        assert capsys.readouterr().err == f"korus-mcp: {told}\n"
        page = {"AUTH_CLIENT_ID": "page"}
        environment = signing_in(provider.issuer, tmp_path, APPROVAL="human", **page)
        assert (await checked(environment, capsys))["orders"][0] == "OK"
