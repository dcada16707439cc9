"""The booking that rows share finishes on whatever half of a result a host shows its model."""

from collections.abc import Callable

import pytest

from tests.fixtures.assistant import Answer, compact, desk
from tests.hosts.run import last_line
from tests.hosts.steps import Row, Script, ids, is_whole, roomy

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda answer: answer.text, id="text"),
        pytest.param(lambda answer: compact(answer.structure), id="structure"),
        pytest.param(lambda answer: compact({"result": answer.wire}), id="JSON in JSON"),
        pytest.param(lambda answer: repr(answer.result), id="as Python prints it"),
        pytest.param(
            lambda answer: compact({"result": answer.wire}).replace('"', ""), id="without quotes"
        ),
    ],
)
async def test_a_booking_and_its_refusal_are_read(shown: Callable[[Answer], str]) -> None:
    script = Script()
    async with desk() as at:
        while script.call:
            script.shown(shown(await at.ask(*script.call)))
    facts = script.facts
    assert facts.booked, facts.why
    assert facts.refusal_read, facts.why
    assert facts.calls >= 6


def test_a_booking_ends_where_an_id_is_not_shown() -> None:
    script = Script()
    script.shown("Something else.")
    facts = script.facts
    assert script.call is None
    assert not facts.booked
    assert facts.calls == 1
    assert facts.why == "search_products showed no product_base_id: Something else."


def test_a_booking_that_is_over_takes_no_answer() -> None:
    script = Script()
    script.shown("nothing")
    with pytest.raises(RuntimeError, match="over"):
        script.shown("nothing")


@pytest.mark.parametrize(
    "shown",
    [
        "  offer_id abcdef.0198b8d2-ca33-7ed6",
        '{"offer_id": "abcdef.0198b8d2-ca33-7ed6"}',
        r"{\"offer_id\":\"abcdef.0198b8d2-ca33-7ed6\"}",
        "{'offer_id': 'abcdef.0198b8d2-ca33-7ed6'}",
        r"'museum\n\noffer_id abcdef.0198b8d2-ca33-7ed6'",
    ],
)
def test_an_id_stands_behind_its_name(shown: str) -> None:
    assert ids(shown, "offer_id") == ["abcdef.0198b8d2-ca33-7ed6"]


def test_a_session_without_enough_places_is_passed_over() -> None:
    few = "0198b8d2-ca33-7ed6-9027-3ccbe20cecef"
    many = "01958594-0929-7dbc-a820-678aaac30c15"
    text = f"10:00, 1 left (not enough) session_id {few}\n11:00, 40 left session_id {many}"
    structure = compact([{"session_id": few, "enough": False}, {"session_id": many, "left": 40}])
    assert roomy(text) == many
    assert roomy(structure) == many
    assert roomy(f"10:00 (not enough) session_id {few}") is None


def test_a_row_that_crashes_says_where_and_has_a_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Row("mcp") as row:
        row.play(lambda tool, arguments: str(arguments[tool]))
    line = last_line(capsys.readouterr().out)
    assert line is not None
    assert not line["booked"]
    assert "mcp" in line["version"]
    assert line["why"].startswith("before an answer to search_products was read: crashed: KeyError")


def test_a_question_is_whole_if_its_first_lines_say_it_all() -> None:
    lines = ["2 x museum, 2026-12-01", "28.00 EUR, for Ada Lovelace", "For real."]
    assert is_whole("\n".join(lines))
    assert not is_whole("\n".join(["Order?", "Really?", *lines]))
