"""Every failure of the API has a code and a sentence; no word of the API passes through."""

from collections.abc import Iterator

import pytest

from korus_mcp.answers.explanations import explained, told_what_was_booked
from korus_mcp.api import (
    ApiError,
    InvalidId,
    NotFound,
    Outcome,
    RateLimited,
    ServerFailed,
    TimedOut,
    Unprocessable,
)
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.tools.declare import failure
from tests.fixtures.assistant import Answer
from tests.fixtures.wording import faults_of


def tree(kind: type[ApiError]) -> Iterator[type[ApiError]]:
    for each in kind.__subclasses__():
        yield each
        yield from tree(each)


CLASSES = sorted(tree(ApiError), key=lambda each: each.__name__)


def test_the_tree_is_walked() -> None:
    assert len(CLASSES) >= 17


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: str(each.__name__))
def test_every_failure_has_a_row_and_keeps_the_issuers_words_out(kind: type[ApiError]) -> None:
    error = kind("getOffer", Outcome.REFUSED, status=418, issuer_text="canary", reason="canary")
    refusal = explained(error)
    assert refusal.effect is Effect.NONE
    answer = Answer(failure(refusal))
    assert not list(faults_of(answer.error, answer.text, "get_offers"))
    assert "canary" not in f"{refusal} {refusal.message} {refusal.next_step}"
    assert "getOffer" not in str(refusal)
    waits = refusal.code in (Code.UPSTREAM_UNAVAILABLE, Code.SERVER_BUSY)
    assert (refusal.retry_after_seconds is not None) == waits


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: str(each.__name__))
def test_an_unknown_outcome_is_told_as_such_whatever_the_cause(kind: type[ApiError]) -> None:
    refusal = explained(kind("createOrders", Outcome.UNKNOWN))
    assert refusal.code is Code.OUTCOME_UNKNOWN
    assert refusal.effect is Effect.UNKNOWN
    assert "Do not repeat" in refusal.next_step
    assert told_what_was_booked(refusal) is refusal


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: str(each.__name__))
def test_where_something_might_have_been_booked_a_failure_says_that_it_was_not(
    kind: type[ApiError],
) -> None:
    refusal = told_what_was_booked(explained(kind("getOffer", Outcome.REFUSED)))
    answer = Answer(failure(refusal))
    assert not list(faults_of(answer.error, answer.text, "reserve"))
    assert told_what_was_booked(refusal).message == refusal.message, "it says so once"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x", Outcome.REFUSED), Code.NOT_FOUND),
        (Unprocessable("x", Outcome.REFUSED), Code.UPSTREAM_REFUSED),
        (ServerFailed("x", Outcome.REFUSED), Code.UPSTREAM_UNAVAILABLE),
        (TimedOut("x", Outcome.NOT_SENT), Code.UPSTREAM_UNAVAILABLE),
        (InvalidId("a/b"), Code.UNKNOWN_ID),
    ],
)
def test_causes_have_the_codes_an_assistant_expects(error: ApiError, code: Code) -> None:
    assert explained(error).code is code


def test_a_price_table_that_cannot_be_read_is_told_apart_from_the_catalog() -> None:
    offers = explained(ServerFailed("listOffers", Outcome.REFUSED))
    bases = explained(ServerFailed("listProductBases", Outcome.REFUSED))
    assert offers.message == f"The price table could not be read: {bases.message}"


def test_the_time_the_server_names_is_passed_on_rounded_up() -> None:
    error = RateLimited("x", Outcome.REFUSED, retry_after_seconds=12.2)
    assert explained(error).retry_after_seconds == 13
    assert explained(RateLimited("x", Outcome.REFUSED)).retry_after_seconds == 5


def test_a_refusal_passes_as_it_is_and_our_own_faults_are_not_explained() -> None:
    refusal = Refusal(Code.SOLD_OUT, "Gone.", "Choose.")
    assert explained(refusal) is refusal
    assert explained(KeyError("ours")) is None
    assert explained(None) is None
