"""Search over the mirror: exact, then prefix, then all words, then typos."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.catalog.records import BaseName, BaseRecord, CatalogRecord, Choice, Place
from korus_mcp.catalog.search import Entry, nearest_names, search, words
from korus_mcp.handles import Handle

CATALOG = CatalogRecord("c", "abcdef", "Hérons FC ticketing")


def entry(name: str, *, city: str = "", text: str = "", zone: str = "") -> Entry:
    handle = Handle("abcdef", str(abs(hash(name)) % 10**9))
    record = BaseRecord(
        handle=handle,
        catalog=CATALOG,
        name=name,
        place=Place(city=city or None),
        description=text or None,
        choices={"zone": (Choice("1", "zone", zone),)} if zone else {},
    )
    return Entry(BaseName(handle, CATALOG, name), record)


def found(query: str, *entries: Entry) -> list[str]:
    return [e.name.name for e in search(query, entries)]


MATCH = entry("Match Hérons - Valmont", city="Port-aux-Hérons", zone="Tribune Est")
TOUR = entry("Visite du stade", city="Port-aux-Hérons", text="Vestiaires et tunnel du match")
MUSEUM = entry("Musée des Marées", city="Saint-Malouen")
TIDES = entry("Marées")
LATE = entry("Grandes marées de nuit")
ALL = (MATCH, TOUR, MUSEUM, TIDES, LATE)


def test_an_empty_query_lists_all_by_name() -> None:
    assert found(" - ", *ALL) == sorted([e.name.name for e in ALL])


def test_exact_comes_before_prefix_before_all_words() -> None:
    entries = (entry("La nuit marées"), entry("Marées du soir"), TIDES)
    assert found("marees", *entries) == ["Marées", "Marées du soir", "La nuit marées"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("MUSEE DES MAREES", ["Musée des Marées"]),
        ("port herons stade", ["Visite du stade"]),
        ("tribune est", ["Match Hérons - Valmont"]),
        ("tunnel", ["Visite du stade"]),
        ("vestiare", ["Visite du stade"]),
        ("valmnt", ["Match Hérons - Valmont"]),
        ("musee trottinette", ["Musée des Marées"]),
        ("xyz", []),
        ("zz", []),
    ],
)
def test_words_are_found_in_every_text_and_with_typos(query: str, names: list[str]) -> None:
    assert found(query, *ALL) == names


def test_the_name_of_the_catalog_counts_even_while_details_are_missing() -> None:
    assert found("herons fc", Entry(TIDES.name, None)) == ["Marées"]
    assert found("saint-malouen", Entry(MUSEUM.name, None)) == []


def test_short_words_are_not_taken_for_typos() -> None:
    assert found("est", entry("Test")) == []


def test_where_nothing_has_all_words_those_with_most_of_them_answer() -> None:
    assert found("visite stade plongée", *ALL) == ["Visite du stade"]


def test_names_near_to_a_query_are_proposed() -> None:
    assert nearest_names("musee de mare", ALL)[0] == "Musée des Marées"
    assert nearest_names("qqqq", ALL) == []


@given(st.text(max_size=30))
def test_any_query_is_answered_with_entries_there_are(query: str) -> None:
    answered = search(query, ALL)
    assert len(answered) == len({e.name.handle for e in answered})
    assert all(e in ALL for e in answered)


@given(st.sampled_from(ALL))
def test_a_name_finds_its_base_first(one: Entry) -> None:
    assert search(one.name.name.upper(), ALL)[0] is one


def test_words_are_folded() -> None:
    assert words("L'Été, à 20h") == ["l", "ete", "a", "20h"]
