"""korus-mcp check: settings, token, catalogs, and how the live API differs from the contract."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field

import anyio

from korus_mcp.answers.explanations import explained
from korus_mcp.api import ApiError, CertificateFault, KorusApi, NotFound, OfferFilters, drift
from korus_mcp.api.errors import NO_WAY
from korus_mcp.app import catalog_files
from korus_mcp.catalog.overview import NO_HOME, look_at
from korus_mcp.commands.console import shown, write
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.journal.opening import journal_file, journal_of, may_have_bookings
from korus_mcp.journal.records import JournalDown
from korus_mcp.server.composition import open_api
from korus_mcp.settings import Settings

_CERTIFICATE_ADVICE = {
    CertificateFault.UNTRUSTED: "Where a firm's own authority signs for all connections, set "
    "SSL_CERT_FILE to the file of its certificates (PEM), or SSL_CERT_DIR to their folder.",
    CertificateFault.OUT_OF_DATE: "Look at the clock of this machine first.",
    CertificateFault.OTHER_HOST: "Look at KORUS_API_URL and KORUS_TOKEN_URL, and at the proxy.",
    CertificateFault.OTHERWISE: "Look at SSL_CERT_FILE and SSL_CERT_DIR, and at the proxy.",
}
MOST_NAMES = 20
SAMPLED_BASES = 3
SAMPLED_OFFERS = 3


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


def run_check(settings: Settings) -> int:
    """Print the findings. Returns 1 if a step failed."""
    return anyio.run(_check, settings)


async def _check(settings: Settings) -> int:
    # No secrets, and of addresses only the origin: people copy these lines into bug reports.
    where = "embedded" if settings.embedded else settings.api_url
    _tell("settings", f"{settings.environment}, {where}, profile {settings.profile}")
    for state in _mirror_states(settings):
        _tell("mirror", state)
    journal, journal_works = await _journal_state(settings)
    _tell("journal", journal)
    findings = CheckFindings()
    # The same client as in a server: what works here works there.
    async with open_api(settings, on_answer=findings.note) as api:
        hops = (("token", _token), ("catalogs", _catalogs), ("walk", _walk))
        # Each step needs the one before it, so the first that fails is the last.
        for hop, walk in hops:
            try:
                _tell(hop, await walk(api))
            except ApiError as error:
                because = _because(error) or explained(error).message
                _tell(hop, f"BROKEN at {error.operation}: {because}")
                _tell_drift(findings)
                return 1
        clock_works = _clock_works(api)
    _tell_drift(findings)
    return 0 if journal_works and clock_works else 1


def _clock_works(api: KorusApi) -> bool:
    """Print how far this machine's clock is from the API's. Returns whether they agree."""
    if api.is_days_off:
        _tell("clock", "BROKEN: more than a day from the API's. Set the clock of this machine.")
        return False
    if api.is_known:
        _tell("clock", f"within {api.skew_bound_seconds:.1f} s of the API's")
    else:
        _tell("clock", "not known: the API's answers tell no time (Date). What is left is not told")
    return True


async def _journal_state(settings: Settings) -> tuple[str, bool]:
    """Whether the journal works, and how many orders are in doubt. It is not created by looking.

    Returns the line to print, and whether all is well.
    """
    if settings.embedded:
        return "that of the embedded sandbox, which lasts as long as its world", True
    try:
        where = str(journal_file(settings) or "PostgreSQL")
    # A user without a home has no place for a journal: a fault like any other.
    except JournalDown as nowhere:
        return f"BROKEN: {nowhere.fault.value}", False
    if not may_have_bookings(settings):
        return f"none yet, {where}", True
    # The journal exists: it is opened as a server would open it, and closed again.
    journal = journal_of(settings, SystemClock())
    try:
        await journal.installation()
        told = f"works, {await journal.unfinished()} orders in doubt"
        if await journal.stopped_at() is not None:
            told += ", and no new orders are taken (korus-mcp journal go lets them through)"
    except JournalDown as down:
        return f"BROKEN: {down.fault.value}, {where}", False
    else:
        return f"{told}, {where}", True
    finally:
        await journal.close()


def _mirror_states(settings: Settings) -> Iterator[str]:
    """A line for each language: its file and its age. Nothing is read into it."""
    files, now = catalog_files(settings), SystemClock().now()
    if files.folder is None:
        yield f"in memory, as {'the sandbox is embedded' if settings.embedded else NO_HOME}"
        return
    for language in dict.fromkeys(settings.languages):
        path = files.folder / files.file(language)
        try:
            seen = look_at(path)
        except sqlite3.Error as error:
            state = f"cannot be read ({error})"
        else:
            state = "not read yet" if seen is None or seen.is_empty else seen.told_age(now)
        yield f"{language}: {state}, {path}"


def _because(error: ApiError) -> str | None:
    """The cause of an error if it lies in the network, and which setting to change."""
    if isinstance(error.reason, CertificateFault):
        return f"{error.reason}. {_CERTIFICATE_ADVICE[error.reason]}"
    if error.reason == NO_WAY:
        return f"{NO_WAY}. Look at KORUS_HTTP_PROXY, its user name and its password."
    return None


async def _token(api: KorusApi) -> str:
    await api.token()
    return "ok"


async def _catalogs(api: KorusApi) -> str:
    found = await api.ticketing.list_catalogs().all()
    if not found:
        return "reachable, but none is open to this account"
    return f"{len(found)} open to this account"


async def _walk(api: KorusApi) -> str:
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
    return "read-only walk done"


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


def _tell_drift(findings: CheckFindings) -> None:
    for operation in sorted(findings.seen):
        missing, unknown = findings.missing[operation], findings.unknown[operation]
        for what, names in (("missing", missing), ("unknown", unknown)):
            if names:
                _tell(operation, f"{what}: {_listed(names)}")
    differing = sum(bool(findings.missing[o] or findings.unknown[o]) for o in findings.seen)
    _tell("contract", f"{differing} of {len(findings.seen)} operations differ")


def _listed(names: Set[str]) -> str:
    """Names of fields as the API sent them, cleaned, and not too many."""
    # The API could send thousands of names, or names with control characters.
    told = [shown(name, 60) for name in sorted(names)[:MOST_NAMES]]
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*told, *more])


def _tell(hop: str, finding: str) -> None:
    write(f"{shown(hop, 60):<28} {shown(finding)}")
