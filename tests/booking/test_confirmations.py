"""A confirmation says what is bought: its words count, however they are written, and its code."""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from korus_mcp.booking.confirmations import CODE_LENGTH, LONGEST, fresh_code, read, written
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.text import clean_line, first_unsendable

ABYSS = Line(
    product="Adult, Abyss exhibition",
    quantity=2,
    amount=Money(Decimal(35)),
    day=date(2026, 11, 29),
)
CODE = "c" + "k7Qd" * 5 + "Zz"
TOTAL = Money(Decimal("35.00"))


def hold(*lines: Line) -> Hold:
    return Hold(id="r", state=HoldState.HELD, lines=lines)


def named(product: str) -> Hold:
    return hold(Line(product=clean_line(product), quantity=2, amount=TOTAL, day=ABYSS.day))


def test_it_says_goods_day_and_total_and_ends_in_its_code() -> None:
    text = written([hold(ABYSS)], TOTAL, CODE)
    assert text == f"2 x Adult, Abyss exhibition, 2026-11-29, 35.00 EUR - {CODE}"
    evening = Line(
        product="Concert",
        quantity=1,
        amount=None,
        starts_at=(datetime(2026, 6, 6, 20, 30, tzinfo=UTC),),
    )
    both = written([hold(ABYSS), hold(evening)], TOTAL, CODE)
    assert both == f"1 x Concert, 2026-06-06 20:30 + 2 more, 35.00 EUR - {CODE}"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper().replace(CODE.upper(), CODE),
        lambda text: text.replace(" - ", " \u2013 ").replace("2026-11-29", "2026\u201111\u201129"),
        lambda text: text.replace(" - ", "-"),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(", ", ",\n  "),
        lambda text: f"  {text} ",
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: f"{text}.",
        lambda text: f'"{text}"',
        lambda text: f"\\{text}\\",
    ],
    ids=[
        *("case", "dashes", "no blanks", "other blanks", "lines", "around", "form"),
        *("end of a sentence", "in quotes", "as a host leaves it that takes quotes away"),
    ],
)
def test_the_words_count_and_not_how_they_are_written(change: object) -> None:
    text = written([named("Entr\u00e9e, l'Ab\u00eeme")], TOTAL, CODE)
    assert callable(change)
    assert read(change(text)) == read(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("2 x", "1 x"),
        lambda text: text.replace("Adult", "Child"),
        lambda text: text.replace("29", "28"),
        lambda text: text.replace("35.00", "3500"),
        lambda text: text.replace("35.00", "25.00"),
        lambda text: text.replace(", Abyss exhibition", ""),
        lambda text: CODE,
        lambda text: text.replace(CODE, CODE.swapcase()),
        lambda text: text.replace(CODE, CODE[:-1]),
        lambda text: text + "x",
        lambda text: text + " again",
        lambda text: "",
    ],
)
def test_other_words_or_another_code_are_another_confirmation(change: object) -> None:
    text = written([hold(ABYSS)], TOTAL, CODE)
    assert callable(change)
    assert read(change(text)) != read(text)


def test_codes_are_long_plain_and_never_the_same() -> None:
    codes = [fresh_code() for _ in range(100)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(rf"c[A-Za-z0-9]{{{CODE_LENGTH}}}", code) for code in codes)


@settings(max_examples=300)
@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=4),
    st.integers(1, 50),
    st.decimals(0, 9_999_999, places=2),
)
def test_whatever_issuers_write_it_is_short_can_be_handed_on_and_ends_in_its_code(
    products: list[str], quantity: int, total: Decimal
) -> None:
    lines = [
        Line(product=clean_line(each), quantity=quantity, amount=None, day=ABYSS.day)
        for each in products
    ]
    text = written([hold(*lines)], Money(total), CODE)
    assert len(text) <= LONGEST
    assert first_unsendable(text) is None
    assert text.endswith(f", {Money(total)} - {CODE}")
    assert "2026-11-29" in text
    assert '"' not in text
    assert read(text).code == CODE
