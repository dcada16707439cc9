import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.foundation.language_tags import canonical
from korus_mcp.settings import read_settings


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-FR", "fr"),
        ("fr_CA", "fr"),
        (" Fr-latn-FR ", "fr"),
        ("zh-Hant-HK", "zh"),
        ("gsw", "gsw"),
        ("", None),
        ("f", None),
        ("-fr", None),
        ("français", None),
        ("fr\r\nx", None),
        ("*", None),
        ("x" * 1_000_000, None),
        ("fr-" + "x" * 1_000_000, "fr"),
    ],
)
def test_a_language_has_one_name(tag: str, name: str | None) -> None:
    assert canonical(tag) == name


@given(st.text())
def test_the_name_of_a_name_is_itself(tag: str) -> None:
    name = canonical(tag)
    assert name is None or canonical(name) == name


def test_the_operator_lists_each_language_once() -> None:
    settings = read_settings({"KORUS_LANGUAGE": "FR-fr", "KORUS_LANGUAGES": "fr,FR,fr-CA,en-GB,EN"})
    assert (settings.language, settings.languages) == ("fr", ("fr", "en"))
