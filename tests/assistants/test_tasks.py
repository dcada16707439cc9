"""Each task can be done, in as few calls as it says; what is done wrong is found by its oracle."""

import json
from pathlib import Path

import pytest

from tests.assistants.room import TRANSCRIPT, Shows, in_memory
from tests.assistants.task import Asked, Called
from tests.assistants.tasks import ASK_ME_ONCE, DID_IT_GO_THROUGH, TASKS
from tests.assistants.walks import RIGHT, WRONG, Walk, Walker, calls_in

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", TASKS)
async def test_a_right_walk_passes_in_the_least_calls(name: str, tmp_path: Path) -> None:
    async with in_memory(TASKS[name], tmp_path) as room:
        walker = Walker(room)
        await RIGHT[name](walker)
        result = await room.finish(walker.last_words)
    assert result.why_not == []
    assert result.passed
    assert calls_in(room) == result.calls == TASKS[name].least_calls
    assert len(result.questions) <= 1
    assert not result.refusals


@pytest.mark.parametrize(("name", "walk", "why"), WRONG, ids=[why for *_, why in WRONG])
async def test_a_wrong_walk_is_found(name: str, walk: Walk, why: str, tmp_path: Path) -> None:
    async with in_memory(TASKS[name], tmp_path) as room:
        walker = Walker(room)
        await walk(walker)
        result = await room.finish(walker.last_words)
    assert not result.passed
    assert any(why in problem for problem in result.why_not), result.why_not


def test_there_are_twelve_and_a_wrong_walk_for_each() -> None:
    assert len(TASKS) == 12
    assert set(RIGHT) == {name for name, _, _ in WRONG} == set(TASKS)


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"only-with-a-refund"}))
async def test_to_do_nothing_is_not_right(name: str, tmp_path: Path) -> None:
    async with in_memory(TASKS[name], tmp_path) as room:
        assert not (await room.finish("Sorry!")).passed


async def test_what_the_person_writes_afterwards_stands_once_below_the_order(
    tmp_path: Path,
) -> None:
    async with in_memory(DID_IT_GO_THROUGH, tmp_path) as room:
        await RIGHT[DID_IT_GO_THROUGH.name](Walker(room))
    calls = [event for event in room.events if isinstance(event, Called)]
    told = [called for called in calls if "The person writes: " in called.shown]
    (order,) = told
    assert order.has_sent_order
    assert "in_doubt" in order.shown


async def test_a_refusal_is_shown_and_counted_and_all_is_written_down(tmp_path: Path) -> None:
    async with in_memory(ASK_ME_ONCE, tmp_path, shows=Shows.STRUCTURE) as room:
        refused = await room.call("get_offers", {"product_base_id": "none"})
        assert refused.shown.startswith('[structure, an error]\n{"error":')
        unknown = await room.call("buy", {})
        assert "NO_SUCH_TOOL" in unknown.shown or unknown.refusal
        assert room.ask("Which?") == ASK_ME_ONCE.sheet
        result = await room.finish("")
    assert result.refusals["INVALID_ARGUMENTS"] == 1
    lines = (tmp_path / TRANSCRIPT).read_text("utf-8").splitlines()
    assert [json.loads(line).get("tool") for line in lines] == ["get_offers", "buy", None]
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["calls"] == 2
    assert [event for event in room.events if isinstance(event, Asked)]


async def test_the_list_is_shown_as_a_model_reads_it(tmp_path: Path) -> None:
    async with in_memory(ASK_ME_ONCE, tmp_path) as room:
        listed = await room.listed()
    assert listed.startswith("Instructions: Find, book and buy")
    assert "\nplace_order: Buy the held seats" in listed
    assert '"reservation_ids"' in listed
