"""A journey: a whole conversation as a script, and the state of the world it must end in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from mcp.client.session import ElicitationFnT

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import OrderRecord, ReservationRecord, SandboxOptions
from tests.fixtures.assistant import SEED
from tests.journeys.scene import Scene, World

Booked: TypeAlias = tuple[str, int]
"""An offer_id as replies show it, and how many of it."""
Person: TypeAlias = Callable[[World], ElicitationFnT]
"""Makes what a host asks when the server wants an answer of the person."""


@dataclass(frozen=True, kw_only=True)
class End:
    """The end state, whole: what was ordered, what is still held, which calls arrived.

    Unless a script says otherwise one reserve call and one order call arrived, whatever came of it.
    """

    orders: Sequence[Booked] = ()
    cancelled: Sequence[Booked] = ()
    held: Sequence[Booked] = ()
    reserve_calls: int = 1
    order_calls: int = 1


NOTHING_SENT = End(reserve_calls=0, order_calls=0)
"""The conversation ended without a call that holds or spends."""
NOTHING_ORDERED = End(order_calls=0)
"""Something was to be held, and nothing is held or ordered."""


@dataclass(frozen=True, kw_only=True)
class Journey:
    """A conversation with the world it needs.

    `at` names the issuers it takes place at: the others may be left out of a quick run. `settings`
    are named without their prefix; `tools` is what `--tools` says; `person` answers for a host that
    can ask. `is_simple`: one booking without trouble, held to the budgets.
    """

    name: str
    script: Callable[[Scene], Awaitable[End]]
    at: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    tools: str | None = None
    sandbox: SandboxOptions = field(default_factory=partial(SandboxOptions, seed=SEED))
    person: Person | None = None
    is_simple: bool = False

    async def play(self, scene: Scene) -> None:
        """Go through the conversation, and hold its end against what the script promised.

        Raises:
            AssertionError: the world is in another state, or somebody paid what nobody agreed to.
        """
        check(await self.script(scene), scene.world)


JOURNEYS: list[Journey] = []
"""All that were registered, in the order of their modules."""
Script: TypeAlias = Callable[[Scene], Awaitable[End]]


def journey(
    name: str,
    *,
    at: str,
    settings: Mapping[str, str] | None = None,
    tools: str | None = None,
    sandbox: SandboxOptions | None = None,
    person: Person | None = None,
    is_simple: bool = False,
) -> Callable[[Script], Script]:
    """Register a script as a journey; `at` names issuers, with spaces between."""

    def registered(script: Script) -> Script:
        made = Journey(
            name=name,
            script=script,
            at=tuple(at.split()),
            settings=settings or {},
            tools=tools,
            sandbox=sandbox or SandboxOptions(seed=SEED),
            person=person,
            is_simple=is_simple,
        )
        JOURNEYS.append(made)
        return script

    return registered


def check(end: End, world: World) -> None:
    """The oracle: nothing but the state of the sandbox counts.

    Raises:
        AssertionError: the state is another.
    """
    orders = world.sandbox.orders()
    confirmed = [o for o in orders if o.status == "confirmed"]
    cancelled = [o for o in orders if o.status == "cancelled"]
    held = [r for r in world.sandbox.reservations() if _is_usable(r)]
    assert _booked(confirmed) == sorted(end.orders), "ordered"
    assert _booked(cancelled) == sorted(end.cancelled), "cancelled"
    assert _booked(held) == sorted(end.held), "held"
    assert world.arrived("createReservations") == end.reserve_calls, "reserve calls that arrived"
    assert world.arrived("createOrders") == end.order_calls, "order calls that arrived"
    for order in orders:
        (reservation_id,) = order.reservation_ids
        agreed = world.agreed.get(reservation_id)
        assert agreed == f"{order.total} EUR", "what was ordered is what the person agreed to"
        assert not order.customer.get("optin"), "nobody agreed to advertising"


def _is_usable(reservation: ReservationRecord) -> bool:
    return (
        reservation.status == "reserved"
        and not reservation.expired
        and reservation.order_id is None
    )


def _booked(records: Sequence[OrderRecord] | Sequence[ReservationRecord]) -> list[Booked]:
    return sorted((f"{alias_of(r.catalog_id)}.{r.offer_id}", r.quantity) for r in records)
