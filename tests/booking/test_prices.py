"""Prices that were shown are remembered for each owner, for thirty minutes."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from korus_mcp.booking.prices import (
    LIVE_SECONDS,
    REMEMBERED_PRICES,
    REMEMBERED_SECONDS,
    KeptPrices,
    ShownPrices,
)
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money

OFFER = Handle("abcdef", "o1")
PRICE, NEXT = Money(Decimal(10)), Money(Decimal(11))


def test_the_last_price_counts_for_its_owner() -> None:
    prices = ShownPrices(ManualClock())
    prices.show("ada", OFFER, PRICE)
    prices.show("ada", OFFER, NEXT)
    prices.show("ada", OFFER, None)
    assert prices.last("ada", OFFER) == NEXT
    assert prices.last("bob", OFFER) is None
    assert prices.last("ada", Handle("abcdef", "o2")) is None


def test_a_price_is_forgotten_after_thirty_minutes() -> None:
    clock = ManualClock()
    prices = ShownPrices(clock)
    prices.show("ada", OFFER, PRICE)
    clock.advance(REMEMBERED_SECONDS)
    assert prices.last("ada", OFFER) == PRICE
    clock.advance(1)
    assert prices.last("ada", OFFER) is None


def test_the_oldest_prices_make_room() -> None:
    prices = ShownPrices(ManualClock())
    for number in range(REMEMBERED_PRICES + 1):
        prices.show("ada", Handle("abcdef", str(number)), PRICE)
    assert prices.last("ada", Handle("abcdef", "0")) is None
    assert prices.last("ada", Handle("abcdef", "1")) == PRICE


def test_the_next_process_knows_what_the_last_one_showed(tmp_path: Path) -> None:
    clock = ManualClock()
    one = KeptPrices(lambda: tmp_path / "shown.sqlite", clock)
    other = KeptPrices(lambda: tmp_path / "shown.sqlite", clock)
    one.show("ada", OFFER, PRICE)
    assert other.last("ada", OFFER) == PRICE
    other.show("ada", OFFER, NEXT)
    assert one.last("ada", OFFER) == NEXT
    assert one.last("bob", OFFER) is None
    clock.advance(REMEMBERED_SECONDS + 1)
    assert other.last("ada", OFFER) is None
    for each in (one, other):
        each.close()
    assert (tmp_path / "shown.sqlite").stat().st_mode & 0o077 == 0


def test_what_is_too_old_is_removed_from_the_file(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "shown.sqlite"
    one = KeptPrices(lambda: path, clock)
    one.show("ada", OFFER, PRICE)
    clock.advance(REMEMBERED_SECONDS + 1)
    for number in range(REMEMBERED_PRICES):
        one.show("ada", Handle("abcdef", f"p{number}"), PRICE)
    one.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM shown").fetchone() == (REMEMBERED_PRICES,)


@pytest.mark.parametrize("where", ["nowhere", "a folder", "of another program", "damaged"])
def test_where_no_file_can_be_used_prices_are_remembered_here(where: str, tmp_path: Path) -> None:
    path = tmp_path / "shown.sqlite"
    if where == "a folder":
        path.mkdir()
    elif where == "damaged":
        path.write_bytes(b"no database" * 1000)
    elif where == "of another program":
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE theirs (what TEXT)")
    prices = KeptPrices(lambda: None if where == "nowhere" else path, ManualClock())
    prices.show("ada", OFFER, PRICE)
    assert prices.last("ada", OFFER) == PRICE
    prices.close()


def test_a_file_that_breaks_later_costs_no_call(tmp_path: Path) -> None:
    path = tmp_path / "shown.sqlite"
    prices = KeptPrices(lambda: path, ManualClock())
    prices.show("ada", OFFER, PRICE)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE shown")
    prices.show("ada", OFFER, NEXT)
    assert prices.last("ada", OFFER) == NEXT
    prices.close()


@pytest.mark.parametrize("is_kept", [False, True])
def test_live_prices_are_told_for_a_minute_and_apart_from_listed_ones(
    tmp_path: Path, is_kept: bool
) -> None:
    clock = ManualClock()
    one = KeptPrices(lambda: tmp_path / "p.sqlite", clock) if is_kept else ShownPrices(clock)
    other = KeptPrices(lambda: tmp_path / "p.sqlite", clock) if is_kept else one
    one.show("ada", OFFER, PRICE)
    assert other.live("ada") == {}
    one.show("ada", OFFER, NEXT, is_live=True)
    clock.advance(LIVE_SECONDS - 1)
    one.show("ada", OFFER, PRICE)
    assert other.live("ada") == {OFFER: NEXT}
    assert other.live("bob") == {}
    clock.advance(2)
    assert other.live("ada") == {}
    assert other.last("ada", OFFER) == PRICE
