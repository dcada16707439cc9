"""Choosing where to sit: by price type, by category, and among prices that move."""

from tests.journeys.acts import Offer, base_of, dearest_in, hold, order, sessions, zones
from tests.journeys.journey import NOTHING_SENT, End, journey
from tests.journeys.scene import Scene


@journey(
    "Two adults who pay fifty at most are shown no child's price as theirs",
    at="stadium",
    is_simple=True,
)
async def full_price_alone(scene: Scene) -> End:
    base = await base_of(scene, "herons valmont")
    wish = {"max_price": 50, "seating_category": "seated"}
    found = await zones(scene, base, 2, **wish)
    assert all(dearest_in(zone).amount <= 50 for zone in found)
    assert "Category 1" not in {zone["category"] for zone in found}
    offer = dearest_in(found[0])
    assert offer.product == "Full price"
    (kick_off,) = await sessions(scene, offer, 2)
    await order(scene, await hold(scene, offer.times(2, kick_off["session_id"]), max_total=100))
    assert scene.world.sandbox.orders()[0].total <= 100
    return End(orders=[(offer.id, 2)])


@journey("A father and his child sit in one zone for the price of each", at="stadium")
async def father_and_child(scene: Scene) -> End:
    base = await base_of(scene, "herons valmont")
    wish = {"price_type": "Full price, Child", "seating_category": "Category 1"}
    best = (await zones(scene, base, 2, **wish))[0]
    adult, child = (Offer(o["offer_id"], o["product"], o["price"]) for o in best["offers"])
    assert (adult.product, child.product) == ("Full price", "Child")
    assert child.amount < adult.amount
    (kick_off,) = await sessions(scene, adult, 2)
    session = kick_off["session_id"]
    await order(scene, await hold(scene, adult.times(1, session), child.times(1, session)))
    return End(orders=[(adult.id, 1), (child.id, 1)])


@journey("The cheapest standing place of a derby whose prices move, by one check", at="stadium")
async def cheapest_of_moving_prices(scene: Scene) -> End:
    base = await base_of(scene, "herons derby")
    wish = {"price_type": "Full price", "seating_category": "standing"}
    listed = [dearest_in(zone) for zone in await zones(scene, base, 2, **wish)]
    assert len({offer.amount for offer in listed}) == 1
    for number, offer in enumerate(listed):
        scene.world.reprice(offer.id, f"{25 - 2 * number}.00")
    ids = ",".join(offer.id for offer in listed)
    live = await scene.call("check_availability", offer_id=ids, quantity=2)
    assert len([o for group in live["groups"] for o in group["offers"]]) == len(listed) == 7
    best = dearest_in((await zones(scene, base, 2, **wish))[0])
    assert (best.id, best.amount) == (listed[-1].id, 13)
    (kick_off,) = await sessions(scene, best, 2)
    await order(scene, await hold(scene, best.times(2, kick_off["session_id"]), max_total=26))
    return End(orders=[(best.id, 2)])


@journey("Nothing fits what the person would pay, and they learn what the nearest costs", at="hall")
async def nothing_fits(scene: Scene) -> End:
    base = await base_of(scene, "symphony of the tides")
    plan = await scene.call("get_seat_map", product_base_id=base, quantity=2, max_price=25)
    assert plan["counts"]["fit"] == 0
    assert "by Full price (max_price, too)" in plan["note"]
    assert dearest_in(plan["zones"][0]).amount == 29
    return NOTHING_SENT
