"""Amounts are exact, in one currency, and never float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.money import Money, money, total

_AMOUNTS = st.decimals(0, 10**9, places=2)


def euro(amount: str) -> Money:
    return Money(Decimal(amount))


def test_an_amount_reads_with_two_digits_and_its_currency() -> None:
    assert str(euro("7")) == "7.00 EUR"
    assert str(euro("58.5")) == "58.50 EUR"
    assert str(Money(Decimal("3.10"), "CHF")) == "3.10 CHF"


def test_both_cases_of_the_currency_are_one() -> None:
    assert money(Decimal(1), "eur") == money(Decimal(1), "EUR") == euro("1")


def test_no_amount_is_no_money_and_no_currency_is_euro() -> None:
    assert money(None, "EUR") is None
    assert money(Decimal("0.00")) == euro("0")
    assert money(Decimal(1), "") == euro("1")


@given(_AMOUNTS, st.integers(1, 50))
def test_a_price_times_a_quantity_is_its_sum(amount: Decimal, quantity: int) -> None:
    price = Money(amount)
    assert price.times(quantity) == total([price] * quantity)


@given(_AMOUNTS, _AMOUNTS)
def test_amounts_are_ordered_by_value(one: Decimal, other: Decimal) -> None:
    assert (Money(one) < Money(other)) == (one < other)


def test_the_sum_of_nothing_is_zero_euro() -> None:
    assert total([]) == euro("0")


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="two currencies"):
        total([euro("1"), Money(Decimal(1), "CHF")])


@pytest.mark.parametrize("stated", ["EUR‮", "pay to this account", "€", "EURO", "ΕUR"])
def test_what_is_no_code_of_a_currency_is_never_shown(stated: str) -> None:
    found = money(Decimal("9.00"), stated)
    assert found is not None
    assert str(found) == "9.00 XXX"
