"""Isolation at its full size: `make isolation-test` (N guessed ids, N interleaved calls)."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import anyio

from tests.fixtures.assistant import ERAS
from tests.fixtures.signed_in import House, house
from tests.server.test_isolation import guessed, guessed_in_calls, interleaved

CALLS_A_ROUND: Final = 2 * len(ERAS) * 2
"""Two people in each era call for what is theirs, and for what is the other's."""
CALLED: Final = 10
"""Of so many guessed ids one is tried in a call, too, which takes longer."""
Campaign: TypeAlias = Callable[[House], Awaitable[tuple[int, int]]]


async def played(number: int) -> int:
    """Play all three; how many answers told of others."""
    campaigns: Mapping[str, Campaign] = {
        "ids guessed beneath the tools": partial(guessed, guesses=number),
        "ids guessed in calls": partial(guessed_in_calls, guesses=-(-number // CALLED)),
        "interleaved calls of two people": partial(interleaved, calls=-(-number // CALLS_A_ROUND)),
    }
    leaks = 0
    for said, campaign in campaigns.items():
        with tempfile.TemporaryDirectory(prefix="korus-isolation-") as folder:
            async with house(
                DATABASE_URL=f"sqlite:///{folder}/journal.db",
                CACHE_DIR=f"{folder}/cache",
                DOWNLOAD_DIR=f"{folder}/downloads",
            ) as here:
                made, wrong = await campaign(here)
        print(f"{said}: {made}, {wrong} told of others", flush=True)  # noqa: T201 - the report
        leaks += wrong
    print(f"leaked {leaks}")  # noqa: T201 - the report
    return leaks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10_000, help="ids, and calls (10000)")
    logging.disable(logging.CRITICAL)
    sys.exit(int(bool(anyio.run(played, parser.parse_args().n))))
