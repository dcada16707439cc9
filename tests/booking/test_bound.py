"""Whatever a person agreed to and is changed before the order: the confirmation is void."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from tests.booking.stage import CUSTOMER, Stage, staged


def _with_customer(name: str, value: str) -> Mapping[str, Any]:
    changed: dict[str, Any] = {name: value}
    return {"customer": replace(CUSTOMER, **changed)}


NAMES = st.text("abcdefghij é'-", min_size=1, max_size=12).filter(str.strip)
CHANGED_CUSTOMERS = st.one_of(
    st.tuples(st.sampled_from(["firstname", "lastname"]), NAMES),
    st.tuples(st.just("email"), st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.test", fullmatch=True)),
    st.tuples(st.just("phone"), st.from_regex(r"\+33[0-9]{9}", fullmatch=True)),
    st.tuples(st.sampled_from(["country", "language"]), st.sampled_from(["de", "it", "es"])),
    st.tuples(st.just("title"), st.sampled_from(["mr", "mrs", "mx"])),
).map(lambda change: _with_customer(*change))
CHANGED_CALLS = st.one_of(CHANGED_CUSTOMERS, NAMES.map(lambda text: {"notes": text}))


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.__setitem__(name, value)


def _set_in_line(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["items"][0].__setitem__(name, value)


def _later(seconds: int) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        end = datetime.fromisoformat(body["expiresAt"]) + timedelta(seconds=seconds)
        body["expiresAt"] = end.isoformat()

    return change


AMOUNTS = st.decimals("0.01", "900", places=2).map(str)
IDS = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
CHANGED_HOLDS = st.one_of(
    AMOUNTS.map(partial(_set, "totalAmountInclTax")),
    AMOUNTS.map(partial(_set_in_line, "amountInclTax")),
    IDS.map(lambda i: _set_in_line("offer", f"/v1/ticketing/catalogs/c/offers/{i}")),
    IDS.map(lambda i: _set_in_line("product", f"/v1/ticketing/products/{i}")),
    st.dates().map(lambda day: _set_in_line("date", day.isoformat())),
    st.integers(1, 600).map(_later),
    st.just(lambda body: body["items"].append(body["items"][0])),
    st.just(lambda body: body["items"].pop()),
)


@dataclass
class Scene:
    """A stage with holds and a confirmation for the first two; `upstream` changes what is read."""

    stage: Stage
    holds: list[Hold]
    confirmation: str
    upstream: Callable[[dict[str, Any]], None] | None = None
    changed: bool = False

    async def refused(self, *holds: Hold, **changes: Any) -> Code | OrderState:
        """What an order with the confirmation comes to."""
        try:
            placed = await self.stage.place(*holds, confirmation=self.confirmation, **changes)
        except Refusal as refusal:
            return refusal.code
        return placed.state


@dataclass
class World:
    """Runs scenes from without."""

    scene: Scene
    call: Callable[..., Any] = field(repr=False)

    def assert_void(self, *holds: Hold, **changes: Any) -> None:
        """The confirmation does not go for this, and nothing is sent."""
        before = self.scene.stage.sent("createOrders")
        told = self.call(partial(self.scene.refused, *holds, **changes))
        assert told is Code.APPROVAL_REQUIRED
        assert self.scene.stage.sent("createOrders") == before

    def assert_still_good(self) -> None:
        """The confirmation goes for what was agreed, whatever it did not go for before."""
        told = self.call(partial(self.scene.refused, *self.scene.holds[:2]))
        assert told is OrderState.ORDERED
        assert self.scene.stage.sent("createOrders") == 1


@contextmanager
def opened() -> Iterator[World]:
    scenes: list[Scene] = []

    def rewritten(path: str, body: dict[str, Any]) -> None:
        if scenes and scenes[0].upstream and path.endswith(scenes[0].holds[0].id):
            before = str(body)
            scenes[0].upstream(body)
            scenes[0].changed = str(body) != before

    async def set_up(stage: Stage) -> Scene:
        holds = [
            await stage.held("park_offer", 2),
            await stage.held("undated_offer"),
            await stage.held("park_offer", 3),
        ]
        return Scene(stage, holds, await stage.confirmed(*holds[:2]))

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(staged(rewrite=rewritten)) as stage,
    ):
        scenes.append(portal.call(set_up, stage))
        yield World(scenes[0], portal.call)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One for all attempts, in whatever order they come."""
    with opened() as each:
        yield each
        each.assert_still_good()


tried = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@tried
@given(CHANGED_CALLS, st.booleans())
def test_another_call_voids_it(world: World, changes: Mapping[str, Any], turned: bool) -> None:
    assume(changes.get("customer") != CUSTOMER)
    first, second, _ = world.scene.holds
    world.assert_void(*((second, first) if turned else (first, second)), **changes)


@tried
@given(CHANGED_HOLDS)
def test_another_hold_voids_it(world: World, change: Callable[[dict[str, Any]], None]) -> None:
    scene = world.scene
    scene.upstream, scene.changed = change, False
    try:
        told = world.call(partial(scene.refused, *scene.holds[:2]))
    finally:
        scene.upstream = None
    assume(scene.changed)
    assert told in {Code.APPROVAL_REQUIRED, Code.LIMIT_EXCEEDED, Code.NOT_BOOKABLE}
    assert scene.stage.sent("createOrders") == 0


OTHERS: list[tuple[int, ...]] = [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("chosen", OTHERS)
def test_other_reservations_void_it(world: World, chosen: tuple[int, ...]) -> None:
    world.assert_void(*(world.scene.holds[n] for n in chosen))


def test_after_all_that_it_is_still_good_for_what_was_agreed() -> None:
    with opened() as world:
        for chosen in OTHERS:
            world.assert_void(*(world.scene.holds[n] for n in chosen))
        world.assert_still_good()
