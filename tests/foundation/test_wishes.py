"""What a caller writes is read in one way, in tools and in addresses of resources."""

from datetime import date
from decimal import Decimal

import pytest

from korus_mcp.foundation.wishes import (
    MOST_TICKETS,
    wished_amount,
    wished_day,
    wished_language,
    wished_quantity,
    wished_weekdays,
)


def test_a_day_is_written_with_its_year_first() -> None:
    assert wished_day("2027-06-19") == date(2027, 6, 19)


@pytest.mark.parametrize(
    "text", ["20270619", "2027-W24-6", "2027-6-19", "19.06.2027", "2027-06-19T10:00", "", None, 7]
)
def test_other_forms_of_a_day_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        wished_day(text)


def test_a_day_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no such day"):
        wished_day("2027-02-29")


@pytest.mark.parametrize(("value", "amount"), [("60", "60"), (60, "60"), (0.01, "0.01")])
def test_an_amount_comes_as_a_number_or_as_its_digits(value: object, amount: str) -> None:
    assert wished_amount(value) == Decimal(amount)


@pytest.mark.parametrize("value", [0, -1, "0.001", "1e-999999", 10**7, "NaN", "inf", "x", True])
def test_what_no_price_can_be_is_no_amount(value: object) -> None:
    with pytest.raises(ValueError, match="above 0"):
        wished_amount(value)


@pytest.mark.parametrize("tag", ["fr", "FR", "pt-BR", "zh-Hant-TW"])
def test_a_language_may_name_its_script_and_country(tag: str) -> None:
    assert wished_language(tag) == tag


@pytest.mark.parametrize("tag", ["f", "french", "fr_FR", "fr-", "", "*"])
def test_what_is_no_language_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="code of a language"):
        wished_language(tag)


def test_a_quantity_is_bounded() -> None:
    assert [wished_quantity("1"), wished_quantity(str(MOST_TICKETS))] == [1, MOST_TICKETS]
    for text in ("0", str(MOST_TICKETS + 1), "-1", "1.5", ""):
        with pytest.raises(ValueError, match=r"out of range|invalid literal"):
            wished_quantity(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("sat", (5,)),
        ("Saturday", (5,)),
        ("sun, sat", (5, 6)),
        ("sat,sat", (5,)),
        ("Saturdays / Sundays", (5, 6)),
        ("weekend", (5, 6)),
        ("weekends; fri", (4, 5, 6)),
        ("MON TUE", (0, 1)),
    ],
)
def test_weekdays_are_named_in_english_short_or_in_full(text: str, days: tuple[int, ...]) -> None:
    assert wished_weekdays(text) == days


@pytest.mark.parametrize("value", ["", ",", "s", "sa", "samedi", "sat and sun", "5", 5, None, True])
def test_other_weekdays_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="weekdays in English"):
        wished_weekdays(value)
