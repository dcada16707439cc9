"""Tables and sentences on screens of any width: what is a number stays one."""

import io

import pytest

from korus_mcp.commands.screen import NUMBER, Column, Screen

DAY, MOMENT, AMOUNT = "Sun 27 Dec 2026", "Sun 27 Dec 2026 20:45", "1234.00 EUR"
COLUMNS = [
    NUMBER,
    Column("day", is_fact=True, is_once=True),
    Column("what"),
    Column("made"),
    Column("price", is_number=True),
    Column("left", is_number=True),
    Column(""),
    Column("order", is_fact=True),
]
WHAT = "South 104 - Standing end - Child"
ROWS = [
    (9, DAY, WHAT, MOMENT, AMOUNT, 102, f"was {AMOUNT}", "KT-ORD-100008"),
    (10, DAY, WHAT, MOMENT, "9.00 EUR", 45, None, "KT-ORD-100009"),
]


def shown(
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    columns: list[Column] = COLUMNS,
    *,
    in_lines: bool = False,
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    Screen(stream).table(columns, [row[: len(columns)] for row in ROWS], in_lines=in_lines)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [*range(30, 60), 70, 80, 100, 120, 200])
def test_no_fact_is_cut_or_broken_however_narrow_the_screen_is(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(width, monkeypatch)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for fact in (DAY, "20:45", AMOUNT, "9.00 EUR", "102", "45", "KT-ORD-100008", "KT-ORD-100009"):
        assert fact in text
    assert [line.split()[0] for line in lines if line[:2].strip().isdigit()] == ["9", "10"]
    # A word of an issuer's is broken nowhere, either.
    assert text.split().count("Standing") == len(ROWS)


def test_where_a_table_does_not_fit_its_rows_are_lines_with_the_names_of_the_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shown(40, monkeypatch, COLUMNS[:6]) == [
        " 9  day: Sun 27 Dec 2026",
        "    what: South 104 - Standing end -",
        "      Child",
        "    made: Sun 27 Dec 2026 20:45",
        "    price: 1234.00 EUR  left: 102",
        "10  day: Sun 27 Dec 2026",
        "    what: South 104 - Standing end -",
        "      Child",
        "    made: Sun 27 Dec 2026 20:45",
        "    price: 9.00 EUR  left: 45",
    ]


def test_no_column_is_a_ladder_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in range(30, 80):
        lines = shown(width, monkeypatch, COLUMNS[:3])
        assert len(lines) <= 8
        assert not any(line.split() == ["104", "-"] for line in lines)


def test_a_row_without_a_number_begins_with_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = io.StringIO()
    columns = [Column("n", is_number=True), Column("when"), Column("voucher", is_fact=True)]
    Screen(stream).table(columns, [(2, MOMENT, "V" * 40), (1, None, "W")])
    assert stream.getvalue().splitlines() == [
        "-  n: 2",
        "   when: Sun 27 Dec 2026 20:45",
        "   voucher:",
        # What is copied has no break of ours in it, though the terminal may have one.
        "     " + "V" * 40,
        "-  n: 1  voucher: W",
    ]


def test_what_the_row_above_says_is_not_said_again_in_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "\n".join(shown(80, monkeypatch, COLUMNS[:3])).count(DAY) == 1


def test_a_program_that_reads_lines_gets_a_row_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(shown(30, monkeypatch, in_lines=True)) == 1 + len(ROWS)


def test_a_sentence_breaks_neither_days_nor_amounts_and_keeps_its_indent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Screen(stream).line(f"  {DAY}, can be booked, {AMOUNT}, listed at {AMOUNT}, 102 left")
    Screen(stream).line("1  held for 4 min 59 s")
    assert stream.getvalue().splitlines() == [
        "  Sun 27 Dec 2026, can be",
        "  booked, 1234.00 EUR, listed",
        "  at 1234.00 EUR, 102 left",
        "1  held for 4 min 59 s",
    ]
