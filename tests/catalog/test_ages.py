"""Of an issuer's texts the sentences that tell an age, and no others."""

import pytest

from korus_mcp.catalog.ages import MOST, age_limits


@pytest.mark.parametrize(
    "text",
    [
        "Lantern workshop, from the age of 6.",
        "Child: aged 3 to 11.",
        "Ages 12 and under.",
        "For visitors 16 years or older.",
        "Holders are at least 18 years old.",
        "Atelier de la lanterne, dès 6 ans.",
        "Enfant de 4 à 11 ans.",
        "Gratuit pour les moins de 3 ans.",
        "Réservé aux plus de 18 ans.",
        "À partir de l’âge de 12 ans.",
    ],
)
def test_a_sentence_with_an_age_is_found(text: str) -> None:
    assert age_limits(f"A walk. {text} Length: 45 minutes.") == (text,)
    assert age_limits(None, f"A walk\n{text}\nLength: 45 minutes") == (text,)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Valid for 2 years.",
        "Depuis plus de 30 ans, une fête.",
        "Le festival fête ses 30 ans.",
        "Tales of the Middle Ages. 12 actors.",
        "Eighteen shows, open 9:30 am to 9 pm.",
        "Page 12 of the programme.",
        "Carte valable 2 ans.",
    ],
)
def test_what_tells_no_age_is_left(text: str | None) -> None:
    assert age_limits(text) == ()


def test_each_is_told_once_and_not_without_end() -> None:
    assert age_limits("From the age of 6.", "From the age of 6.") == ("From the age of 6.",)
    assert len(age_limits(" ".join(f"Room {n}: aged {n} or more." for n in range(10, 40)))) == MOST
