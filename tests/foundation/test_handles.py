"""Handles survive the way out and back; what is none is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.foundation.handles import (
    ALIAS_LENGTH,
    Handle,
    alias_of,
    aliases_of,
    id_at_end,
    parse_handle,
)
from korus_mcp.foundation.ids import is_id

_IDS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", fullmatch=True)
_ALIASES = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=6, max_size=52)
PUBLISHED = [
    "0194ac3f-7bdd-7175-a275-30c865618283",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "0194ac3f-7bdd-7175-a275-30c8656182831",
    "0194ac3f-7bdd-7175-a275-30c86561828",
    "7",
    "a" * 64,
]
SHARING = ("c-75347", "c-153923")
"""Two catalog ids whose aliases share seven characters, found by trying."""


@given(alias=_ALIASES, identifier=_IDS)
def test_a_handle_comes_back_as_it_went(alias: str, identifier: str) -> None:
    handle = Handle(alias, identifier)
    assert parse_handle(str(handle)) == handle


@given(st.text(max_size=80))
def test_only_well_formed_texts_are_handles(text: str) -> None:
    handle = parse_handle(text)
    assert handle is None or str(handle) == text


@pytest.mark.parametrize("identifier", PUBLISHED)
def test_published_ids_of_every_form_are_ids(identifier: str) -> None:
    assert is_id(identifier)
    assert parse_handle(f"abcdef.{identifier}") == Handle("abcdef", identifier)


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "a" * 65,
        "-a",
        "_a",
        "a/b",
        "..",
        "a.b",
        "a?b",
        "a#b",
        "{id}",
        "a b",
        "a\n",
        "é",
        "\u0661",
    ],
)
def test_what_could_leave_its_path_segment_is_no_id(identifier: str) -> None:
    assert not is_id(identifier)
    assert parse_handle(f"abcdef.{identifier}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abcdef",
        "abcde.7",
        "ABCDEF.7",
        "abcde1.7",
        "abcdef7",
        ".7",
        "a" * 53 + ".7",
        " abcdef.7",
    ],
)
def test_without_a_proper_alias_there_is_no_handle(text: str) -> None:
    assert parse_handle(text) is None


@given(_IDS)
def test_an_alias_depends_on_the_id_alone(catalog_id: str) -> None:
    alias = alias_of(catalog_id)
    assert len(alias) == ALIAS_LENGTH
    assert set(alias) <= set(string.ascii_lowercase + "234567")
    assert aliases_of([catalog_id]) == {alias: catalog_id}
    assert alias_of(catalog_id, 52).startswith(alias)


@given(st.lists(_IDS, max_size=30))
def test_every_catalog_has_one_alias_whatever_the_order(catalog_ids: list[str]) -> None:
    aliases = aliases_of(catalog_ids)
    assert sorted(aliases.values()) == sorted(set(catalog_ids))
    assert aliases_of(reversed(catalog_ids)) == aliases


def test_aliases_that_would_collide_grow_until_they_differ() -> None:
    first, second = SHARING
    assert alias_of(first) == alias_of(second)
    aliases = aliases_of([first, second, "alone"])
    assert aliases[alias_of("alone")] == "alone"
    assert {aliases[alias] for alias in aliases if len(alias) > ALIAS_LENGTH} == {first, second}
    assert alias_of(first) not in aliases
    assert all(parse_handle(f"{alias}.7") for alias in aliases)


@pytest.mark.parametrize(
    ("iri", "found"),
    [
        ("/v1/booking/orders/7", "7"),
        ("/v1/ticketing/events/e/sessions/s-1", "s-1"),
        ("7", "7"),
        ("/v1/booking/orders/", None),
        ("/v1/catalogs/{catalogId}", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_ends_with_the_id(iri: str | None, found: str | None) -> None:
    assert id_at_end(iri) == found
