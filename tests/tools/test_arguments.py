"""Arguments are read strictly, but what loses nothing is understood."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from korus_mcp.foundation.paging import BEGINNING, Pages, PageStart
from korus_mcp.tools.agreement import Customer
from korus_mcp.tools.name_beneficiaries import Person
from tests.fixtures.assistant import CUSTOMER, HOLDER, Desk, Json, desk, settings_of
from tests.tools.samples import (
    A_CURSOR,
    AN_ID,
    ARGUMENTS,
    FILTERS,
    OF_NOTHING,
    cursor_of,
    real,
)

pytestmark = pytest.mark.anyio
INTEGERS = [
    ("search_products", "limit", 20),
    ("get_offers", "limit", 40),
    ("check_availability", "quantity", 50),
    ("get_seat_map", "quantity", 50),
    ("find_orders", "limit", 50),
]
FLAGS = [("reserve", "again"), ("get_tickets", "vouchers"), ("get_tickets", "save")]


async def refused(cold: Desk, name: str, **changed: object) -> set[str]:
    """The fields a tool refuses for their form, without having asked anybody."""
    before = cold.sent()
    answer = await cold.ask(name, {**ARGUMENTS[name], **changed})
    assert answer.code == "INVALID_ARGUMENTS", answer.text
    assert cold.sent() == before
    return set(answer.fields) - (OF_NOTHING - set(changed))


async def is_understood(shared: Desk, name: str, **changed: object) -> bool:
    from_the_first_page = {k: v for k, v in real(shared, name).items() if k != "cursor"}
    answer = await shared.ask(name, {**from_the_first_page, **changed})
    return not answer.result.is_error or answer.code != "INVALID_ARGUMENTS"


def integers_in(schema: Json) -> Iterator[str]:
    for name, argument in schema["properties"].items():
        if argument.get("type") == "integer":
            yield name


async def test_the_whole_numbers_tested_here_are_all_there_are(shared: Desk) -> None:
    listed = (await shared.client.list_tools()).tools
    found = {(t.name, name) for t in listed for name in integers_in(t.input_schema)}
    assert found == {(tool, name) for tool, name, _ in INTEGERS}


@pytest.mark.parametrize(("tool", "name", "most"), INTEGERS)
async def test_a_whole_number_may_come_as_text(
    tool: str, name: str, most: int, shared: Desk
) -> None:
    for value in ("2", 2, 2.0, str(most), most):
        assert await is_understood(shared, tool, **{name: value}), value


@pytest.mark.parametrize(("tool", "name", "most"), INTEGERS)
async def test_what_is_no_whole_number_in_range_is_refused(
    tool: str, name: str, most: int, cold: Desk
) -> None:
    wrong = ("2.5", 2.5, True, False, "two", [2], {"n": 2}, -1, most + 1, "-1", 10**30)
    for value in wrong:
        assert await refused(cold, tool, **{name: value}) == {name}, value


@pytest.mark.parametrize(("tool", "name"), FLAGS)
async def test_a_flag_is_true_or_false(tool: str, name: str, shared: Desk, cold: Desk) -> None:
    for value in (True, False, "true", "false"):
        assert await is_understood(shared, tool, **{name: value}), value
    for wrong in ("maybe", 2, [True], {"a": True}):
        assert await refused(cold, tool, **{name: wrong}) == {name}, wrong


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("reserve", "items"),
        ("place_order", "reservation_ids"),
        ("place_order", "customer"),
        ("name_beneficiaries", "beneficiaries"),
        ("get_reservation", "reservation_ids"),
    ],
)
async def test_a_list_or_an_object_may_come_as_its_json_text(
    tool: str, name: str, shared: Desk, cold: Desk
) -> None:
    assert await is_understood(shared, tool, **{name: json.dumps(ARGUMENTS[tool][name])})
    assert await refused(cold, tool, **{name: "not json"}) == {name}


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "12", "true", "null", '"quoted"'])
async def test_a_text_that_happens_to_be_json_stays_a_text(text: str, shared: Desk) -> None:
    assert await is_understood(shared, "search_products", query=text)
    assert (await shared.ask("get_tickets", {"order_id": text})).code == "NOT_FOUND"
    assert await is_understood(shared, "place_order", notes=text, reference=text)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("search_products", "query"),
        ("search_products", "catalog"),
        ("search_products", "city"),
        ("get_offers", "zone"),
        ("get_tickets", "order_id"),
        ("find_orders", "reference"),
        ("place_order", "reference"),
        ("place_order", "confirmation"),
    ],
)
async def test_a_text_is_a_text_of_sensible_length(tool: str, name: str, cold: Desk) -> None:
    for wrong in ("x" * 5000, 12, True, ["a"], {"a": "b"}):
        assert await refused(cold, tool, **{name: wrong}) == {name}, wrong


@pytest.mark.parametrize("name", ["product_base_id", "offer_id"])
@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nodot",
        AN_ID,
        f"K3F7QA.{AN_ID}",
        f"k3f7q.{AN_ID}",
        f"k3f9qa.{AN_ID}",
        "k3f7qa.",
        ".abc",
        "k3f7qa.a/b",
        "k3f7qa.a?b",
        "k3f7qa.a#b",
        "k3f7qa...",
        "k3f7qa.{id}",
        "k3f7qa.a b",
        "k3f7qa.a\n",
        "k3f7qa.-a",
        "k3f7qa." + "a" * 65,
        "k3f7qa.\u0661\u0662",
        7,
        True,
        None,
        ["k3f7qa.a"],
        {"id": "k3f7qa.a"},
    ],
)
async def test_a_malformed_handle_is_refused_before_anybody_is_asked(
    name: str, wrong: object, cold: Desk
) -> None:
    tool = {"product_base_id": "get_offers", "offer_id": "check_availability"}[name]
    assert await refused(cold, tool, **{name: wrong}) == {name}


@pytest.mark.parametrize("wrong", ["", "a.b", "a/b", "..", "a b", "a\n", "-a", "a" * 65, 7, None])
async def test_a_malformed_id_is_refused_before_anybody_is_asked(wrong: object, cold: Desk) -> None:
    reserve = {"offer_id": f"k3f7qa.{AN_ID}", "quantity": 1, "session_ids": [AN_ID, wrong]}
    named = {**HOLDER, "ticket_id": wrong}
    assert await refused(cold, "get_reservation", reservation_ids=[wrong]) == {"reservation_ids.0"}
    assert await refused(cold, "place_order", reservation_ids=[AN_ID, wrong]) == {
        "reservation_ids.1"
    }
    assert await refused(cold, "reserve", items=[reserve]) == {"items.0.session_ids.1"}
    assert await refused(cold, "name_beneficiaries", beneficiaries=[named]) == {
        "beneficiaries.0.ticket_id"
    }
    if wrong not in (None, ""):
        assert await refused(cold, "get_seat_map", session_id=wrong) == {"session_id"}


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "wrong",
    [
        "tomorrow",
        "2026-6-1",
        "20260601",
        "2026-06-31",
        "2026-06-01T10:00",
        "01/06/2026",
        "\u0662026-06-01",
        20260601,
        True,
        ["2026-06-01"],
    ],
)
async def test_a_day_is_written_year_month_day_and_exists(
    name: str, wrong: object, cold: Desk
) -> None:
    assert await refused(cold, "get_offers", **{name: wrong}) == {name}
    assert await refused(cold, "search_products", **{name: wrong}) == {name}


@pytest.mark.parametrize(
    "wrong", [-1, "-1", 0.001, "much", "NaN", "sNaN", "Infinity", 1e7, True, False, [60]]
)
async def test_an_amount_is_a_sensible_number_of_euros(wrong: object, cold: Desk) -> None:
    assert await refused(cold, "get_seat_map", max_price=wrong) == {"max_price"}
    assert await refused(cold, "reserve", max_total=wrong) == {"max_total"}


@pytest.mark.parametrize("right", [60, 59.9, "59.90", "0.01", 9_999_999])
async def test_an_amount_may_be_a_number_or_its_text(right: object, shared: Desk) -> None:
    assert await is_understood(shared, "get_seat_map", max_price=right)


@pytest.mark.parametrize(
    "wrong",
    [
        "5",
        "bzU=",
        A_CURSOR[:-1],
        f"{A_CURSOR}x",
        "b2Zm",
        "bw==",
        "bzEyMzQ1Njc4",
        "\u00e9",
        5,
        ["bzU="],
    ],
)
async def test_a_cursor_comes_from_an_earlier_answer(wrong: object, cold: Desk) -> None:
    for tool in ("search_products", "get_offers", "find_orders"):
        assert await refused(cold, tool, cursor=wrong) == {"cursor"}


async def test_a_cursor_of_another_tool_or_filter_begins_no_page(cold: Desk) -> None:
    for tool, filters in FILTERS.items():
        if tool == "get_tickets":  # the order is read first: it has two names
            continue
        given = ARGUMENTS[tool]
        others = [
            cursor_of(each, ARGUMENTS[each], PageStart(0)) for each in FILTERS if each != tool
        ]
        for name in filters:
            fewer = {k: v for k, v in given.items() if k != name}
            others.append(cursor_of(tool, fewer, PageStart(0)))
        for cursor in (*others, A_CURSOR):
            assert await refused(cold, tool, cursor=cursor) == {"cursor"}


async def test_a_cursor_of_another_order_list_passes_nothing_over() -> None:
    for scope in ("account", "own"):
        async with desk(settings_of(SCOPE=scope), only=("park",)) as each:
            made = [await each.booked(each.handle("park_offer")) for _ in range(3)]
            day = each.clock.now().date()
            asked: Json = {"created_from": f"{day}", "limit": 1}
            first = await each.call("find_orders", **asked)
            found = await each.call("search_products", limit=1)
            for cursor, changes in (
                (first["next_cursor"], {"created_from": f"{day - timedelta(days=1)}"}),
                (first["next_cursor"], {"created_to": f"{day}"}),
                (first["next_cursor"], {"reference": "WEB-1"}),
                (found["next_cursor"], {}),
            ):
                answer = await each.ask("find_orders", {**asked, **changes, "cursor": cursor})
                assert (answer.code, set(answer.fields)) == ("INVALID_ARGUMENTS", {"cursor"})
                assert "without it" in answer.error["next"]
                assert cursor not in answer.wire
            rest = await each.call(
                "find_orders", **asked | {"limit": 2}, cursor=first["next_cursor"]
            )
            shown = [o["order_id"] for page in (first, rest) for o in page["orders"]]
            assert shown == [each["order_id"] for each in made[::-1]]


async def test_a_cursor_of_another_orders_tickets_is_refused_whatever_name_it_goes_by() -> None:
    async with desk(only=("park",)) as each:
        names = []
        for reference in ("WEB-1", "WEB-2"):
            items = [{"offer_id": each.handle("park_offer"), "quantity": 1}]
            hold = (await each.call("reserve", items=items, again=True))["reservations"][0]
            made = await each.order(hold["reservation_id"], reference=reference)
            names.append((made["orders"][0]["order_id"], reference))
        cursor = cursor_of("get_tickets", {"order_id": names[0][0]}, PageStart(0))
        for of_the_first, of_the_second in zip(*names, strict=True):
            assert await each.call("get_tickets", order_id=of_the_first, cursor=cursor)
            refused = await each.ask("get_tickets", {"order_id": of_the_second, "cursor": cursor})
            assert (refused.code, set(refused.fields)) == ("INVALID_ARGUMENTS", {"cursor"})
            assert "nothing was asked" not in refused.text


def test_a_cursor_is_opaque_and_there_is_none_after_the_last_page() -> None:
    pages = Pages("0" * 8, BEGINNING)
    assert pages.cursor(PageStart(5)) == A_CURSOR
    assert pages.cursor(None) is None


@pytest.mark.parametrize("wrong", ["f", "english please", "fr_FR", "fr-", "../fr", "fr\r\nX: 1"])
async def test_a_language_is_a_tag(wrong: str, cold: Desk) -> None:
    assert await refused(cold, "search_products", language=wrong) == {"language"}
    assert await refused(cold, "reserve", language=wrong) == {"language"}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("firstname", ""),
        ("firstname", "   "),
        ("firstname", "A\u202eda"),
        ("lastname", "Love\x00lace"),
        ("lastname", "Love\nlace"),
        ("lastname", "x" * 101),
        ("email", "ada"),
        ("email", "ada@example"),
        ("email", "a b@example.org"),
        ("email", "ada@example.org\nbcc: x@example.org"),
        ("email", "![p](//x)@a.co"),
        ("email", '"Ada Lovelace"@example.org'),
        ("email", "ada(boss)@example.org"),
        ("email", "<ada@example.org>"),
        ("email", "ada..l@example.org"),
        ("email", ".ada@example.org"),
        ("email", "ada@[127.0.0.1]"),
        ("email", "ada@-example.org"),
        ("email", "ada@example..org"),
        ("email", "adä@example.org"),
        ("email", f"{'a' * 65}@example.org"),
        ("phone", "call me"),
        ("phone", "12345"),
        ("phone", "1" * 18),
        ("phone", "06 10 20\n30 40"),
        ("phone", "+33610203040;ext=7"),
        ("phone", "++33610203040"),
        ("phone", "+33 06 12 34 56 78"),
        ("phone", "0033 06 12 34 56 78"),
        ("phone", "+33 (06) 12 34 56 78"),
        ("phone", "+33 (0)06 12 34 56 78"),
        ("phone", "+44 (020) 7946 0958"),
        ("phone", "00 44-020-7946-0958"),
        ("phone", "+49 030 1234567"),
        ("phone", "+41/044/668 18 00"),
        ("phone", "0612345678/79"),
        ("phone", "06 12 34 56 78 / 79"),
        ("phone", "+33612345678/79"),
        ("phone", "030/1234567/68"),
        ("phone", "123456/57"),
        ("phone", "06 12 34 56 78 (79)"),
        ("phone", "01234567/01234568"),
        ("country", "FRA"),
        ("country", "F"),
        ("country", "\u017fr"),
        ("language", "fra"),
        ("language", "f"),
        ("language", "french"),
        ("title", "dr"),
        ("title", "mr mrs"),
    ],
)
async def test_a_customer_is_taken_as_given_or_refused(field: str, wrong: str, cold: Desk) -> None:
    customer = {**CUSTOMER, field: wrong}
    assert await refused(cold, "place_order", customer=customer) == {f"customer.{field}"}


@pytest.mark.parametrize("field", ["firstname", "lastname", "email"])
async def test_a_customer_without_a_needed_field_is_refused(field: str, cold: Desk) -> None:
    customer = {k: v for k, v in CUSTOMER.items() if k != field}
    assert await refused(cold, "place_order", customer=customer) == {f"customer.{field}"}


@pytest.mark.parametrize(
    "wrong", ["by\x07 the aisle", "zero\u200bwidth", "two\nlines", "a\u2028b", " "]
)
async def test_a_note_with_invisible_characters_is_refused_not_altered(
    wrong: str, cold: Desk
) -> None:
    assert await refused(cold, "place_order", notes=wrong) == {"notes"}


@pytest.mark.parametrize(
    ("field", "written", "sent"),
    [
        ("phone", "0610203040", "0610203040"),
        ("phone", "+33610203040", "+33610203040"),
        ("phone", "+33 6 10 20 30 40", "+33610203040"),
        ("phone", "06\u00a010\u00a020\u00a030\u00a040", "0610203040"),
        ("phone", "+33\u202f(0)6/10/20/30/40", "+33610203040"),
        ("phone", "06.10-20\u201130\u201340", "0610203040"),
        ("phone", "(06) 10 20 30 40 ", "0610203040"),
        ("phone", "\uff0b33\uff16 10 20 30 40", "+33610203040"),
        ("phone", "0033 (0)6 12 34 56 78", "0033612345678"),
        ("phone", "00 33/(0) 6.12.34.56.78", "0033612345678"),
        ("phone", "(+44) (0)20 7946 0958", "+442079460958"),
        ("phone", "(0044)(0)20 7946 0958", "00442079460958"),
        ("phone", "(0)6 12 34 56 78", "0612345678"),
        ("phone", "+32 2 (0)12 34 56", "+3220123456"),
        ("phone", "+39 06 6982 1234", "+390669821234"),
        ("phone", "+39 (0)6 6982 1234", "+390669821234"),
        ("phone", "0039 06 6982 1234", "00390669821234"),
        ("phone", "+225 07 12 34 56 78", "+2250712345678"),
        ("phone", "030/1234567", "0301234567"),
        ("phone", "035204/12345", "03520412345"),
        ("phone", "+49 6151/123456", "+496151123456"),
        ("phone", "+49 30 1234567-89", "+4930123456789"),
        ("phone", "+1 (212) 555-1234", "+12125551234"),
        ("country", "fr", "FR"),
        ("country", " Fr ", "FR"),
        ("country", "uk", "GB"),
        ("language", "FR", "fr"),
        ("language", "fr-FR", "fr"),
        ("language", "pt_BR", "pt"),
        ("title", "Mr", "mr"),
        ("title", "MR.", "mr"),
        ("title", "Mme", "mrs"),
        ("title", "Ms.", "mrs"),
        ("title", "Señor", "mr"),
        ("title", "Mx", "mx"),
        ("email", "ada_lovelace+tickets@sub.example.org", "ada_lovelace+tickets@sub.example.org"),
        ("email", "o'brien{1}@xn--bcher-kva.xn--p1ai", "o'brien{1}@xn--bcher-kva.xn--p1ai"),
    ],
)
def test_what_is_said_of_a_person_is_sent_in_the_form_the_api_takes(
    field: str, written: str, sent: str
) -> None:
    given = {**CUSTOMER, field: written}
    assert getattr(Customer.model_validate(given).known(), field) == sent
    if field != "language":
        name = "nationality" if field == "country" else field
        person = {"ticket_id": AN_ID, "firstname": "Ada", "lastname": "L", name: written}
        assert getattr(Person.model_validate(person).holder, name) == sent


@pytest.mark.parametrize(
    ("field", "wrong", "form", "example"),
    [
        ("phone", "call me", "digits", "+33610203040"),
        ("phone", "+33 06 12 34 56 78", "without the 0", "+33610203040"),
        ("phone", "0612345678/79", "one number", "+33610203040"),
        ("country", "France", "two letters", "FR"),
        ("language", "french", "two letters", "fr"),
        ("title", "dr", "'mr', 'mrs' or 'mx'", "mrs"),
        ("email", "![p](//x)@a.co", "plain e-mail", "ada@example.org"),
    ],
)
async def test_what_is_refused_of_a_person_names_the_form_with_an_example(
    field: str, wrong: str, form: str, example: str, cold: Desk
) -> None:
    answer = await cold.ask("place_order", {"reservation_ids": [AN_ID], "customer": {field: wrong}})
    (problem,) = (p for p in answer.error["fields"] if p["field"] == f"customer.{field}")
    assert form in problem["problem"]
    assert problem["example"] == example
    assert f"(e.g. {example})" in answer.text
    if field in ("country", "language"):
        return
    person = {"ticket_id": AN_ID, "firstname": "Ada", "lastname": "L", field: wrong}
    asked = {"order_id": AN_ID, "beneficiaries": [person]}
    (problem,) = (await cold.ask("name_beneficiaries", asked)).error["fields"]
    assert (form in problem["problem"], problem["example"]) == (True, example)


async def test_a_refused_language_of_answers_names_the_form(cold: Desk) -> None:
    answer = await cold.ask("search_products", {"language": "english please"})
    assert answer.fields == {"language": "must be the code of a language, like fr or pt-BR"}
    assert answer.error["fields"][0]["example"] == "en"


@pytest.mark.parametrize(
    ("tool", "name", "count"),
    [
        ("reserve", "items", 11),
        ("reserve", "items", 0),
        ("place_order", "reservation_ids", 11),
        ("place_order", "reservation_ids", 0),
        ("get_reservation", "reservation_ids", 11),
        ("get_reservation", "reservation_ids", 0),
        ("name_beneficiaries", "beneficiaries", 51),
        ("name_beneficiaries", "beneficiaries", 0),
    ],
)
async def test_a_list_is_neither_empty_nor_endless(
    tool: str, name: str, count: int, cold: Desk
) -> None:
    assert await refused(cold, tool, **{name: ARGUMENTS[tool][name] * count}) == {name}


@pytest.mark.parametrize("quantity", [0, 51, -1, True, "2.5"])
async def test_nobody_reserves_none_or_more_than_fifty_of_an_offer(
    quantity: object, cold: Desk
) -> None:
    item = {"offer_id": f"k3f7qa.{AN_ID}", "quantity": quantity}
    assert await refused(cold, "reserve", items=[item]) == {"items.0.quantity"}


async def test_a_nested_object_must_be_one(cold: Desk) -> None:
    assert await refused(cold, "reserve", items=["x"]) == {"items.0"}
    assert await refused(cold, "reserve", items={"offer_id": "x"}) == {"items"}
    assert await refused(cold, "place_order", customer=["Ada"]) == {"customer"}
