"""The comparison with other servers: what of it needs neither them nor a network."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from benchmarks.compare import page, results
from benchmarks.compare.bookings import Cost, list_tokens
from benchmarks.compare.contract import operations, without_marks, write_contract
from benchmarks.compare.faults import MARKUP
from benchmarks.compare.page import Figure
from benchmarks.compare.peers import BARE, KORUS, PEERS, tools_by_operation
from benchmarks.compare.plots import Group, bars
from benchmarks.compare.servers.bare_sdk import bare_server
from benchmarks.compare.wire import COUNTED_AS_WHOLE, Call, Reply, size_of
from benchmarks.compare.world import from_the_middle
from korus_mcp.sandbox.operations import OPERATIONS
from tests.fixtures.tokens import counted

Json = dict[str, Any]


def reply(text: str = "", structure: Json | None = None, *, is_error: bool = False) -> Reply:
    content = [{"type": "text", "text": text}] if text else []
    more = {"structuredContent": structure} if structure is not None else {}
    return Reply({"result": {"content": content, "isError": is_error, **more}})


def test_the_contract_is_given_without_our_marks(tmp_path: Path) -> None:
    file = tmp_path / "contract.json"
    write_contract(file)
    plain = json.loads(file.read_text("utf-8"))
    assert '"x-' not in file.read_text("utf-8")
    assert len(plain["paths"]) > 20
    assert without_marks({"x-a": 1, "b": [{"x-c": 2, "d": 3}]}) == {"b": [{"d": 3}]}


def test_tools_are_known_by_their_address_else_by_their_name() -> None:
    tools = [
        {"name": "lst-catalogs", "httpMethod": "get", "originalPath": "/v1/ticketing/catalogs"},
        {"name": "getOrder"},
    ]
    known = tools_by_operation(tools)
    assert known == {"listCatalogs": "lst-catalogs", "getOrder": "getOrder"}
    assert set(operations().values()) >= {each.id for each in OPERATIONS}


@pytest.mark.anyio
async def test_the_bare_server_names_its_tools_as_the_contract_its_operations() -> None:
    async with Client(bare_server("http://127.0.0.1:9", "token")) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
    assert listed <= set(operations().values())
    assert {"listProductBases", "createReservations", "createOrders", "getOrder"} <= listed


def test_a_reply_is_read_from_either_half() -> None:
    assert reply('{"a": 1}').data == {"a": 1}
    assert reply("told", {"a": 2}).data == {"a": 2}
    assert reply(structure={"result": {"a": 3}}).data == {"a": 3}
    with pytest.raises(ValueError, match="not an object"):
        _ = reply("[1]").data
    refused = Reply({"error": {"code": -32602, "message": "no such tool"}})
    assert (refused.is_error, refused.text) == (True, "no such tool")


def test_the_larger_half_of_a_reply_counts_and_the_arguments_with_it() -> None:
    long = "one two three four five six seven"
    assert reply(long, {"a": 1}).tokens == counted(long)
    assert reply("a", {"said": long}).tokens == counted(f'{{"said":"{long}"}}')
    call = Call("get", {"id": "x"}, reply(long))
    assert call.tokens == counted('get{"id":"x"}') + counted(long)
    assert Cost.of([call, call], 3, 5, 1.25) == Cost(2, 2 * call.tokens, 3, 5, 1.2)
    assert size_of("a" * (COUNTED_AS_WHOLE + 4)) == (COUNTED_AS_WHOLE + 4) // 4


def test_a_list_of_tools_is_counted_whole_and_as_a_model_is_shown_it() -> None:
    tool = {"name": "a", "description": "b", "inputSchema": {}, "outputSchema": {"type": "object"}}
    shown = {"name": "a", "description": "b", "inputSchema": {}}
    told = list_tokens([tool])
    assert told["tools"] == 1
    assert told["whole"] == counted(json.dumps([tool], separators=(",", ":")))
    assert told["shown"] == counted(json.dumps([shown], separators=(",", ":")))


def test_markup_is_told_from_text_that_compares() -> None:
    assert MARKUP.findall('<H1>500</H1><span style="x">a</span><br/>') == [
        *("<H1>", "</H1>", '<span style="x">', "</span>", "<br/>"),
    ]
    assert not MARKUP.search("2 < 3 and 5 > 4; <system>")


def test_the_middle_of_a_list_comes_first() -> None:
    assert [each["n"] for each in from_the_middle([{"n": n} for n in range(5)])] == [2, 1, 3, 0, 4]


FIRST, SECOND, *_ = (peer.id for peer in PEERS if peer not in (KORUS, BARE))


@pytest.mark.parametrize(
    ("ours", "more_is_better", "told"),
    [
        (100, False, "2.0 x"),
        (400, False, "**behind, 0.5 x**"),
        (200, False, "even"),
        (900, True, "3.0 x"),
    ],
)
def test_a_row_says_by_how_much_we_are_ahead_of_the_best_or_behind(
    ours: float, more_is_better: bool, told: str
) -> None:
    known = {KORUS.id: ours, BARE.id: 50.0, FIRST: 300.0, SECOND: 200.0}
    row = Figure("tokens", lambda found, peer: found.get(peer), more_is_better=more_is_better)
    best = "300" if more_is_better else "200"
    cells = row.row(known).split(" | ")
    assert cells[1] == f"{ours:,}"
    assert cells[2].startswith(best)
    assert cells[3] == told


def test_a_figure_that_is_missing_is_not_made_up() -> None:
    row = Figure("tokens", lambda found, peer: found.get(peer)).row({BARE.id: 5.0})
    assert row == "| tokens | - | - | - | 5 |"


def test_what_is_measured_anew_leaves_what_else_is_known(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.keep("faults", {"of": 1, "servers": {"a": {"x": 1, "y": 1}, "b": {"x": 1}}}, file)
    results.keep("timings", {"of": 1, "servers": {"a": {"z": 5}}}, file)
    results.keep("faults", {"of": 2, "servers": {"a": {"x": 2}}}, file)
    assert results.known(file) == {
        "faults": {"of": 2, "servers": {"a": {"x": 2, "y": 1}, "b": {"x": 1}}},
        "timings": {"of": 1, "servers": {"a": {"z": 5}}},
    }


def test_bars_are_as_long_as_what_they_tell() -> None:
    drawn = bars("A & B", [Group("one", [("", 10)], is_ours=True), Group("two", [("", 40)])])
    first, second = (float(each) for each in re.findall(r"width='([0-9.]+)' height='15'", drawn))
    assert second == pytest.approx(4 * first, rel=0.01)
    assert "A &amp; B" in drawn


def test_the_page_tells_what_was_measured() -> None:
    found = results.known()
    assert page.PAGE.read_text("utf-8") == page.page(found)
    assert page.README.read_text("utf-8") == page.readme(found)
    for name, drawn in page.pictures(found).items():
        assert (page.PICTURES / name).read_text("utf-8") == drawn
    assert {"bookings", "faults"} <= found.keys()
    assert page.all_booked(found)


def test_korus_mcp_passes_all_faults_and_books_with_seven_calls() -> None:
    found = results.known()
    assert page.passed(found, KORUS.id) == 10
    sizes = found["bookings"]["servers"][KORUS.id].values()
    assert all(each[which]["calls"] <= 7 for each in sizes for which in ("first", "second"))
