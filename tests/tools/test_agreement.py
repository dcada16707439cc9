"""The host asks a person: yes, no, no answer and nobody to ask are four different things."""

from typing import Any

import anyio
import pytest
from mcp_types import INVALID_REQUEST, ElicitResult, ErrorData

from korus_mcp.booking.operations import Operations
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import Delay, DropBefore
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk, settings_of
from tests.fixtures.person import CLOSED, NO, UNTICKED, YES, Person, Said
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)


def asking(person: Person, mode: str, **given: str) -> Any:
    return desk(settings_of(**given), mode=mode, only=("park",), elicitation_callback=person)


async def held(each: Desk, quantity: int = 2) -> str:
    wished = [{"offer_id": each.handle("park_offer"), "quantity": quantity}]
    made = await each.call("reserve", items=wished, again=True)
    return str(made["reservations"][0]["reservation_id"])


def yes_and(**filled_in: str) -> ElicitResult:
    """A yes in a form in which the person was to fill in who orders."""
    return ElicitResult(action="accept", content={"order": True, **filled_in})


async def place(each: Desk, *holds: str, **changes: Any) -> Answer:
    return await each.ask(
        "place_order", {"reservation_ids": list(holds), "customer": CUSTOMER, **changes}
    )


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
async def test_a_yes_orders_in_one_call(mode: str, way: str) -> None:
    person = Person([YES])
    async with asking(person, mode, APPROVAL=way) as each:
        hold = await held(each)
        made = await place(each, hold)
        assert made.data["state"] == "ordered"
        (order,) = each.sandbox.orders()
        assert order.reservation_ids == (hold,)
        assert len(person.questions) == 1
        assert (await place(each, hold)).data["replayed"] is True
        assert len(person.questions) == 1, "a repeat asks nobody"


@BOTH_ERAS
async def test_the_question_says_all_that_is_agreed_to_and_stands_still(mode: str) -> None:
    person = Person([CLOSED])
    async with asking(person, mode) as each:
        hold = await held(each)
        shown = (await each.call("get_reservation", reservation_ids=[hold]))["reservations"][0]
        for _ in range(2):
            await place(each, hold)
            each.clock.advance(5)
        first, second = person.questions
        assert first == second
        line = shown["lines"][0]
        for value in (line["product"], line["amount"], shown["total"], shown["expires_at"]):
            assert value in first
        for value in ("sandbox", "Ada Lovelace", "ada@example.org", "cannot be cancelled"):
            assert value in first
        (properties,) = {str(form["properties"].keys()) for form in person.forms}
        assert "order" in properties


@BOTH_ERAS
@pytest.mark.parametrize("answer", [NO, UNTICKED], ids=["declined", "unticked"])
async def test_a_no_is_final_for_ten_minutes_and_nobody_is_asked_again(
    mode: str, answer: Said
) -> None:
    person = Person([answer, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        for _ in range(2):
            refused = await place(each, hold)
            assert refused.code == "APPROVAL_DECLINED"
            assert "confirmation" not in refused.wire
        forced = await place(each, hold, confirmation="made-up")
        assert forced.code == "APPROVAL_DECLINED"
        assert len(person.questions) == 1
        assert not each.sandbox.orders()
        each.clock.advance(601)
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_a_no_is_about_this_order_and_not_another(mode: str) -> None:
    person = Person([NO, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        await place(each, hold)
        other = await place(each, hold, customer={**CUSTOMER, "firstname": "Augusta"})
        assert other.data["state"] == "ordered"
        assert "Augusta" in person.questions[1]


@BOTH_ERAS
async def test_a_question_that_is_closed_may_be_asked_again(mode: str) -> None:
    person = Person([CLOSED, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        closed = await place(each, hold)
        assert (closed.code, closed.error["effect"]) == ("APPROVAL_REQUIRED", "none")
        assert not each.sandbox.orders()
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_where_the_operator_wants_two_steps_nobody_is_asked(mode: str) -> None:
    person = Person([YES])
    async with asking(person, mode, APPROVAL="two_step") as each:
        hold = await held(each)
        asked = await place(each, hold)
        assert asked.data["state"] == "confirmation_needed"
        made = await place(each, hold, confirmation=asked.data["confirmation"])
        assert made.data["state"] == "ordered"
        assert not person.questions


@BOTH_ERAS
async def test_a_host_that_cannot_ask_gets_a_confirmation_or_a_refusal(mode: str) -> None:
    async with desk(settings_of(APPROVAL="human"), mode=mode, only=("park",)) as each:
        hold = await held(each)
        for confirmation in (None, "x"):
            refused = await place(each, hold, confirmation=confirmation)
            assert refused.code == "APPROVAL_UNAVAILABLE"
        assert not each.sandbox.orders()


@BOTH_ERAS
async def test_a_confirmation_does_not_stand_in_for_a_person_who_can_be_asked(mode: str) -> None:
    person = Person([NO])
    async with asking(person, mode) as each:
        refused = await place(each, await held(each), confirmation="x")
        assert refused.code == "APPROVAL_DECLINED"
        assert len(person.questions) == 1


@BOTH_ERAS
async def test_a_refused_order_needs_a_new_yes(mode: str) -> None:
    person = Person([YES, CLOSED, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        each.sandbox.faults.add(Fault(status=422, body="problem"), "createOrders")
        assert (await place(each, hold)).data["state"] == "failed"
        assert (await place(each, hold)).code == "APPROVAL_REQUIRED"
        assert (await place(each, hold)).data["state"] == "ordered"
        assert person.questions[0] != person.questions[1] == person.questions[2]
        assert each.sent("createOrders") == 2


@BOTH_ERAS
async def test_a_hold_that_ends_while_the_person_thinks_is_not_ordered(mode: str) -> None:
    each: Desk

    def think() -> Said:
        each.clock.advance(3600)
        return YES

    async with asking(Person([think]), mode) as each:
        refused = await place(each, await held(each))
        assert refused.code == "HOLD_EXPIRED"
        assert not each.sandbox.orders()


async def test_a_yes_that_comes_late_is_too_old() -> None:
    """In the older era; the newer one's own time-out is as long."""
    each: Desk

    def think() -> Said:
        each.clock.advance(601)
        return YES

    async with asking(Person([think, YES]), "legacy") as each:
        hold = await held(each)
        assert (await place(each, hold)).code == "APPROVAL_EXPIRED"
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_missing_customer_data_are_asked_for_together_with_the_yes(mode: str) -> None:
    given = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.org"}
    for known in ((), ("firstname",), ("firstname", "email")):
        asked = {k: v for k, v in given.items() if k not in known}
        person = Person([yes_and(**asked)])
        async with asking(person, mode) as each:
            hold = await held(each)
            customer = {k: given[k] for k in known}
            made = await place(each, hold, customer=customer)
            assert made.data["state"] == "ordered"
            (form,) = person.forms
            assert list(form["properties"]) == ["order", *asked]
            (question,) = person.questions
            assert "90.00 EUR" in question.splitlines()[1]
            (order,) = each.sandbox.orders()
            assert {k: order.customer[k] for k in given} == given
            again = await place(each, hold, customer=given)
            assert again.data["replayed"] is True, "whoever names them is told of this order"
            other = await place(each, hold, customer={**given, "firstname": "Eve"})
            assert (other.code, other.error["effect"]) == ("ALREADY_ORDERED", "ordered")
            assert len(person.questions) == each.sent("createOrders") == 1


@BOTH_ERAS
async def test_a_yes_beside_data_that_are_wrong_orders_nothing_and_they_are_named(
    mode: str,
) -> None:
    for answer in (yes_and(firstname=" ", email="at home"), YES):
        person = Person([answer])
        async with asking(person, mode) as each:
            refused = await place(each, await held(each), customer={"lastname": "Lovelace"})
            assert refused.code == "INVALID_ARGUMENTS"
            assert set(refused.fields) == {"customer.firstname", "customer.email"}
            assert "at home" not in refused.wire
            assert len(person.questions) == 1
            assert not each.sandbox.orders()


@BOTH_ERAS
@pytest.mark.parametrize("answer", [NO, UNTICKED], ids=["declined", "unticked"])
async def test_a_no_to_an_order_for_nobody_yet_is_one_for_anybody(mode: str, answer: Said) -> None:
    person = Person([answer, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        for customer in ({}, {"firstname": "Ada"}, CUSTOMER, {**CUSTOMER, "firstname": "Eve"}):
            assert (await place(each, hold, customer=customer)).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 1
        assert not each.sandbox.orders()
        each.clock.advance(601)
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_a_closed_form_is_no_answer_whoever_was_to_order(mode: str) -> None:
    person = Person([CLOSED, YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        closed = await place(each, hold, customer={})
        assert (closed.code, closed.error["effect"]) == ("APPROVAL_REQUIRED", "none")
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_without_a_way_to_ask_the_summary_names_the_missing_customer_data(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        hold = await held(each)
        for customer, missing in (
            ({}, "firstname, lastname, email"),
            ({"email": "ada@example.org"}, "firstname, lastname"),
        ):
            summary = (await place(each, hold, customer=customer)).data
            assert (summary["state"], summary["missing"]) == ("confirmation_needed", missing)
            assert f"for their yes and {missing};" in summary["next"]
            assert summary.get("customer") == customer.get("email")
            before = each.sent("getReservation")
            bare = {"customer": customer, "confirmation": summary["confirmation"]}
            refused = await place(each, hold, **bare)
            assert refused.code == "INVALID_ARGUMENTS"
            assert set(refused.fields) == {f"customer.{n}" for n in missing.split(", ")}
            assert each.sent("getReservation") == before
        made = await place(each, hold, confirmation=summary["confirmation"])
        assert made.data["state"] == "ordered", "what was missing came with the yes"
        assert len(each.sandbox.orders()) == 1


@BOTH_ERAS
async def test_nobody_is_asked_about_what_cannot_be_ordered(mode: str) -> None:
    person = Person([YES])
    async with asking(person, mode) as each:
        hold = await held(each)
        each.clock.advance(3600)
        assert (await place(each, hold)).code == "HOLD_EXPIRED"
        assert (await place(each, hold, customer={})).code == "HOLD_EXPIRED"
        assert not person.questions


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
@pytest.mark.parametrize("customer", [CUSTOMER, {}], ids=["customer", "nobody"])
async def test_nobody_is_asked_while_no_more_may_be_booked_in_a_minute(
    mode: str, way: str, customer: Json
) -> None:
    person = Person([YES] if customer else [yes_and(**CUSTOMER)])
    async with asking(person, mode, APPROVAL=way, WRITES_PER_MINUTE="1") as each:
        hold = await held(each)
        early = await place(each, hold, customer=customer)
        assert (early.code, early.error["effect"]) == ("SERVER_BUSY", "none")
        assert not person.questions
        each.clock.advance(early.error["retry_after_seconds"])
        assert (await place(each, hold, customer=customer)).data["state"] == "ordered"
        asked = len(person.questions)
        again = await place(each, hold, customer=CUSTOMER)
        assert again.data["replayed"] is True, "a repeat writes nothing"
        assert len(person.questions) == asked


class Meanwhile(Person):
    """A person who answers when another call has used up what may be booked in the minute."""

    desk: Desk

    async def __call__(self, context: object, params: Any) -> Said:
        await held(self.desk, 1)
        return await super().__call__(context, params)


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
@pytest.mark.parametrize("answer", [NO, UNTICKED], ids=["declined", "unticked"])
async def test_a_no_counts_though_nothing_more_may_be_booked_by_then(
    mode: str, way: str, answer: Said
) -> None:
    person = Meanwhile([answer])
    async with asking(person, mode, APPROVAL=way, WRITES_PER_MINUTE="2") as each:
        person.desk = each
        hold = await held(each)
        for _ in range(2):
            refused = await place(each, hold)
            assert (refused.code, refused.error["effect"]) == ("APPROVAL_DECLINED", "none")
            each.clock.advance(60)
        assert len(person.questions) == 1


@BOTH_ERAS
async def test_a_no_to_who_orders_counts_though_nothing_more_may_be_booked(mode: str) -> None:
    person = Meanwhile([NO])
    async with asking(person, mode, WRITES_PER_MINUTE="2") as each:
        person.desk = each
        hold = await held(each)
        for customer in ({}, CUSTOMER, {}):
            refused = await place(each, hold, customer=customer)
            assert refused.code == "APPROVAL_DECLINED"
            each.clock.advance(60)
        assert len(person.questions) == 1


@BOTH_ERAS
async def test_a_yes_does_not_order_faster_than_the_minute_lets_it(mode: str) -> None:
    person = Meanwhile([YES])
    async with asking(person, mode, WRITES_PER_MINUTE="2") as each:
        person.desk = each
        hold = await held(each)
        early = await place(each, hold)
        assert (early.code, early.error["effect"]) == ("SERVER_BUSY", "none")
        assert not each.sandbox.orders()


@BOTH_ERAS
async def test_a_no_counts_though_the_server_is_stopping_by_then(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> Said:
        monkeypatch.setattr(Operations, "is_closing", property(lambda _: True, lambda *_: None))
        return NO

    person = Person([stopped, NO])
    async with asking(person, mode) as each:
        hold = await held(each)
        for _ in range(2):
            assert (await place(each, hold)).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 1


def said(order: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"order": order})


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
@pytest.mark.parametrize("order", ["y", "1", "true", "on", 1, 1.0, ["true"], None])
async def test_a_yes_is_true_and_nothing_like_it(mode: str, way: str, order: Any) -> None:
    async with asking(Person([said(order)]), mode, APPROVAL=way) as each:
        refused = await place(each, await held(each))
        assert (refused.code, refused.error["effect"]) == ("APPROVAL_UNAVAILABLE", "none")
        assert not each.sandbox.orders()


@BOTH_ERAS
async def test_after_three_noes_to_a_hold_nobody_is_asked_whatever_else_differs(mode: str) -> None:
    person = Person([NO])
    async with asking(person, mode) as each:
        hold, other = await held(each), await held(each, 1)
        asked: list[tuple[list[str], Json]] = [
            ([hold], {}),
            ([hold, other], {}),
            ([hold], {"customer": {**CUSTOMER, "firstname": "Augusta"}}),
        ]
        unasked: list[tuple[list[str], Json]] = [
            ([hold], {"notes": "please"}),
            ([hold], {"customer": {"firstname": "Augusta"}}),
            ([other, hold], {"notes": "both"}),
            ([hold], {"confirmation": "made-up", "notes": "x"}),
        ]
        for holds, changes in asked:
            assert (await place(each, *holds, **changes)).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 3
        for holds, changes in unasked:
            assert (await place(each, *holds, **changes)).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 3
        assert (await place(each, other, notes="alone")).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 4, "of the other there was one no before"
        each.clock.advance(601)
        person.answers = [YES]
        assert (await place(each, hold, notes="later")).data["state"] == "ordered"


@BOTH_ERAS
async def test_noes_to_orders_for_nobody_yet_count_like_any_others(mode: str) -> None:
    person = Person([NO])
    async with asking(person, mode) as each:
        hold = await held(each)
        for notes in ("one", "two", "three", "four"):
            refused = await place(each, hold, customer={}, notes=notes)
            assert refused.code == "APPROVAL_DECLINED"
        assert len(person.questions) == 3


EMPTY = ElicitResult(action="accept")
NONSENSE = ElicitResult(action="accept", content={"order": "perhaps"})
NO_FORMS = ErrorData(code=INVALID_REQUEST, message="this host shows no forms")


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ("auto", EMPTY),
        ("auto", NONSENSE),
        ("legacy", EMPTY),
        ("legacy", NONSENSE),
        ("legacy", NO_FORMS),  # in the newer era a host keeps its errors to itself
    ],
)
async def test_a_host_that_asks_badly_orders_nothing_and_is_told_so(
    mode: str, answer: Said, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(Person([answer]), mode, APPROVAL="human") as each:
        refused = await place(each, await held(each))
        assert (refused.code, refused.error["effect"]) == ("APPROVAL_UNAVAILABLE", "none")
        assert not {"perhaps", "shows no forms"} & set(caplog.text.split())
        for word in ("korus_mcp", "Resolver", "perhaps", "shows no forms"):
            assert word not in refused.wire
        assert not each.sandbox.orders()


@BOTH_ERAS
async def test_what_a_person_filled_in_is_in_no_log(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    half = yes_and(email="zelda.secret@example.org")
    async with asking(Person([half]), mode) as each:
        refused = await place(each, await held(each), customer={})
        assert refused.code == "INVALID_ARGUMENTS"
        assert set(refused.fields) == {"customer.firstname", "customer.lastname"}
    assert "zelda" not in caplog.text


@BOTH_ERAS
async def test_a_repeat_without_the_customer_is_told_of_the_order_in_doubt(mode: str) -> None:
    person = Person([yes_and(**CUSTOMER)])
    async with asking(person, mode) as each:
        hold = await held(each)
        each.sandbox.faults.add(DropBefore(), "createOrders")
        assert (await place(each, hold, customer={})).data["state"] == "in_doubt"
        for seconds in (0, 885):
            each.clock.advance(seconds)
            again = await place(each, hold, customer={})
            assert (again.code, again.error["effect"]) == ("ALREADY_BEING_ORDERED", "unknown")
        assert len(person.questions) == 1


@BOTH_ERAS
async def test_everything_that_is_ordered_is_shown_and_nothing_can_pass_for_our_lines(
    mode: str,
) -> None:
    who = {**CUSTOMER, "title": "mrs", "language": "fr", "country": "FR", "phone": "+33610203040"}
    note = f"ok{' ' * 60}Total: 1.00 EUR <br> \u2800"
    person = Person([CLOSED])
    async with asking(person, mode) as each:
        hold = await held(each)
        await place(each, hold, customer=who, notes=note)
        (question,) = person.questions
        for value in (*who.values(), '"ok Total: 1.00 EUR (br)'):
            assert value in question
        assert "<" not in question
        assert question.index("Total: 90.00 EUR") < question.index("Total: 1.00 EUR")
    async with desk(mode=mode, only=("park",)) as each:
        summary = await place(each, await held(each), customer=who, notes=note)
        for value in (*who.values(), '"ok Total: 1.00 EUR (br)'):
            assert value in summary.text
            assert value in str(summary.structure)


MARKUP = "**~~[`a`](//evil.example) ![b](x) www.evil.example https://evil.example &lt;i&gt; _c_ $d$"
"""What a host could show as something else than text."""


@BOTH_ERAS
async def test_nothing_a_caller_writes_is_markup_in_what_a_person_agrees_to(mode: str) -> None:
    longest = {"firstname": "F" * 99 + "1", "lastname": "L" * 99 + "2"}
    texts: list[Json] = [
        {"customer": {**CUSTOMER, "firstname": MARKUP[:48], "lastname": MARKUP[48:]}},
        {"customer": {**CUSTOMER, "email": "*_`ada`_*~x~|{a}$b$@example.org"}, "notes": MARKUP},
        {"customer": {**CUSTOMER, **longest, "phone": "+33/6\u00a010 20-30.40", "title": "Mme"}},
    ]
    person = Person([CLOSED])
    said: list[str] = []
    async with asking(person, mode) as each:
        hold = await held(each)
        for changes in texts:
            await place(each, hold, reference=MARKUP[:40], **changes)
        said += person.questions
    async with desk(mode=mode, only=("park",)) as each:
        hold = await held(each)
        for changes in texts:
            summary = (await place(each, hold, reference=MARKUP[:40], **changes)).data
            said.append(f"For: {summary['customer']}\nNote: {summary.get('notes')}")
    assert len(said) == 2 * len(texts)
    for text in said:
        assert not set(text) & set("*~`[]|$\\<>"), text
        for begun in ("www.e", "https:/", "&l", "](", " _c"):
            assert begun not in text
        assert len(text.splitlines()) == len(said[0 if text in said[:3] else 3].splitlines()) + (
            text in said[:3] and "Note for the issuer" in text
        )
    for text in (said[2], said[5]):
        assert f"{longest['firstname']} {longest['lastname']}" in text
        assert "+33610203040" in text
        assert "title mrs" in text


@BOTH_ERAS
async def test_a_no_counts_while_the_journal_cannot_keep_it(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person([NO])
    async with asking(person, mode) as each:
        hold = await held(each)

        async def full(*given: object) -> None:
            raise JournalDown(JournalFault.FULL)

        monkeypatch.setattr(MemoryJournal, "approve", full)
        for _ in range(2):
            assert (await place(each, hold)).code == "APPROVAL_DECLINED"
        assert len(person.questions) == 1


@BOTH_ERAS
async def test_an_equal_call_beside_one_that_fails_is_asked_and_not_given_a_confirmation(
    mode: str,
) -> None:
    person = Person([YES])
    answers: list[Answer] = []
    async with asking(person, mode) as each:
        hold = await held(each)
        each.sandbox.faults.add(Delay(seconds=1), "createOrders")
        each.sandbox.faults.add(Fault(status=422, body="problem"), "createOrders")

        async def order() -> None:
            answers.append(await place(each, hold))

        async with anyio.create_task_group() as calls:
            calls.start_soon(order)
            calls.start_soon(order)
        states = [each.structure.get("state") or each.code for each in answers]
        assert "confirmation_needed" not in states
        assert set(states) <= {"failed", "ordered", "APPROVAL_REQUIRED"}
