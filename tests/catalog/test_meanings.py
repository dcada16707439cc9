"""What buyers' words mean, in the languages they ask in: one table, each phrase in it once."""

import tomllib

import pytest

from korus_mcp.catalog import meanings
from korus_mcp.catalog.meanings import Meaning, meaning_alone, meaning_of, parted
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.folding import words
from korus_mcp.sandbox.world import World

LANGUAGES = {"en", "fr", "de", "es", "it", "nl", "pt"}
READ = {
    name: each
    for name, each in tomllib.loads(meanings.TABLE.read_text("utf-8")).items()
    if isinstance(each, dict)
}


def known(name: str) -> Meaning:
    (phrase, *_) = READ[name]["words"]["en"]
    found = meaning_of(words(phrase))
    assert found is not None
    return found


@pytest.mark.parametrize("name", READ)
def test_every_phrase_of_the_table_means_what_it_stands_under(name: str) -> None:
    for language, phrases in READ[name]["words"].items():
        assert language in LANGUAGES
        for phrase in phrases:
            found = meaning_of(words(phrase))
            assert found is not None
            assert found.id == name, f"{phrase} stands under two meanings"


def test_the_kinds_of_the_sandbox_are_meant_by_words() -> None:
    world = World(seed=1, bases=100, clock=ManualClock())
    numbers = [n for catalog in range(world.catalog_count) for n in world.bases_of(catalog)]
    sold = {kind for n in numbers if (kind := world.base(n).universe) is not None}
    assert len(sold) > 5
    assert {tuple(words(kind)) for kind in sold} <= {
        kind for name in READ for kind in known(name).kinds
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("standing", "standing"),
        ("Places debout", "standing"),
        ("de pie", "standing"),
        ("STEHPLÄTZE", "standing"),
        ("seats", "seated"),
        ("wheelchair seats", "accessible"),
        ("PMR", "accessible"),
        ("visibilité réduite", "restricted_view"),
        ("restricted view seats", "restricted_view"),
    ],
)
def test_a_wish_for_places_is_understood_in_any_language(text: str, name: str) -> None:
    found = meaning_alone(text)
    assert found is not None
    assert found.id == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "East 101",
        "standing area north",
        "a seat by the window",
        "standing, wheelchair",
        "debut",
    ],
)
def test_what_says_more_than_one_thing_is_not_guessed(text: str) -> None:
    assert meaning_alone(text) is None


def test_names_are_what_they_say_or_unlike_those_that_say_the_opposite() -> None:
    zones = ("Fosse debout", "Balcon", "Parterre - visibilité réduite", "Emplacement PMR")
    assert known("standing").said_by(zones) == ("Fosse debout",)
    assert known("accessible").said_by(zones) == ("Emplacement PMR",)
    assert known("restricted_view").said_by(zones) == ("Parterre - visibilité réduite",)
    assert known("seated").said_by(zones) == zones[1:]
    assert known("full_view").said_by(zones) == (zones[0], zones[1], zones[3])


def test_where_no_name_says_the_opposite_silence_tells_nothing() -> None:
    assert known("seated").said_by(("Gold", "Category 1")) == ()
    assert known("seated").said_by(("Gold", "Seated, balcony")) == ("Seated, balcony",)


def test_words_that_mean_something_together_stay_together_where_it_is_sold() -> None:
    text = words("two season tickets and a gift card")
    sold = known("season_ticket")
    assert parted(text, lambda meaning: meaning is sold) == [
        *(("two",), ("season", "tickets"), ("and",), ("a",), ("gift",), ("card",))
    ]
    assert parted(text, lambda _: False) == [(word,) for word in text]
