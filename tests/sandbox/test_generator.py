"""A hundred thousand product bases that cost nothing until they are looked at."""

import time

import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from tests.sandbox.caller import CATALOGS, Caller, Json, calling

pytestmark = pytest.mark.anyio

MANY = 100_000


async def generated(caller: Caller) -> list[Json]:
    """The catalogs beyond the five issuers'."""
    return (await caller.members(CATALOGS))[5:]


async def every_base(caller: Caller) -> list[Json]:
    """Every generated base, in catalog order."""
    found: list[Json] = []
    for catalog in await generated(caller):
        bases = f"{catalog['@id']}/product_bases"
        total = (await caller.read(bases))["totalItems"]
        for page in range(1, total // 50 + 2):
            found += await caller.members(bases, {"page": page})
    return found


async def test_as_many_bases_as_asked_are_spread_over_catalogs() -> None:
    sandbox = Sandbox(SandboxOptions(seed=1, bases=1000), clock=ManualClock())
    async with calling(sandbox) as caller:
        bases = await every_base(caller)
        assert len({base["id"] for base in bases}) == len(bases) == 1000
        assert len(await generated(caller)) == 4


async def test_neighbours_differ_in_town_or_season_and_agree_in_the_rest() -> None:
    sandbox = Sandbox(SandboxOptions(seed=1, bases=120), clock=ManualClock())
    async with calling(sandbox) as caller:
        bases = await every_base(caller)
        matches = {base["name"].partition(" - Ligue Azur - ")[2] for base in bases[:12:3]}
        assert len(matches) == 1
        assert len({base["name"] for base in bases}) == 120
        tours = [await caller.read(base["@id"]) for base in bases[12:24]]
        assert len({base["name"].rpartition(" - ")[0] for base in tours}) == 1
        assert len({base["venue"]["city"] for base in tours}) == 12
        match = await caller.read(bases[0]["@id"])
        assert f"de {match['venue']['city']} / " in match["name"]
        english = await caller.read(bases[12]["@id"], language="en")
        assert english["name"] != bases[12]["name"]


async def test_the_same_seed_makes_the_same_world_and_another_seed_another() -> None:
    async def ids(seed: int | None) -> tuple[list[str], str]:
        sandbox = Sandbox(SandboxOptions(seed=seed, bases=60), clock=ManualClock())
        async with calling(sandbox) as caller:
            bases = await every_base(caller)
            hold = await caller.hold("park_offer")
            return [base["id"] for base in bases], hold["id"]

    assert await ids(1) == await ids(1)
    assert await ids(1) != await ids(2)
    assert await ids(None) != await ids(None)


async def test_a_generated_offer_can_be_booked() -> None:
    sandbox = Sandbox(SandboxOptions(seed=1, bases=MANY), clock=ManualClock())
    async with calling(sandbox) as caller:
        catalog = (await generated(caller))[-1]
        bases = await caller.members(f"{catalog['@id']}/product_bases", {"page": 50})
        query = {"productBaseId": bases[-1]["id"]}
        offer = (await caller.members(f"{catalog['@id']}/offers", query))[0]
        assert offer["productBase"] == bases[-1]["@id"]
        outcome = await caller.reserve(await caller.item(offer["@id"], 2))
        order = (await caller.order(*outcome["reservations"]))["orders"][0]
        assert order["items"][0]["quantity"] == 2


async def test_late_pages_of_a_hundred_thousand_bases_are_as_fast_as_early_ones() -> None:
    started = time.perf_counter()
    sandbox = Sandbox(SandboxOptions(seed=1, bases=MANY), clock=ManualClock())
    assert time.perf_counter() - started < 0.2
    async with calling(sandbox) as caller:
        catalog = (await generated(caller))[-1]
        bases = f"{catalog['@id']}/product_bases"
        started = time.perf_counter()
        for page in (1, 25, 50):
            assert len((await caller.client.get(f"{bases}?itemsPerPage=50&page={page}")).json())
        assert time.perf_counter() - started < 0.5
