"""What a price table tells in a form nobody can read is neither undated nor without limit."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import anyio
import pytest

from korus_mcp.catalog.calendar import CalendarPage, DayRange, OfferQuery
from korus_mcp.catalog.finder import CatalogQuery
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.proposals.seat_plans import Extra, SeatPlan, SeatQuery
from korus_mcp.tools.get_offers import OfferView, _note
from korus_mcp.tools.get_seat_map import _view
from tests.booking.stage import Rewrite, Stage, staged

pytestmark = pytest.mark.anyio
JUNE = DayRange(date(2026, 6, 1), date(2026, 6, 30))
EXTRAS = frozenset({Extra.SHEET, Extra.LIGHT})
A_DAY = DayRange(date(2026, 6, 2), date(2026, 6, 2))


def listed(number: int | None = None, **changes: Any) -> Rewrite:
    """Changes the offers of lists; all of them, or the one of this number."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            for n, each in enumerate(body["member"]):
                if number in (None, n):
                    price = changes.get("price")
                    each.update(changes)
                    if isinstance(price, dict):
                        each["price"] = {"amountInclTax": "45.00", "currency": "EUR"} | price

    return rewrite


async def page_of(stage: Stage, base: str = "park_base", limit: int = 40) -> CalendarPage:
    record = await stage.app.mirror.base(stage.handle(base), "en")
    return await stage.app.calendars.page(OfferQuery(record, JUNE, "en"), limit=limit)


@pytest.mark.parametrize("told", ["soon", 20260605, {"day": "2026-06-05"}, True, ""])
async def test_an_offer_whose_day_cannot_be_read_is_not_undated(told: object) -> None:
    async with staged(rewrite=listed(0, date=told)) as stage:
        page = await page_of(stage)
        assert page.left_out == 1
        assert all(row.day is not None for row in page.rows)
        note = _note(page, JUNE)
        assert note is not None
        assert "whose day cannot be read (1)" in note


async def test_where_no_day_can_be_read_nothing_is_offered_as_undated() -> None:
    async with staged(rewrite=listed(date="soon")) as stage:
        page = await page_of(stage)
        assert (page.rows, page.left_out > 0) == ((), True)


async def test_moments_are_the_days_of_the_venue() -> None:
    plain: list[str] = []

    def as_moments(path: str, body: dict[str, Any]) -> None:
        for each in body["member"] if path.endswith("/offers") else ():
            if each["date"] is not None:
                plain.append(each["date"])
                day = date.fromisoformat(each["date"]).toordinal() - 1
                each["date"] = f"{date.fromordinal(day)}T22:00:00+00:00"

    async with staged(rewrite=as_moments) as stage:
        page = await page_of(stage, limit=15)
    assert page.left_out == 0
    assert [str(row.day) for row in page.rows] == sorted(plain)[:15]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price": {"currency": "CHF"}}, "not in euro"),
        ({"price": {"currency": "€"}}, "not in euro"),
        ({"price": {"currency": ["EUR"]}}, "not in euro"),
        ({"price": {"currencyCode": "USD"}}, "not in euro"),
        ({"currency": "CHF", "price": {}}, "not in euro"),
        ({"price": {"amountInclTax": "-45.00"}}, "a price below zero"),
        ({"price": {"amountInclTax": "45,00"}}, "its price cannot be read"),
        ({"price": "45.00"}, "its price cannot be read"),
        ({"availableQuantity": {"value": 0}}, "what is left of it cannot be read"),
        ({"availableQuantity": "sold_out"}, "what is left of it cannot be read"),
        ({"availableQuantity": 0.5}, "what is left of it cannot be read"),
    ],
)
async def test_an_offer_listed_oddly_is_shown_as_not_bookable(
    changes: dict[str, Any], problem: str
) -> None:
    async with staged(rewrite=listed(**changes)) as stage:
        row = (await page_of(stage)).rows[0]
        assert row.problem == problem
        assert not row.is_buyable
        if "price" in changes:
            assert row.price is None, "a foreign amount is not shown as a price"
        assert f"not bookable as listed: {problem}" in OfferView.of(row).text()
        found = await stage.app.finder.find(CatalogQuery(window=JUNE, limit=20), "en")
        assert all(base.from_price is None for base in found.bases)
        assert found.unchecked > 0


async def test_a_price_listed_as_a_number_is_that_price() -> None:
    async with staged(rewrite=listed(price={"amountInclTax": 35.1})) as stage:
        row = (await page_of(stage)).rows[0]
        assert str(row.price) == "35.10 EUR"
        assert row.problem is None


async def test_the_cheapest_of_a_search_is_an_euro_price() -> None:
    async with staged(
        rewrite=listed(0, price={"amountInclTax": "1.00", "currency": "CHF"})
    ) as stage:
        found = await stage.app.finder.find(CatalogQuery(window=JUNE, limit=20), "en")
        prices = [base.from_price for base in found.bases if base.from_price is not None]
        assert prices
        assert all(isinstance(p, Money) and p.currency == "EUR" and p.amount > 1 for p in prices)


async def test_a_stock_below_zero_is_none_left() -> None:
    async with staged(rewrite=listed(availableQuantity=-2)) as stage:
        row = (await page_of(stage)).rows[0]
        assert (row.left, row.is_buyable) == (0, False)


async def test_a_seat_map_leaves_out_what_nobody_can_buy() -> None:
    async with staged(selling=("stadium",), rewrite=listed(price={"currency": "CHF"})) as stage:
        plan = await stage.app.seat_plans.plan(stage.handle("stadium_base"), SeatQuery(), "en")
        assert plan.unusable_offers == len(plan.rows) > 0
        assert all(not zone.all_offers for zone in plan.table.zones)


@pytest.mark.parametrize("disabled", ["perhaps", 2.5, {"value": False}])
async def test_what_may_be_disabled_is_not_offered(disabled: object) -> None:
    def unclear(path: str, body: dict[str, Any]) -> None:
        for each in body["member"] if path.endswith("/products") else ():
            each["disabled"] = disabled

    async with staged(rewrite=unclear) as stage:
        record = await stage.app.mirror.base(stage.handle("park_base"), "en")
        assert record.products == {}


@pytest.mark.parametrize("spoilt", ["every", "one"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda each: None,
        lambda each: each["@id"],
        lambda each: each | {"id": None, "@id": "/.well-known/genid/1"},
        lambda each: each | {"product": None},
    ],
)
async def test_offers_nobody_can_read_are_told_and_not_no_offers(
    spoil: Callable[[dict[str, Any]], object], spoilt: str
) -> None:
    counted: list[int] = []

    def unreadable(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            member = body["member"]
            number = len(member) if spoilt == "every" else 1
            counted.append(number)
            body["member"] = [*map(spoil, member[:number]), *member[number:]]

    async with staged(rewrite=unreadable) as stage:
        record = await stage.app.mirror.base(stage.handle("park_base"), "en")
        page = await stage.app.calendars.page(OfferQuery(record, A_DAY, "en"), limit=40)
        assert page.left_out == counted[0]
        assert (page.rows == ()) is (spoilt == "every")
        note = _note(page, A_DAY)
        assert note is not None
        assert "offers that cannot be read" in note
        assert "Try other days" not in note


def no_product_id(each: dict[str, Any]) -> object:
    return each | {"product": {"id": None, "@id": None, "name": "A seat"}}


UNREAD_OFFERS: list[Callable[[dict[str, Any]], object]] = [
    lambda each: None,
    lambda each: {},
    lambda each: each["@id"],
    lambda each: each | {"id": None, "@id": None},
    lambda each: each | {"product": None},
    lambda each: each | {"date": "any"},
    lambda each: each | {"date": {}},
    no_product_id,
]


def of_offers(
    spoil: Callable[[dict[str, Any]], object], is_spoilt: Callable[[dict[str, Any]], bool]
) -> Rewrite:
    """Spoils the offers of lists that are to be."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            member = body["member"]
            body["member"] = [spoil(each) if is_spoilt(each) else each for each in member]

    return rewrite


async def a_session(stage: Stage) -> tuple[Handle, str, date | None]:
    """A product base with a seat map, and a session of its next day, and that day."""
    base = stage.handle("hall_base")
    first = (await stage.app.seat_plans.plan(base, SeatQuery(), "en")).rows[0]
    quote = await stage.app.quotes.of_offer(first.handle, "en")
    return base, next(session.id for _, session in quote.sessions()), first.day


def everyone(each: dict[str, Any]) -> bool:
    return True


@pytest.fixture(scope="module")
def session_known() -> tuple[Handle, str, date | None]:
    """What `a_session` tells where all can be read; it is the same on each stage."""

    async def looked_up() -> tuple[Handle, str, date | None]:
        async with staged(selling=("hall",)) as stage:
            return await a_session(stage)

    return anyio.run(looked_up)


@pytest.fixture(scope="module")
def whole_map() -> tuple[Handle, SeatPlan]:
    """A stadium and its plan where all can be read."""

    async def planned() -> tuple[Handle, SeatPlan]:
        async with staged(selling=("stadium",)) as stage:
            base = stage.handle("stadium_base")
            plans = stage.app.seat_plans
            return base, await plans.plan(base, SeatQuery(), "en", extras=EXTRAS)

    return anyio.run(planned)


@pytest.mark.parametrize("is_dated", [False, True])
@pytest.mark.parametrize("spoil", UNREAD_OFFERS)
async def test_where_no_offer_can_be_read_no_map_says_that_nothing_is_on_sale(
    spoil: Callable[[dict[str, Any]], object],
    is_dated: bool,
    session_known: tuple[Handle, str, date | None],
) -> None:
    base, session, next_day = session_known
    day = next_day if is_dated else None
    async with staged(selling=("hall",), rewrite=of_offers(spoil, everyone)) as stage:
        for wish in (SeatQuery(day=day), SeatQuery(session_id=session, day=day)):
            with pytest.raises(Refusal) as refused:
                await stage.app.seat_plans.plan(base, wish, "en")
            assert refused.value.code is Code.UPSTREAM_UNAVAILABLE
            assert re.search(r" [1-9]\d* offers cannot be read", refused.value.message)


async def test_of_a_day_and_session_that_sell_nothing_that_is_said() -> None:
    def nothing(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            body |= {"member": [], "totalItems": 0}

    async with staged(selling=("hall",), rewrite=nothing) as stage:
        for wish, code in (
            (SeatQuery(day=date(2026, 6, 20)), Code.NOT_FOUND),
            (SeatQuery(session_id="0192"), Code.UNKNOWN_ID),
        ):
            with pytest.raises(Refusal) as refused:
                await stage.app.seat_plans.plan(stage.handle("hall_base"), wish, "en")
            assert refused.value.code is code


@pytest.mark.parametrize("spoil", [*UNREAD_OFFERS, lambda each: each | {"price": "45"}])
async def test_a_map_of_which_some_offers_cannot_be_read_counts_them(
    spoil: Callable[[dict[str, Any]], object], whole_map: tuple[Handle, SeatPlan]
) -> None:
    base, whole = whole_map
    zone = next(each for each in whole.table.zones if each.all_offers)
    ids = {offer.offer_id.partition(".")[2] for offer in zone.every_offer}

    async with staged(
        selling=("stadium",), rewrite=of_offers(spoil, lambda each: each["id"] in ids)
    ) as stage:
        wish = SeatQuery(day=whole.day)
        plan = await stage.app.seat_plans.plan(base, wish, "en", extras=EXTRAS)
    assert plan.unread_offers + plan.unusable_offers == plan.table.unknown == len(ids)
    told = _view(plan, len(plan.ranking.zones), told=())
    assert f"{len(ids)} offers cannot be" in (told.note or "")
    assert "nothing on sale" not in told.text()
    (place,) = (each for each in plan.ranking.zones if each.zone.number == zone.number)
    assert place.why == "no offer known"
    assert plan.picture is not None
    assert "Nothing on sale" not in plan.picture
    assert f"{len(ids)} offers are not shown" in plan.picture
    assert plan.sheet is not None
    assert "unknown_offers" in plan.sheet["notes"]
    assert "unknown_offers" not in (whole.sheet or {}).get("notes", [])
    assert whole.table.unknown == 0


async def test_a_zone_whose_full_price_cannot_be_read_is_not_said_to_have_none(
    whole_map: tuple[Handle, SeatPlan],
) -> None:
    base, whole = whole_map
    zone = next(each for each in whole.table.zones if each.all_offers and each.beside)
    ids = {offer.offer_id.partition(".")[2] for offer in zone.all_offers}

    def spoiled(offer: dict[str, Any]) -> None:
        offer["id"] = 7

    async with staged(
        selling=("stadium",), rewrite=of_offers(spoiled, lambda each: each["id"] in ids)
    ) as stage:
        wish = SeatQuery(day=whole.day)
        plan = await stage.app.seat_plans.plan(base, wish, "en", extras=EXTRAS)
    (place,) = (each for each in plan.ranking.zones if each.zone.number == zone.number)
    assert place.why == "no Full price known"


async def test_offers_of_a_session_that_cannot_be_read_are_counted() -> None:
    async with staged(selling=("hall",)) as stage:
        base, session, _ = await a_session(stage)
        whole = await stage.app.seat_plans.plan(base, SeatQuery(session_id=session), "en")
    lost = whole.rows[0].handle.id
    rewrite = of_offers(lambda each: None, lambda each: each["id"] == lost)
    async with staged(selling=("hall",), rewrite=rewrite) as stage:
        plan = await stage.app.seat_plans.plan(base, SeatQuery(session_id=session), "en")
    assert (len(plan.rows), plan.unread_offers) == (len(whole.rows) - 1, 1)


async def test_undated_offers_do_not_hide_that_those_of_the_days_cannot_be_read() -> None:
    spoilt: list[str] = []

    def mixed(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            for n, each in enumerate(body["member"]):
                if n % 2 and each["date"] is not None:
                    spoilt.append(each["id"])
                each["date"] = "any" if n % 2 else None

    async with staged(rewrite=mixed) as stage:
        page = await page_of(stage)
        assert page.rows
        assert page.left_out > 0


@pytest.mark.parametrize("spoil", UNREAD_OFFERS)
async def test_a_search_with_days_does_not_take_unread_offers_for_none(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    async with staged(selling=("hall",), rewrite=of_offers(spoil, everyone)) as stage:
        found = await stage.app.finder.find(CatalogQuery(window=JUNE, limit=20), "en")
        assert not found.is_checked or found.unchecked > 0


@pytest.mark.parametrize(
    ("zones", "is_told"),
    [
        (lambda zones: zones, True),
        (lambda zones: [None, *zones[1:]], False),
        (lambda zones: [3, *zones[1:]], False),
        (lambda zones: None, False),
        (lambda zones: {"value": zones}, False),
    ],
)
async def test_zones_of_a_map_that_cannot_be_read_are_told(
    zones: Callable[[list[Any]], object], is_told: bool
) -> None:
    def spoiled(path: str, body: dict[str, Any]) -> None:
        if "zones" in body:
            body["zones"] = zones(body["zones"])

    async with staged(selling=("hall",), rewrite=spoiled) as stage:
        base = stage.handle("hall_base")
        extras = frozenset({Extra.LIGHT})
        plan = await stage.app.seat_plans.plan(base, SeatQuery(), "en", extras=extras)
    note = _view(plan, len(plan.ranking.zones), told=()).note
    assert note is not None
    assert ("Some zones of the map cannot be read" in note) is not is_told
    assert ("Some zones cannot be read" in (plan.picture or "")) is not is_told
