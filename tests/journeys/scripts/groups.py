"""Groups: several lines at once, of which some may fail, and a name for each ticket."""

from tests.journeys.acts import (
    DOCUMENTS_SECONDS,
    ask_person,
    base_of,
    dearest_in,
    fetch,
    hold,
    ids_of,
    named,
    offers,
    order,
    order_ids_of,
    people_for,
    sessions,
    try_to_hold,
    zones,
)
from tests.journeys.journey import NOTHING_ORDERED, End, journey
from tests.journeys.scene import Scene


@journey("Half of a group's wish cannot be held, the rest is ordered and the gap filled", at="park")
async def half_fails(scene: Scene) -> End:
    safari = (await offers(scene, await base_of(scene, "night safari"), limit=1))[0]
    park = named(await offers(scene, await base_of(scene, "undated ticket one day")), "Adult")
    answer = await try_to_hold(scene, park.times(3), safari.times(3))
    assert answer.data["state"] == "partly_held"
    (failed,) = answer.data["failed"]
    assert failed["offer_id"] == safari.id
    balloon = (await offers(scene, await base_of(scene, "balloon ride"), limit=1))[0]
    instead = await hold(scene, balloon.times(3))
    await order(scene, [*ids_of(answer.data), *instead])
    return End(orders=[(park.id, 3), (balloon.id, 3)], reserve_calls=2)


@journey(
    "Half of a group's wish cannot be held, and the person takes the other half alone", at="park"
)
async def half_is_enough(scene: Scene) -> End:
    safari = (await offers(scene, await base_of(scene, "night safari"), limit=1))[0]
    park = named(await offers(scene, await base_of(scene, "undated ticket one day")), "Adult")
    answer = await try_to_hold(scene, safari.times(2), park.times(2))
    await order(scene, ids_of(answer.data))
    return End(orders=[(park.id, 2)])


@journey("All of a wish fails at the issuer: nothing is held", at="park")
async def all_fails(scene: Scene) -> End:
    safari = await offers(scene, await base_of(scene, "night safari"), limit=2)
    answer = await try_to_hold(scene, *(offer.times(1) for offer in safari))
    assert answer.data["state"] == "failed"
    assert len(answer.data["failed"]) == 2
    return NOTHING_ORDERED


@journey("One of two orders is refused by the issuer, the other one stands", at="park")
async def half_ordered(scene: Scene) -> End:
    dinner = (await offers(scene, await base_of(scene, "fairy dinner show"), limit=1))[0]
    park = named(await offers(scene, await base_of(scene, "undated ticket one day")), "Adult")
    held = await hold(scene, park.times(2), dinner.times(2))
    made = await scene.call("place_order", **await ask_person(scene, held))
    assert made["state"] == "partially_ordered"
    assert [f["reservation_id"] for f in made["failed"]] == [held[1]]
    (order_id,) = order_ids_of(made)
    await fetch(scene, order_id)
    return End(orders=[(park.id, 2)], held=[(dinner.id, 2)])


@journey("The issuer refuses the only order, and the person hears it", at="park")
async def order_refused(scene: Scene) -> End:
    dinner = (await offers(scene, await base_of(scene, "fairy dinner show"), limit=1))[0]
    held = await hold(scene, dinner.times(2))
    made = await scene.call("place_order", **await ask_person(scene, held))
    assert made["state"] == "failed"
    assert made["failed"][0]["message"]
    return End(held=[(dinner.id, 2)])


@journey("Seven fans want the derby: two holds, of six and one, and one order call", at="stadium")
async def split_order(scene: Scene) -> End:
    base = await base_of(scene, "herons derby")
    offer = dearest_in((await zones(scene, base, 7))[0])
    seven = await scene.call("check_availability", offer_id=offer.id, quantity=7)
    assert (seven["bookable"], seven["at_most_per_order"]) == (False, 6)
    assert "two reserve calls (6 and 1), one place_order with both" in seven["next"]
    (kick_off,) = await sessions(scene, offer, 6)
    session = kick_off["session_id"]
    refused = await try_to_hold(scene, offer.times(7, session))
    assert refused.code == "LIMIT_EXCEEDED"
    assert "two reserve calls (6 and 1), one place_order with both" in refused.error["next"]
    parts = [await hold(scene, offer.times(quantity, session)) for quantity in (6, 1)]
    await order(scene, [reservation for held in parts for reservation in held])
    return End(orders=[(offer.id, 6), (offer.id, 1)], reserve_calls=2)


@journey("Two adults and a child enter at the same hour, asked about in one call", at="museum")
async def one_hour_for_all(scene: Scene) -> End:
    base = await base_of(scene, "permanent collection")
    found = await offers(scene, base, date_from=scene.world.day(5))
    adult, child = named(found, "Full price"), named(found, "Child")
    both = f"{adult.id},{child.id}"
    live = await scene.call("check_availability", offer_id=both, quantity=3)
    (group,) = live["groups"]
    assert [each["price"] for each in group["offers"]] == [adult.price, child.price]
    session = next(s["session_id"] for s in group["sessions"] if s["enough"])
    held = await hold(scene, adult.times(2, session), child.times(1, session))
    await order(scene, held)
    return End(orders=[(adult.id, 2), (child.id, 1)])


@journey(
    "Five want to fly where a balloon takes four at a time: two holds, one order call", at="park"
)
async def split_hold(scene: Scene) -> End:
    balloon = (await offers(scene, await base_of(scene, "balloon ride"), limit=1))[0]
    failed = await try_to_hold(scene, balloon.times(5))
    assert failed.data["state"] == "failed"
    await order(scene, await hold(scene, balloon.times(4), balloon.times(1)))
    return End(orders=[(balloon.id, 4), (balloon.id, 1)], reserve_calls=2)


@journey("Three skiers are named in one call, one of them wrong, and only that one again", at="ski")
async def three_names(scene: Scene) -> End:
    ski = await base_of(scene, "named ski pass")
    offer = (await offers(scene, ski, days_count="6 days", price_type="Child", limit=1))[0]
    (order_id,) = await order(scene, await hold(scene, offer.times(3)))
    tickets = (await scene.call("get_tickets", order_id=order_id))["tickets"]
    people = people_for(tickets, "Ada", "Grace", "Emmy")
    born = people[1].pop("date_of_birth")
    first = await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    (wrong,) = [t["ticket_ids"] for t in first["tickets"] if t["outcome"] != "named"]
    assert wrong == [people[1]["ticket_id"]]
    assert first["still_waiting"] == 1
    again = [{**people[1], "date_of_birth": born}]
    await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=again)
    issued = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    names = [t["beneficiary"].split()[0] for t in issued["tickets"]]
    assert sorted(names) == ["Ada", "Emmy", "Grace"]
    assert len(issued["documents"]) == 3
    return End(orders=[(offer.id, 3)])


@journey("Documents wait for names, and come once everybody is named", at="ski")
async def names_first(scene: Scene) -> End:
    card = (await offers(scene, await base_of(scene, "named season card")))[0]
    (order_id,) = await order(scene, await hold(scene, card.times(1)))
    waiting = await fetch(scene, order_id)
    assert not waiting.get("documents")
    people = people_for(waiting["tickets"])
    await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    again = await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    assert again["tickets"][0]["outcome"] == "named", "the same call changes nothing"
    assert (await fetch(scene, order_id, after=DOCUMENTS_SECONDS))["documents"]
    return End(orders=[(card.id, 1)])


@journey(
    "A class of thirty pupils and two teachers in one order",
    at="park",
    settings={"MAX_ORDER_AMOUNT": "2000"},
)
async def school_class(scene: Scene) -> End:
    base = await base_of(scene, "undated ticket one day")
    found = await offers(scene, base)
    adult, child = named(found, "Adult"), named(found, "Child")
    await order(scene, await hold(scene, child.times(30), adult.times(2)))
    return End(orders=[(adult.id, 2), (child.id, 30)])
