from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.api import Malformed, NotFound, ReservationLine, TicketChoice, lists
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, OFFERS
from korus_mcp.api.lists import READINGS_LIMIT
from tests.api.wire import RESERVATIONS_BULK, Net, collection

PATH = "/v1/ticketing/catalogs"
pytestmark = pytest.mark.anyio


def ids(start: int, stop: int) -> list[str]:
    return [f"i{n}" for n in range(start, stop)]


async def read(net: Net) -> list[str]:
    return [item.id async for item in net.api.ticketing.list_catalogs()]


@pytest.mark.parametrize(
    ("pages", "count", "requests"),
    [
        pytest.param([collection([])], 0, 1, id="empty"),
        pytest.param([collection([], 0)], 0, 1, id="empty with total"),
        pytest.param([collection(ids(0, 7))], 7, 1, id="short, no total"),
        pytest.param([collection(ids(0, 50), 50)], 50, 1, id="exactly one page"),
        pytest.param([collection(ids(0, 50)), collection([])], 50, 2, id="full, no total"),
        pytest.param(
            [
                collection(ids(0, 50), 120),
                collection(ids(50, 100), 120),
                collection(ids(100, 120), 120),
            ],
            120,
            3,
            id="three pages",
        ),
        pytest.param(
            [collection(ids(0, 30), 60), collection(ids(30, 60), 60)],
            60,
            2,
            id="a server that gives 30 instead of 50",
        ),
        pytest.param([collection(ids(0, 50)), httpx.Response(400)], 50, 2, id="400 past the end"),
        pytest.param([collection(["a", "a", "b"])], 2, 1, id="the same twice on a page"),
    ],
)
async def test_lists_end_by_counting(pages: list[Any], count: int, requests: int) -> None:
    net = Net()
    route = net.get(PATH, *pages, RuntimeError("one page too many"))
    assert len(await read(net)) == count
    asked = [call.request.url.params for call in route.calls]
    assert [each["page"] for each in asked] == [str(n + 1) for n in range(requests)]
    assert {each["itemsPerPage"] for each in asked} == {"50"}


SHRUNK = [collection(ids(0, 50), 70), collection(ids(51, 70), 69)]
"""Row 0 went after the first page was read: row 50 slipped to that page, and was not seen."""


@pytest.mark.parametrize(
    ("pages", "count", "numbers"),
    [
        pytest.param(
            [*SHRUNK, collection(ids(1, 51), 69), collection(ids(51, 70), 69)],
            70,
            "1212",
            id="a row went between two pages",
        ),
        pytest.param(
            [
                collection(ids(1, 51), 100),
                collection(ids(50, 100), 101),
                collection(ids(100, 101), 101),
                collection(ids(0, 50), 101),
                collection(ids(50, 100), 101),
                collection(ids(100, 101), 101),
            ],
            101,
            "123123",
            id="a row came between two pages",
        ),
        pytest.param(
            [collection(ids(0, 50), 100), collection(ids(40, 90), 100)] * 2,
            90,
            "1212",
            id="rows shown twice, twice the same",
        ),
        pytest.param(
            [collection(ids(0, 49), 50), collection([], 50)] * 2, 49, "1212", id="a hidden member"
        ),
        pytest.param(
            [collection(ids(0, 50), 999), collection(ids(0, 50), 999)] * 2,
            50,
            "1212",
            id="a server that ignores the page",
        ),
        pytest.param(
            [collection(ids(0, 50), 999), httpx.Response(404)] * 2, 50, "1212", id="404 at the end"
        ),
        pytest.param(
            [
                page
                for n in range(READINGS_LIMIT)
                for page in (
                    collection(ids(10 * n, 10 * n + 50), 100 + n),
                    collection(ids(10 * n + 50, 10 * n + 100), 101 + n),
                    collection([], 101 + n),
                )
            ],
            120,
            "123" * READINGS_LIMIT,
            id="a list that never holds still",
        ),
        pytest.param([*SHRUNK, httpx.Response(500)], 69, "121", id="no second reading to be had"),
    ],
)
async def test_a_list_that_changes_while_it_is_read_is_read_again(
    pages: list[Any], count: int, numbers: str
) -> None:
    net = Net()
    route = net.get(PATH, *pages, RuntimeError("one page too many"))
    found = await read(net)
    assert len(set(found)) == len(found) == count
    assert "".join(call.request.url.params["page"] for call in route.calls) == numbers


async def test_view_is_never_followed() -> None:
    view = {"@id": f"{PATH}?catalog=x", "next": "https://evil.example/next", "last": "/v1/evil"}
    net = Net()
    route = net.get(PATH, collection(ids(0, 50), 60) | {"view": view}, collection(ids(50, 60), 60))
    assert len(await read(net)) == 60
    assert {call.request.url.path for call in route.calls} == {PATH}


async def test_members_without_a_usable_id_are_counted_not_lost() -> None:
    body = {"member": [{"id": "a"}, {"name": "none"}, 5, {"id": "b/c"}, "/v1/ticketing/catalogs/d"]}
    net = Net()
    net.get(PATH, body)
    page = await net.api.ticketing.list_catalogs().page()
    assert [item.id for item in page.items] == ["a", "d"]
    assert page.unreadable == 3
    assert page.last


async def test_a_page_says_where_it_stands() -> None:
    net = Net()
    net.get(
        PATH, collection(ids(50, 100), 120), collection(ids(100, 120), 120), collection([], 120)
    )
    pages = net.api.ticketing.list_catalogs()
    second, third, beyond = await pages.page(2), await pages.page(3), await pages.page(9)
    assert (second.number, second.total, second.last) == (2, 120, False)
    assert (third.total, third.last) == (120, True)
    assert (beyond.items, beyond.last) == ((), True)


async def test_the_same_answer_is_made_models_of_once_and_another_anew() -> None:
    def stock(left: int) -> dict[str, object]:
        return {"member": [{"id": "a", "availableQuantity": left}, {"id": "b"}]}

    net = Net()
    asked = net.get(OFFERS.iri("c1"), stock(4), stock(4), stock(3), stock(4))
    pages = net.api.ticketing.list_offers("c1")
    first, same, fewer, back = [await pages.page() for _ in range(4)]
    assert asked.call_count == 4
    assert same is first
    assert [page.items[0].available_quantity for page in (first, fewer, back)] == [4, 3, 4]


async def test_kept_pages_are_of_what_was_asked() -> None:
    net = Net()
    net.get(OFFERS.iri("c1"), collection(["a"]), collection(["b"]), collection(["a"]))
    of = net.api.ticketing.list_offers
    english, french = of("c1", language="en"), of("c1", language="fr")
    found = [await english.page(), await french.page(), await english.page()]
    assert [page.items[0].id for page in found] == ["a", "b", "a"]
    assert found[2] is found[0]


async def test_the_first_page_may_not_be_missing() -> None:
    net = Net()
    net.get(PATH, httpx.Response(404))
    with pytest.raises(NotFound):
        await read(net)


async def test_later_pages_end_a_list_that_is_read_page_by_page() -> None:
    net = Net()
    net.get(PATH, httpx.Response(404))
    page = await net.api.ticketing.list_catalogs().page(2)
    assert (page.items, page.total, page.last) == ((), None, True)


@pytest.mark.parametrize(
    "body", [{}, {"member": None}, {"member": {"0": {}}}, {"hydra:member": []}]
)
async def test_what_is_no_collection_is_named_so(body: dict[str, object]) -> None:
    net = Net()
    net.get(PATH, body)
    with pytest.raises(Malformed, match="not a collection"):
        await read(net)


async def test_a_list_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGES_LIMIT", 3)
    net = Net()
    net.get(PATH, *(collection(ids(50 * n, 50 * n + 50)) for n in range(5)))
    with pytest.raises(Malformed, match="a list without end"):
        await read(net)


async def test_documents_and_offer_tickets_are_not_paged() -> None:
    net = Net()
    documents = net.get("/v1/booking/orders/o1/documents", collection(ids(0, 70), 999))
    assert len(await net.api.booking.list_order_documents("o1").all()) == 70
    assert documents.call_count == 1
    assert "page" not in documents.calls[0].request.url.params


@pytest.mark.parametrize("large", [{"x": "x" * 300_000}, {"x": [[]] * 50_000}])
async def test_a_large_answer_to_a_write_is_read_though_its_caller_left(
    large: dict[str, Any],
) -> None:
    net = Net()
    line = ReservationLine(OFFER.iri("c", "o"), 1, (TicketChoice(OFFER_TICKET.iri("c", "o", "t")),))
    body = {"successfulReservations": [], "failedReservations": [], **large}
    route = net.router.post(RESERVATIONS_BULK)
    scope = anyio.CancelScope()

    def left(request: httpx.Request) -> httpx.Response:
        scope.cancel()
        return httpx.Response(200, json=body)

    route.side_effect = left
    read = []
    with scope:
        read.append(await net.api.booking.create_reservations([line]))
    assert len(read) == 1
    assert [operation for operation, _ in net.answers] == ["createReservations"]
