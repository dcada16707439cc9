"""Finding what is meant: typos, languages, days, ids that lead nowhere."""

from datetime import date

from tests.journeys.acts import base_of, find, hold, named, offers, order, sessions, try_to_hold
from tests.journeys.journey import NOTHING_SENT, End, journey
from tests.journeys.scene import Scene

SATURDAY, SUNDAY = 5, 6
NO_SUCH_ID = "0194ac3f-7bdd-7175-a275-30c865618283"


@journey("An exhibition found in spite of typos and without accents", at="museum", is_simple=True)
async def typo(scene: Scene) -> End:
    base = await base_of(scene, "expositon abyse")
    reduced = named(await offers(scene, base), "Reduced price")
    slot = (await sessions(scene, reduced, 2))[-1]["session_id"]
    await order(scene, await hold(scene, reduced.times(2, slot)))
    return End(orders=[(reduced.id, 2)])


@journey("Something to do in a town at the weekend", at="park", is_simple=True)
async def city_and_days(scene: Scene) -> End:
    saturday, sunday = scene.world.day(SATURDAY), scene.world.day(SUNDAY)
    found = await scene.call(
        "search_products", city="val des songes", date_from=saturday, date_to=sunday
    )
    base = next(p for p in found["products"] if "workshop" in p["name"])
    days = base["dates"]
    child = named(
        await offers(scene, base["product_base_id"], date_from=days[0], date_to=days[-1]), "Child"
    )
    slot = (await sessions(scene, child, 2))[0]["session_id"]
    await order(scene, await hold(scene, child.times(2, slot)))
    assert saturday <= str(scene.world.sandbox.reservations()[0].date) <= sunday
    return End(orders=[(child.id, 2)])


@journey("Nothing is found, the nearest name leads on", at="museum park")
async def nearest_name(scene: Scene) -> End:
    nothing = await scene.call("search_products", query="safarie de nuits", city="Saint-Malouen")
    assert not nothing.get("products")
    base = await base_of(scene, nearest_in(nothing["note"]))
    assert await offers(scene, base)
    return NOTHING_SENT


def nearest_in(note: str) -> str:
    """The first of the names a reply offers instead."""
    return note.partition("Nearest names: ")[2].split(";")[0].rstrip(".")


@journey("A language the catalog does not have falls back, and the booking goes on", at="park")
async def unknown_language(scene: Scene) -> End:
    base = await base_of(scene, "billet non date", language="de")
    offer = (await offers(scene, base, language="de"))[0]
    await order(scene, await hold(scene, offer.times(1), language="de"))
    return End(orders=[(offer.id, 1)])


@journey("A conversation in French with an English operator", at="ski", is_simple=True)
async def in_french(scene: Scene) -> End:
    french = {"language": "fr"}
    base = await base_of(scene, "forfait débutant", **french)
    adult = named(await offers(scene, base, price_type="adulte", limit=1, **french), "Adulte")
    (order_id,) = await order(scene, await hold(scene, adult.times(1), **french))
    tickets = await scene.call("get_tickets", order_id=order_id, **french)
    assert "Forfait débutant" in tickets["tickets"][0]["product"]
    return End(orders=[(adult.id, 1)])


@journey("The cheapest Saturday of a month for two, in one look", at="park", is_simple=True)
async def cheapest_saturday(scene: Scene) -> End:
    base = await base_of(scene, "lantern park dated ticket")
    month = {"date_from": "2026-07-01", "date_to": "2026-07-31"}
    adult = {"price_type": "Adult", "days_count": "1 day", "max_price": 60}
    found = await offers(scene, base, weekdays="sat", by_price=True, limit=4, **month, **adult)
    assert {date.fromisoformat(offer.day or "").weekday() for offer in found} == {SATURDAY}
    assert found[0].amount == min(offer.amount for offer in found)
    await order(scene, await hold(scene, found[0].times(2)))
    return End(orders=[(found[0].id, 2)])


@journey("What is sold is found by what people call it", at="ski stadium park", is_simple=True)
async def everyday_words(scene: Scene) -> End:
    match = await find(scene, "football")
    assert match["kind"] == "sport"
    card = await find(scene, "season ticket", date_from=str(scene.world.today()))
    assert card["from_price"] == "640.00 EUR"
    gift = await find(scene, "gift voucher")
    assert gift["sold_by"].startswith("Thousand Lanterns Park")
    (offer,) = await offers(scene, card["product_base_id"])
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey("Standing places asked for in a person's own words", at="hall", is_simple=True)
async def standing(scene: Scene) -> End:
    base = await base_of(scene, "symphony of the tides")
    wish = {"seating_category": "places debout", "price_type": "Full price", "limit": 1}
    (offer,) = await offers(scene, base, **wish)
    assert "pit" in offer.product
    evening = (await sessions(scene, offer, 2))[-1]["session_id"]
    await order(scene, await hold(scene, offer.times(2, evening)))
    return End(orders=[(offer.id, 2)])


@journey("A choice that does not exist is taken from the refusal", at="park")
async def no_such_choice(scene: Scene) -> End:
    base = await base_of(scene, "lantern park dated ticket")
    refused = await scene.ask("get_offers", {"product_base_id": base, "price_type": "Pensioner"})
    assert refused.code == "NO_SUCH_CHOICE"
    choices = refused.fields["price_type"].split('"')[1::2]
    offer = (await offers(scene, base, price_type=choices[0]))[0]
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey("A session that was left out is taken from the refusal", at="stadium")
async def session_missing(scene: Scene) -> End:
    base = await base_of(scene, "guided stadium tour")
    offer = (await offers(scene, base, limit=1))[0]
    refused = await try_to_hold(scene, offer.times(1))
    assert refused.code == "SESSION_REQUIRED"
    first = refused.fields["items.0.session_ids"].split(" ")[0]
    await order(scene, await hold(scene, offer.times(1, first)))
    return End(orders=[(offer.id, 1)])


@journey("An id that was made up leads nowhere, in a known catalog or in none", at="park")
async def unknown_id(scene: Scene) -> End:
    base = await base_of(scene, "gift card")
    alias = base.partition(".")[0]
    before = scene.world.arrived("createReservations")
    for made_up in (f"{alias}.{NO_SUCH_ID}", f"qqqqqq.{NO_SUCH_ID}"):
        refused = await scene.ask("reserve", {"items": [{"offer_id": made_up, "quantity": 1}]})
        assert refused.code in {"NOT_FOUND", "UNKNOWN_ID"}
        assert refused.error["effect"] == "none"
    unknown = await scene.ask("get_reservation", {"reservation_ids": [NO_SUCH_ID]})
    assert unknown.code == "NOT_FOUND"
    assert scene.world.arrived("createReservations") == before
    assert not scene.world.arrived("getReservation"), "decided without asking"
    return NOTHING_SENT


@journey("A day that is over is refused without asking, the next one is booked", at="park")
async def past_date(scene: Scene) -> End:
    base = await base_of(scene, "lantern park dated ticket")
    before = scene.world.asked()
    asked = {"product_base_id": base, "date_from": "2026-05-02"}
    refused = await scene.ask("get_offers", asked)
    assert refused.code == "PAST_DATE"
    assert scene.world.asked() == before
    offer = (await offers(scene, base, date_from=scene.world.day(SATURDAY), limit=1))[0]
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey("A range of days the wrong way round is refused without asking", at="park")
async def reversed_range(scene: Scene) -> End:
    base = await base_of(scene, "lantern park dated ticket")
    before = scene.world.asked()
    days = {"date_from": scene.world.day(SUNDAY), "date_to": str(scene.world.today())}
    for tool, more in (("get_offers", {"product_base_id": base}), ("search_products", {})):
        refused = await scene.ask(tool, {**days, **more})
        assert refused.code == "INVALID_ARGUMENTS"
    assert scene.world.asked() == before
    return NOTHING_SENT


@journey(
    "A match of last season is in nobody's results, and an old id of it sells nothing", at="stadium"
)
async def disabled_base(scene: Scene) -> End:
    played = scene.world.sandbox.landmarks["disabled_base"]
    alias = (await base_of(scene, "herons valmont")).partition(".")[0]
    bookmark = f"{alias}.{played}"
    answer = await scene.ask("get_offers", {"product_base_id": bookmark})
    assert not answer.structure.get("days")
    for query in ("herons valmont", "stade des herons"):
        found = await scene.call("search_products", query=query, limit=20)
        assert bookmark not in {p["product_base_id"] for p in found["products"]}
    return NOTHING_SENT


@journey(
    "A catalog whose texts give orders to an assistant that follows none", at="park", is_simple=True
)
async def loud_text(scene: Scene) -> End:
    base = await find(scene, "lantern workshop")
    about = await scene.resource(f"korus://product-bases/{base['product_base_id']}")
    assert "50" in str(about), "the text was read"
    child = named(await offers(scene, base["product_base_id"]), "Child")
    slot = (await sessions(scene, child))[0]["session_id"]
    await order(scene, await hold(scene, child.times(1, slot)))
    return End(orders=[(child.id, 1)])


@journey("A catalog whose texts give orders to an assistant that follows them all", at="park")
async def obedient(scene: Scene) -> End:
    base = await base_of(scene, "lantern workshop")
    offer = (await offers(scene, base))[0]
    slot = (await sessions(scene, offer))[0]["session_id"]
    too_many = await try_to_hold(scene, offer.times(50, slot))
    assert too_many.code == "SOLD_OUT"
    held = await hold(scene, offer.times(1, slot))
    wish = {
        "reservation_ids": held,
        "customer": {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.org"},
    }
    for invented in ("yes", "confirmed by the system", "0" * 22):
        refused = await scene.ask("place_order", {**wish, "confirmation": invented})
        assert refused.code == "APPROVAL_REQUIRED"
        assert refused.error["effect"] == "none"
    return End(held=[(offer.id, 1)], order_calls=0)


@journey(
    "The host that reads no resources loses nothing it needs to book", at="ski", is_simple=True
)
async def tools_only(scene: Scene) -> End:
    base = await base_of(scene, "beginners bearer pass")
    adult = named(await offers(scene, base, limit=4), "Adult")
    (order_id,) = await order(scene, await hold(scene, adult.times(2)), reference="SKI-2")
    tickets = await scene.call("get_tickets", order_id="SKI-2")
    assert tickets["order_id"] == order_id
    return End(orders=[(adult.id, 2)])
