"""Seat maps larger than any house, and many at once: bounded, shared, and nobody else waits."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp_types import TextResourceContents

from korus_mcp.api.models import seat_map as model
from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.proposals import seat_plans
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.seating import drafting
from korus_mcp.seating.raster import Raster
from korus_mcp.tools.get_seat_map import SHEET
from tests.fixtures.assistant import APPS, ERAS, Answer, Desk, desk

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
CALLS = 20


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(mode=request.param, only=("hall",), extensions=[APPS]) as opened:
        yield opened


def issuer_sends(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[list[Json]], list[Json]]
) -> None:
    """Let every seat map have other zones than the sandbox gives it."""
    usual = CatalogShapes.seat_map

    def changed(self: CatalogShapes, *args: Any) -> Any:
        found = usual(self, *args)
        zones: list[Json] = found["zones"]  # type: ignore[assignment]
        return found | {"zones": change(zones)}

    monkeypatch.setattr(CatalogShapes, "seat_map", changed)


def bare(count: int, zones: list[Json]) -> list[Json]:
    return [*zones, *({"name": f"Block {n}"} for n in range(count - len(zones)))]


def full(count: int, zones: list[Json]) -> list[Json]:
    """The zones with so many seats in all, in rows of 50."""
    rows, rest = divmod(count // len(zones), 50)

    def seats(of: int, row: int, size: int) -> list[Json]:
        return [{"name": str(seat), "x": seat, "y": 9 * row + 999 * of} for seat in range(size)]

    sizes = [*[50] * rows, rest]
    return [
        zone | {"rows": [{"name": str(r), "seats": seats(n, r, s)} for r, s in enumerate(sizes)]}
        for n, zone in enumerate(zones)
    ]


def wish(shop: Desk, **more: Any) -> Json:
    return {"product_base_id": shop.handle("hall_base"), **more}


async def svg_of(shop: Desk, answer: Answer, **wished: object) -> str:
    uri = answer.drawn_at
    asked = "&".join(f"{name}={value}" for name, value in wished.items())
    return await read(shop, f"{uri}{'&' if '?' in uri else '?'}{asked}")


async def read(shop: Desk, uri: str) -> str:
    (content,) = (await shop.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_a_map_of_70_000_bare_zones_is_cut_and_every_form_of_it_tells_so(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "KEPT_PLACES", 0)
    usual = await shop.ask("get_seat_map", wish(shop))
    issuer_sends(monkeypatch, partial(bare, 70_000))
    answer = await shop.ask("get_seat_map", wish(shop))
    left_out = 70_000 - model.MOST_ZONES
    assert answer.data["zones"][0] == usual.data["zones"][0]
    assert len(answer.data["zones"]) + answer.data["counts"]["zones_hidden"] == 70_000
    assert f"{left_out} of its zones were not compared" in answer.text
    sheet = (answer.result.meta or {})[SHEET]
    assert len(sheet["zones"]) + sheet["hidden"] == 70_000
    assert f"{left_out} more zones are not shown" in await svg_of(shop, answer)
    map_id = answer.drawn_at.partition("/seat-maps/")[2].partition(".svg")[0]
    told = json.loads(
        await read(shop, f"korus://product-bases/{shop.handle('hall_base')}/seat-maps/{map_id}")
    )
    assert len(told["zones"]) == model.MOST_ZONES
    assert told["zones_left_out"] == left_out


async def test_seats_beyond_those_of_any_house_are_not_read_and_the_answer_tells_so(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MOST_SEATS", 1_000)
    issuer_sends(monkeypatch, partial(full, 2_000))
    answer = await shop.ask("get_seat_map", wish(shop))
    assert "of its seats were not read" in answer.text
    assert "seats are not drawn" in await svg_of(shop, answer)
    sheet = (answer.result.meta or {})[SHEET]
    drawn = sum(len(row.split()) // 2 for zone in sheet["zones"] for row in zone.get("rows", ()))
    assert 0 < drawn <= 1_000


async def test_a_usual_map_says_nothing_of_the_kind(shop: Desk) -> None:
    answer = await shop.ask("get_seat_map", wish(shop))
    assert "not compared" not in answer.text
    assert "not read" not in answer.text
    assert "not shown" not in await svg_of(shop, answer)


class Counted:
    """How often a function ran, and how often at the same time; it may be held until released."""

    def __init__(self, function: Callable[..., Any], *, held: bool = False) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.began = self.now = self.most = 0
        if not held:
            self.release()

    def release(self) -> None:
        self._released.set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self.began, self.now = self.began + 1, self.now + 1
            self.most = max(self.most, self.now)
        try:
            self._released.wait()
            return self._function(*args, **kwargs)
        finally:
            with self._lock:
                self.now -= 1


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[Counted]:
    """A function of a module that waits until it is released; it always is in the end."""
    counted = Counted(getattr(module, name), held=True)
    monkeypatch.setattr(module, name, counted)
    try:
        yield counted
    finally:
        counted.release()


async def reached(counted: Counted, number: int) -> None:
    with anyio.fail_after(60):
        while counted.began < number:  # noqa: ASYNC110 - it happens in a thread
            await anyio.sleep(0.01)


@pytest.mark.parametrize("step", ["drawing_of", "_planned"])
async def test_others_are_answered_while_twenty_maps_are_drawn_and_two_at_once_are(
    step: str, shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer_sends(monkeypatch, partial(full, 10_000))
    monkeypatch.setattr(drafting, "SECONDS", 60.0)
    order: list[str] = []

    async def ask(quantity: int) -> None:
        await shop.call("get_seat_map", **wish(shop, quantity=quantity))
        order.append("map")

    with held(monkeypatch, seat_plans, step) as counted:
        async with anyio.create_task_group() as tasks:
            for quantity in range(1, CALLS + 1):
                tasks.start_soon(ask, quantity)
            await reached(counted, 1)
            await shop.client.list_tools()
            await shop.call("get_offers", **wish(shop, limit=1))
            order.append("others")
            counted.release()
    assert order == ["others", *["map"] * CALLS]
    assert counted.most <= 2
    assert shop.sent("getSeatMap") == 1, "those who ask for one map share it"


async def test_maps_of_different_houses_are_unfolded_and_drawn_two_at_a_time(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without what is kept each map is read and drawn.
    monkeypatch.setattr(drafting, "KEPT_PLACES", 0)
    base = shop.handle("hall_base")
    offer = (await shop.call("get_seat_map", **wish(shop)))["zones"][0]["offers"][0]
    link = (await shop.ask("get_seat_map", wish(shop))).drawn_at
    assert offer
    before = shop.sent("getSeatMap")
    unfolded = Counted(SeatMap.model_validate)
    monkeypatch.setattr(SeatMap, "model_validate", unfolded)
    with held(monkeypatch, seat_plans, "drawing_of") as counted:
        async with anyio.create_task_group() as tasks:
            for language in ("en", "fr", "de", "es", "it"):
                tasks.start_soon(read, shop, f"{link.partition('?')[0]}?language={language}")
            tasks.start_soon(read, shop, link.partition(".svg")[0])
            await reached(counted, 2)
            await shop.call("get_offers", product_base_id=base, limit=1)
            with anyio.fail_after(60):
                while shop.sent("getSeatMap") - before < 3:  # noqa: ASYNC110 - each is asked for
                    await anyio.sleep(0.01)
            await anyio.sleep(0.1)
            assert unfolded.began == 2, "the third is here, and waits for its turn"
            counted.release()
    assert (counted.most, unfolded.began) == (2, 3)


async def test_equal_questions_are_worked_on_once_whatever_their_form(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures: list[str] = []
    usual = Raster.png

    async def counting(self: Raster, picture: str) -> bytes:
        pictures.append(picture)
        return await usual(self, picture)

    monkeypatch.setattr(Raster, "png", counting)
    answers: list[Answer] = []

    async def ask() -> None:
        answers.append(await shop.ask("get_seat_map", wish(shop, picture=True)))

    with held(monkeypatch, seat_plans, "_planned") as counted:
        async with anyio.create_task_group() as tasks:
            for _ in range(CALLS):
                tasks.start_soon(ask)
            await reached(counted, 1)
            await shop.client.list_tools()
            counted.release()
    assert len({answer.wire for answer in answers}) == 1
    assert (counted.began, len(pictures), shop.sent("getSeatMap")) == (1, 1, 1)


async def test_who_would_wait_too_long_is_told_so_and_the_next_is_served(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = (await shop.ask("get_seat_map", wish(shop))).drawn_at
    await read(shop, f"{link}&theme=dark")  # what it reads beside the map is kept now
    with held(monkeypatch, seat_plans, "_planned"):
        monkeypatch.setattr(drafting, "SECONDS", 1.0)
        late = await shop.ask("get_seat_map", wish(shop, quantity=3))
        assert (late.code, late.error["retry_after_seconds"]) == ("SERVER_BUSY", 5)
        with pytest.raises(MCPError, match="SERVER_BUSY"):
            await read(shop, link)
    monkeypatch.setattr(drafting, "SECONDS", 20.0)
    assert (await shop.call("get_seat_map", **wish(shop, quantity=3)))["zones"]


async def test_a_crowd_of_different_questions_is_turned_away_at_its_end(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "MOST_WAITING", 3)
    await shop.call("get_offers", **wish(shop))
    answers: list[Answer] = []

    async def ask(quantity: int) -> None:
        answers.append(await shop.ask("get_seat_map", wish(shop, quantity=quantity)))

    with held(monkeypatch, seat_plans, "_planned") as counted:
        async with anyio.create_task_group() as tasks:
            for quantity in range(1, 6):
                tasks.start_soon(ask, quantity)
            await reached(counted, 1)
            with anyio.fail_after(60):
                while len(answers) < 2:  # noqa: ASYNC110 - the two that are turned away
                    await anyio.sleep(0.01)
            counted.release()
    assert sorted(answer.code or "" for answer in answers) == ["", "", "", *["SERVER_BUSY"] * 2]
