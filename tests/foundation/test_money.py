"""Amounts are exact, in one currency, and never float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.foundation.money import Money, currencies_in, money, total
from korus_mcp.foundation.unread import UNREAD

_AMOUNTS = st.decimals(0, 10**9, places=2)


def euro(amount: str) -> Money:
    return Money(Decimal(amount))


def test_an_amount_reads_with_two_digits_and_its_currency() -> None:
    assert str(euro("7")) == "7.00 EUR"
    assert str(euro("58.5")) == "58.50 EUR"
    assert str(Money(Decimal("3.10"), "CHF")) == "3.10 CHF"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("90.004", "90.004"),
        ("12.505", "12.505"),
        ("0.004", "0.004"),
        ("12.500000", "12.50"),
        ("-0.00", "0.00"),
        ("1E+2", "100.00"),
        ("999999999999.123456", "999999999999.123456"),
    ],
)
def test_what_is_beyond_the_cent_is_not_rounded_away(amount: str, shown: str) -> None:
    assert str(euro(amount)) == f"{shown} EUR"


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


def test_of_several_stated_currencies_the_one_that_is_not_euro_counts() -> None:
    assert money(Decimal(1), "EUR", None, "CHF", "USD") == Money(Decimal(1), "CHF")
    assert money(Decimal(1), "", UNREAD) == Money(Decimal(1), "XXX")
    assert money(Decimal(1), "eur", "EUR", None) == euro("1")


@pytest.mark.parametrize(
    ("told", "stated"),
    [
        ({"currencyCode": "USD"}, ["USD"]),
        ({"price": {"unit": [{"priceCurrency": "CHF"}]}}, ["CHF"]),
        ({"currency": {"code": "EUR"}, "moneyCurrency": 978}, [UNREAD, UNREAD]),
        ({"@context": {"currency": "schema:priceCurrency"}, "currency": None}, []),
        (None, []),
    ],
)
def test_a_currency_counts_whatever_it_is_called_and_wherever_it_lies(
    told: dict[str, object] | None, stated: list[object]
) -> None:
    assert list(currencies_in(told)) == stated


def test_an_answer_without_end_is_searched_for_currencies_to_an_end() -> None:
    deep: dict[str, object] = {"currency": "CHF"}
    for _ in range(50):
        deep = {"in": deep}
    assert list(currencies_in(deep)) == []
    assert list(currencies_in({str(n): n for n in range(1000)} | {"currency": "CHF"})) == []


@pytest.mark.parametrize("amount", ["12.505", "0.001", "-3.0009", "99.999999"])
def test_a_part_of_a_cent_cannot_be_paid_and_is_unread(amount: str) -> None:
    assert money(Decimal(amount)) is UNREAD
    assert money(Decimal(amount), "EUR") is UNREAD


@pytest.mark.parametrize("amount", ["12.5", "12.500", "12.50000", "0", "1E+2", "-3.10"])
def test_what_can_be_paid_is_read_however_many_zeros_it_has(amount: str) -> None:
    assert money(Decimal(amount)) == Money(Decimal(amount))


def test_a_currency_without_end_is_none() -> None:
    told = money(Decimal(1), "EUR" + " " * 100_000)
    assert isinstance(told, Money)
    assert told.is_foreign
