"""A server process that can die at any await: the real coordinator over ports that may kill it."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import ApiError, Booking, Outcome, Ticketing
from korus_mcp.api.errors import ServerFailed, TimedOut
from korus_mcp.api.jsonld import JsonObject
from korus_mcp.api.transport import Wire
from korus_mcp.booking.by_hand import ByHand, Seal
from korus_mcp.booking.earlier import EarlierOrders
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.ordered import OrderCall, Ordered
from korus_mcp.booking.ordering import Ordering
from korus_mcp.booking.recovery import Reconciler
from korus_mcp.booking.sending import Sender
from korus_mcp.booking.sent import SentHere
from korus_mcp.booking.settling import Settling
from korus_mcp.booking.timing import LEASE_SECONDS
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.refusals import Refusal
from korus_mcp.journal.records import (
    NO_NUMBERS,
    Approval,
    Asked,
    Installation,
    Intent,
    JournalDown,
    JournalFault,
    Lease,
    OrderResult,
    ReservationFacts,
)
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.settings import Settings
from tests.journal.memory import MemoryJournal
from tests.simulation.upstream import ORDERS, RESERVATIONS, Upstream
from tests.simulation.virtual import VirtualClock

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process is gone; nothing it does has an effect any more."""


@dataclass(frozen=True)
class Parts:
    """The parts a mutant replaces."""

    journal: type[MemoryJournal] = MemoryJournal
    sender: type[Sender] = Sender
    look_up: type[LookUp] = LookUp
    settle_seconds: int = 300


@dataclass
class Heart:
    """Whether a process lives, and after how many steps it dies."""

    rng: random.Random
    steps_left: int | None
    trouble: float
    """How often the journal fails, before or after it wrote."""
    alive: bool = True
    stopped: anyio.Event = field(default_factory=anyio.Event)

    def kill(self) -> None:
        """End it where it stands."""
        self.alive = False
        self.stopped.set()

    def beat(self) -> None:
        """One step; the last one kills."""
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.kill()
        if not self.alive:
            raise Killed

    async def through(self, work: Callable[[], Awaitable[Answer]], latency: float) -> Answer:
        """An effect outside the process: it may die before and after it, and takes its time."""
        self.beat()
        await anyio.sleep(self.rng.uniform(0, latency))
        self.beat()
        answer = await work()
        await anyio.sleep(self.rng.uniform(0, latency))
        self.beat()
        return answer


class PortedJournal:
    """The shared journal as one process reaches it."""

    def __init__(self, store: MemoryJournal, heart: Heart) -> None:
        self._store = store
        self._heart = heart

    async def installation(self) -> Installation:
        return await self._store.installation()

    async def approve(self, approval: Approval, *, now: datetime | None = None) -> None:
        await self._write(lambda: self._store.approve(approval, now=now))

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        return await self._read(lambda: self._store.approvals(nonces))

    async def ask(self, asked: Asked, *, now: datetime) -> Asked:
        return await self._write(lambda: self._store.ask(asked, now=now))

    async def asked(self, which: str) -> Asked | None:
        return await self._read(lambda: self._store.asked(which))

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        await self._write(
            lambda: self._store.claim(
                intent, lease=lease, approval_nonce=approval_nonce, day_limit=day_limit
            )
        )

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        return await self._write(
            lambda: self._store.start_sending(
                intent, lease=lease, sent_at=sent_at, fence_at=fence_at
            )
        )

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        return await self._write(lambda: self._store.renew(intent_id, lease))

    async def settle(
        self, intent_id: str, result: OrderResult, *, known: Intent | None = None
    ) -> Intent:
        return await self._write(lambda: self._store.settle(intent_id, result, known=known))

    async def repair(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        *,
        known: Intent | None = None,
        numbers: Mapping[str, str] = NO_NUMBERS,
    ) -> Intent:
        return await self._write(
            lambda: self._store.repair(intent_id, orders, known=known, numbers=numbers)
        )

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        return await self._write(lambda: self._store.take_over(lease, limit=limit))

    async def unfinished(self) -> int:
        return await self._read(self._store.unfinished)

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        return await self._read(
            lambda: self._store.standing(reservation_ids, owner=owner, since=since)
        )

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        return await self._read(lambda: self._store.intents_of(reservation_ids))

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        return await self._read(lambda: self._store.intent_by_reference(external_reference))

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        return await self._read(lambda: self._store.owners_of(resource_ids))

    async def made_since(self, owner: str, since: datetime) -> Mapping[str, datetime]:
        return await self._read(lambda: self._store.made_since(owner, since))

    async def held_until(
        self, reservation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, datetime]:
        return await self._read(lambda: self._store.held_until(reservation_ids, now))

    async def _read(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        return await self._heart.through(work, 0.01)

    async def _write(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """A write that may fail, also after it was carried out: the commit's answer was lost."""
        trouble = self._heart.rng.random() < self._heart.trouble
        if trouble and self._heart.rng.random() < 0.5:
            raise JournalDown(JournalFault.UNREACHABLE)
        answer = await self._heart.through(work, 0.05)
        if trouble:
            raise JournalDown(JournalFault.UNREACHABLE)
        return answer


class PortedWire:
    """The API as one process reaches it; `on_post` sees each order request as it arrives."""

    def __init__(
        self,
        upstream: Upstream,
        heart: Heart,
        clock: VirtualClock,
        on_post: Callable[[str, str], None],
        worker: str,
    ) -> None:
        self._upstream = upstream
        self._heart = heart
        self._clock = clock
        self._on_post = on_post
        self._worker = worker

    async def read(
        self,
        operation: str,
        path: str,
        params: Any = (),
        *,
        language: str | None = None,
        on_arrival: Callable[[], Awaitable[None]] | None = None,
    ) -> JsonObject:
        del language, on_arrival  # of a seat map alone, which nobody reads here

        async def answered() -> JsonObject:
            return self._answered(path, dict(params))

        body = await self._heart.through(answered, 0.3)
        if not self._upstream.calm and self._heart.rng.random() < self._upstream.nature.read_faults:
            raise self._heart.rng.choice([TimedOut, ServerFailed])(operation, Outcome.REFUSED)
        return body

    async def create(
        self,
        operation: str,
        path: str,
        body: JsonObject,
        *,
        language: str | None = None,
        on_leaving: Callable[[], None] | None = None,
    ) -> JsonObject:
        del operation, path, language
        ids = [id_at_end(str(i)) or "" for i in cast(list[str], body["reservations"])]
        reference = str(body["externalReference"])

        async def arrived() -> Any:
            self._on_post(reference, self._worker)
            self._upstream.settle_late(self._clock.monotonic())
            return self._upstream.post(ids, reference, self._clock.monotonic())

        if on_leaving is not None:
            on_leaving()
        fate = await self._heart.through(arrived, self._heart.rng.choice([0.5, 2.0]))
        await anyio.sleep(self._heart.rng.choice([0.1, 1.0, 45.0, 74.0]))
        self._heart.beat()
        return self._upstream.answer_of(fate, ids, reference)

    def _answered(self, path: str, params: Mapping[str, str]) -> JsonObject:
        now = self._clock.monotonic()
        self._upstream.settle_late(now)
        name = id_at_end(urlsplit(path).path) or ""
        if path.startswith(RESERVATIONS):
            return self._upstream.reservation(name, now)
        if path.startswith(ORDERS):
            return self._upstream.order(name)
        page = int(params.get("page", "1"))
        return self._upstream.listed(params.get("external_reference"), page, now)


class _NoCatalog:
    """A catalog without names, limits and terms."""

    async def catalog_id(self, alias: str, language: str) -> str:
        del language
        return alias

    async def product_name(self, catalog_id: str, product_id: str, language: str) -> str | None:
        del catalog_id, product_id, language
        return None

    async def terms_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[Handle, str] | None:
        del catalog_id, product_id, language
        return None

    async def age_limits(self, catalog_id: str, product_id: str, language: str) -> tuple[str, ...]:
        del catalog_id, product_id, language
        return ()

    async def limits_of_sale(self, catalog_id: str, product_id: str, language: str) -> None:
        del catalog_id, product_id, language

    async def max_per_order(self, base: Handle, language: str) -> int | None:
        del base, language
        return None

    async def venue(self, catalog_id: str, product_id: str, language: str) -> None:
        del catalog_id, product_id, language

    async def kept_zone(self, catalog_id: str, product_id: str, language: str) -> None:
        del catalog_id, product_id, language

    async def zone(self, catalog_id: str, product_id: str, language: str) -> None:
        del catalog_id, product_id, language


@dataclass
class Slot:
    """A call that a client waits for; without an answer its process died, or the client left."""

    call: OrderCall
    answer: Ordered | Exception | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Replica:
    """One server process. With a `seal` it has people asked beside their hosts."""

    def __init__(
        self,
        name: str,
        store: MemoryJournal,
        upstream: Upstream,
        clock: VirtualClock,
        heart: Heart,
        parts: Parts,
        on_post: Callable[[str, str], None],
        seal: Seal | None,
    ) -> None:
        self.heart = heart
        self._seal = seal
        self._name = name
        self._store = store
        self._upstream = upstream
        self._clock = clock
        self._parts = parts
        self._on_post = on_post
        self._tasks: TaskGroup | None = None
        self._desk: Ordering | None = None

    async def run(self) -> None:
        """Live until killed or stopped."""
        try:
            async with anyio.create_task_group() as tasks:
                self._build(tasks)
                await self.heart.stopped.wait()
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as ended:
            if ended.split(Killed)[1] is not None:
                raise
        finally:
            self.heart.alive = False

    def start(self, call: OrderCall) -> Slot:
        """Hand a call in."""
        slot = Slot(call)
        assert self._tasks is not None
        self._tasks.start_soon(self._handle, slot)
        return slot

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls."""
        return self.heart.alive and self._desk is not None

    async def _handle(self, slot: Slot) -> None:
        assert self._desk is not None
        try:
            with slot.scope:
                slot.answer = await self._desk.place(slot.call)
        except (Refusal, ApiError, JournalDown) as refused:
            slot.answer = refused
        finally:
            slot.done.set()

    def _build(self, tasks: TaskGroup) -> None:
        journal: Any = PortedJournal(self._store, self.heart)
        wire: Any = PortedWire(self._upstream, self.heart, self._clock, self._on_post, self._name)
        booking = Booking(cast(Wire, wire), cast(Any, None))
        catalog, clock = _NoCatalog(), self._clock
        lease = Lease(self._name, LEASE_SECONDS)
        operations = Operations(Flights(tasks))
        holds = HoldReader(
            booking=booking,
            journal=journal,
            names=ProductNames(cast(Ticketing, None), catalog),
            clock=clock,
            settling=Settling(journal, clock, self._parts.settle_seconds),
        )
        look_up = self._parts.look_up(booking=booking, journal=journal, clock=clock)
        reconciler = Reconciler(look_up=look_up, journal=journal, lease=lease)
        sender = self._parts.sender(
            booking=booking,
            look_up=look_up,
            journal=journal,
            clock=clock,
            tasks=tasks,
            lease=lease,
            settle_seconds=self._parts.settle_seconds,
            in_doubt=reconciler.wake,
            sent=SentHere(clock),
        )
        numbers = iter(range(1000))
        earlier = EarlierOrders(journal=journal, sender=sender, look_up=look_up)
        self._desk = Ordering(
            booking=booking,
            holds=holds,
            sender=sender,
            earlier=earlier,
            catalog=catalog,
            journal=journal,
            settings=Settings(
                settle_seconds=self._parts.settle_seconds,
                approval=ApprovalWay.AUTO if self._seal is None else ApprovalWay.HUMAN,
            ),
            clock=clock,
            operations=operations,
            by_hand=None
            if self._seal is None
            else ByHand(journal=journal, seal=self._seal, environment="sandbox", clock=clock),
            fresh_id=lambda: f"{self._name}-{next(numbers)}",
        )
        self._tasks = tasks
        tasks.start_soon(reconciler.run)
