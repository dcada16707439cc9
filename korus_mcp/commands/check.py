"""korus-mcp check: whether a server with these settings would work, step by step.

Each step is OK, a NOTE (something to know) or BROKEN (something to mend, with what to do). Nothing
is held, ordered or downloaded, and nothing stays of what is tried. No secret is told, and of
addresses of the API and a proxy only the origin: people copy these lines into bug reports.
"""

import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio
from platformdirs import user_downloads_path

from korus_mcp.access.keys import ProviderDown, signing_of
from korus_mcp.access.policy import SAVING_TOOLS, SPENDING_TOOLS, tool_names
from korus_mcp.access.provider import Provider
from korus_mcp.answers.explanations import explained
from korus_mcp.api import (
    ApiError,
    CertificateFault,
    ConnectionFault,
    KorusApi,
    NotFound,
    OfferFilters,
    ProxyFault,
    TokenRefused,
    TokenUnavailable,
    drift,
)
from korus_mcp.api.errors import NO_TOKEN
from korus_mcp.api.failures import why_unconnected
from korus_mcp.app import catalog_files, wait_of
from korus_mcp.booking.documents import FILES_BEGIN
from korus_mcp.catalog.overview import look_at
from korus_mcp.commands.aliases import Aliases
from korus_mcp.commands.console import shown, tell_json, write
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.origins import is_loopback
from korus_mcp.foundation.private_files import try_folder, user_folder
from korus_mcp.journal.opening import journal_file
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.trial import Tried, tried
from korus_mcp.journal.watch import Met
from korus_mcp.server.composition import lacks_page, open_api, way_to_provider
from korus_mcp.server.sandbox_home import BEGINNING, SandboxHome, sandbox_folder, world_path
from korus_mcp.settings import Approval, Environment, Settings

MOST_NAMES: Final = 20
SAMPLED_BASES: Final = 3
SAMPLED_OFFERS: Final = 3
CLOCK_NOTE_SECONDS: Final = 60
"""A clock that is further off than this is worth a note; ours is corrected by the API's."""
PROXY_SECONDS: Final = 5.0
_NAME_WIDTH: Final = 10
_STATE_WIDTH: Final = 7
_QUIET: Final = ("korus_mcp", "stamina")
"""Loggers that would say on stderr, in words for a log, what the steps say."""


class State(StrEnum):
    """How a step came out."""

    OK = "OK"
    NOTE = "NOTE"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Step:
    """What was tried, how it came out, and what to do about it."""

    name: str
    state: State
    text: str


ok = partial(Step, state=State.OK)
note = partial(Step, state=State.NOTE)
broken = partial(Step, state=State.BROKEN)


@dataclass
class CheckFindings:
    """Keys that are missing from the contract's answers or unknown to it, by operation."""

    seen: Counter[str] = field(default_factory=Counter)
    missing: dict[str, set[str]] = field(default_factory=dict)
    unknown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, operation: str, body: Mapping[str, object]) -> None:
        """Compare one answer. A key is missing only when no answer of the operation had it."""
        found = drift(operation, body)
        missing = set(found.missing)
        self.seen[operation] += 1
        # Any field may be null or left out of one answer (T7), hardly ever of all of them.
        self.missing[operation] = self.missing.get(operation, missing) & missing
        self.unknown[operation].update(found.unknown)

    @property
    def differing(self) -> Sequence[str]:
        """The operations whose answers have other keys than the contract."""
        return [o for o in sorted(self.seen) if self.missing[o] or self.unknown[o]]


def run_check(settings: Settings, *, as_json: bool = False, clock: Clock | None = None) -> int:
    """Try everything and print each step. Returns 1 if one is BROKEN."""
    steps: list[Step] = []

    def add(step: Step) -> None:
        steps.append(step)
        if not as_json:
            write(_line(step))

    with _quietly():
        anyio.run(_check, settings, clock or SystemClock(), add)
    if as_json:
        tell_json({"steps": [_as_json(step) for step in steps]})
    return int(any(step.state is State.BROKEN for step in steps))


def _line(step: Step) -> str:
    return f"{step.name:<{_NAME_WIDTH}} {step.state:<{_STATE_WIDTH}} {shown(step.text)}"


def _as_json(step: Step) -> Mapping[str, str]:
    return {"name": step.name, "state": step.state.value, "text": shown(step.text)}


@contextmanager
def _quietly() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _QUIET]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


async def _check(settings: Settings, clock: Clock, add: Callable[[Step], None]) -> None:
    is_broken = set[str]()

    def told(step: Step) -> bool:
        if step.state is State.BROKEN:
            is_broken.add(step.name)
        add(step)
        return step.state is not State.BROKEN

    told(_settings(settings))
    told(await _network(settings))
    journal, found = await _journal(settings, clock)
    told(journal)
    told(_cache(settings, clock))
    told(_downloads(settings))
    findings = CheckFindings()
    # The same client as in a server: what works here works there.
    home = _kept_sandbox(settings)
    async with open_api(settings, clock=clock, home=home, on_answer=findings.note) as api:
        # Each of these needs the one before it, so the first that fails is the last.
        if told(await _token(api, settings)) and told(await _catalogs(api, settings)):
            told(await _reading(api, settings))
        if findings.seen:
            told(_clock(api, clock))
        told(await _documents(api, settings))
    for step in _contract(findings, settings):
        told(step)
    if settings.auth_issuer is not None:
        told(await _sign_in(settings, settings.auth_issuer))
    told(_orders(settings, found, is_broken))


def _kept_sandbox(settings: Settings) -> SandboxHome | None:
    """The files of the built-in sandbox, if there are any: its catalogs are those of its servers.
    None are made.
    """
    path = world_path(settings) if settings.embedded else None
    with suppress(OSError):
        if path is not None and path.exists():
            return SandboxHome(settings)
    return None


def _settings(settings: Settings) -> Step:
    if settings.embedded:
        return ok(
            "settings",
            text="the built-in sandbox: everything in it is invented, and nothing leaves this "
            "computer",
        )
    return ok("settings", text=f"{settings.environment} at {settings.api_url}")


# What is on this machine


async def _network(settings: Settings) -> Step:
    """Which proxy and which certificates are used, and whether the proxy can be reached."""
    if settings.embedded:
        return ok("network", text="none is used")
    named = {"SSL_CERT_FILE": settings.ca_file, "SSL_CERT_DIR": settings.ca_folder}
    trusted = [f"{path} ({name})" for name, path in named.items() if path is not None]
    told = (
        f"trusted certificates: {', '.join(trusted)}" if trusted else "this system's certificates"
    )
    if settings.http_proxy is None:
        return ok("network", text=f"no proxy; {told}")
    parts = urlsplit(settings.http_proxy)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    # Without user and password.
    proxy = f"proxy {parts.scheme}://{host}:{port}"
    if is_loopback(urlsplit(settings.api_url).hostname or ""):
        return ok("network", text=f"{proxy} is not used for addresses of this computer; {told}")
    fault = await _fault_of_proxy(host, port)
    if fault is None:
        beside = f", not for {settings.no_proxy}" if settings.no_proxy else ""
        return ok("network", text=f"{proxy}{beside}; {told}")
    others = ", HTTPS_PROXY and ALL_PROXY" if settings.trust_env else ""
    return broken("network", text=f"{proxy}: {fault}. Look at KORUS_HTTP_PROXY{others}.")


async def _fault_of_proxy(host: str, port: int) -> str | None:
    """Why a proxy cannot be connected to; None if it can."""
    try:
        with anyio.fail_after(PROXY_SECONDS):
            stream = await anyio.connect_tcp(host, port)
        await stream.aclose()
    except TimeoutError:
        return ConnectionFault.SILENT
    except OSError as failure:
        return why_unconnected(failure) or ConnectionFault.NO_WAY_THERE
    return None


async def _journal(settings: Settings, clock: Clock) -> tuple[Step, Tried | None]:
    """Whether a journal can be made or written; what was found in it, if there is one."""
    if settings.embedded:
        return _sandbox_journal(settings), None
    where = "KORUS_DATABASE_URL"
    try:
        where = str(journal_file(settings) or "PostgreSQL")
        found = await tried(settings, clock, wait=wait_of(settings))
    except JournalDown as down:
        text = f"{where}: {down.fault.value}. {_JOURNAL_ADVICE[down.fault]}"
        # Whoever only searches has no use for it.
        is_needed = not SPENDING_TOOLS.isdisjoint(tool_names(settings))
        return Step("journal", State.BROKEN if is_needed else State.NOTE, text), None
    if not found.is_there:
        return ok("journal", text=f"none yet; it can be made: {where}"), found
    if found.is_older:
        text = (
            f"{where} is of an earlier version. The first server that uses it brings it up to "
            "date: back it up before."
        )
        return note("journal", text=text), found
    told = f"can be written, {found.in_doubt} orders in doubt"
    if found.stopped_at is not None:
        told += f", new orders are stopped since {found.stopped_at:%Y-%m-%d %H:%M}Z"
        return note("journal", text=f"{told}: {where}"), found
    return ok("journal", text=f"{told}: {where}"), found


def _sandbox_journal(settings: Settings) -> Step:
    folder = sandbox_folder(settings)
    why = _why_not(folder, ours=BEGINNING, is_read_again=True)
    if why is None:
        return ok("journal", text=f"the sandbox's bookings are kept for a day in {folder}")
    return note(
        "journal",
        text=f"the sandbox's bookings end with each server, as {why}. KORUS_SANDBOX_DIR names "
        "another folder.",
    )


def _cache(settings: Settings, clock: Clock) -> Step:
    """Whether the copy of the catalog can be kept, and how old it is."""
    files = catalog_files(settings)
    if settings.embedded:
        return ok("cache", text="the built-in sandbox needs none")
    why = _why_not(files.folder, ours="catalog", is_read_again=True)
    if files.folder is None or why is not None:
        return note(
            "cache",
            text=f"the catalog is read anew by each server, as {why}. KORUS_CACHE_DIR names "
            "another folder.",
        )
    ages, state = [], State.OK
    for language in dict.fromkeys(settings.languages):
        try:
            seen = look_at(files.folder / files.file(language))
        except sqlite3.Error as error:
            state = State.NOTE
            ages.append(f"{language}: cannot be read ({error}); it is made anew")
        else:
            is_new = seen is None or seen.is_empty
            age = "not read yet" if is_new or seen is None else seen.told_age(clock.now())
            ages.append(f"{language}: {age}")
    return Step("cache", state, f"{', '.join(ages)}; in {files.folder}")


def _downloads(settings: Settings) -> Step:
    if SAVING_TOOLS.isdisjoint(tool_names(settings)):
        return ok("downloads", text=f"not needed: profile {settings.profile} fetches no tickets")
    if settings.auth_issuer is not None:
        return ok("downloads", text="not needed: serve --http hands PDFs out and saves none")
    folder = settings.download_dir or user_folder(user_downloads_path)
    why = _why_not(folder, ours=FILES_BEGIN, is_read_again=False)
    if why is None:
        return ok("downloads", text=f"tickets can be saved in {folder}")
    return broken(
        "downloads",
        text=f"tickets cannot be saved: {why}. Set KORUS_DOWNLOAD_DIR to a folder that can be "
        "written, also for serve --http, which saves none.",
    )


def _why_not(folder: Path | None, *, ours: str, is_read_again: bool) -> str | None:
    """Why nothing can be kept in a folder; None if it can."""
    if folder is None:
        return "this user has no home folder"
    try:
        try_folder(folder, ours=ours, is_read_again=is_read_again)
    except OSError as error:
        # `NotPrivate` and our own errors say why themselves; the system's have a number, too.
        return f"{folder}: {(error.strerror or str(error) or type(error).__name__).casefold()}"
    return None


# What is at KorusTicket


async def _token(api: KorusApi, settings: Settings) -> Step:
    if settings.embedded:
        return ok("token", text="the sandbox needs none")
    url = settings.token_url
    try:
        await api.token()
    except TokenRefused as refused:
        quoted = _quoted(refused, settings.client_secret)
        return broken(
            "token",
            text=f"{url} refuses KORUS_CLIENT_ID or KORUS_CLIENT_SECRET (status {refused.status}"
            f"{quoted}). Look at both, and whether they are those of {settings.environment}.",
        )
    except TokenUnavailable as failure:
        return broken("token", text=_unavailable(url, failure))
    return ok("token", text=f"{url} gives one")


def _quoted(error: ApiError, secret: str) -> str:
    said = error.issuer_text
    # Whatever it says, the secret does not come back this way.
    return f', "{said}"' if said and secret not in said else ""


def _unavailable(url: str, failure: TokenUnavailable) -> str:
    """Why there is no token, and what to do."""
    status = failure.status
    if status in (404, 405, 410):
        return (
            f"{url} answers with status {status}: no account can sign in at this address. "
            "Look at KORUS_TOKEN_URL; KorusTicket tells it."
        )
    if status is not None and 300 <= status < 400:
        return (
            f"{url} points to another address (status {status}), which is never followed. Look "
            "at KORUS_TOKEN_URL."
        )
    if status is not None:
        return f"{url} answers with status {status}. Try again; if it stays so, ask KorusTicket."
    if failure.reason == NO_TOKEN:
        return (
            f"{url} answers, but not with a token. Look at KORUS_TOKEN_URL: another page may be "
            "there, or a network that wants a sign-in first."
        )
    return f"{url}: {_because(failure, 'KORUS_TOKEN_URL')}"


def _because(error: ApiError, setting: str) -> str:
    """Why something failed, and what to do about it."""
    reason = error.reason
    if isinstance(reason, CertificateFault):
        return f"{reason}. {_CERTIFICATE_ADVICE[reason]}"
    if isinstance(reason, ConnectionFault):
        return f"{reason}. {_CONNECTION_ADVICE[reason].format(setting=setting)}"
    if isinstance(reason, ProxyFault):
        return f"{reason}. {_PROXY_ADVICE[reason]}"
    if isinstance(error, TokenUnavailable):
        return f"{reason or 'no answer'}. Try again; look at {setting} and the network."
    return explained(error).message


async def _catalogs(api: KorusApi, settings: Settings) -> Step:
    try:
        found = await api.ticketing.list_catalogs().all()
    except ApiError as error:
        return broken("catalogs", text=f"cannot be listed: {_because(error, 'KORUS_API_URL')}")
    if not found:
        return broken(
            "catalogs",
            text="none is open to this account, so there is nothing to sell: ask KorusTicket to "
            "open one.",
        )
    aliases = Aliases.of(found)
    if problem := aliases.problem_of(settings.catalogs):
        return broken("catalogs", text=problem)
    only = f"; KORUS_CATALOGS allows {', '.join(settings.catalogs)}" if settings.catalogs else ""
    return ok("catalogs", text=f"{len(found)} open to this account: {aliases.told()}{only}")


async def _reading(api: KorusApi, settings: Settings) -> Step:
    try:
        await _walk(api)
    except ApiError as error:
        because = _because(error, "KORUS_API_URL")
        return broken("reading", text=f"KorusTicket's call {error.operation} fails: {because}")
    return ok("reading", text="one of each kind was read; nothing was held or ordered")


async def _walk(api: KorusApi) -> None:
    """Read one of each kind of resource, as far as reading goes; nothing is held or ordered."""
    ticketing = api.ticketing
    for catalog in await ticketing.list_catalogs().all():
        await ticketing.get_catalog(catalog.id)
        page = await ticketing.list_product_bases(catalog.id).page(1)
        for base in page.items[:SAMPLED_BASES]:
            await _walk_base(api, catalog.id, base.id)
        offers = await ticketing.list_offers(catalog.id, OfferFilters()).page(1)
        for offer in offers.items[:SAMPLED_OFFERS]:
            await _walk_offer(api, catalog.id, offer.id)
    # Only lists of the account: no hold, no order, no address of a document.
    await api.booking.list_reservations().page(1)
    await api.booking.list_orders().page(1)


async def _walk_base(api: KorusApi, catalog_id: str, base_id: str) -> None:
    ticketing = api.ticketing
    base = await ticketing.get_product_base(catalog_id, base_id)
    # A code becomes a part of a path: one that cannot is left out.
    for code in await _option_codes(api, catalog_id, base_id):
        await ticketing.list_product_base_option_values(catalog_id, base_id, code).page(1)
    products = await ticketing.list_product_base_products(catalog_id, base_id).page(1)
    if products.items:
        await ticketing.get_product(catalog_id, products.items[0].id)
    seat_map_id = id_at_end(base.seat_map)
    if seat_map_id is not None:
        await ticketing.get_seat_map(catalog_id, base_id, seat_map_id)


async def _option_codes(api: KorusApi, catalog_id: str, base_id: str) -> list[str]:
    """The codes of the options of a base; none if the API does not serve the list (A02)."""
    try:
        options = await api.ticketing.list_product_base_options(catalog_id, base_id).all()
    except NotFound:
        return []
    return [o.code for o in options if o.code is not None and is_id(o.code)]


async def _walk_offer(api: KorusApi, catalog_id: str, offer_id: str) -> None:
    ticketing = api.ticketing
    offer = await ticketing.get_offer(catalog_id, offer_id)
    await ticketing.get_offer_availability(catalog_id, offer_id)
    if offer.realtime_price_required:
        with suppress(NotFound):  # assumption A27: the list price stands
            await ticketing.get_offer_price(catalog_id, offer_id)
    for ticket in await ticketing.list_offer_tickets(catalog_id, offer_id).all():
        where = (catalog_id, offer_id, ticket.id)
        await ticketing.get_offer_ticket(*where)
        if ticket.date_access is False:  # any other ticket takes no session (T24)
            sessions = await ticketing.list_offer_ticket_sessions(*where).page(1)
            if sessions.items:
                await ticketing.get_offer_ticket_session(*where, sessions.items[0].id)


def _clock(api: KorusApi, clock: Clock) -> Step:
    """How far this machine's clock is from the API's."""
    if api.is_days_off:
        text = "more than a day from the API's. Set the clock of this machine."
        return broken("clock", text=text)
    if not api.is_known:
        text = "not known: the API's answers tell no time (Date), so what is left is not told"
        return note("clock", text=text)
    ahead = (clock.now() - api.now()).total_seconds()
    bound = f"{api.skew_bound_seconds:.1f} s"
    if abs(ahead) <= api.skew_bound_seconds:
        return ok("clock", text=f"the same as the API's, give or take {bound}")
    told = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the API's"
    if abs(ahead) <= CLOCK_NOTE_SECONDS:
        return ok("clock", text=f"{told}, give or take {bound}")
    return note(
        "clock",
        text=f"{told}. korus-mcp goes by the API's; set the clock of this machine all the same.",
    )


async def _documents(api: KorusApi, settings: Settings) -> Step:
    """Whether the hosts of PDFs can be reached; nothing is downloaded."""
    if settings.embedded:
        return ok("documents", text="the sandbox makes them itself")
    hosts, faults = sorted(settings.document_hosts), []
    for host in hosts:
        try:
            await api.reach_documents(host)
        except ApiError as error:
            faults.append(f"{host}: {_because(error, 'KORUS_DOCUMENT_HOSTS')}")
    if not faults:
        return ok("documents", text=f"PDFs come from {', '.join(hosts)}, which can be reached")
    is_needed = not SAVING_TOOLS.isdisjoint(tool_names(settings))
    return Step("documents", State.BROKEN if is_needed else State.NOTE, " ".join(faults))


async def _sign_in(settings: Settings, issuer: str) -> Step:
    """Whether the provider of those who sign in tells what a server asks it for."""
    keys_url, has_client = settings.auth_keys_url, settings.auth_client_id is not None
    provider = Provider(issuer, way_to_provider(settings), keys_url=keys_url)
    try:
        listed = await provider.keys()
        # The page on which people say yes asks for more than keys.
        for name in ("authorization_endpoint", "token_endpoint") if has_client else ():
            await provider.endpoint(name)
    except ProviderDown as failure:
        setting = "KORUS_AUTH_KEYS_URL" if keys_url else "KORUS_AUTH_ISSUER"
        text = f"{failure}. Nobody can sign in. Look at {setting}, and at the network."
        return broken("sign-in", text=text)
    finally:
        await provider.aclose()
    if not signing_of(listed):
        return broken("sign-in", text=f"{issuer} lists no key that signs: every token is refused.")
    return ok("sign-in", text=f"{issuer} lists the keys with which it signs")


def _contract(findings: CheckFindings, settings: Settings) -> Iterator[Step]:
    """How answers differ from the contract: a line for each operation, but one for a sandbox."""
    if not findings.seen:
        return
    differing, number = findings.differing, len(findings.seen)
    of_all = f"{len(differing)} of {number} kinds of answers"
    if settings.environment is Environment.SANDBOX:
        yield ok(
            "contract",
            text="nothing is wrong: the sandbox answers in the shapes that the real API is known "
            f"or assumed to have; for {of_all} its documentation has another one",
        )
        return
    for operation in differing:
        missing, unknown = findings.missing[operation], findings.unknown[operation]
        told = [f"missing {_listed(missing)}"] if missing else []
        told += [f"not documented {_listed(unknown)}"] if unknown else []
        yield note("contract", text=f"{operation}: {'; '.join(told)}")
    if differing:
        yield note(
            "contract",
            text=f"{of_all} differ from the documentation. Please report these lines; nothing "
            "secret is in them.",
        )
    else:
        yield ok("contract", text=f"{number} kinds of answers are as documented")


def _orders(settings: Settings, found: Tried | None, is_broken: Set[str]) -> Step:
    """Whether anything can be ordered here at all, and within which limits."""
    if SPENDING_TOOLS.isdisjoint(tool_names(settings)):
        return note(
            "orders",
            text=f"none can be made: profile {settings.profile} only searches and compares. "
            "KORUS_PROFILE=buyer lets an assistant order.",
        )
    if problem := lacks_page(settings, tool_names(settings)):
        return broken("orders", text=problem)
    if missing := sorted(is_broken & _NEEDED_TO_ORDER):
        return broken("orders", text=f"none can be made until this is mended: {', '.join(missing)}")
    if found is not None and found.stopped_at is not None:
        return note(
            "orders",
            text=f"stopped since {found.stopped_at:%Y-%m-%d %H:%M}Z; no new orders are taken until "
            "korus-mcp journal go lets them through.",
        )
    if found is not None and found.met is not None:
        return note("orders", text=_waiting(found.met))
    return ok(
        "orders",
        text=f"{_WORLDS[settings.environment]}, up to {settings.max_order_amount} EUR an order and "
        f"{settings.max_day_amount} EUR a day, {settings.max_tickets} tickets an order; "
        f"{_APPROVALS[settings.approval]} (profile {settings.profile}, approval "
        f"{settings.approval})",
    )


def _waiting(met: Met) -> str:
    """Until when orders wait since the journal went back, or for how long they will."""
    if met.is_begun:
        when = f"wait until {met.waits.told}"
    else:
        when = f"wait for {met.waits.seconds:.0f} s once a server here looks at the journal"
    return (
        f"{when}: it was restored or is new to this computer, and what may be missing in it is "
        "looked for first. Nothing has to be done."
    )


def _listed(names: Set[str]) -> str:
    """Names of fields as the API sent them, cleaned, and not too many."""
    # The API could send thousands of names, or names with control characters.
    told = [shown(name, 60) for name in sorted(names)[:MOST_NAMES]]
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*told, *more])


_NEEDED_TO_ORDER: Final = frozenset(
    {"journal", "token", "catalogs", "reading", "clock", "network", "sign-in"}
)
_WORLDS: Final = {
    Environment.SANDBOX: "invented ones can be made",
    Environment.DEMO: "can be made in the demo environment",
    Environment.PRODUCTION: "can be made, and cost real money",
}
_APPROVALS: Final = {
    Approval.AUTO: "the assistant's program asks the person, or the assistant passes on a summary",
    Approval.TWO_STEP: "the assistant passes on a summary and the person's yes",
    Approval.HUMAN: "the person answers by themselves",
}
_CERTIFICATE_ADVICE: Final = {
    CertificateFault.UNTRUSTED: "Where a firm's own authority signs for all connections, set "
    "SSL_CERT_FILE to the file of its certificates (PEM), or SSL_CERT_DIR to their folder.",
    CertificateFault.OUT_OF_DATE: "Look at the clock of this machine first.",
    CertificateFault.OTHER_HOST: "Look at KORUS_API_URL and KORUS_TOKEN_URL, and at the proxy.",
    CertificateFault.OTHERWISE: "Look at SSL_CERT_FILE and SSL_CERT_DIR, and at the proxy.",
}
_CONNECTION_ADVICE: Final = {
    ConnectionFault.UNKNOWN_NAME: "Look at {setting}, and whether this machine has a network.",
    ConnectionFault.REFUSED: "Look at host and port in {setting}, and whether it runs.",
    ConnectionFault.SILENT: "Look at the network and its firewall; a firm's may want "
    "KORUS_HTTP_PROXY.",
    ConnectionFault.NO_WAY_THERE: "Look at the network of this machine.",
    ConnectionFault.NO_TLS: "Look at the port in {setting}, and at the proxy.",
}
_PROXY_ADVICE: Final = {
    ProxyFault.SIGN_IN: "Look at user and password in KORUS_HTTP_PROXY.",
    ProxyFault.FORBIDDEN: "Ask whoever runs the proxy to allow it.",
    ProxyFault.OTHERWISE: "Look at KORUS_HTTP_PROXY, and ask whoever runs the proxy.",
}
_ANOTHER_FILE: Final = "Set KORUS_DATABASE_URL to a file in a folder that can be written."
_LATER: Final = "Try again; if it stays so, ask whoever runs the database."
_WHOEVER: Final = "Look at KORUS_DATABASE_URL, and ask whoever runs the database."
_JOURNAL_ADVICE: Final[Mapping[JournalFault, str]] = {
    JournalFault.BUSY: "Try again; if it stays so, look for a process that hangs.",
    JournalFault.FULL: "Make room on the disk.",
    JournalFault.UNWRITABLE: _ANOTHER_FILE,
    JournalFault.DAMAGED: "Put the last backup in its place, or name another file in "
    "KORUS_DATABASE_URL.",
    JournalFault.NOT_PRIVATE: "Give the file to the user who runs korus-mcp, and to nobody else.",
    JournalFault.GONE: "Try again.",
    JournalFault.NO_FOLDER: _ANOTHER_FILE,
    JournalFault.NEWER: "Use that version, or newer.",
    JournalFault.SHORT_KEY: "Make a longer one: openssl rand -hex 32",
    JournalFault.OTHER_KEY: "Set the key that signed it; without any it goes on, unproved.",
    JournalFault.ADDRESS: "Look at KORUS_DATABASE_URL.",
    JournalFault.UNREACHABLE: "Look at host and port in KORUS_DATABASE_URL, and whether it runs.",
    JournalFault.UNKNOWN_HOST: "Look at the host in KORUS_DATABASE_URL.",
    JournalFault.TLS: "Look at sslmode and sslrootcert in KORUS_DATABASE_URL.",
    JournalFault.REFUSED: "Look at user and password in KORUS_DATABASE_URL.",
    JournalFault.NOT_LET_IN: _WHOEVER,
    JournalFault.NO_DATABASE: "Look at the name in KORUS_DATABASE_URL, or have it made.",
    JournalFault.NO_RIGHT: _WHOEVER,
    JournalFault.READ_ONLY: "Name the server that can be written in KORUS_DATABASE_URL.",
    JournalFault.TOO_MANY: _LATER,
    JournalFault.RESTARTING: _LATER,
    JournalFault.SLOW: _LATER,
    JournalFault.NOT_DURABLE: _LATER,
    JournalFault.NO_DRIVER: "Without it KORUS_DATABASE_URL can name a file only.",
}
