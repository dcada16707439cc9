"""What runs out: places, slots, and the time of a hold."""

from tests.journeys.acts import (
    ask_person,
    base_of,
    dearest_in,
    find,
    hold,
    ids_of,
    named,
    offers,
    order,
    sessions,
    try_to_hold,
    zones,
)
from tests.journeys.journey import NOTHING_ORDERED, End, journey
from tests.journeys.scene import Scene

SATURDAY = 5


@journey("The wished slot sells out between asking and holding, another one is taken", at="museum")
async def slot_sold_out(scene: Scene) -> End:
    museum = await base_of(scene, "museum timed entry")
    saturday = scene.world.day(SATURDAY)
    full = named(await offers(scene, museum, date_from=saturday), "Full price")
    wished = (await sessions(scene, full, 2))[0]["session_id"]
    scene.world.sell_out(wished)
    refused = await try_to_hold(scene, full.times(2, wished))
    assert refused.code == "SOLD_OUT"
    other = (await sessions(scene, full, 2))[0]["session_id"]
    assert other != wished
    await order(scene, await hold(scene, full.times(2, other)))
    return End(orders=[(full.id, 2)])


@journey("More are wanted than are left, the group comes smaller", at="park")
async def beyond_stock(scene: Scene) -> End:
    park = await base_of(scene, "lantern park dated ticket")
    adult = named(await offers(scene, park, days_count="1 day"), "Adult")
    scene.world.leave(adult.id, 3)
    live = await scene.call("check_availability", offer_id=adult.id, quantity=5)
    assert not live["bookable"]
    refused = await try_to_hold(scene, adult.times(5))
    assert refused.code == "SOLD_OUT"
    await order(scene, await hold(scene, adult.times(live["left"])))
    return End(orders=[(adult.id, 3)])


@journey("A day sells out, the next one is booked", at="park")
async def next_day(scene: Scene) -> End:
    park = await base_of(scene, "lantern park dated ticket")
    found = await offers(scene, park, days_count="1 day", price_type="Adult", limit=3)
    wished, instead = found[1], found[2]
    scene.world.leave(wished.id, 0)
    assert (await try_to_hold(scene, wished.times(2))).code == "SOLD_OUT"
    assert instead.day != wished.day
    await order(scene, await hold(scene, instead.times(2)))
    return End(orders=[(instead.id, 2)])


@journey("A zone of the stadium is full, the next best one is taken", at="stadium")
async def next_zone(scene: Scene) -> End:
    base = await base_of(scene, "herons valmont")
    first, second = (dearest_in(zone) for zone in (await zones(scene, base, 4))[:2])
    scene.world.leave(first.id, 1)
    (kick_off,) = await sessions(scene, second, 4)
    session = kick_off["session_id"]
    assert (await try_to_hold(scene, first.times(4, session))).code == "SOLD_OUT"
    await order(scene, await hold(scene, second.times(4, session)))
    return End(orders=[(second.id, 4)])


@journey("A hold runs out while the person thinks; it is made anew", at="stadium")
async def hold_runs_out(scene: Scene) -> End:
    tour = await find(scene, "guided stadium tour")
    offer = (await offers(scene, tour["product_base_id"]))[0]
    slot = (await sessions(scene, offer, 2))[0]["session_id"]
    gone = await hold(scene, offer.times(2, slot))
    wish = await ask_person(scene, gone)
    await scene.later(6 * 60)
    refused = await scene.ask("place_order", wish)
    assert refused.code == "HOLD_EXPIRED"
    seen = await scene.call("get_reservation", reservation_ids=gone)
    assert seen["reservations"][0]["state"] == "expired"
    anew = await hold(scene, offer.times(2, slot))
    assert anew != gone
    await order(scene, anew)
    return End(orders=[(offer.id, 2)], reserve_calls=2)


@journey("The issuer takes a hold back, the person books the same again", at="park")
async def hold_taken_back(scene: Scene) -> End:
    park = await base_of(scene, "lantern park dated ticket")
    adult = named(await offers(scene, park, days_count="1 day"), "Adult")
    (gone,) = await hold(scene, adult.times(1))
    scene.world.sandbox.release_reservation(gone)
    refused = await scene.ask(
        "place_order",
        {
            "reservation_ids": [gone],
            "customer": {"firstname": "Ada", "lastname": "Lovelace", "email": "a@example.org"},
        },
    )
    assert refused.code == "HOLD_EXPIRED"
    await order(scene, await hold(scene, adult.times(1)))
    return End(orders=[(adult.id, 1)], reserve_calls=2)


@journey(
    "Of two holds with different ends the shorter one lapses; only that is made anew",
    at="museum stadium",
)
async def mixed_expiries(scene: Scene) -> End:
    tour = (await offers(scene, await base_of(scene, "guided stadium tour")))[0]
    card = (await offers(scene, await base_of(scene, "permanent tides pass")))[0]
    slot = (await sessions(scene, tour))[0]["session_id"]
    answer = await try_to_hold(scene, tour.times(1, slot), card.times(1))
    short, long = answer.data["reservations"]
    assert short["expires_at"] < long["expires_at"]
    await scene.later(6 * 60)
    both = {
        "reservation_ids": ids_of(answer.data),
        "customer": {"firstname": "Ada", "lastname": "Lovelace", "email": "a@example.org"},
    }
    assert (await scene.ask("place_order", both)).code == "HOLD_EXPIRED"
    anew = await hold(scene, tour.times(1, slot))
    await order(scene, [*anew, long["reservation_id"]])
    return End(orders=[(tour.id, 1), (card.id, 1)], reserve_calls=2)


@journey(
    "Of two holds with different ends both are ordered within the shorter time", at="museum stadium"
)
async def earliest_counts(scene: Scene) -> End:
    tour = (await offers(scene, await base_of(scene, "guided stadium tour")))[0]
    card = (await offers(scene, await base_of(scene, "permanent tides pass")))[0]
    slot = (await sessions(scene, tour))[0]["session_id"]
    held = await hold(scene, tour.times(1, slot), card.times(1))
    await scene.later(4 * 60)
    await order(scene, held)
    return End(orders=[(tour.id, 1), (card.id, 1)])


@journey("The person changes their mind before agreeing, and nothing is left of it", at="park")
async def changed_mind(scene: Scene) -> End:
    park = await base_of(scene, "lantern park dated ticket")
    adult = named(await offers(scene, park, days_count="2 days"), "Adult")
    await ask_person(scene, await hold(scene, adult.times(2)))
    await scene.later(16 * 60)
    return NOTHING_ORDERED


@journey("The person changes their mind and takes something else before agreeing", at="park")
async def something_else(scene: Scene) -> End:
    park = await base_of(scene, "lantern park dated ticket")
    found = await offers(scene, park)
    one, two = named(found, "1 day", "Adult"), named(found, "2 days", "Adult")
    await ask_person(scene, await hold(scene, one.times(2)))
    await order(scene, await hold(scene, two.times(2)))
    return End(orders=[(two.id, 2)], held=[(one.id, 2)], reserve_calls=2)
