"""Texts a buyer takes for the same compare equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.folding import fold, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Étoile", "etoile"),
        ("  Tarif   réduit ", "TARIF REDUIT"),
        ("Straße", "STRASSE"),
        ("\ufb01n", "fin"),
        ("50\xa0€", "50 €"),
    ],
)
def test_case_accents_and_spaces_do_not_matter(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_words_stay_different() -> None:
    assert fold("Adulte") != fold("Adultes")


@given(st.text(st.characters(codec="latin-1")))
def test_folding_a_second_time_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_folds_to_one_that_can_be_stored(text: str) -> None:
    assert fold(text).encode("utf-8").decode("utf-8") == fold(text)
    assert all(word.isalnum() for word in words(text))


@pytest.mark.parametrize("marks", ["\u0323\u0301", "\u0301\u0323\u0327"])
def test_marks_without_end_are_no_longer_work_than_letters(marks: str) -> None:
    """Sorted as normal forms do it, in the square of their number, they would take an hour."""
    assert fold("a" + marks * 500_000 + "B") == "ab"
    assert words("é" + marks * 500_000 + " c") == ["e", "c"]


def test_half_a_character_is_no_word() -> None:
    assert fold("Caf\ud800") == "caf?"
    assert words("caf\ud800 noir") == ["caf", "noir"]


def test_words_are_folded_runs_of_letters_and_digits() -> None:
    assert words("L'Été, à 20h_30 !") == ["l", "ete", "a", "20h", "30"]
    assert words(" - ") == []
