"""The services of one server, which handlers of requests use, made from its settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from anyio.abc import TaskGroup
from platformdirs import user_cache_path

from korus_mcp.access.policy import tool_names
from korus_mcp.access.principal import LOCAL, Principal, signed_in, this_host
from korus_mcp.api import KorusApi
from korus_mcp.api.config import CREATION_SECONDS
from korus_mcp.booking.kept import KeptOffers
from korus_mcp.booking.prices import KeptPrices, Prices, ShownPrices
from korus_mcp.booking.quote import Quotes
from korus_mcp.catalog.calendar import OfferCalendars
from korus_mcp.catalog.finder import Finder
from korus_mcp.catalog.mirror import CatalogFiles, Mirror
from korus_mcp.catalog.sharing import SharedCopies
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights, kept_apart
from korus_mcp.foundation.lanes import on_behalf_of
from korus_mcp.foundation.pace import Pace
from korus_mcp.foundation.private_files import user_folder
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.opening import copies_of
from korus_mcp.proposals.alternatives import Alternatives
from korus_mcp.settings import NAME, Approval, Settings

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

    from korus_mcp.booking.by_hand import ByHand, Seal
    from korus_mcp.booking.own_seats import Own
    from korus_mcp.booking.services import BookingServices
    from korus_mcp.journal import Journal
    from korus_mcp.proposals.seat_plans import SeatPlans


class Doorbell(Protocol):
    """Shows a person a page of ours: whoever sits before this machine, or signs in to it."""

    @property
    def signs_in(self) -> bool:
        """Whether the page has people sign in: then its address needs no secret, and there is no
        other place to answer.
        """

    async def page(self) -> str | None:
        """The address of the page, which is served from now on; None if it cannot be."""

    def is_shown(self, code: str) -> bool:
        """Whether somebody had the question with this code before them just now."""

    async def open(self, code: str, address: str) -> bool:
        """Open an address of this question in the person's browser. Whether there is one."""


class SandboxFiles(Protocol):
    """Where an embedded sandbox is kept that outlives its process."""

    def journal_url(self) -> str:
        """The address of its journal."""

    def secret(self) -> str:
        """The secret of all its processes; "" if it is in memory."""

    def shown_prices(self) -> Path | None:
        """The file of the prices that were shown; None if there can be none."""

    def follow(self, move: Callable[[str], Awaitable[None]]) -> None:
        """Call `move` with the address of the journal whenever another one takes its place."""

    def may_have_bookings(self) -> bool:
        """Whether an earlier process may have booked in it. Nothing is opened."""

    @property
    def forgets(self) -> str | None:
        """Why it ends with its process after all, as the end of a sentence; None if it does not."""


class App:
    """The services of one server, shared by all sessions; what they keep is kept by principal.

    Their background work runs in `tasks`. `doorbell` is there where the server runs beside a
    person. `files`: those of an embedded sandbox; without any it ends with its process. With
    `has_sign_in` every call is of somebody who signed in.
    """

    def __init__(
        self,
        settings: Settings,
        api: KorusApi,
        clock: Clock,
        tasks: TaskGroup,
        *,
        files: SandboxFiles | None = None,
        has_sign_in: bool = False,
    ) -> None:
        self.has_sign_in = has_sign_in
        self.settings, self.api, self.clock, self._tasks = settings, api, clock, tasks
        self._files = files
        self.tools = frozenset(tool_names(settings))
        self.leaving = anyio.Event()
        self._drained_by: float | None = None
        self.doorbell: Doorbell | None = None
        self.prices: Prices = ShownPrices(clock)
        if files is not None:
            self.prices = KeptPrices(files.shown_prices, clock)
        self.pace = Pace(
            clock,
            calls_per_minute=settings.calls_per_minute,
            writes_per_minute=settings.writes_per_minute,
        )
        # One of each, shared by all sessions: equal reads of two sessions are one request.
        self.mirror = mirror_of(settings, api, clock, tasks, copies=copies_of(settings))
        kept = KeptOffers(clock)
        self.calendars = OfferCalendars(api, clock=clock, tasks=tasks, note=kept.note)
        self.quotes = Quotes(api.ticketing, self.mirror, api, kept)
        self.alternatives = Alternatives(self.mirror, self.calendars, self.quotes)
        self.flights = Flights(tasks)
        # The default's catalog is searched, too, whether or not the operator lists it.
        languages = tuple(dict.fromkeys((*settings.languages, settings.language)))
        self.finder = Finder(api, self.mirror, self.calendars, languages)

    @cached_property
    def booking(self) -> "BookingServices":
        """The services of booking; the first call that needs them imports and makes them."""
        services = self.open_booking()
        # The server is stopping, and a late call needs them first: they must refuse new work.
        if self.leaving.is_set():
            services.close()
        return services

    @property
    def may_have_bookings(self) -> bool:
        """Whether this process or an earlier one may have booked. Nothing is opened to find out."""
        if "booking" in vars(self):
            return True
        if self.settings.embedded:
            return self._files is not None and self._files.may_have_bookings()
        from korus_mcp.journal.opening import may_have_bookings

        return may_have_bookings(self.settings)

    async def opened_booking(self) -> "BookingServices":
        """The same as `booking`; what is not imported yet is imported in a thread."""
        if "booking" not in vars(self):
            # It takes a quarter of a second.
            await anyio.to_thread.run_sync(import_module, "korus_mcp.booking.services")
            await anyio.to_thread.run_sync(import_module, "korus_mcp.journal.sql")
        return self.booking

    async def own_seats(self) -> "Own | None":
        """What reads the seats of the caller for some products; None where nobody can have any."""
        if "reserve" not in self.tools or not self.may_have_bookings:
            return None
        booking, owner = await self.opened_booking(), self.principal.key
        return partial(booking.own_seats.of, owner)

    def open_booking(self) -> "BookingServices":
        """Make the services of booking, and begin their background work."""
        # Imported here: the database library takes longer to import than everything else.
        from korus_mcp.booking.services import BookingServices
        from korus_mcp.journal.opening import IN_MEMORY, journal_of

        url = None
        if self.settings.embedded:
            # The journal of a sandbox lasts as long as its bookings.
            url = IN_MEMORY if self._files is None else self._files.journal_url()
        wait = wait_of(self.settings)
        journal = journal_of(self.settings, self.clock, url=url, wait=wait)
        if self._files is not None:
            self._files.follow(journal.move)
        services = BookingServices(
            self.settings,
            self.api,
            catalog=self.mirror,
            quotes=self.quotes,
            journal=journal,
            prices=self.prices,
            tasks=self._tasks,
            pace=self.pace,
            by_hand=self._by_hand(journal),
            # In a sandbox that lives for days, trying it must not use up what may be spent in one.
            spends_anew=self._files is not None,
        )
        with on_behalf_of(None):
            self._tasks.start_soon(kept_apart, services.run)
        return services

    def _by_hand(self, journal: "Journal") -> "ByHand | None":
        """What asks a person beside the host, where they have to be asked and can be."""
        if self.doorbell is None or self.settings.approval is not Approval.HUMAN:
            return None
        from korus_mcp.booking.by_hand import ByHand, Seal

        secret, files = self.settings.client_secret, self._files
        # A terminal has the account's secret, too: what is asked of people who sign in, it must not
        # read.
        whose = (self.settings.account.key(), *(("signed in",) if self.doorbell.signs_in else ()))
        seal = Seal(secret if files is None else files.secret(), " ".join(whose))
        if files is not None:
            files.follow(partial(_changed, seal, files))
        world = self.settings.environment.value
        return ByHand(journal=journal, seal=seal, environment=world, clock=self.api)

    @cached_property
    def seat_plans(self) -> "SeatPlans":
        """The service that reads seat maps; the first call that needs it imports and makes it."""
        # Imported here so that a start does not wait for the code that draws.
        from korus_mcp.proposals.seat_plans import SeatPlans

        return SeatPlans(
            self.api, self.mirror, self.calendars, self.quotes, self.flights, self.clock
        )

    @property
    def principal(self) -> Principal:
        """On whose behalf calls are made: whoever signed in, else the one operator of a server on
        stdio or on loopback.

        In a sandbox that all hosts of a user share it is the host: none sees what another holds.

        Raises:
            Refusal: NOT_ALLOWED where people sign in and nobody did.
        """
        if (caller := signed_in()) is not None:
            return caller.principal
        if self.has_sign_in:
            raise Refusal(
                Code.NOT_ALLOWED,
                "Nobody is signed in for this call.",
                "Tell the person to sign in to this server anew, in the program that uses it.",
            )
        return LOCAL if self._files is None else this_host()

    @property
    def forgets(self) -> str | None:
        """Why ids of other processes are not known here, as the end of a sentence; else None."""
        return None if self._files is None else self._files.forgets

    def language(self, wished: str | None) -> str:
        """The language of an answer: the one asked for where it is spoken, else the operator's."""
        return self.mirror.languages.spoken(wished or self.settings.language)

    async def known_language(self, wished: str) -> str:
        """The same; for a language that is not known yet, the API is asked once whether it is."""
        return await self.mirror.languages.known(wished)

    async def languages_besides(self, language: str) -> tuple[str, ...]:
        """The other languages in which answers are known to be served."""
        return await self.mirror.languages.besides(language)

    async def drain(self, seconds: float) -> None:
        """Refuse new bookings and wait at most `seconds` for those under way.

        A second call waits no longer than the first one.
        """
        if self._drained_by is None:
            self._drained_by = anyio.current_time() + seconds
        self.leaving.set()
        # `self.booking` would create the services here, only to stop them.
        if "booking" in vars(self):
            await self.booking.drain(max(0.0, self._drained_by - anyio.current_time()))

    async def close(self) -> None:
        """Close what was opened."""
        self.mirror.close()
        if isinstance(self.prices, KeptPrices):
            self.prices.close()
        if "booking" in vars(self):
            await self.booking.journal.close()


async def _changed(seal: "Seal", files: SandboxFiles, _: str) -> None:
    """Seal with the secret of the world that has taken the place of another one."""
    seal.change(files.secret())


@dataclass
class Running:
    """The services of the servers that run now, for handlers to which the SDK passes no context."""

    apps: list[App] = field(default_factory=list)
    is_leaving: bool = False
    """Whether they were told to stop, and should be sent nothing more."""

    @property
    def app(self) -> App:
        """The services that were started last and still run."""
        return self.apps[-1]

    async def drain(self, seconds: float) -> None:
        """Refuse new orders and wait at most `seconds` for those under way."""
        for app in self.apps:
            await app.drain(seconds)


def app_of(ctx: "Context[App, Any]") -> App:
    """The services of the server that answers this request."""
    return ctx.request_context.lifespan_context


def mirror_of(
    settings: Settings,
    api: KorusApi,
    clock: Clock,
    tasks: TaskGroup,
    *,
    copies: SharedCopies | None = None,
) -> Mirror:
    """The catalog mirror of these settings. Its background work runs in `tasks`. `copies`: those of
    the servers of one database.
    """
    return Mirror(
        api,
        catalog_files(settings),
        clock=clock,
        tasks=tasks,
        language=settings.language,
        languages=settings.languages,
        copies=copies,
    )


def wait_of(settings: Settings) -> timedelta:
    """How long orders wait once the journal went back in time: as long as one that was sent may
    still be on its way.
    """
    return timedelta(seconds=CREATION_SECONDS + settings.settle_seconds)


def catalog_files(settings: Settings) -> CatalogFiles:
    """Whose catalog is kept, and in which folder.

    The catalog of an embedded sandbox is kept in memory, and so is that of a user without a home.
    """
    return CatalogFiles(
        account=settings.account,
        allowed=settings.catalogs,
        folder=None
        if settings.embedded
        else settings.cache_dir or user_folder(partial(user_cache_path, NAME)),
    )
