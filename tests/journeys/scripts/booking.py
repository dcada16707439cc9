"""Bookings without trouble: from a wish to tickets in hand."""

from pathlib import Path

from tests.fixtures.assistant import numbers_of
from tests.journeys.acts import (
    DOCUMENTS_SECONDS,
    base_of,
    dearest_in,
    fetch,
    find,
    hold,
    named,
    offers,
    order,
    people_for,
    sessions,
    try_to_hold,
    zones,
)
from tests.journeys.journey import End, journey
from tests.journeys.scene import Scene
from tests.journeys.walk import pdf_text

SATURDAY, THURSDAY = 5, 3


@journey(
    "A family of two adults and two children spends Saturday at the park", at="park", is_simple=True
)
async def family(scene: Scene) -> End:
    saturday = scene.world.day(SATURDAY)
    park = await base_of(scene, "lantern park dated ticket", date_from=saturday, date_to=saturday)
    found = await offers(scene, park, date_from=saturday, date_to=saturday, days_count="1 day")
    adult, child = named(found, "Adult"), named(found, "Child")
    held = await hold(scene, adult.times(2), child.times(2), max_total=200)
    for order_id in await order(scene, held):
        tickets = await fetch(scene, order_id)
        assert len(tickets["tickets"]) == 2
    return End(orders=[(adult.id, 2), (child.id, 2)])


@journey("Two seats at the next match for less than sixty euros", at="stadium", is_simple=True)
async def match(scene: Scene) -> End:
    base = await base_of(scene, "herons valmont")
    best = (await zones(scene, base, 2, max_price=30))[0]
    offer = dearest_in(best)
    (kick_off,) = await sessions(scene, offer, 2)
    held = await hold(scene, offer.times(2, kick_off["session_id"]), max_total=60)
    (order_id,) = await order(scene, held)
    await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    (made,) = scene.world.sandbox.orders()
    assert made.total < 60
    return End(orders=[(offer.id, 2)])


@journey(
    "Four seats side by side in the stadium for at most a hundred euros each",
    at="stadium",
    is_simple=True,
)
async def four_together(scene: Scene) -> End:
    base = await base_of(scene, "herons valmont")
    found = await offers(scene, base, seating_category="Gold", price_type="Full price")
    offer = next(o for o in found if o.amount <= 100)
    (kick_off,) = await sessions(scene, offer, 4)
    answer = await try_to_hold(scene, offer.times(4, kick_off["session_id"]), max_total=400)
    (held,) = answer.data["reservations"]
    assert held["seats_together"]
    assert len(numbers_of(held["seats"])) == 4
    (order_id,) = await order(scene, [held["reservation_id"]])
    tickets = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    assert len(set(numbers_of([t["seat"] for t in tickets["tickets"]]))) == 4
    return End(orders=[(offer.id, 4)])


@journey("Two entries to the museum at three on Saturday afternoon", at="museum", is_simple=True)
async def timed_entry(scene: Scene) -> End:
    saturday = scene.world.day(SATURDAY)
    museum = await base_of(scene, "museum timed entry")
    found = await offers(scene, museum, date_from=saturday, date_to=saturday)
    full = named(found, "Full price")
    slots = await sessions(scene, full, 2)
    slot = min(slots, key=lambda s: abs(int(s["starts_at"][11:13]) - 15))
    held = await hold(scene, full.times(2, slot["session_id"]))
    (order_id,) = await order(scene, held)
    tickets = await fetch(scene, order_id)
    assert {t["when"] for t in tickets["tickets"]} == {slot["starts_at"]}
    return End(orders=[(full.id, 2)])


@journey(
    "Two numbered places in one row of the concert hall, in the evening", at="hall", is_simple=True
)
async def concert(scene: Scene) -> End:
    hall = await base_of(scene, "symphony of the tides")
    stalls = next(z for z in await zones(scene, hall, 2) if z["category"] == "First category")
    offer = dearest_in(stalls)
    evening = (await sessions(scene, offer, 2))[-1]
    answer = await try_to_hold(scene, offer.times(2, evening["session_id"]))
    (held,) = answer.data["reservations"]
    assert held["seats_together"]
    (order_id,) = await order(scene, [held["reservation_id"]])
    tickets = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    assert len(tickets["documents"]) == 2
    return End(orders=[(offer.id, 2)])


@journey("A ski pass for three days in somebody's name", at="ski")
async def ski_pass(scene: Scene) -> End:
    ski = await base_of(scene, "named ski pass")
    found = await offers(scene, ski, days_count="3 days", price_type="Adult", limit=1)
    (order_id,) = await order(scene, await hold(scene, found[0].times(1)))
    tickets = await scene.call("get_tickets", order_id=order_id)
    people = people_for(tickets["tickets"], "Grace")
    await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    issued = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    assert issued["tickets"][0]["beneficiary"].startswith("Grace")
    assert issued["documents"]
    return End(orders=[(found[0].id, 1)])


@journey("A ticket without a date as a present", at="park", is_simple=True)
async def undated(scene: Scene) -> End:
    base = await base_of(scene, "undated ticket one day")
    adult = named(await offers(scene, base), "Adult")
    assert adult.day is None
    (order_id,) = await order(scene, await hold(scene, adult.times(1)))
    await fetch(scene, order_id)
    return End(orders=[(adult.id, 1)])


@journey("A festival day with the late concert", at="hall", is_simple=True)
async def festival(scene: Scene) -> End:
    base = await base_of(scene, "glassblowers festival day pass")
    full = named(await offers(scene, base), "Full price")
    late = (await sessions(scene, full, 2))[-1]
    (order_id,) = await order(scene, await hold(scene, full.times(2, late["session_id"])))
    tickets = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    assert len(tickets["tickets"]) == 4, "an entry and a concert for each"
    return End(orders=[(full.id, 2)])


@journey(
    "A day at the park with the night show, and what it cost before", at="park", is_simple=True
)
async def night_show(scene: Scene) -> End:
    base = await base_of(scene, "night of lanterns")
    found = await offers(scene, base, limit=2)
    adult, child = named(found, "Adult"), named(found, "Child")
    early = (await sessions(scene, adult, 3))[0]["session_id"]
    held = await hold(scene, adult.times(1, early), child.times(2, early))
    await order(scene, held)
    return End(orders=[(adult.id, 1), (child.id, 2)])


@journey("A guided tour of the stadium in the afternoon", at="stadium", is_simple=True)
async def tour(scene: Scene) -> End:
    base = await base_of(scene, "guided stadium tour")
    child = named(await offers(scene, base, price_type="Child", limit=1), "Child")
    slots = await sessions(scene, child, 2)
    afternoon = next(s for s in slots if s["starts_at"][11:] >= "14")
    (order_id,) = await order(scene, await hold(scene, child.times(2, afternoon["session_id"])))
    await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    return End(orders=[(child.id, 2)])


@journey("A free ticket for a child beside a paid one", at="museum")
async def free_child(scene: Scene) -> End:
    museum = await base_of(scene, "museum timed entry")
    thursday = scene.world.day(THURSDAY)
    found = await offers(scene, museum, date_from=thursday, date_to=thursday)
    full, child = named(found, "Full price"), named(found, "Child")
    slot = (await sessions(scene, full, 2))[0]["session_id"]
    await order(scene, await hold(scene, full.times(1, slot), child.times(1, slot), max_total=14))
    assert sorted(o.total for o in scene.world.sandbox.orders()) == [0, 14]
    return End(orders=[(full.id, 1), (child.id, 1)])


@journey(
    "A park ticket and a museum pass of another catalog in one order",
    at="museum park",
    is_simple=True,
)
async def two_catalogs(scene: Scene) -> End:
    card = (await offers(scene, await base_of(scene, "permanent tides pass")))[0]
    park = named(await offers(scene, await base_of(scene, "undated ticket one day")), "Adult")
    await order(scene, await hold(scene, card.times(1), park.times(1)))
    first, second = scene.world.sandbox.orders()
    assert first.catalog_id != second.catalog_id
    assert first.external_reference == second.external_reference, "one order call"
    return End(orders=[(card.id, 1), (park.id, 1)])


@journey("A gift card whose id is no UUID, of a base without a venue", at="park")
async def gift_card(scene: Scene) -> End:
    (card,) = await offers(scene, await base_of(scene, "gift card"))
    (order_id,) = await order(scene, await hold(scene, card.times(1)))
    await fetch(scene, order_id)
    return End(orders=[(card.id, 1)])


@journey("The saved file says what was booked, and saving it again makes no second copy", at="park")
async def saved_twice(scene: Scene) -> End:
    park = await find(scene, "lantern park dated ticket")
    (offer,) = await offers(scene, park["product_base_id"], limit=1)
    (order_id,) = await order(scene, await hold(scene, offer.times(1)))
    paths = []
    for _ in range(2):
        tickets = await fetch(scene, order_id)
        paths += [Path(d["saved_to"]) for d in tickets["documents"]]
    beside = Path(tickets["calendar"])
    assert set(scene.world.downloads.iterdir()) == {paths[0], beside}
    assert beside == paths[0].with_suffix(".ics")
    assert set(paths) == {paths[0]}
    assert all(tickets["reference"] in pdf_text(path) for path in paths)
    return End(orders=[(offer.id, 1)])
