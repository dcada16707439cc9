"""`make fault-test N=200`: so many orders through a gateway that breaks each, fault by fault.

At the end of a fault time is moved past every fence, every call is made again, and the facts are
judged by `history`.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

import anyio

from korus_mcp.api import ApiConfig
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from korus_mcp.server import composition
from tests.crash.history import History, Judgement, judged
from tests.crash.proxy import LATER_SECONDS, Fault, Proxy, proxied
from tests.crash.rows import rows_of
from tests.fixtures.assistant import SEED, Json, handle_of, offers_of
from tests.fixtures.hosts import UNBOUNDED
from tests.fixtures.shop import Shop, reopened

SIDE_BY_SIDE: Final = 4
SILENCE_SECONDS: Final = 1.5
"""How long a server listens to silence; 75 s in earnest."""
SILENCES: Final = (Fault.SILENCE_BEFORE, Fault.SILENCE_AFTER)
HOUR: Final = 3600
ASKED_AGAIN: Final = 8


@dataclass(frozen=True)
class Outcome:
    """What a fault did: how often it struck, how many orders there are, and the judgement."""

    struck: int
    orders: int
    first_answers: Mapping[str, int]
    judgement: Judgement


@dataclass
class _Campaign:
    """Orders through one fault."""

    shop: Shop
    proxy: Proxy
    offers: Sequence[str]
    wishes: dict[str, Json] = field(default_factory=dict)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    first_answers: dict[str, int] = field(default_factory=dict)

    async def order(self, number: int) -> None:
        hold = await self.shop.held(number % 9 + 1, again=True, offer_id=self.offers[number])
        wish = await self.shop.confirmed(hold)
        self.wishes[hold] = wish
        state = (await self.shop.place(wish)).data["state"]
        self.first_answers[state] = self.first_answers.get(state, 0) + 1

    async def ask_again(self) -> None:
        """Until it is known: a clock that jumped is believed after a few answers."""
        for hold, wish in self.wishes.items():
            for _ in range(ASKED_AGAIN):
                answer = (await self.shop.place(wish)).data
                if answer["state"] != "in_doubt":
                    break
            made = answer.get("orders", ())
            self.told.append((hold, made[0]["order_id"] if made else None))


async def broken(fault: Fault, orders: int, folder: Path) -> Outcome:
    """The outcome of so many orders whose requests all meet a fault."""
    short = partial(ApiConfig, creation_timeout=SILENCE_SECONDS)
    config = short if fault in SILENCES else ApiConfig
    async with (
        served_sandbox(SandboxOptions(seed=SEED)) as served,
        proxied(served.api_url) as proxy,
    ):
        given = {**UNBOUNDED, "API_URL": proxy.url, "SETTLE_SECONDS": "120"}
        with patch.object(composition, "ApiConfig", config):
            async with reopened(folder, served, **given) as shop:
                base = handle_of(served.sandbox, "park_base")
                one = _Campaign(shop, proxy, await offers_of(shop, base, orders))
                proxy.fault = fault
                await _side_by_side(one, orders)
                proxy.fault = None
                await anyio.sleep(2 * LATER_SECONDS)
                served.sandbox.clock.advance(HOUR)
                await one.ask_again()
        made = [(r, o.id) for o in served.sandbox.orders() for r in o.reservation_ids]
        journal = await rows_of(f"sqlite:///{shop.journal}")
        history = History(upstream=made, posts=proxy.posts, told=one.told, journal=journal)
        return Outcome(proxy.struck, len(made), one.first_answers, judged(history))


async def _side_by_side(one: _Campaign, orders: int) -> None:
    limit = anyio.CapacityLimiter(SIDE_BY_SIDE)

    async def order(number: int) -> None:
        async with limit:
            await one.order(number)

    async with anyio.create_task_group() as calls:
        for number in range(orders):
            calls.start_soon(order, number)


def main() -> int:
    """Print what each fault did; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10, help="orders for each fault")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    return max([_tell(fault, given.n) for fault in Fault])


def _tell(fault: Fault, orders: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="korus-faults-") as folder:
        outcome = anyio.run(broken, fault, orders, Path(folder))
    wrong = outcome.judgement
    first = ", ".join(f"{n} {state}" for state, n in sorted(outcome.first_answers.items()))
    sys.stdout.write(
        f"{fault.value[0]}: {outcome.struck} orders struck ({first} at first), "
        f"{outcome.orders} made: {_counts(wrong)} in {time.monotonic() - began:.0f} s\n"
    )
    return int(not wrong.is_clean or outcome.struck != orders)


def _counts(wrong: Judgement) -> str:
    kinds: Iterable[tuple[str, tuple[str, ...]]] = (
        ("double", wrong.double),
        ("lost", wrong.lost),
        ("ghost", wrong.ghost),
        ("stuck", wrong.stuck),
    )
    return ", ".join(f"{kind} {len(found)}" for kind, found in kinds)


if __name__ == "__main__":
    sys.exit(main())
