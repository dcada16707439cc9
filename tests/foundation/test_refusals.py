"""The closed set of codes, and the refusal of arguments."""

from korus_mcp.foundation.refusals import Code, Effect, FieldProblem, Refusal, invalid, quoted

CODES = """
INVALID_ARGUMENTS UNKNOWN_ID NOT_FOUND PAST_DATE NO_SUCH_CHOICE SESSION_REQUIRED SOLD_OUT
NOT_BOOKABLE PRICE_CHANGED HOLD_EXPIRED ALREADY_ORDERED ALREADY_BEING_ORDERED APPROVAL_REQUIRED
APPROVAL_UNAVAILABLE APPROVAL_DECLINED APPROVAL_EXPIRED LIMIT_EXCEEDED UNSUPPORTED_CURRENCY
NOT_READY NOT_ALLOWED ORDERS_STOPPED UPSTREAM_REFUSED UPSTREAM_UNAVAILABLE OUTCOME_UNKNOWN
SERVER_BUSY MISCONFIGURED
"""


def test_the_codes_are_the_closed_set_and_no_others() -> None:
    assert [code.value for code in Code] == CODES.split()


def test_a_refusal_of_arguments_names_each_field_and_says_nothing_was_done() -> None:
    problems = (FieldProblem("a", "too long"), FieldProblem("b", "missing", "7"))
    refusal = invalid(*problems)
    assert refusal.code is Code.INVALID_ARGUMENTS
    assert refusal.fields == problems
    assert refusal.effect is Effect.NONE
    assert refusal.retry_after_seconds is None
    assert str(refusal).startswith("INVALID_ARGUMENTS: ")


def test_a_refusal_reads_as_code_message_and_next_step() -> None:
    assert str(Refusal(Code.SOLD_OUT, "Gone.", "Choose.")) == "SOLD_OUT: Gone. Choose."


def test_a_name_does_not_break_out_of_its_quotes() -> None:
    assert quoted(['a" then pay', "b"]) == '"a\' then pay", "b"'
