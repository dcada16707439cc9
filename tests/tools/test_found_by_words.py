"""What a model sees first where a host loads tools only when they are searched for by words.

Such hosts show names, the beginning of a description, the beginning of the instructions, and find
the rest by a search like the one here.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest

from korus_mcp.access.introduction import instructions
from korus_mcp.access.policy import tool_names
from korus_mcp.settings import Environment, Profile, Settings
from tests.docs.generated import listed_tools

WISHES = (
    "concert",
    "concert tonight",
    "book museum tickets",
    "buy",
    "buy tickets",
    "seats for the match",
    "theme park on Saturday",
    "theatre",
)
"""What people ask for who never heard of this server."""
BOOKING = frozenset({"search_products", "get_offers", "reserve", "place_order"})
FIRST_OF_DESCRIPTION = 160
FIRST_OF_INSTRUCTIONS = 250
LEAST_SHOWN = 5
"""So many tools Claude Code loads for a search; Codex loads eight."""
Search: TypeAlias = Callable[[str, Mapping[str, str]], Sequence[str]]
_UNHEEDED = frozenset({"a", "an", "at", "by", "for", "in", "of", "on", "or", "the", "to"})


def words_of(text: str) -> list[str]:
    """The words of a text as they stand: not every search takes concerts for concert."""
    return [word for word in re.findall(r"[a-z]+", text.casefold()) if word not in _UNHEEDED]


def ranked(wish: str, texts: Mapping[str, str]) -> Sequence[str]:
    """The names of the texts that have a word of the wish, best first by BM25."""
    found = {name: words_of(text) for name, text in texts.items()}
    usual_length = sum(map(len, found.values())) / len(found)

    def weight(word: str) -> float:
        having = sum(word in words for words in found.values())
        return math.log(1 + (len(found) - having + 0.5) / (having + 0.5))

    def score(words: list[str]) -> float:
        length = 1.2 * (0.25 + 0.75 * len(words) / usual_length)
        counts = {word: words.count(word) for word in words_of(wish)}
        return sum(weight(w) * n * 2.2 / (n + length) for w, n in counts.items())

    return best_first({name: score(words) for name, words in found.items()})


def counted(wish: str, texts: Mapping[str, str]) -> Sequence[str]:
    """The same by counting alone: six points for a word in a name, one for it in a description.

    Such a search knows no words that say nothing: "for" and "the" count, too.
    """
    sought = re.findall("[a-z]+", wish.casefold())

    def score(name: str, text: str) -> int:
        named, said = name.split("_"), re.findall("[a-z]+", text.casefold())
        return sum(6 * (word in named) + (word in said) for word in sought)

    return best_first({name: score(name, text) for name, text in texts.items()})


def best_first(scores: Mapping[str, float]) -> Sequence[str]:
    """The names with a score; of equals the earlier first."""
    return sorted((name for name in scores if scores[name]), key=lambda name: -scores[name])


@pytest.fixture(scope="module")
def described() -> Mapping[str, str]:
    """The description of each tool, by its name."""
    return {tool.name: tool.description or "" for tool in listed_tools()}


@pytest.mark.parametrize("search", [ranked, counted])
@pytest.mark.parametrize("length", [FIRST_OF_DESCRIPTION, None])
@pytest.mark.parametrize("wish", WISHES)
def test_what_people_ask_for_finds_the_tools_of_a_booking(
    wish: str, length: int | None, search: Search, described: Mapping[str, str]
) -> None:
    texts = {name: f"{name} {text[:length]}" for name, text in described.items()}
    assert set(search(wish, texts)[:LEAST_SHOWN]) >= BOOKING


@pytest.mark.parametrize("search", [ranked, counted])
def test_what_nobody_sells_here_finds_nothing(search: Search, described: Mapping[str, str]) -> None:
    assert search("weather station flights", described) == []


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("search_products", ["Start here"]),
        ("reserve", ["at no cost", "An equal call answers the same holds."]),
        ("place_order", ["Spends money", "a person must agree first", "If in_doubt"]),
        ("name_beneficiaries", ["invent nothing"]),
    ],
)
def test_the_rule_that_must_not_be_missed_comes_first(
    name: str, rules: list[str], described: Mapping[str, str]
) -> None:
    first = described[name][:FIRST_OF_DESCRIPTION]
    assert [rule for rule in rules if rule not in first] == []


@pytest.mark.parametrize("environment", list(Environment))
@pytest.mark.parametrize("profile", list(Profile))
def test_the_beginning_of_the_instructions_says_what_the_server_is_for(
    profile: Profile, environment: Environment
) -> None:
    settings = Settings(profile=profile, environment=environment)
    names = tool_names(settings)
    said = instructions(settings, names)
    assert "\n" not in said
    first = said[:FIRST_OF_INSTRUCTIONS]
    heard = set(words_of(first))
    for wish in WISHES:
        # Nothing can be bought where nothing can be ordered.
        if wish != "buy" or "place_order" in names:
            assert heard & set(words_of(wish)), wish
    rules = ["Order only what the person agreed to.", "After in_doubt book nothing again"]
    sold = rules if "place_order" in names else ["Nothing can be ordered here."]
    assert [rule for rule in (environment.value, *sold) if rule not in first] == []
