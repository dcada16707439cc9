"""What a person reads: the whole matter in three lines that every host shows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from korus_mcp.api import CustomerInput
from korus_mcp.booking.approval import Question
from korus_mcp.booking.customers import Customer, PartOfCustomer
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.foundation.money import Money
from korus_mcp.settings import Environment
from korus_mcp.tools.question_text import LINE, doubt_text, order_question

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 6, 6)
EVENING = datetime(2026, 6, 6, 20, 30, tzinfo=UTC)
WORLDS = [each.value for each in Environment]
ADULT = Line(product="Day ticket, adult", quantity=2, amount=Money(Decimal(90)), day=DAY)
CHILD = Line(product="Day ticket, child", quantity=1, amount=Money(Decimal(30)), day=DAY)
LATER = replace(ADULT, product="A sauna", day=DAY + timedelta(days=9))
UNDATED = replace(ADULT, product="A voucher", day=None)
LONG = "Ganztageskarte für Erwachsene mit Frühstück, Parkplatz und einem sehr langen Namen " * 3
ADA = CustomerInput("Ada", "Lovelace", email="ada@example.org")
LONGEST = CustomerInput("F" * 100, "L" * 100, email=f"{'e' * 200}@example.org")
UNKNOWN = Doubt("0199", None, is_alike=True)
FOUND = Doubt("0199", "0200", is_alike=True)
PERHAPS = Doubt("0199", "0200", is_alike=False)


def question(*lines: Line, customer: Customer = ADA, **more: object) -> Question:
    held = Hold(id="1", state=HoldState.HELD, lines=lines, expires_at=NOW + timedelta(minutes=15))
    made = Question(
        attempt=0,
        owner="me",
        holds=(held,),
        total=Money(Decimal("1234567.89")),
        customer=customer,
        notes=None,
        asked_at=NOW,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def first_lines(of: Question, environment: str = "sandbox") -> list[str]:
    return order_question(of, environment).splitlines()[:3]


def test_goods_and_day_then_total_and_buyer_then_that_it_is_for_real() -> None:
    assert first_lines(question(ADULT)) == [
        "2 x Day ticket, adult, 2026-06-06",
        "Total: 1234567.89 EUR for Ada Lovelace, ada@example.org",
        "Order as a trial (sandbox)? It cannot be cancelled here.",
    ]
    assert order_question(question(ADULT), "sandbox").count("cannot be cancelled") == 1


@pytest.mark.parametrize("doubts", [(), (UNKNOWN,)])
def test_only_an_order_that_costs_money_is_said_to_be_for_real(doubts: tuple[Doubt, ...]) -> None:
    asked = question(ADULT, doubts=doubts)
    real = {world for world in WORLDS if "for real" in first_lines(asked, world)[2].lower()}
    assert real == {"production"}


@pytest.mark.parametrize(
    ("lines", "first"),
    [
        ((CHILD, ADULT), "1 x Day ticket, child + 2 x Day ticket, adult, 2026-06-06"),
        ((ADULT, ADULT), "4 x Day ticket, adult, 2026-06-06"),
        ((LATER, UNDATED, ADULT), "2 x Day ticket, adult, 2026-06-06 + 4 more"),
        ((CHILD, replace(ADULT, product=LONG)), "1 x Day ticket, child, 2026-06-06 + 2 more"),
        ((UNDATED,), "2 x A voucher"),
        ((replace(ADULT, starts_at=(EVENING,)),), "2 x Day ticket, adult, 2026-06-06T20:30Z"),
        (
            (replace(ADULT, starts_at=(EVENING + timedelta(days=1), EVENING)),),
            "2 x Day ticket, adult, 2026-06-06T20:30Z, first of 2 times",
        ),
        ((), "Tickets whose names could not be read"),
    ],
)
def test_goods_of_one_time_are_named_else_the_first_and_the_other_tickets_counted(
    lines: Sequence[Line], first: str
) -> None:
    assert first_lines(question(*lines))[0] == first
    assert first_lines(question(*reversed(lines)))[0] == first


@pytest.mark.parametrize("environment", WORLDS)
@pytest.mark.parametrize("doubts", [(), (UNKNOWN,), (FOUND,), (FOUND, UNKNOWN), (PERHAPS,)])
def test_a_long_name_is_cut_within_its_line_and_day_amount_and_warning_never(
    environment: str, doubts: tuple[Doubt, ...]
) -> None:
    times = tuple(EVENING + timedelta(days=n) for n in range(10))
    goods = replace(ADULT, product=LONG, starts_at=times)
    asked = question(goods, LATER, customer=LONGEST, doubts=doubts)
    said = order_question(asked, environment)
    goods_line, buyer, real = said.splitlines()[:3]
    assert max(map(len, (goods_line, buyer, real))) <= LINE
    assert goods_line.startswith("2 x Ganztageskarte")
    for words in ("2026-06-06T20:30Z", "+ 2 more"):
        assert words in goods_line
    for words in ("1234567.89 EUR", "FFF", "eee"):
        assert words in buyer
    assert environment in real
    assert "cannot be cancelled" in real
    assert all(whole in said for whole in (LONGEST.firstname, LONGEST.lastname, LONGEST.email))


@pytest.mark.parametrize(
    ("doubts", "warning"),
    [
        ((UNKNOWN,), "May be a second order of the same!"),
        ((FOUND,), "One more order of the same!"),
        ((FOUND, UNKNOWN), "May be a second order of the same!"),
        ((PERHAPS,), "May be a second order of the same!"),
    ],
)
def test_that_it_may_be_a_second_order_stands_where_it_is_seen(
    doubts: tuple[Doubt, ...], warning: str
) -> None:
    asked = question(ADULT, doubts=doubts)
    assert first_lines(asked)[2].startswith(warning)
    for doubt in doubts:
        assert doubt_text(doubt) in order_question(asked, "sandbox")
    assert "second" not in order_question(question(ADULT), "sandbox")


def test_the_same_question_reads_the_same_whenever_it_is_put() -> None:
    asked = question(ADULT, CHILD)
    late = replace(asked, asked_at=NOW + timedelta(minutes=9))
    assert order_question(asked, "sandbox") == order_question(late, "sandbox")


@pytest.mark.parametrize(
    ("customer", "buyer"),
    [
        (PartOfCustomer(), "whom you fill in below"),
        (PartOfCustomer(firstname="Ada"), "Ada, the rest as you fill in below"),
        (PartOfCustomer(email="ada@example.org"), "ada@example.org, the rest as you fill in below"),
    ],
)
def test_who_is_not_named_yet_is_said_to_be_filled_in(customer: Customer, buyer: str) -> None:
    asked = question(ADULT, customer=customer)
    goods, total, real = first_lines(asked)
    assert goods == first_lines(question(ADULT))[0]
    assert total == f"Total: 1234567.89 EUR for {buyer}"
    assert "cannot be cancelled" in real
    longest = PartOfCustomer(firstname="F" * 100, email=f"{'e' * 200}@example.org")
    assert max(map(len, first_lines(question(ADULT, customer=longest)))) <= LINE
