"""The file of a mirror: made, shared, thrown away, and never in anybody's way."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from korus_mcp.catalog import file as catalog_file
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, Choice, ProductRecord, VenueRecord
from korus_mcp.catalog.file import VERSION, is_damage
from korus_mcp.catalog.full_text import has_full_text
from korus_mcp.catalog.index import ListedCatalog
from korus_mcp.catalog.packing import packed
from korus_mcp.catalog.store import Progress, Scope, Store
from korus_mcp.foundation import folding
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle

CATALOG = CatalogRecord("catalog-1", "abcdef", "A theatre")
OTHER = CatalogRecord("catalog-2", "ghijkl", "A park")


def record(
    base_id: str = "b1", name: str = "Le Cid", catalog: CatalogRecord = CATALOG
) -> BaseRecord:
    return BaseRecord(
        handle=Handle(catalog.alias, base_id),
        catalog=catalog,
        name=name,
        place=VenueRecord(name="Grande salle", city="Orléans"),
        description="Une pièce en cinq actes.",
        choices={"price_type": (Choice("v1", "price_type", "Adulte"),)},
        products={"p1": ProductRecord("p1", "Adulte", {"price_type": "Adulte"})},
    )


def fill(store: Store, *records: BaseRecord) -> None:
    store.put_catalogs([ListedCatalog(c, None) for c in (CATALOG, OTHER)])
    for each in records:
        store.put_names(each.catalog.id, 1, [(each.handle.id, each.name)])
    store.put_records(records, 1)


def names(store: Store, scope: Scope | None = None) -> list[str]:
    return [row.name for row in store.all_rows(scope or Scope(), limit=100)]


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "catalog.sqlite" if request.param == "file" else None)


def test_what_is_put_is_there(store: Store) -> None:
    fill(store, record())
    assert store.record("catalog-1", "b1") == record()
    assert store.catalogs() == [CATALOG, OTHER]
    assert store.product_names("catalog-1", "p1") == ("Le Cid", "Adulte")
    assert store.record_of_product("catalog-1", "p1") == record()
    assert store.progress() == Progress(done=1, known=1)
    assert names(store, Scope(cities=store.cities_like("orleans"))) == ["Le Cid"]
    assert names(store, Scope(cities=store.cities_like("paris"))) == []
    assert names(store, Scope(catalog_id="catalog-2")) == []


@pytest.mark.parametrize("asked", ["val-des-songes", "val des songes", "des son", "s-s"])
def test_a_city_is_found_with_and_without_its_hyphens(store: Store, asked: str) -> None:
    fill(store, replace(record(), place=VenueRecord(city="Val-des-Songes")))
    assert store.cities_like(asked) == ("val-des-songes",)


def test_words_are_counted_by_bases_and_forgotten_with_them(store: Store) -> None:
    fill(store, record("b1", "Le Cid"), record("b2", "Le Cid encore"))
    assert store.all_words()["cid"] == 2
    assert "encore" in store.all_words()
    store.put_names("catalog-1", 2, [("b2", "Phèdre")])
    assert "encore" not in store.all_words()
    assert store.all_words()["phedre"] == 1
    store.finish_names("catalog-1", 2)
    assert names(store) == ["Phèdre"]
    assert "cid" not in store.all_words()
    assert store.record("catalog-1", "b1") is None
    assert store.product_names("catalog-1", "p1") == ("Phèdre", "Adulte"), "of the other base"


def test_a_catalog_that_is_not_listed_any_more_goes_with_its_bases(store: Store) -> None:
    fill(store, record(), record("b9", "Lanternes", OTHER))
    store.put_catalogs([ListedCatalog(OTHER, None)])
    assert names(store) == ["Lanternes"]
    assert store.catalogs() == [OTHER]


def test_a_longer_alias_is_the_alias_of_what_was_kept_before(store: Store) -> None:
    fill(store, record())
    longer = CatalogRecord("catalog-1", "abcdefg", "A theatre")
    store.put_catalogs([ListedCatalog(longer, None)])
    kept = store.record("catalog-1", "b1")
    assert kept is not None
    assert kept.handle == Handle("abcdefg", "b1")
    assert kept.catalog == longer


def test_a_base_is_unpacked_once_until_anybody_writes_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    one, two = Store(path), Store(path)
    fill(one, record())
    kept = one.record("catalog-1", "b1")
    assert kept == record()
    assert one.record("catalog-1", "b1") is kept
    assert one.record_of_product("catalog-1", "p1") is kept
    anew = replace(record(), description="Une pièce en trois actes.")
    fill(two, anew)
    changed = one.record("catalog-1", "b1")
    assert changed == anew
    assert one.record("catalog-1", "b1") is changed
    two.clear()
    assert one.record("catalog-1", "b1") is None


def test_bases_are_kept_unpacked_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    one = len(packed(record()))
    monkeypatch.setattr("korus_mcp.catalog.store.MOST_UNPACKED", 3 * one)
    store = Store(None)
    longest = replace(record("b0"), images=tuple(f"https://example.org/{n}" for n in range(9_000)))
    fill(store, longest, *(record(f"b{number}") for number in range(1, 10)))
    for number in range(10):
        found = store.record("catalog-1", f"b{number}")
        assert found is not None
        assert found.handle.id == f"b{number}"
    assert 0 < store._unpacked.currsize <= 3 * one


def test_an_empty_store_answers_everything(store: Store) -> None:
    assert (names(store), store.catalogs(), store.all_words()) == ([], [], {})
    assert store.record("catalog-1", "b1") is None
    assert store.record_of_product("catalog-1", "p1") is None
    assert store.fact("listed_at") is None
    assert not store.has_bases()


def test_clearing_forgets_everything_for_all_who_have_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    one, two = Store(path), Store(path)
    fill(one, record())
    one.put_facts(listed_at=1.0)
    assert names(two) == ["Le Cid"]
    version = two.version()
    two.clear()
    assert names(one) == names(two) == []
    assert one.fact("listed_at") is None
    fill(two, record())
    assert names(one) == ["Le Cid"]
    assert two.version() != version


def test_a_file_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    first = Store(path)
    fill(first, record())
    first.close()
    assert Store(path).record("catalog-1", "b1") == record()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE base (something TEXT)")
        db.execute("CREATE VIRTUAL TABLE old USING fts5 (name)")
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    store = Store(path)
    fill(store, record())
    assert names(store) == ["Le Cid"]


def test_a_file_whose_texts_were_folded_otherwise_is_made_anew(tmp_path: Path) -> None:
    assert VERSION % 1000 == folding.VERSION
    path = tmp_path / "catalog.sqlite"
    old = Store(path)
    fill(old, record())
    old.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION - 1}")
    db.close()
    assert names(Store(path)) == []


@pytest.mark.parametrize("asked", ["L’Haÿ-les-Roses", "l'hay les roses", "L&#039;HAY", "l hay"])
def test_a_city_is_found_whatever_stands_for_its_apostrophe(store: Store, asked: str) -> None:
    fill(store, replace(record(), place=VenueRecord(city="L’Haÿ‑les‑Roses")))
    assert store.cities_like(fold(asked)) == ("l'hay-les-roses",)


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_file_is_replaced_with_a_warning(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(content)
    store = Store(path)
    fill(store, record())
    assert names(store) == ["Le Cid"]
    assert ["damaged" in r.message for r in caplog.records] == [True]


def spoil(path: Path) -> None:
    """Overwrite all but the first page, as a bad disk would; nothing is left in the log."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x55" * (len(content) - 4096))


def test_a_file_that_is_damaged_while_it_is_open_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "catalog.sqlite"
    writer = Store(path)
    fill(writer, *(record(f"b{n}", f"Play {n}") for n in range(300)))
    writer.close()
    spoil(path)
    store = Store(path)
    assert names(store) == []
    assert store.fact("listed_at") is None
    fill(store, record())
    assert names(store) == ["Le Cid"]
    assert any("damaged" in r.message for r in caplog.records)


def test_a_file_another_server_replaced_already_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    one = Store(path)
    two = Store(path)
    one.replace()
    fill(one, record())
    two.replace()
    assert names(two) == names(one) == ["Le Cid"]


def test_the_content_can_go_on_in_memory(tmp_path: Path) -> None:
    store = Store(tmp_path / "catalog.sqlite")
    fill(store, record())
    copy = store.copied_to_memory()
    store.close()
    copy.put_names("catalog-1", 1, [("b2", "Phèdre")])
    assert names(copy) == ["Le Cid", "Phèdre"]


def test_one_crawls_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    one, two = Store(path), Store(path)
    with one.sole_crawler() as first, one.sole_crawler() as again, two.sole_crawler() as second:
        assert (first, again, second) == (True, False, False)
    with two.sole_crawler() as later:
        assert later


def test_a_write_that_fails_leaves_everything_as_it_was(store: Store) -> None:
    fill(store, record())
    bad = record("b2", "Phèdre")
    object.__setattr__(bad, "name", None)
    with pytest.raises((TypeError, AttributeError, sqlite3.Error)):
        store.put_records([record("b1", "Le Cid, nouveau"), bad], 2)
    assert names(store) == ["Le Cid"]


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    path, failures = tmp_path / "catalog.sqlite", list[Exception]()

    def open_it() -> None:
        try:
            store = Store(path)
            fill(store, record())
            store.close()
        except sqlite3.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.anyio
async def test_who_reads_is_not_kept_waiting_by_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    store = Store(path)
    fill(store, record())
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, lambda: store.put_facts(listed_at=1.0))
        await anyio.sleep(0.05)
        assert names(store) == ["Le Cid"]
        assert store.fact("listed_at") is None
        blocker.execute("COMMIT")
    assert store.fact("listed_at") == 1.0
    blocker.close()


def test_this_python_can_search_texts() -> None:
    assert has_full_text()


def test_only_damage_is_damage() -> None:
    assert not is_damage(sqlite3.OperationalError("no code"))
    assert catalog_file.BUSY_SECONDS >= 5
