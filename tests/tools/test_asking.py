"""A host that answers by itself: no person said no, and none agreed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    ElicitResult,
    ErrorData,
    Implementation,
    ListRootsResult,
)

from korus_mcp.settings import Environment
from korus_mcp.tools.asking import FORWARDING, READING_SECONDS
from tests.fixtures.assistant import (
    CUSTOMER,
    ERAS,
    Assistant,
    Json,
    desk,
    settings_of,
)
from tests.fixtures.hosts import child_environment, serving_http, stdio_server
from tests.fixtures.person import CLOSED, NO, UNTICKED, YES, Person, Said
from tests.tools.test_agreement import held, place

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)


def accepted(content: Json | None) -> ElicitResult:
    return ElicitResult(action="accept", content=content)


def failed(code: int) -> ErrorData:
    return ErrorData(code=code, message="not here")


def broken() -> Said:
    raise RuntimeError("the host's own")


SOON: Mapping[str, Any] = {
    "declined": NO,
    "cancelled": CLOSED,
    "defaults": UNTICKED,
    "accepted without content": accepted(None),
    "accepted empty": accepted({}),
    "a text for yes": accepted({"order": "true"}),
    "another field": accepted({"confirmed": True}),
}
ERRORS: Mapping[str, Any] = {
    "no such method": failed(METHOD_NOT_FOUND),
    "wrong parameters": failed(INVALID_PARAMS),
    "no such request": failed(INVALID_REQUEST),
    "an error of its own": failed(INTERNAL_ERROR),
    "it breaks": broken,
}
"""A host of the newer era keeps its errors to itself."""
BY_ITSELF = [
    *(pytest.param(mode, said, id=f"{mode}-{n}") for mode in ERAS for n, said in SOON.items()),
    *(pytest.param("legacy", said, id=f"legacy-{n}") for n, said in ERRORS.items()),
]
EACH_HOST = pytest.mark.parametrize(("mode", "said"), BY_ITSELF)


def hosted(
    person: Person, mode: str, *, environment: Environment = Environment.SANDBOX, **given: str
) -> Any:
    chosen = replace(settings_of(**given), environment=environment)
    return desk(chosen, mode=mode, only=("park",), elicitation_callback=person)


@EACH_HOST
async def test_where_nothing_is_for_real_a_summary_takes_the_place_of_the_question(
    mode: str, said: Any
) -> None:
    host = Person([said], seconds=0)
    async with hosted(host, mode) as each:
        hold = await held(each)
        for count in (1, 2):
            asked = await place(each, hold)
            assert asked.data["state"] == "confirmation_needed"
            assert len(host.questions) == count, "once for each call"
        assert not each.sandbox.orders()
        for fact in ("Ada Lovelace", "ada@example.org", "90.00 EUR", "cannot be cancelled"):
            assert fact in asked.text
        made = await place(each, hold, confirmation=asked.data["confirmation"])
        assert len(host.questions) == 3
        if said is UNTICKED:
            assert made.code == "APPROVAL_DECLINED", "the screen may have said no to a person"
            assert not each.sandbox.orders()
            return
        assert made.data["state"] == "ordered"
        assert len(each.sandbox.orders()) == 1


@BOTH_ERAS
@pytest.mark.parametrize("environment", list(Environment))
@pytest.mark.parametrize("said", [NO, CLOSED, accepted({})], ids=["declined", "cancelled", "empty"])
async def test_where_it_costs_money_only_the_operator_lets_a_model_show_a_summary(
    mode: str, environment: Environment, said: Said
) -> None:
    host = Person([said], seconds=0)
    async with hosted(host, mode, environment=environment) as each:
        hold = await held(each)
        answer = await place(each, hold)
        if environment is not Environment.PRODUCTION:
            assert answer.data["state"] == "confirmation_needed"
            return
        assert (answer.code, answer.error["effect"]) == ("APPROVAL_UNAVAILABLE", "none")
        for way in ("two_step", "a host that asks"):
            assert way in answer.error["next"]
        assert "confirmation" not in answer.wire
        forced = await place(each, hold, confirmation="made-up")
        assert forced.code == "APPROVAL_UNAVAILABLE"
        assert not each.sandbox.orders()
        host.answers, host.seconds = [YES], 5
        assert (await place(each, hold)).data["state"] == "ordered", "nobody had said no"


@BOTH_ERAS
async def test_a_form_that_comes_back_empty_beside_a_confirmation_is_a_no(mode: str) -> None:
    host = Person([accepted({})], seconds=5)
    async with hosted(host, mode) as each:
        hold = await held(each)
        asked = await place(each, hold)
        assert asked.data["state"] == "confirmation_needed"
        made = await place(each, hold, confirmation=asked.data["confirmation"])
        assert made.code == "APPROVAL_DECLINED", "a host may leave out what the person did not tick"
        assert not each.sandbox.orders()


@EACH_HOST
async def test_where_a_person_has_to_be_asked_a_host_that_does_not_is_no_way_and_no_no(
    mode: str, said: Any
) -> None:
    host = Person([said], seconds=0)
    async with hosted(host, mode, APPROVAL="human") as each:
        hold = await held(each)
        for more in ({}, {}, {}, {"confirmation": "made-up"}):
            refused = await place(each, hold, **more)
            assert (refused.code, refused.error["effect"]) == ("APPROVAL_UNAVAILABLE", "none")
        host.answers = [YES]
        assert (await place(each, hold)).data["state"] == "ordered"


@BOTH_ERAS
async def test_a_yes_counts_whenever_it_comes(mode: str) -> None:
    for seconds in (0, READING_SECONDS / 2, 100):
        async with hosted(Person([YES], seconds=seconds), mode) as each:
            assert (await place(each, await held(each))).data["state"] == "ordered"


@BOTH_ERAS
async def test_a_no_is_the_hosts_own_for_a_second_and_a_persons_from_then_on(mode: str) -> None:
    host = Person([NO], seconds=READING_SECONDS)
    async with hosted(host, mode) as each:
        hold = await held(each)
        assert (await place(each, hold)).data["state"] == "confirmation_needed"
        host.seconds = READING_SECONDS + 0.01
        assert (await place(each, hold)).code == "APPROVAL_DECLINED"


@BOTH_ERAS
@pytest.mark.parametrize("said", [NO, UNTICKED], ids=["declined", "unticked"])
async def test_after_a_persons_no_nothing_that_a_host_does_by_itself_leads_to_an_order(
    mode: str, said: Said
) -> None:
    host = Person([NO], seconds=0)
    async with hosted(host, mode) as each:
        hold = await held(each)
        confirmation = (await place(each, hold)).data["confirmation"]
        host.answers, host.seconds = [said], 5
        assert (await place(each, hold, confirmation=confirmation)).code == "APPROVAL_DECLINED"
        host.seconds = 0
        for more in ({}, {"confirmation": confirmation}):
            for answer in (NO, CLOSED, accepted({}), YES):
                host.answers = [answer]
                assert (await place(each, hold, **more)).code == "APPROVAL_DECLINED"
        assert len(host.questions) == 2
        assert not each.sandbox.orders()
        each.clock.advance(601)
        late = await place(each, hold, confirmation=confirmation)
        assert late.code != "APPROVAL_DECLINED", "as long as any no"


@pytest.mark.parametrize(
    ("mode", "said", "state"),
    [
        *((mode, accepted({}), "confirmation_needed") for mode in ERAS),
        *((mode, accepted({"order": "no"}), "APPROVAL_UNAVAILABLE") for mode in ERAS),
        ("legacy", failed(METHOD_NOT_FOUND), "confirmation_needed"),
        ("legacy", failed(INVALID_PARAMS), "confirmation_needed"),
        ("legacy", failed(INTERNAL_ERROR), "APPROVAL_UNAVAILABLE"),
    ],
)
async def test_what_may_be_a_persons_no_in_another_form_is_never_passed_over(
    mode: str, said: Said, state: str
) -> None:
    async with hosted(Person([said]), mode) as each:
        hold = await held(each)
        answer = await place(each, hold)
        assert (answer.structure.get("state") or answer.code) == state
        assert not each.sandbox.orders()


@EACH_HOST
async def test_a_host_that_does_not_ask_who_orders_has_the_assistant_ask(
    mode: str, said: Any
) -> None:
    host = Person([said], seconds=0)
    async with hosted(host, mode) as each:
        hold = await held(each)
        for _ in range(4):  # one more than as many noes as end all asking
            summary = await place(each, hold, customer={"lastname": "Lovelace"})
            assert summary.data["state"] == "confirmation_needed"
            assert summary.data["missing"] == "firstname, email"
        assert len(host.questions) == 4
        assert (await place(each, hold)).data["state"] == "confirmation_needed"


@BOTH_ERAS
async def test_no_form_has_a_title_or_description_and_no_yes_is_chosen_beforehand(
    mode: str,
) -> None:
    host = Person([accepted({**CUSTOMER, "order": True})])
    async with hosted(host, mode) as each:
        assert (await place(each, await held(each), customer={})).data["state"] == "ordered"
        host.answers = [YES]
        assert (await place(each, await held(each, 1))).data["state"] == "ordered"
    both, whether = host.forms
    for form in (both, whether):
        assert set(form) == {"type", "properties", "required"}
        assert sorted(form["required"]) == sorted(form["properties"])
        assert form["properties"]["order"]["default"] is False
    assert set(both["properties"]) - set(whether["properties"]) == set(CUSTOMER)
    assert not any("default" in both["properties"][name] for name in CUSTOMER)
    assert "90.00 EUR" in host.questions[0].splitlines()[1]


async def nothing(context: object, *given: object) -> Any:
    return ListRootsResult(roots=[])


@pytest.mark.parametrize(
    ("name", "announced", "is_asked"),
    [
        (FORWARDING, ("list_roots_callback", "sampling_callback"), False),
        (FORWARDING, ("sampling_callback",), True),
        ("another", ("list_roots_callback", "sampling_callback"), True),
    ],
)
async def test_who_announces_what_it_only_passes_on_is_not_asked(
    name: str, announced: tuple[str, ...], is_asked: bool
) -> None:
    """The host behind it may not ask, and then this server hears of it no more."""
    for way, environment in (("auto", "sandbox"), ("human", "sandbox"), ("auto", "production")):
        host = Person([YES])
        chosen = replace(settings_of(APPROVAL=way), environment=Environment(environment))
        more: dict[str, Any] = dict.fromkeys(announced, nothing)
        async with desk(
            chosen,
            only=("park",),
            elicitation_callback=host,
            client_info=Implementation(name=name, version="4.2.3"),
            **more,
        ) as each:
            made = await place(each, await held(each))
            is_put = is_asked or (way, environment) != ("auto", "sandbox")
            assert made.data["state"] == ("ordered" if is_put else "confirmation_needed")
            assert len(host.questions) == is_put


@asynccontextmanager
async def really(
    transport: str, mode: str, folder: Path, said: Said, seconds: float = 0
) -> AsyncIterator[Assistant]:
    """An assistant at a real server, with a host that answers so after so many seconds."""

    async def answer(context: object, params: object) -> Said:
        await anyio.sleep(seconds)
        return said

    environment = child_environment(folder, PROFILE="service-desk")
    if transport == "stdio":
        async with Client(
            stdio_server(environment), mode=mode, elicitation_callback=answer
        ) as client:
            yield Assistant(client)
        return
    async with (
        serving_http(environment) as url,
        Client(url, mode=mode, elicitation_callback=answer) as client,
    ):
        yield Assistant(client)


async def first_offer(assistant: Assistant) -> str:
    found = await assistant.call("search_products", query="park")
    base = found["products"][0]["product_base_id"]
    listed = await assistant.call("get_offers", product_base_id=base)
    return str(listed["days"][0]["offers"][0]["offer_id"])


async def held_really(assistant: Assistant) -> list[str]:
    items = [{"offer_id": await first_offer(assistant), "quantity": 1}]
    made = await assistant.call("reserve", items=items)
    return [hold["reservation_id"] for hold in made["reservations"]]


@BOTH_ERAS
@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("said", [NO, accepted({})], ids=["declined", "empty"])
async def test_over_real_transports_a_host_that_answers_by_itself_books_in_two_steps(
    mode: str, transport: str, said: Said, tmp_path: Path
) -> None:
    async with really(transport, mode, tmp_path, said) as assistant:
        assert (await assistant.order(*await held_really(assistant)))["state"] == "ordered"


@BOTH_ERAS
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_over_real_transports_a_persons_no_is_one(
    mode: str, transport: str, tmp_path: Path
) -> None:
    async with really(transport, mode, tmp_path, NO, READING_SECONDS * 1.05) as assistant:
        wish = {"reservation_ids": await held_really(assistant), "customer": CUSTOMER}
        for more in ({}, {"confirmation": "made-up"}):
            refused = await assistant.ask("place_order", {**wish, **more})
            assert refused.code == "APPROVAL_DECLINED"
