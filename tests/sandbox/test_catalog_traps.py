"""What the read-only side publishes wrongly, oddly or not at all (traps T1 to T13, T29 to T32)."""

import re
from datetime import date, timedelta

import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from tests.sandbox.caller import CATALOGS, Caller, Json, calling

pytestmark = pytest.mark.anyio

VERSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
DAY = timedelta(days=1)


async def all_bases(caller: Caller) -> list[Json]:
    catalogs = await caller.members(CATALOGS)
    pages = [await caller.members(f"{each['@id']}/product_bases") for each in catalogs]
    return [base for page in pages for base in page]


async def test_five_catalogs_of_invented_issuers_are_on_sale(caller: Caller) -> None:
    names = [each["name"] for each in await caller.members(CATALOGS)]
    assert len(names) == 5
    assert names[1] == "Billetterie Hérons FC - Partenaires"


async def test_an_organisation_without_access_gets_an_empty_list(sandbox: Sandbox) -> None:
    async with calling(sandbox, as_newcomer=True) as newcomer:
        assert (await newcomer.read(CATALOGS))["totalItems"] == 0
        assert (await newcomer.get(newcomer.iri("park_catalog"))).status_code == 404


async def test_t1_lists_write_eur_small_and_the_live_price_large(caller: Caller) -> None:
    offer = caller.iri("park_offer")
    assert (await caller.read(offer))["price"]["currency"] == "eur"
    assert (await caller.read(f"{offer}/price"))["currency"] == "EUR"


async def test_t2_ids_are_of_version_7_or_4_and_one_is_malformed(caller: Caller) -> None:
    bases = await all_bases(caller)
    matches = [VERSION.fullmatch(base["id"]) for base in bases]
    assert {match[1] for match in matches if match} == {"4", "7"}
    assert [base["id"] for base, match in zip(bases, matches, strict=True) if not match] == [
        caller.places["malformed_id_base"]
    ]
    assert (await caller.read(caller.iri("malformed_id_base")))["name"] == "Carte cadeau 50 €"


async def test_t3_one_address_holds_a_literal_placeholder_and_its_id_works(caller: Caller) -> None:
    braced = [base for base in await all_bases(caller) if "{catalogId}" in base["@id"]]
    assert [base["id"] for base in braced] == [caller.places["brace_iri_base"]]
    assert (await caller.get(caller.iri("brace_iri_base"))).status_code == 200


async def test_t4_views_are_foreign_full_or_missing_and_one_list_has_no_total(
    caller: Caller,
) -> None:
    stadium = caller.iri("stadium_base")
    catalogs = await caller.read(CATALOGS, {"itemsPerPage": 2})
    assert catalogs["view"] == {
        "@id": f"{CATALOGS}?limit=2",
        "@type": "PartialCollectionView",
    }
    offers = await caller.read(f"{caller.iri('park_catalog')}/offers", {"page": 2})
    assert {"first", "last", "next", "previous"} <= offers["view"].keys()
    assert "view" not in await caller.read(f"{stadium}/products")
    values = await caller.read(f"{stadium}/options/zone/values", {"itemsPerPage": 50})
    assert "totalItems" not in values
    assert len(values["member"]) == 50


async def test_t5_t6_types_and_addresses_are_wrong_where_they_were_published_wrong(
    caller: Caller,
) -> None:
    offer = caller.iri("timed_offer")
    assert (await caller.read(f"{offer}/price"))["@type"] == "TicketingOffer"
    session = (await caller.read(f"{offer}/availability"))["sessionsAvailability"][0]
    assert (session["@id"], session["@type"], session["@context"]) == ("string",) * 3


async def test_t7_t8_undated_unlimited_untaxed_and_homeless_things_exist(caller: Caller) -> None:
    undated = await caller.read(caller.iri("undated_offer"))
    assert (undated["date"], undated["availableQuantity"]) == (None, None)
    price = await caller.read(f"{caller.iri('timed_offer')}/price")
    assert price["amountExclTax"] is None
    bare = await caller.read(caller.iri("malformed_id_base"))
    missing = ("venue", "medias", "description", "shortDescription", "termsOfUse", "timezone")
    assert [bare[name] for name in missing] == [None] * len(missing)


async def test_t9_texts_are_html_entities_very_long_or_orders_to_an_assistant(
    caller: Caller,
) -> None:
    park = await caller.read(caller.iri("park_base"))
    assert "<span style=" in park["description"]
    assert "&nbsp;" in park["description"]
    hall = await caller.read(caller.iri("hall_base"))
    assert len(hall["termsOfUse"]) > 10_000
    loud = await caller.read(caller.iri("injection_base"), language="en")
    assert "ignore all previous instructions" in loud["description"]


async def test_t11_t12_a_base_limits_the_count_and_coordinates_are_text(caller: Caller) -> None:
    derby = await caller.read(caller.iri("max_six_base"))
    assert derby["maxAmountPerOrder"] == 6
    assert derby["venue"]["latitude"] == "50.4012"
    assert (await caller.read(caller.iri("hall_base")))["venue"]["latitude"] == ""


@pytest.mark.parametrize("path", ["/catalogs", "/v1/catalogs", f"{CATALOGS}/", "/ticketing"])
async def test_t13_paths_without_the_prefix_or_with_a_slash_are_not_found(
    caller: Caller, path: str
) -> None:
    answer = await caller.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_t19_a_filter_takes_ids_and_an_iri_in_it_finds_nothing(caller: Caller) -> None:
    offers = f"{caller.iri('park_catalog')}/offers"
    found = await caller.read(offers, {"productBaseId": caller.places["undated_base"]})
    assert found["totalItems"] == 2
    for name in ("productBaseId", "product[]", "session", "optionValuesContext[]"):
        found = await caller.read(offers, {name: caller.iri("undated_base")})
        assert (found["totalItems"], found["member"]) == (0, [])


async def test_t20_an_old_server_ignores_the_new_filters() -> None:
    old = Sandbox(SandboxOptions(seed=7, old_server=True), clock=ManualClock())
    async with calling(old) as caller:
        offers = f"{caller.iri('park_catalog')}/offers"
        everything = (await caller.read(offers))["totalItems"]
        for name in ("productBaseId", "optionValuesContext[]"):
            assert (await caller.read(offers, {name: "nothing"}))["totalItems"] == everything
        assert (await caller.read(offers, {"product[]": "nothing"}))["totalItems"] == 0


async def test_t21_list_stock_lags_behind_the_live_figure(caller: Caller) -> None:
    offer = caller.iri("park_offer")
    before = (await caller.read(offer))["availableQuantity"]
    await caller.hold("park_offer", 3)
    assert (await caller.read(offer))["availableQuantity"] == before
    assert (await caller.read(f"{offer}/availability"))["availableQuantity"] == before - 3
    caller.sandbox.clock.advance(61)
    assert (await caller.read(offer))["availableQuantity"] == before - 3


async def test_t21_a_dynamic_price_differs_from_the_list_price(caller: Caller) -> None:
    offer = await caller.read(caller.iri("dynamic_price_offer"))
    live = await caller.read(f"{offer['@id']}/price")
    assert offer["realtimePriceRequired"] is True
    assert live["amountInclTax"] != offer["price"]["amountInclTax"]


async def test_t29_lists_carry_the_short_form_and_items_the_long_one(caller: Caller) -> None:
    listed = (await caller.members(f"{caller.iri('park_catalog')}/product_bases"))[0]
    assert listed.keys() == {"@id", "@type", "id", "name", "disabled", "revision"}
    assert (await caller.read(listed["@id"]))["description"]


async def test_t31_every_resource_has_an_unknown_key_and_one_universe_is_unknown(
    caller: Caller,
) -> None:
    offer = caller.iri("seated_offer")
    for path in (CATALOGS, caller.iri("hall_base"), offer, f"{offer}/price"):
        body = await caller.read(path)
        assert all("revision" in each for each in body.get("member", [body]))
    assert (await caller.read(caller.iri("ski_base")))["universe"] == "snow_sports"


async def test_t32_large_pages_are_cut_to_50_and_late_pages_are_empty(caller: Caller) -> None:
    offers = f"{caller.iri('park_catalog')}/offers"
    assert len((await caller.read(offers, {"itemsPerPage": 500}))["member"]) == 50
    late = await caller.read(offers, {"page": 9999})
    assert late["member"] == []
    assert late["totalItems"] > 900
    none = await caller.read(offers, {"itemsPerPage": 0})
    assert (none["member"], none["totalItems"]) == ([], late["totalItems"])


async def test_a_disabled_base_is_listed_only_when_asked_for(caller: Caller) -> None:
    bases = f"{caller.iri('stadium_catalog')}/product_bases"
    disabled = caller.places["disabled_base"]
    assert disabled not in {each["id"] for each in await caller.members(bases)}
    asked = await caller.members(bases, {"withDisabled": "true"})
    assert {each["id"]: each["disabled"] for each in asked}[disabled] is True


async def test_texts_come_in_english_when_asked_and_else_in_french(caller: Caller) -> None:
    base = caller.iri("park_base")
    french = (await caller.read(base))["name"]
    assert (await caller.read(base, language="en-GB,fr;q=0.5"))["name"] != french
    for other in ("de", "*", "en;q=0", "fr;q=0.9,en;q=0.2", "", "en;q=x"):
        assert (await caller.read(base, language=other))["name"] == french


@pytest.mark.parametrize(
    ("name", "expected"),
    [("after", 3), ("strictly_after", 2), ("before", 3), ("strictly_before", 2)],
)
async def test_date_bounds_include_the_day_unless_strict(
    caller: Caller, name: str, expected: int
) -> None:
    """A06."""
    today = caller.sandbox.clock.now().date()
    day = today + (118 if name.endswith("after") else 2) * DAY
    query = {"productBaseId": caller.places["park_base"], f"date[{name}]": day.isoformat()}
    found = await caller.read(f"{caller.iri('park_catalog')}/offers", query)
    assert found["totalItems"] == expected * 6


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "2026-W01-1", "01/06/2026", ""])
async def test_a_date_filter_of_another_form_is_refused(caller: Caller, day: str) -> None:
    answer = await caller.get(f"{caller.iri('park_catalog')}/offers", {"date[after]": day})
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


async def test_offers_are_found_by_product_option_values_and_session(caller: Caller) -> None:
    catalog, base = caller.iri("stadium_catalog"), caller.iri("stadium_base")
    products = await caller.members(f"{base}/products")
    values = [value["@id"].rpartition("/")[2] for value in products[4]["optionValues"]]
    by_product = await caller.members(f"{catalog}/offers", {"product[]": products[4]["id"]})
    by_values = await caller.members(f"{catalog}/offers", {"optionValuesContext[]": values})
    assert [each["id"] for each in by_product] == [each["id"] for each in by_values]
    two = {"product[]": [products[4]["id"], products[5]["id"]]}
    assert len(await caller.members(f"{catalog}/offers", two)) == 2
    session = {"session": caller.places["sold_out_session"]}
    in_session = await caller.members(f"{caller.iri('museum_catalog')}/offers", session)
    assert len(in_session) == 3
    assert len({each["date"] for each in in_session}) == 1


async def test_offers_are_sorted_by_day_when_asked(caller: Caller) -> None:
    offers = f"{caller.iri('stadium_catalog')}/offers"
    rising = await caller.members(offers, {"order[date]": "asc"})
    falling = await caller.members(offers, {"order[date]": "desc"})
    assert rising[0]["date"] < rising[-1]["date"] or rising[0]["date"] < falling[0]["date"]
    days = [date.fromisoformat(each["date"]) for each in falling]
    assert days == sorted(days, reverse=True)


async def test_offers_reach_from_tomorrow_to_a_hundred_and_twenty_days_ahead(
    caller: Caller,
) -> None:
    query = {"productBaseId": caller.places["ski_base"], "order[date]": "asc"}
    offers = f"{caller.iri('ski_catalog')}/offers"
    first = (await caller.members(offers, query))[0]["date"]
    last = (await caller.members(offers, {**query, "order[date]": "desc"}))[0]["date"]
    today = caller.sandbox.clock.now().date()
    assert (first, last) == ((today + DAY).isoformat(), (today + 120 * DAY).isoformat())


async def test_all_pages_together_hold_every_member_once(caller: Caller) -> None:
    offers = f"{caller.iri('stadium_catalog')}/offers"
    total = (await caller.read(offers))["totalItems"]
    pages = range(1, total // 50 + 2)
    found = [each["id"] for page in pages for each in await caller.members(offers, {"page": page})]
    assert (len(found), len(set(found))) == (total, total)


async def test_the_stadium_has_fifty_drawn_zones_linked_to_option_values(caller: Caller) -> None:
    base = await caller.read(caller.iri("stadium_base"))
    layout = await caller.read(base["seatMap"])
    values = await caller.members(f"{caller.iri('stadium_base')}/options/zone/values")
    assert [zone["optionValue"] for zone in layout["zones"]] == [value["@id"] for value in values]
    assert all(len(zone["polygon"]) >= 4 for zone in layout["zones"])
    categories = {each["@id"] for each in layout["seatingCategories"]}
    assert {zone["seatingCategory"] for zone in layout["zones"]} == categories
    assert len(categories) == 6


async def test_the_hall_has_rows_a_standing_pit_and_another_map_for_matinees(
    caller: Caller,
) -> None:
    ticket = (await caller.members(f"{caller.iri('seated_offer')}/tickets"))[0]
    sessions = await caller.members(f"{ticket['@id']}/sessions")
    maps = [await caller.read(session["seatMap"]) for session in sessions]
    assert len({each["id"] for each in maps}) == 2
    for layout in maps:
        seats = sum(len(row["seats"]) for zone in layout["zones"] for row in zone["rows"] or [])
        assert seats > 250
        assert [zone["name"] for zone in layout["zones"] if zone["rows"] is None] == ["Fosse"]


async def test_a_session_gives_the_local_time_with_its_offset(caller: Caller) -> None:
    ticket = (await caller.members(f"{caller.iri('seated_offer')}/tickets"))[0]
    evening = (await caller.members(f"{ticket['@id']}/sessions"))[1]
    assert evening["startsAt"].endswith("T20:30:00+02:00")


async def test_a_product_answers_under_its_flat_address_only_in_its_catalog(
    caller: Caller,
) -> None:
    product = (await caller.members(f"{caller.iri('park_base')}/products"))[0]
    assert (await caller.read(product["@id"]))["productBase"] == caller.iri("park_base")
    foreign = f"{caller.iri('ski_catalog')}/products/{product['id']}"
    assert (await caller.get(foreign)).status_code == 404


async def test_forms_are_gone(caller: Caller) -> None:
    """A28."""
    assert (await caller.get("/v1/forms/0195197f-7918-7285-bb4b-7df2b682c3eb")).status_code == 404
