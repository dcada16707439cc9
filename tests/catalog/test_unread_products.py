"""A product or choice that cannot be read is not one that is not sold."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeAlias

import pytest

from korus_mcp.api import Malformed
from korus_mcp.catalog.calendar import DayRange, OfferQuery, named_choices
from korus_mcp.catalog.index import FIRST_RETRY_SECONDS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.tools.get_offers import _note
from tests.booking.stage import staged, until

pytestmark = pytest.mark.anyio
A_DAY = DayRange(date(2026, 6, 2), date(2026, 6, 2))
Json: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Any]


def bare(row: Json) -> Json:
    return {key: value for key, value in row.items() if key not in ("id", "@id")}


def without_adult(mend: Callable[[Json], Rows]) -> Callable[[Rows], Rows]:
    def ill(rows: Rows) -> Rows:
        return [e for r in rows for e in (mend(r) if r["name"].endswith("- Adult") else [r])]

    return ill


NOTHING: dict[str, Callable[[Rows], Rows]] = {
    "no rows": lambda rows: [],
    "rows without ids": lambda rows: [bare(row) for row in rows],
    "odd ids": lambda rows: [row | {"id": "../../etc"} for row in rows],
    "texts": lambda rows: ["a row" for _ in rows],
}
PARTS: dict[str, Callable[[Rows], Rows]] = {
    "missing": without_adult(lambda row: []),
    "without an id": without_adult(lambda row: [bare(row)]),
    "with an odd id": without_adult(lambda row: [row | {"id": "../../etc"}]),
    "a text": without_adult(lambda row: ["a row"]),
}


class Products:
    """Rewrites the rows of lists with this end, while it is ill."""

    def __init__(self, ill: Callable[[Rows], Rows], end: str = "/products") -> None:
        self.ill = ill
        self.end = end
        self.is_ill = True

    def __call__(self, path: str, body: Json) -> None:
        if self.is_ill and path.endswith(self.end):
            body["member"] = self.ill(body["member"])


@pytest.mark.parametrize("way", NOTHING)
async def test_a_base_of_which_no_product_can_be_read_is_a_failure(way: str) -> None:
    products = Products(NOTHING[way])
    async with staged(rewrite=products) as stage:
        with pytest.raises(Malformed):
            await stage.app.mirror.base(stage.handle("park_base"), "en")
        products.is_ill = False
        assert len((await stage.app.mirror.base(stage.handle("park_base"), "en")).products) == 6


@pytest.mark.parametrize("way", PARTS)
async def test_a_product_that_cannot_be_read_is_told_and_read_again(way: str) -> None:
    products = Products(PARTS[way])
    async with staged(rewrite=products) as stage:
        shelf = await stage.app.mirror.searchable("en")
        await until(lambda: not shelf.is_crawling)
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        unread = base.unread_products
        assert unread > 0
        assert len(base.products) + unread == 6
        page = await stage.app.calendars.page(OfferQuery(base, A_DAY, "en"), limit=40)
        assert page.left_out == unread
        note = _note(page, A_DAY)
        assert note is not None
        assert f"cannot be read ({unread})" in note
        of_base = await stage.app.calendars.of_base(OfferQuery(base, A_DAY, "en"))
        assert of_base.is_partly_unread
        with pytest.raises(Refusal) as refusal:
            named_choices(base, "price_type", "Adult")
        assert refusal.value.code is Code.NO_SUCH_CHOICE
        assert "some could not be read" in str(refusal.value)
        products.is_ill = False
        stage.move(FIRST_RETRY_SECONDS + 1)
        await stage.app.mirror.ready("en")
        await until(lambda: not shelf.is_crawling)
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        assert (len(base.products), base.unread_products) == (6, 0)
        assert named_choices(base, "price_type", "adult") == ("Adult",)
        page = await stage.app.calendars.page(OfferQuery(base, A_DAY, "en"), limit=40)
        assert page.left_out == 0


async def test_a_base_asked_for_before_the_crawl_is_read_again_too() -> None:
    products = Products(PARTS["missing"])
    async with staged(rewrite=products) as stage:
        base = await stage.app.mirror.renewed_base(stage.handle("park_base"), "en")
        store = (await stage.app.mirror.ready("en")).store
        due = store.passed_over(stage.clock.now().timestamp() + 10**4, limit=99)
        assert (base.unread_products > 0, base.handle.id in {i for _, i in due}) == (True, True)


@pytest.mark.parametrize("end", ["/options", "/values"])
async def test_choices_that_cannot_be_read_are_not_absent(end: str) -> None:
    choices = Products(lambda rows: ["a row", *rows[1:]], end)

    def unnamed(path: str, body: Json) -> None:
        if path.endswith("/products"):
            for row in body["member"]:
                row.pop("optionValues", None)
        choices(path, body)

    async with staged(rewrite=unnamed) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        if end == "/options":
            assert base.choices["price_type"], "all four are tried"
            return
        assert base.unread_choices > 0
        with pytest.raises(Refusal) as refusal:
            named_choices(base, "price_type", "Adult, Unheard")
        assert "some could not be read" in str(refusal.value)


async def test_what_is_kept_of_choices_is_bounded_by_those_there_are() -> None:
    def endless(path: str, body: Json) -> None:
        for product in body.get("member") or () if path.endswith("/products") else ():
            product["optionValues"] += [{"@id": "/v1/x", "code": "c" * 100_000, "name": "odd"}]

    async with staged(rewrite=endless) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        kept = {code for product in base.products.values() for code in product.choices}
        assert kept
        assert max(map(len, kept)) < 64
