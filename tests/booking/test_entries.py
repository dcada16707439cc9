"""A failure names its offer and the issuer's words, in whatever shape it is told."""

from typing import Any

import pytest

from korus_mcp.api import ReservationBulkResult
from korus_mcp.booking.entries import MOST_PARTS, read_entry
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.handles import id_at_end
from tests.booking.stage import staged

OFFER = "/v1/ticketing/catalogs/c/offers/o1"
OTHER = "/v1/ticketing/catalogs/c/offers/o2"
FULL = {"title": "Complet", "detail": "No place is left"}
SHAPES: list[tuple[object, str]] = [
    ({"item": {"offer": OFFER}, "error": FULL}, "Complet; No place is left"),
    ({"resource": OFFER, "errors": [{"message": "Sold out"}]}, "Sold out"),
    ({"resource": OFFER, "errors": ["Sold out", "Try later"]}, "Sold out; Try later"),
    ({"item": {"offer": {"@id": OFFER, "id": "o1"}}, "reason": "Sold out"}, "Sold out"),
    ({"offerId": "o1", "message": {"en": "Sold out"}}, "Sold out"),
    ({"offer": {"id": "o1"}, "description": "<b>Sold</b> out"}, "Sold out"),
    ({"ticket": f"{OFFER}/tickets/t1", "message": "Sold out"}, "Sold out"),
    ({"iri": f"https://api.example.test{OFFER}", "message": "Sold out"}, "Sold out"),
    ({OFFER: ["Sold out"]}, "Sold out"),
    ([OFFER, "Sold out"], "Sold out"),
    ({"violations": [{"propertyPath": "items[0].offer", "message": "Sold out"}]}, "Sold out"),
    ({"error": {"resource": OFFER, "type": "about:blank"}}, "refused without a reason"),
    ({"a": {"b": {"c": {"d": {"offer": OFFER, "text": "Sold out"}}}}}, "Sold out"),
    (OFFER, "refused without a reason"),
    (f"Offer {OFFER} is sold out", f"Offer {OFFER} is sold out"),
    (f"{OFFER} is sold out", f"{OFFER} is sold out"),
    ({"message": f"Sold out: '{OFFER}'."}, f"Sold out: '{OFFER}'."),
    ({"resource": f"{OFFER}?date=2026-12-04", "message": "Sold out"}, "Sold out"),
    ({"resource": f"{OFFER}#price", "message": "Sold out"}, "Sold out"),
]  # fmt: skip


def entry_of(shape: object, wanted: tuple[str, ...] = ("o1", "o2")) -> Any:
    result = ReservationBulkResult.model_validate({"failedReservations": [shape]})
    (failure,) = result.failed_reservations
    return read_entry(failure, id_at_end(failure.offer), wanted)


@pytest.mark.parametrize(("shape", "words"), SHAPES)
def test_an_entry_of_any_shape_names_its_offer_and_the_issuers_words(
    shape: object, words: str
) -> None:
    entry = entry_of(shape)
    assert (entry.id, entry.message) == ("o1", words)


@pytest.mark.parametrize("shape", [None, False, True, "", [], {}])
def test_an_entry_that_says_nothing_is_quoted_with_nothing(shape: object) -> None:
    entry = entry_of(shape)
    assert (entry.id, entry.message) == (None, "refused without a reason")


def test_an_id_that_begins_another_is_not_taken_for_it() -> None:
    assert entry_of(f"Offer {OFFER}2 is sold out", ("o1", "o12")).id == "o12"
    assert entry_of(f"Offer {OFFER}2 is sold out", ("o1", "o2")).id is None


@pytest.mark.parametrize("told", [None, [], {}, "", False, 0])
def test_no_failures_are_none_in_whatever_form(told: object) -> None:
    raw = {"reservations": [], "failedReservations": told}
    assert ReservationBulkResult.model_validate(raw).failed_reservations == ()


def test_an_entry_that_names_two_offers_of_the_call_names_both_and_not_one() -> None:
    both = entry_of({"asked": OTHER, "instead": OFFER, "message": "Sold out"})
    assert (both.id, both.ids) == (None, ("o1", "o2"))
    listed = entry_of({"offers": [OFFER, OTHER], "message": "Sold out"})
    assert (listed.id, listed.ids) == (None, ("o1", "o2"))
    documented = entry_of({"offer": OFFER, "instead": OTHER})
    assert (documented.id, documented.ids) == ("o1", ("o1",)), "the documented place counts"


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["offers", "offer", "resources"])
async def test_reserve_names_each_offer_of_an_entry_that_lists_several(key: str) -> None:
    def together(path: str, body: dict[str, Any]) -> None:
        if path.endswith("reservations/_bulk"):
            offers = [item["offer"] for made in body["reservations"] for item in made["items"]]
            body["reservations"] = []
            body["failedReservations"] = [{key: offers, "message": "Sold out"}]

    async with staged(rewrite=together) as stage:
        asked = (stage.wish("park_offer"), stage.wish("undated_offer", 2))
        reserved = await stage.reserve(*asked)
        assert reserved.state is ReserveState.FAILED
        assert [(f.offer_id, f.message) for f in reserved.failed] == [
            (str(stage.handle("park_offer")), "Sold out"),
            (str(stage.handle("undated_offer")), "Sold out"),
        ]


@pytest.mark.anyio
async def test_what_is_held_is_not_among_the_failed_though_their_entry_mentions_it() -> None:
    def together(path: str, body: dict[str, Any]) -> None:
        if path.endswith("reservations/_bulk"):
            offers = [item["offer"] for made in body["reservations"] for item in made["items"]]
            del body["reservations"][0]
            body["failedReservations"] = [{"offers": offers, "message": "Not both at once"}]

    async with staged(rewrite=together) as stage:
        asked = (stage.wish("park_offer"), stage.wish("undated_offer"))
        reserved = await stage.reserve(*asked)
        assert reserved.state is ReserveState.PARTLY_HELD
        assert [f.offer_id for f in reserved.failed] == [str(stage.handle("park_offer"))]


def test_an_offer_that_is_not_of_the_call_is_not_taken_for_one() -> None:
    assert entry_of({"resource": "/v1/ticketing/catalogs/c/offers/o9", "error": FULL}).id is None


def test_codes_are_told_apart_from_words() -> None:
    entry = entry_of({"resource": OFFER, "error": {"code": "SOLD_OUT", "detail": "None left"}})
    assert (entry.code, entry.message) == ("SOLD_OUT", "None left")


def test_words_are_cleaned_and_bounded() -> None:
    entry = entry_of({"resource": OFFER, "error": {"detail": "x\u202e y\n" * 5000}})
    assert len(entry.message) <= 200
    assert "\u202e" not in entry.message
    assert "\n" not in entry.message


def test_an_entry_without_end_is_read_as_far_as_a_person_would() -> None:
    deep: Any = {"offer": OFFER}
    for _ in range(50):
        deep = {"in": deep}
    assert entry_of(deep).id is None
    assert entry_of({"many": ["?"] * MOST_PARTS, "item": {"offer": OFFER}}).id is None
    assert entry_of({"item": {"offer": OFFER}, "many": ["?"] * MOST_PARTS}).id == "o1"


@pytest.mark.parametrize(
    "failures",
    [
        {OFFER: {"message": "Sold out"}},
        {OFFER: "Sold out"},
        {"resource": OFFER, "message": "Sold out"},
        [{OFFER: {"message": "Sold out"}}],
    ],
)
def test_a_list_of_failures_may_be_no_list(failures: object) -> None:
    result = ReservationBulkResult.model_validate({"failedReservations": failures})
    (failure,) = result.failed_reservations
    entry = read_entry(failure, id_at_end(failure.offer), ("o1",))
    assert (entry.id, entry.message) == ("o1", "Sold out")


@pytest.mark.anyio
@pytest.mark.parametrize("with_key", ["item", "resource"])
async def test_reserve_names_the_offer_of_an_undocumented_entry(with_key: str) -> None:
    def strange(path: str, body: dict[str, Any]) -> None:
        for n, entry in enumerate(body.get("failedReservations", ())):
            where = {"offer": entry["offer"]} if with_key == "item" else entry["offer"]
            body["failedReservations"][n] = {with_key: where, "errors": [FULL]}

    async with staged(rewrite=strange) as stage:
        asked = (stage.wish("park_offer"), stage.wish("always_fails_offer"))
        reserved = await stage.reserve(*asked)
        assert [(f.offer_id, f.message) for f in reserved.failed] == [
            (str(stage.handle("always_fails_offer")), "Complet; No place is left")
        ]
        assert len(reserved.holds) == 1


@pytest.mark.anyio
async def test_an_order_names_the_reservation_of_an_undocumented_entry() -> None:
    def strange(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/orders/_bulk"):
            orders = body["orders"]
            refused = orders.pop()
            failed = {"subject": {"iri": refused["reservation"]}, "error": FULL}
            body["failedOrders"] = [failed]

    def unordered(path: str, body: dict[str, Any]) -> None:
        strange(path, body)
        if path.startswith("/v1/booking/reservations/") and body.get("order"):
            ordered.append(path)
            body["order"] = None if len(set(ordered)) else body["order"]
        if path == "/v1/booking/orders":
            body["member"], body["totalItems"] = [], 0

    ordered: list[str] = []
    async with staged(rewrite=unordered) as stage:
        holds = [await stage.held(), await stage.held("undated_offer")]
        placed = await stage.ordered(*holds)
    assert placed.state is OrderState.PARTIALLY_ORDERED
    (failed,) = placed.failed
    assert failed.reservation_id in {hold.id for hold in holds}
    assert failed.message == "Complet; No place is left"
