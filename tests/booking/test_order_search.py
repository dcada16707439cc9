"""Finding orders: whose they are decides what is asked; what was not read is said."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from korus_mcp.api import Order
from korus_mcp.booking.order_search import MAX_PAGES, OrderQuery, OrdersFound, OrderWindow
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer
from korus_mcp.settings import Scope
from tests.booking.stage import OTHER, OWNER, Stage, staged

pytestmark = pytest.mark.anyio
TODAY = date(2026, 6, 1)


async def find(stage: Stage, owner: str = OWNER, **sought: Any) -> OrdersFound:
    return await stage.app.booking.orders.find(owner, OrderQuery(**sought))


async def order(stage: Stage, name: str, owner: str = OWNER) -> Order:
    return await stage.app.booking.orders.order(owner, name)


async def refused(stage: Stage, name: str, owner: str = OWNER) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await order(stage, name, owner)
    return refusal.value


def ids(found: OrdersFound) -> list[str]:
    return [each.id for each in found.orders]


async def several(stage: Stage, *references: str) -> list[str]:
    """An order for each reference, a day apart."""
    made = []
    for reference in references:
        made.append(await stage.bought("undated_offer", reference=reference))
        stage.move(24 * 3600)
    return made


# One order


async def test_an_own_order_is_found_by_id_and_by_the_callers_reference(stage: Stage) -> None:
    made = await stage.bought(reference="trip-7")
    assert (await order(stage, made)).id == made
    assert (await order(stage, "trip-7")).id == made
    assert (await order(stage, stage.sandbox.orders()[0].external_reference)).id == made


async def test_a_foreign_and_an_unknown_order_get_the_same_answer_without_a_request(
    stage: Stage,
) -> None:
    made = await stage.bought(reference="trip-7")
    before = stage.asked
    answers = {
        str(await refused(stage, name, OTHER)) for name in (made, "trip-7", "no-such-order", "a/b")
    }
    assert len(answers) == 1
    assert stage.asked == before


async def test_a_reference_of_several_orders_is_refused_with_one_of_them(stage: Stage) -> None:
    made = await several(stage, "trip", "trip")
    refusal = await refused(stage, "trip")
    assert refusal.code is Code.INVALID_ARGUMENTS
    assert refusal.fields[0].example in made


async def test_an_own_order_that_is_gone_upstream_is_not_found(stage: Stage) -> None:
    made = await stage.bought()
    stage.move(375)  # until it must be shown
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getOrder")
    assert (await refused(stage, made)).code is Code.NOT_FOUND


async def test_with_the_accounts_scope_all_orders_are_seen() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        made = await stage.bought(reference="trip-7")
        external = stage.sandbox.orders()[0].external_reference
        assert (await order(stage, made, OTHER)).id == made
        assert (await order(stage, external, OTHER)).id == made
        assert (await refused(stage, "no-such-order", OTHER)).code is Code.NOT_FOUND
        before = stage.asked
        assert (await refused(stage, "x" * 60 + "/", OTHER)).code is Code.NOT_FOUND
        assert stage.asked == before


# Own orders


async def test_own_orders_come_newest_first_and_nobody_elses(stage: Stage) -> None:
    made = await several(stage, "a", "b", "c")
    assert ids(await find(stage)) == made[::-1]
    assert ids(await find(stage, OTHER)) == []


async def test_own_orders_are_found_by_any_of_their_references(stage: Stage) -> None:
    made = await several(stage, "a", "b")
    record = stage.sandbox.orders()[1]
    connector = (await order(stage, made[1])).connector_reference
    assert connector is not None
    for reference in ("b", record.external_reference, record.reference, connector):
        assert ids(await find(stage, reference=reference)) == [made[1]]
    assert ids(await find(stage, reference="nothing")) == []


async def test_days_narrow_and_both_ends_count(stage: Stage) -> None:
    made = await several(stage, "a", "b", "c")
    second = TODAY + timedelta(days=1)
    assert ids(await find(stage, created_from=second)) == made[:0:-1]
    assert ids(await find(stage, created_to=second)) == made[1::-1]
    assert ids(await find(stage, created_from=second, created_to=second)) == [made[1]]


async def test_one_order_that_is_gone_does_not_hide_the_others(stage: Stage) -> None:
    made = await several(stage, "a", "b")
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getOrder")
    assert len(ids(await find(stage))) == 1
    assert set(ids(await find(stage))) == set(made)


async def test_an_order_without_a_time_is_not_hidden_by_days() -> None:
    def timeless(path: str, body: dict[str, Any]) -> None:
        if "/orders/" in path and "createdAt" in body:
            body["createdAt"] = None

    async with staged(rewrite=timeless) as stage:
        made = await stage.bought()
        assert ids(await find(stage, created_from=TODAY + timedelta(days=0))) == [made]


@pytest.mark.parametrize(
    ("sought", "field"),
    [
        ({"created_from": TODAY, "created_to": TODAY - timedelta(days=1)}, "created_to"),
        ({"created_from": TODAY - timedelta(days=32)}, "created_to"),
        (
            {"created_from": TODAY - timedelta(days=90), "created_to": TODAY - timedelta(days=58)},
            "created_to",
        ),
    ],
)
async def test_a_range_that_cannot_be_is_refused(
    stage: Stage, sought: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        await find(stage, **sought)
    assert refusal.value.code is Code.INVALID_ARGUMENTS
    assert refusal.value.fields[0].field == field
    assert stage.asked == 0


async def test_thirty_one_days_are_a_range(stage: Stage) -> None:
    first = TODAY - timedelta(days=31)
    assert ids(await find(stage, created_from=first)) == []


# The orders of the account


async def test_in_the_account_a_day_or_a_known_reference_is_needed() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        await stage.bought(reference="trip")
        for sought in ({}, {"reference": "KT-ORD-999999"}):
            with pytest.raises(Refusal) as refusal:
                await find(stage, **sought)
            assert refusal.value.fields[0].field == "created_from"
            assert refusal.value.fields[0].example == "2026-05-25"


async def test_in_the_account_every_reference_finds_its_order() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        made = await several(stage, "a", "b")
        record = stage.sandbox.orders()[1]
        assert ids(await find(stage, reference="b")) == [made[1]]
        assert ids(await find(stage, OTHER, reference=record.external_reference)) == [made[1]]
        assert ids(await find(stage, OTHER, reference=record.reference, created_from=TODAY)) == [
            made[1]
        ]
        assert ids(await find(stage, reference=record.reference)) == [made[1]], "an own order"
        assert ids(await find(stage, reference="nothing", created_from=TODAY)) == []
        later = TODAY + timedelta(days=2)
        assert ids(await find(stage, reference="b", created_from=TODAY, created_to=TODAY)) == []
        assert ids(await find(stage, created_from=TODAY, created_to=later)) == made[::-1]


async def test_in_the_account_days_are_checked_again_where_the_server_ignores_them() -> None:
    def everything(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/booking/orders"):
            for each in body["member"]:
                each["createdAt"] = "2026-01-01T00:00:00+00:00"

    async with staged(scope=Scope.ACCOUNT, rewrite=everything) as stage:
        await stage.bought()
        assert ids(await find(stage, created_from=TODAY)) == []


async def test_orders_that_were_not_read_are_said() -> None:
    def endless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/booking/orders"):
            one = body["member"][0] if body["member"] else None
            body["totalItems"] = 100_000
            body["member"] = [{**(one or {"id": "o"}), "id": f"o-{n}"} for n in range(50)]

    async with staged(scope=Scope.ACCOUNT, rewrite=endless) as stage:
        await stage.bought()
        before = stage.sent("listOrders")
        found = await find(stage, created_from=TODAY)
        assert found.not_read == "older orders in this range were not read"
        assert stage.sent("listOrders") - before == MAX_PAGES


async def test_a_short_list_was_read_to_the_end() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        await stage.bought()
        assert (await find(stage, created_from=TODAY)).not_read is None


# Pages and days


async def test_a_page_of_own_orders_reads_no_more_than_it_shows(stage: Stage) -> None:
    made = [await stage.bought() for _ in range(5)]
    book = stage.app.booking.orders
    before = stage.sent("getOrder")
    first = await book.find(OWNER, OrderQuery(), OrderWindow(limit=2))
    assert (ids(first), first.total, first.behind) == (made[:2:-1], 5, made[3])
    assert stage.sent("getOrder") - before == 2
    newer = await stage.bought()
    before = stage.sent("getOrder")
    second = await book.find(OWNER, OrderQuery(), OrderWindow(first.behind, first.start, limit=2))
    assert ids(second) == [made[2], made[1]]
    assert stage.sent("getOrder") - before == 2
    last = await book.find(OWNER, OrderQuery(), OrderWindow(second.behind, second.start, limit=2))
    assert (ids(last), last.behind) == ([made[0]], None)
    assert newer not in ids(first) + ids(second) + ids(last)


async def test_pages_of_the_account_survive_orders_that_come_between() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        made = [await stage.bought() for _ in range(5)]
        book, sought = stage.app.booking.orders, OrderQuery(created_from=TODAY)
        first = await book.find(OWNER, sought, OrderWindow(limit=2))
        await stage.bought()
        await stage.bought()
        second = await book.find(OWNER, sought, OrderWindow(first.behind, first.start, limit=2))
        last = await book.find(OWNER, sought, OrderWindow(second.behind, second.start, limit=2))
        assert ids(first) + ids(second) + ids(last) == made[::-1]
        assert last.behind is None


async def test_a_place_whose_order_is_gone_is_found_by_its_number(stage: Stage) -> None:
    made = [await stage.bought() for _ in range(3)]
    found = await stage.app.booking.orders.find(
        OWNER, OrderQuery(), OrderWindow("gone", 2, limit=2)
    )
    assert ids(found) == [made[0]]


@pytest.mark.parametrize(
    ("created_at", "day"),
    [
        ("2026-06-02T01:30:00+02:00", date(2026, 6, 1)),
        ("2026-05-31T23:30:00-01:00", date(2026, 6, 1)),
        ("2026-06-01T23:59:59+00:00", date(2026, 6, 1)),
        ("2026-06-01T23:30:00-05:00", date(2026, 6, 2)),
    ],
)
async def test_days_of_orders_are_those_of_utc(created_at: str, day: date) -> None:
    def made_at(path: str, body: dict[str, Any]) -> None:
        for each in body.get("member", ()) if path.endswith("/booking/orders") else (body,):
            if "createdAt" in each and ("/booking/orders" in path):
                each["createdAt"] = created_at

    scopes = Scope if day == TODAY else (Scope.OWN,)  # the sandbox keeps its own day
    for scope in scopes:
        async with staged(scope=scope, rewrite=made_at) as stage:
            made = await stage.bought()
            stage.move(3 * 24 * 3600)
            for shift in (-1, 0, 1):
                asked = day + timedelta(days=shift)
                found = await find(stage, created_from=asked, created_to=asked)
                assert ids(found) == ([made] if shift == 0 else []), (scope, asked)


async def test_the_last_day_is_asked_for_as_a_whole() -> None:
    """Whether `before` takes in its day is not published: an API may read it as its midnight."""
    async with staged(scope=Scope.ACCOUNT) as stage:
        made = await stage.bought()
        assert ids(await find(stage, created_from=TODAY, created_to=TODAY)) == [made]
        asked = [r.query for r in stage.sandbox.requests if r.operation == "listOrders"][-1]
        assert parse_qs(asked)["createdAt[before]"] == [(TODAY + timedelta(days=1)).isoformat()]


# By the customer's e-mail address


async def test_staff_find_an_order_by_the_address_of_its_buyer_and_a_day() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        made = await stage.bought("undated_offer")
        found = await find(stage, OTHER, reference=" ADA@Example.test ", created_from=TODAY)
        assert ids(found) == [made]
        assert not ids(await find(stage, OTHER, reference="eva@example.test", created_from=TODAY))
        asked = [request.query for request in stage.sandbox.requests]
        assert not any("example" in query.casefold() for query in asked), "it is compared here"


async def test_an_address_without_a_day_is_asked_for_the_day_and_costs_no_request() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        await stage.bought("undated_offer")
        before = stage.asked
        with pytest.raises(Refusal) as refusal:
            await find(stage, OTHER, reference="ada@example.test")
        (field,) = refusal.value.fields
        assert (field.field, field.problem) == ("created_from", "needed with an e-mail address")
        assert stage.asked == before


async def test_no_tickets_are_got_by_an_address_alone() -> None:
    async with staged(scope=Scope.ACCOUNT) as stage:
        await stage.bought("undated_offer")
        refusal = await refused(stage, "ada@example.test", OTHER)
        assert refusal.code is Code.NOT_FOUND
        assert "find_orders" in refusal.next_step


async def test_a_buyer_finds_only_their_own_orders_by_an_address() -> None:
    async with staged(scope=Scope.OWN) as stage:
        made = await stage.bought("undated_offer")
        assert ids(await find(stage, reference="ada@example.test")) == [made]
        assert not ids(await find(stage, OTHER, reference="ada@example.test"))
