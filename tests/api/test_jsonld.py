import re
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.api import (
    InvalidId,
    ids_in,
    jsonld,
    last_segment,
    parse_iri,
)
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, RESERVATION, SESSION

IDS = st.from_regex(r"\A[0-9A-Za-z][0-9A-Za-z_-]{0,63}\Z")
TEMPLATES = [each for each in vars(jsonld).values() if isinstance(each, jsonld.Template)]
NASTY = [
    "", ".", "..", "a/b", "a b", "a%2fb", "a\\b", "a?b", "a#b", "a@b", "a:b", "a\x00", "{id}", "-a",
    "_a", "é", "a\n", "٣", "x" * 65, "a..", "genid/x", "//evil",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_what_cannot_be_a_segment_is_refused(text: str) -> None:
    with pytest.raises(InvalidId) as refused:
        jsonld.segment(text)
    assert text == "" or text not in str(refused.value)[:3]


def test_an_id_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidId):
        OFFER.iri("c", 5)  # type: ignore[arg-type]  # what a careless caller does
    with pytest.raises(InvalidId):
        ids_in(None, jsonld.OFFER)  # type: ignore[arg-type]  # the same
    with pytest.raises(InvalidId):
        parse_iri(b"/v1/")  # type: ignore[arg-type]  # the same


@given(st.lists(IDS, min_size=4, max_size=4), st.sampled_from(TEMPLATES))
def test_what_is_built_is_taken_apart_again(ids: list[str], template: jsonld.Template) -> None:
    wanted = tuple(ids[: template.path.count("{")])
    iri = template.iri(*wanted)
    assert template.match(iri) == (wanted if len(iri) <= jsonld.IRI_LIMIT else None)


PIECES = st.one_of(
    st.sampled_from(
        [
            "v1",
            "ticketing",
            "booking",
            "catalogs",
            "offers",
            "..",
            "",
            "{id}",
            "orders",
            "%2e",
            "_bulk",
        ]
    ),
    st.text(max_size=8),
    IDS,
)


@given(
    st.one_of(st.text(), st.lists(PIECES, max_size=10).map("/".join), st.text().map("/v1/".__add__))
)
def test_any_text_gives_a_path_of_the_table_or_is_refused(text: str) -> None:
    try:
        template, ids = parse_iri(text)
    except InvalidId:
        return
    rebuilt = template.iri(*ids)
    assert rebuilt == text
    assert template in jsonld.RESOURCES
    assert re.fullmatch(r"/v1/[0-9A-Za-z/_-]+", rebuilt, re.ASCII)


@pytest.mark.parametrize(
    "iri",
    [
        "https://api.korusticket.com/v1/booking/orders/a",
        "//evil.example/v1/booking/orders/a",
        "/v1/booking/orders/{id}",
        "/v1/booking/orders/a/",
        "/v1/booking/orders/a?x=1",
        "/v1/booking/orders/a#x",
        "/v1/booking/orders/..",
        "/.well-known/genid/a",
        "/v1/.well-known/genid/a",
        "/booking/orders/a",
        "v1/booking/orders/a",
        "a",
        "/v1/booking/orders/a\n",
        "/v1/booking/orders/" + "a" * 600,
    ],
)
def test_foreign_broken_and_anonymous_addresses_are_refused(iri: str) -> None:
    with pytest.raises(InvalidId):
        ids_in(iri, jsonld.ORDER)
    with pytest.raises(InvalidId):
        parse_iri(iri)


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidId):
        ids_in(jsonld.ORDER.iri("a"), jsonld.RESERVATION, jsonld.OFFER)


def test_the_addresses_of_bodies() -> None:
    assert jsonld.CATALOG.iri("c") == "/v1/ticketing/catalogs/c"
    assert jsonld.PRODUCT_BASE.iri("c", "b") == "/v1/ticketing/catalogs/c/product_bases/b"
    assert jsonld.PRODUCT.iri("c", "p") == "/v1/ticketing/catalogs/c/products/p"
    assert (
        jsonld.SEAT_MAP.iri("c", "b", "m") == "/v1/ticketing/catalogs/c/product_bases/b/seat_maps/m"
    )
    assert OFFER.iri("c", "o") == "/v1/ticketing/catalogs/c/offers/o"
    assert OFFER_TICKET.iri("c", "o", "t") == "/v1/ticketing/catalogs/c/offers/o/tickets/t"
    assert (
        SESSION.iri("c", "o", "t", "s") == "/v1/ticketing/catalogs/c/offers/o/tickets/t/sessions/s"
    )
    assert RESERVATION.iri("r") == "/v1/booking/reservations/r"
    assert jsonld.ORDER.iri("o") == "/v1/booking/orders/o"
    assert jsonld.ORDER_ITEM_TICKET.iri("o", "i", "t") == "/v1/booking/orders/o/items/i/tickets/t"
    assert jsonld.DOCUMENT.iri("o", "d") == "/v1/booking/orders/o/documents/d"


def test_a_template_counts_its_ids() -> None:
    with pytest.raises(TypeError):
        jsonld.ORDER.iri("a", "b")
    with pytest.raises(TypeError):
        jsonld.ORDER.iri()


def test_sessions_are_compared_by_their_last_segment() -> None:
    newer = SESSION.iri("c", "o", "t", "s")
    older = "/v1/ticketing/catalogs/c/events/e/sessions/s"
    assert last_segment(newer) == last_segment(older) == "s"
    with pytest.raises(InvalidId):
        last_segment("/v1/catalogs/{catalogId}")


def test_the_word_bulk_is_no_id() -> None:
    with pytest.raises(InvalidId):
        ids_in("/v1/booking/orders/_bulk", jsonld.ORDER)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 99999, b'{"a": 1' + b"0" * 5000, b'{"a":1' + b"0" * 5000 + b"]"],
)
def test_what_is_not_json_is_named_so(body: bytes) -> None:
    with pytest.raises(jsonld.NotReadable, match="not JSON"):
        jsonld.json_object(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"x"', b"true", b"NaN", b"1.5"])
def test_what_is_no_object_is_named_so(body: bytes) -> None:
    with pytest.raises(jsonld.NotReadable, match="not an object"):
        jsonld.json_object(body)


@pytest.mark.parametrize("total", [None, -1, "7", 7.5, True, [], {}])
def test_a_total_that_is_no_count_is_no_total(total: object) -> None:
    assert jsonld.total_items({"totalItems": total}) is None


@pytest.mark.parametrize(
    ("number", "read"),
    [("35.1", "35.1"), ("35.10", "35.10"), ("0.30000000000000004", "0.30000000000000004")],
)
def test_a_number_is_read_as_it_was_written(number: str, read: str) -> None:
    assert str(jsonld.json_object(f'{{"a": {number}}}'.encode())["a"]) == read


@pytest.mark.parametrize(
    "number",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "1e-999", "1e99999999999999999999"),
        pytest.param("9" * 5_000, id="5,000 digits"),
        pytest.param("-1" + "0" * 99_999, id="less than nothing by 100,000 digits"),
    ],
)
def test_what_is_no_finite_number_costs_its_field_alone(number: str) -> None:
    body = jsonld.json_object(f'{{"a": {number}, "b": 1}}'.encode())
    assert isinstance(body["a"], float)
    assert isnan(body["a"])
    assert body["b"] == 1
