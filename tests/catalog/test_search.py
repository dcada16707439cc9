"""Search over the mirror: exact, then prefix, then all words, then typos, then most words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, Choice, ProductRecord, VenueRecord
from korus_mcp.catalog.index import ListedCatalog
from korus_mcp.catalog.search import COUNTED, RANKED, Matches, nearest_names, search
from korus_mcp.catalog.spelling import KEPT_SECONDS, MOST_CORRECTIONS, Speller
from korus_mcp.catalog.store import Scope, Store
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.paging import BEGINNING, PageStart

CLUB = CatalogRecord("0197-club", "abcdef", "Hérons FC ticketing")
TOWN = CatalogRecord("0198-town", "ghijkl", "Spectacles de Rives")


@dataclass
class Desk:
    """A catalog in memory, and questions to it."""

    store: Store
    speller: Speller
    clock: ManualClock

    def add(self, *bases: BaseRecord) -> None:
        self.store.put_records(bases, 1)

    def page(
        self,
        query: str,
        scope: Scope | None = None,
        *,
        place: PageStart = BEGINNING,
        limit: int = 20,
    ) -> Matches:
        return search(self.store, self.speller, query, scope or Scope(), place=place, limit=limit)

    def found(self, query: str, scope: Scope | None = None) -> list[str]:
        return names(self.page(query, scope))

    def all_pages(self, query: str, scope: Scope | None = None, *, limit: int) -> list[str]:
        found: list[str] = []
        place: PageStart | None = BEGINNING
        while place is not None:
            page = self.page(query, scope, place=place, limit=limit)
            found += names(page)
            place = page.place_behind(len(page.rows))
        return found


def desk(*bases: BaseRecord) -> Desk:
    clock, store = ManualClock(), Store(None)
    store.put_catalogs([ListedCatalog(catalog, None) for catalog in (CLUB, TOWN)])
    store.put_records(bases, 1)
    return Desk(store, Speller(store, clock), clock)


def base(
    name: str,
    *,
    catalog: CatalogRecord = TOWN,
    venue: str | None = None,
    city: str | None = None,
    kind: str | None = None,
    zone: str | None = None,
    product: str | None = None,
    text: str | None = None,
) -> BaseRecord:
    identifier = f"id-{name.encode().hex()[-60:]}"
    return BaseRecord(
        handle=Handle(catalog.alias, identifier),
        catalog=catalog,
        name=name,
        kind=kind,
        place=VenueRecord(name=venue, city=city),
        description=text,
        choices={"zone": (Choice("1", "zone", zone),)} if zone else {},
        products={identifier: ProductRecord(identifier, product, {})} if product else {},
    )


def names(page: Matches) -> list[str]:
    return [row.name for row in page.rows]


MATCH = base(
    "Saison 2026 - 2027 - HÉRONS FC / US VALMONT",
    catalog=CLUB,
    venue="Stade des Hérons",
    city="Port-aux-Hérons",
    kind="sport",
    zone="Tribune Est",
)
LAST_MATCH = base(
    "Saison 2025 - 2026 - HÉRONS FC / US VALMONT",
    catalog=CLUB,
    venue="Stade des Hérons",
    city="Port-aux-Hérons",
    kind="sport",
)
TOUR = base(
    "Visite guidée du stade",
    catalog=CLUB,
    city="Port-aux-Hérons",
    product="Visite privée",
    text="Vestiaires et tunnel : le match vu de l'intérieur",
)
MUSEUM = base("Musée des Marées", city="Saint-Malouen", kind="museum")
TIDES = base("Marées", city="Rives")
NIGHT_TIDES = base("Marées de nuit", city="Rives")
LATE = base("Grandes marées de nuit", city="Rives", venue="Zénith de Rives")
BALLOON = base("Balade en montgolfière", city="Saint-Malouen")
ALL = (MATCH, LAST_MATCH, TOUR, MUSEUM, TIDES, NIGHT_TIDES, LATE, BALLOON)


@pytest.fixture(scope="module")
def town() -> Iterator[Desk]:
    """A catalog nobody changes."""
    shared = desk(*ALL)
    yield shared
    shared.store.close()


@pytest.fixture
def renewed() -> Iterator[Desk]:
    """A catalog that a test may change."""
    own = desk(*ALL)
    yield own
    own.store.close()


# What is found first


def test_the_exact_name_comes_first_then_names_that_begin_so_then_those_that_say_it(
    town: Desk,
) -> None:
    assert town.found("marees") == [
        "Marées",
        "Marées de nuit",
        "Musée des Marées",
        "Grandes marées de nuit",
    ]


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_a_name_finds_its_base_first(town: Desk, record: BaseRecord) -> None:
    assert town.found(record.name.upper())[0] == record.name


@pytest.mark.parametrize(
    "query",
    ["MUSEE DES MAREES", "musée  des\tmarées", "Mu\u0301see des Mare\u0301es", "musee,marees"],
)
def test_case_accents_and_signs_do_not_matter(town: Desk, query: str) -> None:
    assert town.found(query) == ["Musée des Marées"]


def test_words_are_found_in_any_order(town: Desk) -> None:
    assert town.found("nuit marées grandes") == ["Grandes marées de nuit"]


def test_words_side_by_side_in_the_query_are_preferred_side_by_side() -> None:
    apart, together = base("Loup blanc et chien noir"), base("Chien blanc et loup noir")
    assert desk(apart, together).found("loup noir")[0] == together.name


def test_a_pause_in_the_query_parts_words() -> None:
    apart, together = base("Renard fou des ours"), base("Nuit des ours renard et loup gris")
    assert desk(apart, together).found("ours renard")[0] == together.name
    assert desk(apart, together).found("ours, renard")[0] == apart.name
    assert desk(apart, together).found("ours / renard")[0] == apart.name


def test_a_word_as_it_stands_comes_before_words_that_begin_so() -> None:
    begun, exact = base("Bal des lunettes"), base("Grand bal de la pleine lune rousse")
    assert desk(begun, exact).found("bal lune") == [exact.name, begun.name]


def test_of_names_that_begin_as_asked_the_shortest_comes_first() -> None:
    long, short = base("Bal à quatre mains"), base("Bal zoulou")
    assert desk(long, short).found("bal") == [short.name, long.name]


def test_of_names_that_say_as_much_the_shorter_comes_first() -> None:
    long, short = base("Le grand soir de la comète bleue"), base("La petite comète")
    assert desk(long, short).found("comète")[0] == short.name


def test_a_base_that_says_it_by_its_name_comes_before_one_that_tells_of_it() -> None:
    told = base("Atelier", text="Un safari de mots")
    named = base("Le très long titre d'un safari dans la nuit des temps")
    assert desk(told, named).found("safari") == [named.name, told.name]


def test_what_a_base_is_comes_before_what_is_told_of_it() -> None:
    told, held = base("Atelier", text="Un safari de mots"), base("Balades", venue="Parc Safari")
    assert desk(told, held).found("safari") == [held.name, told.name]


# Where words are looked for


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("zenith", "Grandes marées de nuit"),
        ("malouen montgolfiere", "Balade en montgolfière"),
        ("museum", "Musée des Marées"),
        ("tribune est", MATCH.name),
        ("visite privee", "Visite guidée du stade"),
        ("tunnel", "Visite guidée du stade"),
        ("tunnel visite", "Visite guidée du stade"),
        ("visite ticketing", "Visite guidée du stade"),
    ],
    ids=["venue", "city", "kind", "choice", "product", "text", "text and name", "catalog"],
)
def test_words_are_found_in_all_that_is_known_of_a_base(town: Desk, query: str, name: str) -> None:
    assert town.found(query) == [name]


def test_a_name_is_found_before_the_details_are_there(renewed: Desk) -> None:
    renewed.store.put_names(TOWN.id, 1, [("7", "Nuit du jazz bleu")])
    assert renewed.found("jazz") == ["Nuit du jazz bleu"]
    assert renewed.found("jazz", Scope(catalog_id=TOWN.id)) == ["Nuit du jazz bleu"]
    assert renewed.found("jazz", Scope(catalog_id=CLUB.id)) == []


def test_a_renamed_base_is_found_by_its_new_name_only(renewed: Desk) -> None:
    renewed.store.put_names(TOWN.id, 2, [(TIDES.handle.id, "Équinoxe")])
    assert renewed.found("equinoxe") == ["Équinoxe"]
    assert "Équinoxe" not in renewed.found("marees")


# What is forgiven


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("montgolfiere", "Balade en montgolfière"),
        ("mongolfiere", "Balade en montgolfière"),
        ("montgolfierre", "Balade en montgolfière"),
        ("mongtolfiere", "Balade en montgolfière"),
        ("mongolfeire", "Balade en montgolfière"),
        ("gyidee", "Visite guidée du stade"),
        ("satde gudiee", "Visite guidée du stade"),
        ("vlamont 2027", MATCH.name),
    ],
)
def test_typos_are_forgiven(town: Desk, query: str, name: str) -> None:
    assert town.found(query)[0] == name


def test_words_of_descriptions_are_not_what_a_typo_means(town: Desk) -> None:
    assert town.found("vestiaires") == ["Visite guidée du stade"]
    assert town.found("vestiares") == []


@pytest.mark.parametrize("query", ["mntglfier", "stqqe", "xyzzyx", "safranes", "zz", "4711"])
def test_what_resembles_nothing_finds_nothing(town: Desk, query: str) -> None:
    assert town.found(query) == []


def test_short_words_and_numbers_are_not_taken_for_typos() -> None:
    shelf = desk(base("Le Roi"), base("Forfait 1235"))
    assert shelf.found("rai") == []
    assert shelf.found("1234") == []


def test_of_many_words_a_typo_may_mean_the_likeliest_are_taken() -> None:
    others = [base(f"{letter}orte {letter}") for letter in "cfmnst"]
    common = [base(f"Zorte {number}") for number in range(3)]
    shelf = desk(*others, *common, base("Vonte"))
    assert "Vonte" in shelf.found("vorte")
    assert len(shelf.found("xorte")) == MOST_CORRECTIONS - 1 + len(common)


@pytest.mark.parametrize(
    "query", ["balad mongol", "mont bal", "montgol", "malouen ba", "montgolfiers"]
)
def test_words_may_be_begun_only(town: Desk, query: str) -> None:
    assert town.found(query) == ["Balade en montgolfière"]


def test_a_mistyped_beginning_is_completed(town: Desk) -> None:
    assert town.found("mongtolf") == ["Balade en montgolfière"]


def test_a_number_is_not_the_beginning_of_another() -> None:
    shelf = desk(base("Carte 20"), base("Carte 2026"))
    assert shelf.found("carte 20")[0] == "Carte 20"
    assert shelf.page("20").total == 1


def test_words_may_be_joined_or_taken_apart() -> None:
    shelf = desk(base("La Supercoupe"), base("Nuit du jazz bleu"))
    assert shelf.found("super coupe") == ["La Supercoupe"]
    assert shelf.found("jazzbleu") == ["Nuit du jazz bleu"]


def test_words_the_catalog_joins_are_not_answered_by_one_of_them() -> None:
    joined, apart = base("La Supercoupe - Rives"), base("Coupe de Rives")
    assert desk(joined, apart).found("super coupe rives") == [joined.name]


def test_stop_words_are_passed_over(town: Desk) -> None:
    assert town.found("je voudrais deux places pour la balade") == ["Balade en montgolfière"]
    assert town.found("two tickets for the balade, please") == ["Balade en montgolfière"]


def test_where_nothing_but_stop_words_is_asked_they_count() -> None:
    assert desk(base("Chez nous"), base("Ailleurs")).found("nous") == ["Chez nous"]


@pytest.mark.parametrize(
    "query",
    ["valmont 26/27", "valmont 2026/27", "valmont 2026-27", "valmont 2026 - 27", "26-27 valmont"],
)
def test_a_season_may_be_written_short(town: Desk, query: str) -> None:
    assert town.found(query) == [MATCH.name]


def test_two_numbers_that_are_no_season_stay_as_they_are() -> None:
    assert desk(base("Formule 12/45"), base("Formule 2012 2045")).found("12/45") == [
        "Formule 12/45"
    ]


def test_a_year_of_a_season_is_taken_for_its_first(town: Desk) -> None:
    assert town.found("valmont saison 2026, tribune") == [MATCH.name]
    assert town.found("valmont, saison 2026") == [MATCH.name, LAST_MATCH.name]


# Where nothing has all the words


def test_where_nothing_has_all_words_those_with_most_of_them_answer(town: Desk) -> None:
    assert town.found("visite stade montgolfiere") == ["Visite guidée du stade"]
    assert town.found("musee trottinette") == ["Musée des Marées"]


def test_a_rare_word_that_goes_with_no_other_does_not_carry_the_answer() -> None:
    shelf = desk(
        base("L'Adorée"),
        *(base(f"Faustine Morvan - Chant {number} - Bologne") for number in (1, 2, 3)),
        *(base(f"Faustine Valmorel - Chant {number} - Rives") for number in (1, 2, 3)),
        *(base(f"Morvan {number}") for number in range(8)),
    )
    found = shelf.found("on adore faustine morvan à bologne")
    assert found == [f"Faustine Morvan - Chant {number} - Bologne" for number in (1, 2, 3)]


def test_how_many_are_wanted_says_less_than_what_is_wanted() -> None:
    shelf = desk(base("Le Volcan", kind="musical"), base("Le Volcan de verre 2", kind="concert"))
    assert shelf.found("2 volcan musical")[0] == "Le Volcan"


def test_who_comes_and_when_says_less_than_what_is_wanted() -> None:
    family = replace(
        base("Ski pass", kind="snow_sports"),
        choices={"price_type": (Choice("1", "price_type", "Family (2 adults, 2 children)"),)},
    )
    shelf = desk(family, base("Dated ticket", venue="Park of Lanterns", kind="theme_park"))
    asked = "theme park on Saturday, two adults and two children"
    assert shelf.found(asked) == ["Dated ticket"]
    assert shelf.found("ski pass for two adults") == ["Ski pass"]


def test_of_all_that_a_venue_sells_what_has_most_products_comes_first() -> None:
    kinds = ("adult", "child", "senior")
    wide = replace(
        base("Ticket for one, two or three days of the season", venue="Park of Lanterns"),
        products={each: ProductRecord(each, each, {}) for each in kinds},
    )
    ride = base("Ride", venue="Park of Lanterns", product="Ride")
    told = base("Diary", text="Written in the Park of Lanterns", product="Diary")
    shelf = desk(ride, told, wide)
    assert shelf.found("park of lanterns") == [wide.name, "Ride", "Diary"]
    assert shelf.found("ride park lanterns")[0] == "Ride"


def test_of_words_that_no_base_has_together_the_rarer_is_kept() -> None:
    shelf = desk(base("Volcan"), *(base(f"Concert {number}") for number in range(5)))
    assert shelf.found("concert volcan") == ["Volcan"]


def test_an_unknown_word_does_not_hide_the_others(town: Desk) -> None:
    assert town.found("qwfpgj balade") == ["Balade en montgolfière"]


# What is meant by other words


DERBY = base("HÉRONS FC / RACING", kind="sport", venue="Stade des Hérons")
PASS = base("Forfait 6 jours", kind="snow_sports", product="Forfait")
CARD = base("Carte saison nominative", product="Carte saison")
SEASON = base("Saison 2026 - 2027 - HÉRONS FC / US VALMONT", kind="sport")
PIT = base("Symphonie", kind="show", zone="Fosse debout")
CARD_OF_ANOTHER = base("Carte du jour", catalog=CLUB, text="abonnement")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("football", DERBY),
        ("Fußball", DERBY),
        ("soccer matches", DERBY),
        ("football valmont", SEASON),
        ("ski", PASS),
        ("lift tickets", PASS),
        ("season ticket", CARD),
        ("season tickets please", CARD),
        ("Saisonkarte", CARD),
        ("stadium", DERBY),
        ("standing", PIT),
        ("concert", PIT),
    ],
)
def test_what_names_do_not_say_is_found_by_what_it_means(query: str, first: BaseRecord) -> None:
    assert desk(SEASON, CARD_OF_ANOTHER, PIT, CARD, PASS, DERBY).found(query)[0] == first.name


def test_sport_is_no_ski_and_a_season_no_season_card() -> None:
    shelf = desk(DERBY, PASS, CARD, SEASON)
    assert set(shelf.found("football")) == {DERBY.name, SEASON.name}
    assert shelf.found("season ticket") == [CARD.name]


def test_who_says_it_in_these_words_comes_before_who_says_it_in_others() -> None:
    said = base("Le très long titre d'une visite de l'ancien stade de la ville")
    found = desk(DERBY, base("Estadio", kind="sport"), said).found("stade")
    assert found[0] == said.name
    assert set(found) == {said.name, DERBY.name, "Estadio"}


def test_a_word_that_names_something_else_here_is_not_outdone_by_its_meaning() -> None:
    assert desk(base("Ski"), PASS).found("ski")[0] == "Ski"
    assert desk(base("Le Skieur"), PASS).found("ski") == ["Le Skieur", PASS.name]


def test_a_meaning_that_is_not_sold_leaves_typos_forgiven() -> None:
    assert desk(base("Festin des rois")).found("festival") == []
    assert desk(base("Mostro, le retour")).found("mostra") == ["Mostro, le retour"]


# Scope


def test_a_search_can_be_narrowed_to_a_catalog(town: Desk) -> None:
    assert town.found("saint", Scope(catalog_id=CLUB.id)) == []
    assert town.found("visite", Scope(catalog_id=CLUB.id)) == ["Visite guidée du stade"]
    assert town.found("visite", Scope(catalog_id=TOWN.id)) == []
    assert town.found("", Scope(catalog_id=CLUB.id)) == [LAST_MATCH.name, MATCH.name, TOUR.name]


def test_a_search_can_be_narrowed_to_cities(town: Desk) -> None:
    rives, malouen = Scope(cities=("rives",)), Scope(cities=("saint malouen", "saint-malouen"))
    assert town.found("marees", rives) == ["Marées", "Marées de nuit", "Grandes marées de nuit"]
    assert town.found("marees", malouen) == ["Musée des Marées"]
    assert town.found("marees", Scope(cities=("rives", "saint-malouen"))) == town.found("marees")


def test_catalog_and_cities_narrow_together(town: Desk) -> None:
    assert town.found("marees", Scope(CLUB.id, ("rives",))) == []
    assert len(town.found("marees", Scope(TOWN.id, ("rives",)))) == 3


def test_no_city_is_not_every_city(town: Desk) -> None:
    assert town.page("marees", Scope(cities=())).total == 0
    assert town.page("", Scope(cities=())).total == 0


def test_in_a_scope_words_are_given_up_that_only_others_have(town: Desk) -> None:
    assert town.found("marees zenith", Scope(cities=("saint-malouen",))) == ["Musée des Marées"]


def test_an_exact_name_is_first_in_a_scope_among_very_many_that_begin_so() -> None:
    shelf = desk(base("Rives", city="Rives"))
    shelf.store.put_names(CLUB.id, 1, [(f"{n}", f"Rives {n:04}") for n in range(COUNTED + 50)])
    assert shelf.found("rives", Scope(cities=("rives",))) == ["Rives"]
    assert shelf.found("rives")[0] == "Rives"


# Paging


def test_pages_follow_each_other_without_gap_or_repetition(town: Desk) -> None:
    assert town.all_pages("marees", limit=1) == town.found("marees")
    assert town.all_pages("marees", limit=3) == town.found("marees")


@pytest.mark.parametrize("scope", [Scope(), Scope(catalog_id=TOWN.id), Scope(cities=("rives",))])
def test_an_empty_query_leads_through_everything_by_name(town: Desk, scope: Scope) -> None:
    everything = town.page(" - ", scope)
    assert names(everything) == sorted(names(everything), key=by_name)
    assert everything.total == len(everything.rows) > 2
    assert town.all_pages("", scope, limit=2) == names(everything)


def by_name(name: str) -> str:
    return name.casefold().replace("é", "e")


@pytest.mark.parametrize("query", ["", "marees"])
def test_the_next_page_begins_behind_the_last_base_though_one_before_it_vanished(
    renewed: Desk, query: str
) -> None:
    expected = renewed.found(query)
    page = renewed.page(query, limit=2)
    renewed.store.drop_base(page.rows[0].catalog_id, page.rows[0].handle.id)
    place = page.place_behind(2)
    assert place is not None
    assert names(renewed.page(query, place=place)) == expected[2:]


@pytest.mark.parametrize(("query", "new"), [("", "Abricots"), ("marees", "Marées !")])
def test_the_next_page_begins_behind_the_last_base_though_one_before_it_is_new(
    renewed: Desk, query: str, new: str
) -> None:
    expected = renewed.found(query)
    page = renewed.page(query, limit=2)
    renewed.add(base(new))
    assert renewed.found(query).index(new) < 2
    place = page.place_behind(2)
    assert place is not None
    assert names(renewed.page(query, place=place)) == expected[2:]


@pytest.mark.parametrize("query", ["", "marees"])
def test_where_the_last_base_vanished_its_number_counts(renewed: Desk, query: str) -> None:
    expected = renewed.found(query)
    page = renewed.page(query, limit=2)
    renewed.store.drop_base(page.rows[1].catalog_id, page.rows[1].handle.id)
    place = page.place_behind(2)
    assert place is not None
    assert names(renewed.page(query, place=place)) == expected[3:]


def test_a_page_can_be_left_in_its_middle(town: Desk) -> None:
    page = town.page("marees", limit=3)
    place = page.place_behind(1)
    assert place == PageStart(1, page.rows[0].handle)
    assert names(town.page("marees", place=place)) == town.found("marees")[1:]


def test_behind_the_last_page_there_is_none(town: Desk) -> None:
    page = town.page("marees", limit=4)
    assert not page.has_more
    assert page.place_behind(4) is None
    assert page.place_behind(3) is not None


def test_very_many_answers_are_counted_to_a_thousand_and_the_best_can_be_paged_through() -> None:
    shelf = desk()
    shelf.store.put_names(TOWN.id, 1, [(f"{n}", f"Nuit {n} du jazz") for n in range(COUNTED + 50)])
    page = shelf.page("jazz nuit", limit=50)
    assert page.total == COUNTED
    assert page.has_more
    found = shelf.all_pages("jazz nuit", limit=50)
    assert len(found) == len(set(found)) == RANKED


def test_of_very_many_names_that_say_it_the_shortest_are_shown() -> None:
    shelf = desk()
    many = [(f"{n}", f"La longue nuit du jazz {n}") for n in range(3 * RANKED)]
    shelf.store.put_names(TOWN.id, 1, [*many, ("one", "Le jazz")])
    assert shelf.found("jazz")[0] == "Le jazz"


def test_the_total_counts_all_that_answer(town: Desk) -> None:
    assert town.page("marees", limit=1).total == 4


def test_the_total_counts_names_that_only_begin_as_asked() -> None:
    shelf = desk(base("Carte 2"), base("Carte 20"))
    assert shelf.found("carte 2") == ["Carte 2", "Carte 20"]
    assert shelf.page("carte 2").total == 2


# A catalog that is renewed


def test_new_words_are_known_at_once_and_to_corrections_after_a_moment(renewed: Desk) -> None:
    assert renewed.found("trapezsite") == []
    renewed.add(base("La Trapéziste"))
    assert renewed.found("trapeziste") == ["La Trapéziste"]
    renewed.clock.advance(KEPT_SECONDS)
    assert renewed.found("trapezsite") == ["La Trapéziste"]


def test_words_that_vanished_are_corrected_to_what_is_there(renewed: Desk) -> None:
    renewed.add(base("La Balate"))
    assert renewed.found("balate") == ["La Balate"]
    renewed.store.drop_base(TOWN.id, base("La Balate").handle.id)
    assert renewed.found("balate") == ["Balade en montgolfière"]


# Nothing answers


def test_names_near_to_a_query_are_proposed(town: Desk) -> None:
    assert nearest_names(town.store, "muse de maree")[0] == "Musée des Marées"
    assert nearest_names(town.store, "balaenade")[0] == "Balade en montgolfière"


def test_no_name_is_proposed_for_what_resembles_none(town: Desk) -> None:
    assert nearest_names(town.store, "xyzxyz") == ()
    assert nearest_names(town.store, "balqqqqe") == ()
    assert nearest_names(town.store, "?") == ()


def test_an_empty_catalog_answers_nothing() -> None:
    shelf = desk()
    assert shelf.page("").total == shelf.page("marees").total == 0
    assert nearest_names(shelf.store, "marees") == ()


# Any query

OPERATORS = (
    "AND",
    "OR",
    "NOT",
    "NEAR(",
    "*",
    "^",
    ":",
    "(",
    ")",
    '"',
    "'",
    "-",
    "+",
    "{",
    "}",
    "\0",
)


def texts() -> st.SearchStrategy[str]:
    """Any text, also such as another language would take for its own signs."""
    parts: Sequence[st.SearchStrategy[str]] = (
        st.text(st.characters(exclude_categories=()), max_size=12),
        st.sampled_from((*OPERATORS, "marees", "muse", "26/27", "name", "\ud800", "--", ";")),
    )
    return st.lists(st.one_of(*parts), max_size=8).map(" ".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=texts(), city=st.none() | texts())
def test_any_query_is_answered_or_finds_nothing(town: Desk, query: str, city: str | None) -> None:
    scope = Scope(cities=None if city is None else town.store.cities_like(fold(city)))
    page = town.page(query, scope)
    handles = [row.handle for row in page.rows]
    assert len(handles) == len(set(handles)) <= page.total <= len(ALL)
    assert {row.name for row in page.rows} <= {record.name for record in ALL}
    assert len(nearest_names(town.store, query)) <= 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=40))
def test_any_name_can_be_searched_for(town: Desk, name: str) -> None:
    del town
    shelf = desk()
    shelf.store.put_names(TOWN.id, 1, [("7", name)])
    assert shelf.found(name) == [name]
    shelf.store.close()


def test_a_very_long_query_is_answered(town: Desk) -> None:
    assert town.found("a" * 100_000) == []
    assert town.found("balade " + "wörter " * 5000)[0] == "Balade en montgolfière"
    assert town.found("balade " + " ".join(f"w{n}" for n in range(5000)))[0] == BALLOON.name


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("Chœurs de l’Été", ["choeurs ete", "CHŒURS DE L'ETE", "choeurs de l&#039;été"]),
        ("Ægir og Rán", ["aegir", "ægir ran"]),
        ("Große Nachtmusik", ["grosse nachtmusik", "GROẞE"]),
        ("Øresund – Łódź", ["oresund lodz", "Øresund-Łódź"]),
        ("Kapalıçarşı gecesi", ["kapalicarsi", "KAPALIÇARŞI"]),
        ("L&#039;Opéra d&rsquo;hiver", ["l'opera d'hiver", "opéra d’hiver"]),
    ],
)
def test_letters_and_marks_a_keyboard_lacks_are_found_without_them(
    name: str, queries: list[str]
) -> None:
    catalog = desk(base(name), base("Ours blanc"), base("Nuit noire"))
    for query in queries:
        assert catalog.found(query)[:1] == [name], query
        assert catalog.page(query).total == 1, query
