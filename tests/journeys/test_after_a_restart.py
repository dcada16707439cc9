"""Bookings outlive the server that made them: a journal in a file, a sandbox on loopback."""

from pathlib import Path

import anyio
import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import Delay, DropAfter, DropBefore, SandboxOptions, served_sandbox
from tests.fixtures.assistant import ERAS, SEED, Answer, Json
from tests.fixtures.shop import Shop, reopened, shop

pytestmark = pytest.mark.anyio
LOOKED_UP_BY = ("getReservation", "listOrders")


async def placed_into_the_dark(one: Shop, wish: Json) -> Answer:
    """The order is made, its answer is lost, and it cannot be looked up just then."""
    faults, answers = one.sandbox.faults, list[Answer]()
    faults.add(Delay(seconds=0.3), "createOrders")
    faults.add(DropAfter(), "createOrders")

    async def place() -> None:
        answers.append(await one.place(wish))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place)
        while faults.rules:  # noqa: ASYNC110 - the request has arrived when both are used up
            await anyio.sleep(0.01)
        for operation in LOOKED_UP_BY:
            faults.add(Fault(status=503), operation, times=None)
    faults.clear()
    return answers[0]


@pytest.mark.parametrize("mode", ERAS)
async def test_t34_in_doubt_then_ordered_with_one_request(mode: str, tmp_path: Path) -> None:
    async with shop(tmp_path, mode=mode) as one:
        wish = await one.confirmed(await one.held())
        assert (await placed_into_the_dark(one, wish)).data["state"] == "in_doubt"
        found = await one.place(wish)
        assert (found.data["state"], found.data["replayed"]) == ("ordered", True)
        (order,) = one.sandbox.orders()
        assert found.data["orders"][0]["order_id"] == order.id
        assert one.posts() == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_an_order_in_doubt_is_found_by_the_next_server(mode: str, tmp_path: Path) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with reopened(tmp_path, served, mode=mode) as one:
            hold = await one.held()
            wish = await one.confirmed(hold)
            assert (await placed_into_the_dark(one, wish)).data["state"] == "in_doubt"
        async with reopened(tmp_path, served, mode=mode) as one:
            seen = await one.call("get_reservation", reservation_ids=[hold])
            assert seen["reservations"][0]["state"] == "ordered"
            replayed = await one.place(wish)
            assert (replayed.data["state"], replayed.data["replayed"]) == ("ordered", True)
            (order,) = one.sandbox.orders()
            tickets = await one.call("get_tickets", order_id=order.id)
            assert tickets["tickets"]
            assert one.posts() == 1


async def test_what_was_ordered_is_replayed_by_the_next_server(tmp_path: Path) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with reopened(tmp_path, served) as one:
            wish = await one.confirmed(await one.held())
            first = await one.place(wish)
        async with reopened(tmp_path, served) as one:
            again = await one.place(wish)
            assert again.data["orders"] == first.data["orders"]
            assert again.data["replayed"] is True
            assert one.posts() == 1


async def test_a_hold_and_its_question_outlive_the_server(tmp_path: Path) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with reopened(tmp_path, served) as one:
            hold = await one.held()
            wish = await one.confirmed(hold)
        async with reopened(tmp_path, served) as one:
            assert await one.held() == hold
            assert (await one.place(wish)).data["state"] == "ordered"


async def test_two_servers_on_one_journal_make_one_order(tmp_path: Path) -> None:
    async with (
        served_sandbox(SandboxOptions(seed=SEED)) as served,
        reopened(tmp_path, served) as one,
        reopened(tmp_path, served) as other,
    ):
        hold = await one.held()
        assert await other.held() == hold
        wish = await one.confirmed(hold)
        first, second = await one.place(wish), await other.place(wish)
        assert first.data["orders"] == second.data["orders"]
        assert second.data["replayed"] is True
        assert one.posts() == 1


async def test_outside_the_sandbox_a_buyer_orders_and_the_reply_names_the_world(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path, ENVIRONMENT="demo", PROFILE="buyer") as one:
        made = await one.place(await one.confirmed(await one.held()))
        assert (made.data["state"], made.data["environment"]) == ("ordered", "demo")


async def test_outside_the_sandbox_nothing_is_sold_unless_wanted(tmp_path: Path) -> None:
    async with shop(tmp_path, ENVIRONMENT="demo") as one:
        names = {t.name for t in (await one.client.list_tools()).tools}
        assert not names & {"reserve", "place_order", "name_beneficiaries"}


async def test_refused_customer_data_leave_the_hold_orderable(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        hold = await one.held()
        wish = await one.confirmed(hold)
        one.sandbox.faults.add(Fault(status=422, body="problem"), "createOrders")
        refused = await one.place(wish)
        assert refused.data["state"] == "failed"
        used = await one.place(wish)
        assert used.code == "APPROVAL_REQUIRED"
        anew = await one.confirmed(hold, firstname="Augusta")
        assert (await one.place(anew)).data["state"] == "ordered"
        assert len(one.sandbox.orders()) == 1
        assert one.posts() == 2


async def test_an_order_that_never_arrived_has_failed_for_good(tmp_path: Path) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with reopened(tmp_path, served) as one:
            wish = await one.confirmed(await one.held())
            one.sandbox.faults.add(DropBefore(), "createOrders")
            assert (await one.place(wish)).data["state"] == "in_doubt"
        served.sandbox.clock.advance(2 * 3600)
        async with reopened(tmp_path, served) as one:
            late = await one.place(wish)
            assert (late.data["state"], late.data["replayed"]) == ("failed", True)
            assert one.posts() == 1
            assert not one.sandbox.orders()


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("journal.db*"))


async def test_nobody_reads_of_a_customer_in_the_journal(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        hold = await one.held()
        wish = await one.confirmed(hold, firstname="Zenobia", email="zenobia@example.org")
        await one.call("place_order", **{**wish, "notes": "by the window", "confirmation": None})
        await one.place(wish)
        kept = bytes_of(tmp_path)
        for secret in (b"Zenobia", b"zenobia@", b"by the window", b"Lovelace"):
            assert secret not in kept
        assert hold.encode() in kept, "the bytes that are read are the journal's"
