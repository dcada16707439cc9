"""What a person is asked beside the host, and what of their answers is a yes."""

import re

import pytest

from korus_mcp.answers.asked import LANGUAGES, Words


@pytest.mark.parametrize("said", LANGUAGES, ids=lambda said: said.language)
def test_a_yes_is_the_letter_the_question_names_or_the_word_for_it(said: Words) -> None:
    (named,) = re.findall(r"\b(\w) = (\w+)", said.ask.partition(",")[0])
    assert said.yes_keys == named


@pytest.mark.parametrize("said", LANGUAGES, ids=lambda said: said.language)
def test_a_yes_in_another_language_is_none(said: Words) -> None:
    others = {key for other in LANGUAGES if other is not said for key in other.yes_keys}
    assert others
    assert not others & {*said.yes_keys}
