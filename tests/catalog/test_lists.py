"""A list of catalogs or bases that cannot be read, or not all of it, is not all there is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from korus_mcp.api import Malformed
from korus_mcp.catalog.index import FIRST_RETRY_SECONDS
from korus_mcp.catalog.mirror import (
    KEPT_SECONDS,
    PARTLY_UNREAD,
    RETRY_SECONDS,
    LanguageMirror,
    state_of,
)
from korus_mcp.catalog.overview import look_at
from korus_mcp.catalog.store import Scope
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.refusals import Code, Refusal
from tests.booking.stage import Stage, staged, until

pytestmark = pytest.mark.anyio
STALE = KEPT_SECONDS * 1.2
Json: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Any]
BOTH = ("park", "stadium")


class Lists:
    """Rewrites the rows of one kind of list, while it is ill; `imports` counts new imports."""

    def __init__(self, end: str, ill: Callable[[Rows], Rows], *, counts: bool = False) -> None:
        self.end = end
        self.ill = ill
        self.counts = counts
        self.is_ill = False
        self.imports = 0
        self.asked = 0

    def __call__(self, path: str, body: Json) -> None:
        if path.endswith("/catalogs") and self.imports:
            for row in body["member"]:
                row["lastSyncedAt"] = f"2026-06-02T0{self.imports}:00:00+00:00"
        if path.endswith(self.end):
            self.asked += 1
            if self.is_ill:
                body["member"] = self.ill(body["member"])
                if self.counts:
                    body["totalItems"] = len(body["member"])


async def renewed(stage: Stage, seconds: float) -> LanguageMirror:
    stage.move(seconds)
    shelf = await stage.app.mirror.searchable("en")
    await until(lambda: not shelf.is_crawling)
    return shelf


def handles_on(shelf: LanguageMirror) -> set[Handle]:
    return {row.handle for row in shelf.store.all_rows(Scope(), limit=1000)}


def bare(row: Json) -> Json:
    return {key: value for key, value in row.items() if key not in ("id", "@id")}


NOTHING: dict[str, Callable[[Rows], Rows]] = {
    "no rows": lambda rows: [],
    "rows without ids": lambda rows: [bare(row) for row in rows],
    "odd ids": lambda rows: [row | {"id": "../../etc"} for row in rows],
    "texts": lambda rows: ["a row" for _ in rows],
}
PARTS: dict[str, Callable[[Rows], Rows]] = {
    "a row is missing": lambda rows: rows[1:],
    "a row has no id": lambda rows: [bare(rows[0]), *rows[1:]],
    "a row has an odd id": lambda rows: [rows[0] | {"id": "../../etc"}, *rows[1:]],
    "a row is a text": lambda rows: ["a row", *rows[1:]],
}


@pytest.mark.parametrize("way", NOTHING)
@pytest.mark.parametrize("end", ["/catalogs", "/product_bases"])
async def test_a_list_of_which_no_row_can_be_read_takes_nothing_away(end: str, way: str) -> None:
    lists = Lists(end, NOTHING[way])
    async with staged(selling=BOTH, rewrite=lists) as stage:
        known = handles_on(await renewed(stage, 0))
        lists.is_ill, lists.imports = True, 1
        shelf = await renewed(stage, STALE)
        assert handles_on(shelf) == known
        assert state_of(shelf).is_stranded
        assert await stage.app.mirror.base(stage.handle("park_base"), "en")
        lists.is_ill = False
        shelf = await renewed(stage, RETRY_SECONDS + 1)
        assert (handles_on(shelf), state_of(shelf).is_stranded) == (known, False)


@pytest.mark.parametrize("way", NOTHING)
async def test_a_first_list_of_which_no_row_can_be_read_is_a_failure(way: str) -> None:
    lists = Lists("/catalogs", NOTHING[way])
    lists.is_ill = True
    async with staged(rewrite=lists) as stage:
        with pytest.raises(Malformed):
            await stage.app.mirror.searchable("en")


@pytest.mark.parametrize("way", PARTS)
@pytest.mark.parametrize("end", ["/catalogs", "/product_bases"])
async def test_a_list_that_is_read_in_part_is_read_again_within_minutes(
    end: str, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    lists = Lists(end, PARTS[way])
    async with staged(selling=(), rewrite=lists) as stage:
        known = handles_on(await renewed(stage, 0))
        lists.is_ill, lists.imports = True, 1
        shelf = await renewed(stage, STALE)
        assert handles_on(shelf) == known
        assert state_of(shelf).is_partly_unread
        assert "cannot be read; nothing is dropped" in caplog.text
        asked = lists.asked
        await renewed(stage, FIRST_RETRY_SECONDS - 2)
        assert lists.asked == asked, "not before its time"
        await renewed(stage, 3)
        assert lists.asked > asked
        assert (handles_on(shelf), state_of(shelf).is_partly_unread) == (known, True)
        asked = lists.asked
        await renewed(stage, FIRST_RETRY_SECONDS + 1)
        assert lists.asked == asked, "twice as late after each failure"
        lists.is_ill = False
        await renewed(stage, FIRST_RETRY_SECONDS)
        assert (handles_on(shelf), state_of(shelf).is_partly_unread) == (known, False)
        asked = lists.asked
        await renewed(stage, FIRST_RETRY_SECONDS * 100)
        assert lists.asked == asked


@pytest.mark.parametrize("way", PARTS)
async def test_a_base_that_was_unread_at_first_is_there_within_minutes(way: str) -> None:
    lists = Lists("/product_bases", PARTS[way])
    lists.is_ill = True
    async with staged(rewrite=lists) as stage:
        some = handles_on(await renewed(stage, 0))
        lists.is_ill = False
        shelf = await renewed(stage, FIRST_RETRY_SECONDS + 1)
        assert some < handles_on(shelf)
        new = (handles_on(shelf) - some).pop()
        catalog = shelf.store.catalogs()[0].id
        assert shelf.store.record(catalog, new.id) is not None


async def test_a_base_that_is_gone_goes_though_its_list_is_read_in_part() -> None:
    lists = Lists("/product_bases", lambda rows: [bare(rows[0]), *rows[2:]], counts=True)
    gone: list[str] = []

    async with staged(rewrite=lists) as stage:
        known = handles_on(await renewed(stage, 0))
        lists.is_ill, lists.imports = True, 1
        shelf = await renewed(stage, STALE)
        assert handles_on(shelf) == known, "nobody can say which of them it is"
        lists.ill = lambda rows: rows[1:]
        shelf = await renewed(stage, FIRST_RETRY_SECONDS + 1)
        gone = [h.id for h in known - handles_on(shelf)]
        assert (len(gone), state_of(shelf).is_partly_unread) == (1, False)


@pytest.mark.parametrize("end", ["/catalogs", "/product_bases"])
async def test_an_empty_list_is_believed_when_it_came_twice(end: str) -> None:
    lists = Lists(end, lambda rows: [], counts=True)
    async with staged(rewrite=lists) as stage:
        known = handles_on(await renewed(stage, 0))
        lists.is_ill, lists.imports = True, 1
        shelf = await renewed(stage, STALE)
        assert (handles_on(shelf), state_of(shelf).is_partly_unread) == (known, True)
        shelf = await renewed(stage, FIRST_RETRY_SECONDS + 1)
        assert (handles_on(shelf), state_of(shelf).is_partly_unread) == (set(), False)


@pytest.mark.parametrize("end", ["/catalogs", "/product_bases"])
async def test_a_list_that_is_empty_for_a_moment_takes_nothing_away(end: str) -> None:
    lists = Lists(end, lambda rows: [], counts=True)
    async with staged(rewrite=lists) as stage:
        known = handles_on(await renewed(stage, 0))
        for _ in range(2):
            lists.is_ill, lists.imports = True, lists.imports + 1
            assert handles_on(await renewed(stage, STALE)) == known
            lists.is_ill = False
            assert handles_on(await renewed(stage, FIRST_RETRY_SECONDS + 1)) == known


async def test_an_id_of_a_catalog_that_cannot_be_read_is_not_unknown() -> None:
    lists = Lists("/catalogs", lambda rows: rows[:1])
    lists.is_ill = True
    async with staged(selling=(), rewrite=lists) as stage:
        shelf = await renewed(stage, 0)
        shown = {handle.alias for handle in handles_on(shelf)}
        alias = next(
            stage.handle(f"{issuer}_base").alias
            for issuer in BOTH
            if stage.handle(f"{issuer}_base").alias not in shown
        )
        with pytest.raises(Malformed):
            await stage.app.mirror.catalog(alias, "en")
        lists.is_ill = False
        assert (await stage.app.mirror.catalog(alias, "en")).alias == alias
        with pytest.raises(Refusal) as refusal:
            await stage.app.mirror.catalog("abcdef", "en")
        assert refusal.value.code is Code.UNKNOWN_ID


async def test_unread_rows_are_told_to_the_operator(tmp_path: Path) -> None:
    lists = Lists("/product_bases", lambda rows: [bare(rows[0]), "a row", *rows[2:]])
    lists.is_ill = True
    async with staged(rewrite=lists) as stage:
        object.__setattr__(stage.app.mirror._files, "folder", tmp_path)
        await renewed(stage, 0)
        path = await stage.app.mirror.path("en")
        assert path is not None
        seen = look_at(path)
    assert seen is not None
    assert seen.unread_rows == 2
    assert "could not be read" in PARTLY_UNREAD


def cut_log(folder: Path) -> None:
    (log,) = folder.glob("*.sqlite-wal")
    os.truncate(log, 0)


async def test_a_file_whose_log_was_cut_is_replaced_and_filled_again(tmp_path: Path) -> None:
    async with staged() as stage:
        object.__setattr__(stage.app.mirror._files, "folder", tmp_path)
        known = handles_on(await renewed(stage, 0))
        cut_log(tmp_path)
        shelf = await stage.app.mirror.searchable("en")
        await until(lambda: not shelf.is_crawling)
        shelf = await renewed(stage, RETRY_SECONDS + 1)
        assert handles_on(shelf) == known
