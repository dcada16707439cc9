"""The closed set of codes is closed: everything that can go wrong has one, told in plain words.

What is provoked through the server is held against the same rules of wording by the `Assistant`;
here the source is read, for what no test provokes.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import korus_mcp
from korus_mcp.answers.explanations import ROWS, crashed, explained, no_such_tool, unasked
from korus_mcp.api import ApiError
from korus_mcp.booking.hold import HoldState
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.refusals import MEANINGS, STATES, Code, Effect, Refusal
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.tools.declare import failure
from tests.fixtures.assistant import Answer
from tests.fixtures.wording import faults_of, sentence_faults, word_faults

SOURCE: Final = Path(korus_mcp.__file__).parent
HANDED_ON: Final = {"code", "self.code", "obstacle.code", "refusal.code"}
"""Codes that were chosen elsewhere: in a row, by an obstacle, by another refusal."""
INSIDE: Final = {
    "Abandoned": "the server is closing; a crash to whoever still waits",
    "AtAnAddress": "no failure: the host opens an address and calls again",
    "AlreadyClaimed": "ALREADY_ORDERED or ALREADY_BEING_ORDERED, or the first answer again",
    "ApprovalUsed": "APPROVAL_REQUIRED",
    "ClaimRefused": "the base of those four",
    "DayLimitReached": "LIMIT_EXCEEDED",
    "IntentLost": "never for a call that was sent: its sender puts it back",
    "LeaseLost": "SERVER_BUSY: nothing was sent",
    "OrdersStopped": "ORDERS_STOPPED",
    "OverLimit": "DayLimitReached",
    "OrdersWait": "SERVER_BUSY, with the moment until which orders wait",
    "NotOurs": "the catalog in memory, or JournalDown",
    "NotPrivate": "the same, or MISCONFIGURED where a file is saved",
    "NotReadable": "Malformed, within the API client",
    "Misconfigured": "the server does not start",
    "Unavailable": "its own code, once alternatives were looked for",
    "DemoFailed": "the demo ends",
    "ProviderDown": "503 before the tool starts; keys that are known stay",
    "ProviderRefused": "Refused, on the page of a question",
    "Refused": "401 before the tool starts, with the reason in the log",
    "UnknownKey": "Refused",
    "ProgramReplaced": "MISCONFIGURED, from a tool that is called for the first time",
    "NoPlace": "Crowded, within the API client",
    "NotDone": "a command ends, with sentences for whoever typed it",
    "ToolRefused": "the same, with those of the tool",
    "NotDrawn": "an answer without its picture",
    "TooMuchOpen": "LIMIT_EXCEEDED",
    "Unasked": "the summary of an order; APPROVAL_UNAVAILABLE; the fields of a customer",
    "WentBack": "OrdersWait",
    "_TakenBack": "the end of a trial, within `korus-mcp check`",
    "_Failed": "a command ends",
    "_TooManyBodies": "503 over HTTP",
    "_Owned": "what was found is not taken for this hold",
    "_BrokeBeforeCommit": "JournalDown, when a new connection breaks, too",
}
"""Exceptions that no tool lets through, each with what becomes of it."""


def said_of(refusal: Refusal, tool: str = "get_offers") -> list[str]:
    """What is wrong with how a refusal is told."""
    answer = Answer(failure(refusal))
    return list(faults_of(answer.error, answer.text, tool))


# Meanings and states


def test_every_code_has_a_meaning_in_plain_words() -> None:
    assert set(MEANINGS) == set(Code)
    for code, meaning in MEANINGS.items():
        assert meaning.effects, code
        for text in (meaning.when, meaning.next_step):
            assert not [*sentence_faults(text, most=1), *word_faults(text)], code
            assert "|" not in text, "it stands in a table"


def test_every_state_of_holds_and_orders_is_told_as_an_effect_and_a_code() -> None:
    states = {state.value for kind in (ReserveState, HoldState, OrderState) for state in kind}
    assert set(STATES) == states
    assert {state for state, told in STATES.items() if told.code is None} == {"held", "partly_held"}
    assert {standing.effect for standing in STATES.values()} == set(Effect)
    assert STATES["in_doubt"].effect is Effect.UNKNOWN


def test_what_may_exist_is_never_said_not_to() -> None:
    assert MEANINGS[Code.OUTCOME_UNKNOWN].effects == (Effect.UNKNOWN,)
    assert MEANINGS[Code.ALREADY_BEING_ORDERED].effects == (Effect.UNKNOWN,)
    assert MEANINGS[Code.ALREADY_ORDERED].effects == (Effect.ORDERED,)


# Exceptions


def exceptions_of_ours() -> Iterator[type[Exception]]:
    for module in pkgutil.walk_packages([str(SOURCE)], "korus_mcp."):
        if module.name.startswith(("korus_mcp.sandbox", "korus_mcp.__main__")):
            continue
        for _, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(each, Exception) and each.__module__ == module.name:
                yield each


def test_every_exception_is_explained_or_known_to_stay_inside() -> None:
    explainable = {"Refusal", "InvalidId", "JournalDown", "ApiError"}
    found = {each.__name__: each for each in exceptions_of_ours()}
    api = {name for name, each in found.items() if issubclass(each, ApiError)}
    assert set(found) == api | explainable | set(INSIDE)
    assert {each.__name__ for each in ROWS} == api - {"ApiError"}


@pytest.mark.parametrize("fault", JournalFault)
@pytest.mark.parametrize("tool", ["get_reservation", "place_order"])
def test_every_fault_of_the_journal_says_that_nothing_was_sent(
    fault: JournalFault, tool: str
) -> None:
    refusal = explained(JournalDown(fault))
    assert refusal.effect is Effect.NONE
    assert not said_of(refusal, tool)
    assert refusal.code is (Code.SERVER_BUSY if fault.is_passing else Code.MISCONFIGURED)
    assert (refusal.retry_after_seconds is not None) == fault.is_passing


@pytest.mark.parametrize(
    ("refusal", "effect"),
    [
        (crashed(wrote=True), Effect.UNKNOWN),
        (crashed(wrote=False), Effect.NONE),
        (unasked(), Effect.NONE),
        (no_such_tool(), Effect.NONE),
    ],
    ids=["a booking crashed", "a read crashed", "nobody was asked", "no such tool"],
)
def test_our_own_faults_are_told_in_the_same_words_as_all_others(
    refusal: Refusal, effect: Effect
) -> None:
    assert refusal.effect is effect
    assert not said_of(refusal)


# Every refusal there is in the source


def calls(*names: str) -> dict[str, list[tuple[str, ast.Call]]]:
    """The calls of so many names, each with its place; a file without a name is not parsed."""
    found: dict[str, list[tuple[str, ast.Call]]] = {name: [] for name in names}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        if "sandbox" in path.relative_to(SOURCE).parts or not any(f"{n}(" in text for n in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = f"{path.relative_to(SOURCE)}:{node.lineno}"
                found.get(node.func.id, []).append((place, node))
    return found


def codes_in(node: ast.AST) -> set[Code]:
    return {
        Code[each.attr]
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "Code"
    }


def texts_in(node: ast.AST) -> Iterator[str]:
    """The texts an expression may be; what is put into one at run time reads "1"."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "1" for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from (*texts_in(one), *texts_in(other))


CALLS: Final = calls("Refusal", "Unavailable", "FieldProblem")
REFUSALS: Final = [*CALLS["Refusal"], *CALLS["Unavailable"]]
PROBLEMS: Final = CALLS["FieldProblem"]


def where(found: Any) -> str | None:
    return found if isinstance(found, str) else None


def test_the_source_is_read() -> None:
    assert len(REFUSALS) > 40
    assert len(PROBLEMS) > 15


@pytest.mark.parametrize(("place", "call"), REFUSALS, ids=where)
def test_every_refusal_has_a_code_of_the_set_and_an_effect_it_may_have(
    place: str, call: ast.Call
) -> None:
    del place
    codes = codes_in(call.args[0])
    assert codes or ast.unparse(call.args[0]) in HANDED_ON
    effects = [k.value for k in call.keywords if k.arg == "effect"]
    named = [
        e.attr for e in effects if isinstance(e, ast.Attribute) and "Effect." in ast.unparse(e)
    ]
    effect = Effect[named[0]] if named else None
    for code in codes:
        assert (effect or Effect.NONE) in MEANINGS[code].effects


@pytest.mark.parametrize(("place", "call"), REFUSALS, ids=where)
def test_every_refusal_is_told_in_plain_sentences(place: str, call: ast.Call) -> None:
    del place
    wrong: list[str] = []
    for argument, most in zip(call.args[1:3], (1, 2), strict=False):
        for text in texts_in(argument):
            plain = text if text[:1] != "1" else f"One{text[1:]}"
            wrong += [*sentence_faults(plain, most=most), *word_faults(plain)]
    assert not wrong


@pytest.mark.parametrize(("place", "call"), PROBLEMS, ids=where)
def test_every_problem_of_a_field_is_told_in_plain_words(place: str, call: ast.Call) -> None:
    del place
    assert not [
        f for argument in call.args[1:2] for t in texts_in(argument) for f in word_faults(t)
    ]


def test_every_code_is_used() -> None:
    used = set[Code]()
    for path in SOURCE.rglob("*.py"):
        if path.name != "refusals.py" and "sandbox" not in path.parts:
            used |= codes_in(ast.parse(path.read_text("utf-8")))
    assert used >= set(Code)
