"""Texts a buyer takes for the same compare equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.folding import fold


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
