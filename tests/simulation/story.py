"""One schedule: clients who repeat themselves, processes that die, an API at its worst.

All of it follows from one seed. What must hold at every step is checked as it happens, the rest
when every doubt has had its time.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import anyio

from korus_mcp.api import CustomerInput
from korus_mcp.booking.by_hand import ByHand, Seal
from korus_mcp.booking.customers import PartOfCustomer
from korus_mcp.booking.ordered import OrderCall, Ordered, OrderState
from korus_mcp.journal.records import Asked, Installation, Intent, Lease
from tests.journal.memory import MemoryJournal
from tests.simulation.replica import Heart, Parts, Replica, Slot
from tests.simulation.upstream import SETTLE_SECONDS, Fate, HeldReservation, Nature, Upstream
from tests.simulation.virtual import START, VirtualClock, VirtualLoop

OWNER = "local/local"
PEOPLE = (
    CustomerInput("Ada", "Martin", "ada@example.test"),
    CustomerInput("Bob", "Martin", "bob@example.test"),
)
MOST_STEPS = 70
PATIENCE = 90.0
AS_BUILT = Parts()
KINDS = ("double", "lost", "ghost", "stuck", "broken")


@dataclass
class Verdict:
    """What went wrong in a schedule: sentences by kind. `crashes` is how many processes died."""

    crashes: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def say(self, kind: str, sentence: str) -> None:
        """Note a violation."""
        self.wrong[kind].append(sentence)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not any(self.wrong.values())


def watched(journal: type[MemoryJournal]) -> type[MemoryJournal]:
    """The same journal, whose claims and outcomes are held against the invariants."""

    class Watched(journal):  # type: ignore[misc, valid-type]
        verdict: Verdict
        used: Counter[str]
        pressed: set[str]
        is_by_hand: bool

        async def claim(
            self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
        ) -> None:
            before = {
                i.id: i
                for i in self._intents.values()
                if set(i.reservation_ids) & set(intent.reservation_ids)
            }
            await super().claim(
                intent, lease=lease, approval_nonce=approval_nonce, day_limit=day_limit
            )
            self.used[approval_nonce] += 1
            if self.used[approval_nonce] > 1:
                self.verdict.say("broken", "I11: an approval was used twice")
            if self.is_by_hand and approval_nonce not in self.pressed:
                self.verdict.say("broken", "I13: claimed without a press")
            for earlier in before.values():
                now = self._intents[earlier.id]
                for each in set(now.reservation_ids) & set(intent.reservation_ids):
                    if not now.is_final or now.ambiguous or each in now.orders:
                        self.verdict.say("broken", f"I4: the claim on {each} moved")

        async def ask(self, asked: Asked, *, now: datetime) -> Asked:
            put = await super().ask(asked, now=now)
            # What took the place of a question voids what was said to it.
            self.pressed = {n for n in self.pressed if n in self._asked and self._asked[n].is_yes}
            return put  # type: ignore[no-any-return]

        async def answer(
            self, code: str, *, is_yes: bool, way: str, now: datetime, no_until: datetime
        ) -> Asked | None:
            before = await super().answer(code, is_yes=is_yes, way=way, now=now, no_until=no_until)
            if before is not None and before.is_open(now) and is_yes:
                self.pressed.add(before.nonce)
            return before  # type: ignore[no-any-return]

        def _keep(self, intent: Intent) -> None:
            stored = self._intents[intent.id]
            if stored.is_final and dict(stored.orders) != dict(intent.orders):
                self.verdict.say("broken", "I5: a final outcome changed")
            super()._keep(intent)

    return Watched


class Story:
    """A schedule under way."""

    def __init__(self, seed: int, loop: VirtualLoop, parts: Parts) -> None:
        self._seed = seed
        self.rng = self._rng("world")
        self.verdict = Verdict()
        self._parts = parts
        self._clock = VirtualClock(loop)
        self._began = loop.time()
        self._upstream = self._imagined()
        self._store = watched(parts.journal)(
            self._clock, installation=Installation("abc234", b"k" * 32)
        )
        self._store.verdict = self.verdict  # type: ignore[attr-defined]
        self._store.used = Counter()  # type: ignore[attr-defined]
        self._store.pressed = set()  # type: ignore[attr-defined]
        # A third of the stories are of people who are asked beside their hosts.
        by_hand = self._rng("way").random() < 1 / 3
        self._store.is_by_hand = by_hand  # type: ignore[attr-defined]
        self._seal = Seal("a secret", "account") if by_hand else None
        self._replicas: list[Replica] = []
        self._over = anyio.Event()

    def _rng(self, name: str) -> random.Random:
        """Each actor throws its own dice: who comes first in a moment changes nobody else's."""
        return random.Random(f"{self._seed} {name}")

    def _imagined(self) -> Upstream:
        rng, now = self.rng, self._clock.monotonic()
        holds = {
            f"r{n}": HeldReservation(f"r{n}", now + rng.choice([60.0, 120.0, 300.0, 900.0]))
            for n in range(rng.choice([1, 1, 2, 3]))
        }
        world = Upstream(rng, Nature.drawn(rng), holds, START)
        world.add_strangers(rng.choice([0, 3]))
        return world

    async def told(self) -> Verdict:
        """Play it to the end and judge it."""
        await self._store.own(OWNER, *self._upstream.holds)
        async with anyio.create_task_group() as processes:
            for number in range(self.rng.choice([1, 1, 2])):
                processes.start_soon(self._process, number, self.rng.choice([0, 1, 1, 2]))
            async with anyio.create_task_group() as clients:
                for n in range(self.rng.choice([1, 2, 2, 3])):
                    clients.start_soon(self._client, n)
            await self._until_known()
            self._over.set()
            for replica in self._replicas:
                replica.heart.stopped.set()
        self._judge()
        return self.verdict

    async def _process(self, number: int, deaths: int) -> None:
        """A process that dies so often, and is started again each time."""
        rng = self._rng(f"process {number}")
        trouble = rng.choice([0.0, 0.0, 0.03])
        for life in range(deaths + 1):
            steps = rng.randrange(MOST_STEPS) if life < deaths else None
            name = f"w{number}-{life}"
            heart = Heart(self._rng(name), steps, 0.0 if self._upstream.calm else trouble)
            replica = Replica(
                name,
                self._store,
                self._upstream,
                self._clock,
                heart,
                self._parts,
                self._on_post,
                self._seal,
            )
            self._replicas.append(replica)
            await replica.run()
            if not self._over.is_set():
                self.verdict.crashes += 1
                await anyio.sleep(rng.choice([0.5, 5.0, 45.0]))
            if self._over.is_set():
                return

    async def _client(self, number: int) -> None:
        rng = self._rng(f"client {number}")
        await anyio.sleep(rng.uniform(0, 3))
        customer = PEOPLE[0] if number < 2 else rng.choice(PEOPLE)
        ids = tuple(self._upstream.holds)
        if rng.random() < 0.2:
            ids = ids[: rng.randrange(1, len(ids) + 1)]
        call = OrderCall(owner=OWNER, reservation_ids=ids, customer=customer, language="en")
        # Some are shown what is bought before they say who they are.
        is_named = self._rng(f"named {number}").random() < 0.7
        question = call if is_named else replace(call, customer=PartOfCustomer())
        for _ in range(rng.choice([1, 2, 3])):
            asked = await self._asked(question, rng)
            if isinstance(asked, Ordered) and asked.code is not None:
                await self._answered(asked.code, rng)
                for _ in range(rng.choice([1, 1, 2, 3])):
                    await self._asked(call, rng)
                    await anyio.sleep(rng.choice([0.0, 1.0, 30.0]))
            if isinstance(asked, Ordered) and asked.confirmation is not None:
                confirmed = replace(call, confirmation=asked.confirmation)
                for _ in range(rng.choice([1, 1, 2, 3])):
                    await self._asked(confirmed, rng)
                    await anyio.sleep(rng.choice([0.0, 1.0, 30.0]))
            await anyio.sleep(rng.choice([0.0, 2.0, 60.0]))

    async def _answered(self, code: str, rng: random.Random) -> None:
        """A person answers in a process of their own, or not: late, twice, and not always yes."""
        assert self._seal is not None
        by_hand = ByHand(
            journal=self._store, seal=self._seal, environment="sandbox", clock=self._clock
        )
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            await anyio.sleep(rng.choice([1.0, 20.0, 100.0, 700.0]))
            found = await by_hand.found(code)
            if found is not None:
                await by_hand.answer(found[0], is_yes=rng.random() < 0.9, way="terminal")

    async def _asked(self, call: OrderCall, rng: random.Random) -> Ordered | Exception | None:
        """Ask a process that lives; a client whose process died asks again, the same thing."""
        for _ in range(4):
            ready = [r for r in self._replicas if r.is_ready]
            if not ready:
                await anyio.sleep(rng.choice([1.0, 20.0]))
                continue
            slot = rng.choice(ready).start(call)
            with anyio.move_on_after(rng.choice([PATIENCE, PATIENCE, 0.2, 5.0])):
                await slot.done.wait()
            if slot.answer is None:
                slot.scope.cancel()  # the client leaves; the order must go on
                continue
            self._hear(slot)
            return slot.answer
        return None

    def _hear(self, slot: Slot) -> None:
        """I6: what a caller is told is what the journal says, or it says more by now."""
        told = slot.answer
        if not isinstance(told, Ordered) or told.confirm_by is not None:
            return
        kept = self._kept(slot.call)
        for order in told.orders:
            if not any(i.orders.get(order.reservation_id) == order.id for i in kept):
                self.verdict.say("ghost", f"I6: {order.id} was told and is not written down")
        for failed in told.failed:
            if told.state is not OrderState.IN_DOUBT and not any(
                failed.reservation_id in i.failures for i in kept
            ):
                self.verdict.say("broken", "I6: a failure was told that is not written down")

    def _kept(self, call: OrderCall) -> list[Intent]:
        return [
            i
            for i in self._store._intents.values()
            if set(i.reservation_ids) & set(call.reservation_ids)
        ]

    def _on_post(self, reference: str, worker: str) -> None:
        """I2 and I3, as an order request arrives."""
        intent = next(
            (i for i in self._store._intents.values() if i.external_reference == reference), None
        )
        if intent is None or not intent.is_in_doubt:
            self.verdict.say("broken", "I2: sent without being written down as SENDING")
        else:
            held = self._store._leases.get(intent.id)
            if held is None or held.worker != worker or held.until <= self._clock.now():
                self.verdict.say("broken", "I2: sent without a live lease of the sender")
        if self._upstream.posts[reference]:
            self.verdict.say("broken", "I3: sent twice")

    async def _until_known(self) -> None:
        """The API and the journal calm down, and everything has the time it needs."""
        self._upstream.calm = True
        for replica in self._replicas:
            replica.heart.trouble = 0.0
        ends = [hold.ends_at for hold in self._upstream.holds.values()]
        last = max(*ends, self._clock.monotonic() + 75) + SETTLE_SECONDS + 200
        await anyio.sleep(max(0.0, last - self._clock.monotonic()))
        self._upstream.settle_late(self._clock.monotonic())

    def _judge(self) -> None:
        self.verdict.fates = self._upstream.fates
        intents = {i.external_reference: i for i in self._store._intents.values()}
        ours = [o for o in self._upstream.orders if not o.reference.startswith("foreign")]
        made = Counter(o.reservation_id for o in ours)
        for reservation_id, number in made.items():
            if number > 1:
                self.verdict.say("double", f"{reservation_id} has {number} orders")
        for order in ours:
            intent = intents.get(order.reference)
            if intent is None or intent.orders.get(order.reservation_id) != order.id:
                self.verdict.say("lost", f"{order.id} of {order.reservation_id}")
        ids = {o.id for o in ours}
        for intent in intents.values():
            if not intent.is_final:
                self.verdict.say("stuck", f"{intent.id} is {intent.state}")
            for order_id in intent.orders.values():
                if order_id not in ids:
                    self.verdict.say("ghost", f"{order_id} does not exist")
            charged = Decimal(10) * sum(o.reference == intent.external_reference for o in ours)
            if charged > intent.approved_total:
                self.verdict.say("broken", "I12: more was charged than approved")


def played(seed: int, loop: VirtualLoop, parts: Parts = AS_BUILT) -> Verdict:
    """The verdict on the schedule of a seed."""
    return loop.finish(_told(seed, loop, parts))


async def _told(seed: int, loop: VirtualLoop, parts: Parts) -> Verdict:
    return await Story(seed, loop, parts).told()


def words_of(wrong: Mapping[str, list[str]]) -> str:
    """All violations on one line."""
    return "; ".join(f"{kind}: {', '.join(each)}" for kind, each in wrong.items() if each)
