"""Prices that move, and a person who has the last word about them."""

from tests.journeys.acts import (
    Offer,
    base_of,
    hold,
    named,
    offers,
    order,
    sessions,
    try_to_hold,
)
from tests.journeys.journey import NOTHING_ORDERED, NOTHING_SENT, End, journey
from tests.journeys.scene import Scene


async def exhibition(scene: Scene) -> tuple[Offer, str]:
    """A ticket with a price that follows demand, and a session of it, as they were shown."""
    base = await base_of(scene, "abyss exhibition")
    full = named(await offers(scene, base), "Full price")
    return full, (await sessions(scene, full, 2))[-1]["session_id"]


@journey(
    "A price that rose above the budget holds nothing; the person takes the new one", at="museum"
)
async def above_the_budget(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    scene.world.reprice(full.id, "31.00")
    refused = await try_to_hold(scene, full.times(2, slot), max_total=50)
    assert refused.code == "PRICE_CHANGED"
    assert not scene.world.sandbox.reservations()
    held = await hold(scene, full.times(2, slot), max_total=62)
    await order(scene, held)
    assert scene.world.sandbox.orders()[0].total == 62
    return End(orders=[(full.id, 2)])


@journey("A price that rose above the budget, and the person stays at home", at="museum")
async def too_dear(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    scene.world.reprice(full.id, "31.00")
    refused = await try_to_hold(scene, full.times(2, slot), max_total=50)
    assert refused.code == "PRICE_CHANGED"
    return NOTHING_SENT


@journey("A price that moved is told with the hold, and accepted", at="museum")
async def moved_and_accepted(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    scene.world.reprice(full.id, "21.00")
    answer = await try_to_hold(scene, full.times(1, slot))
    (move,) = answer.data["price_moves"]
    assert move["offer_id"] == full.id
    assert move["now"] == "21.00 EUR"
    await order(scene, [answer.data["reservations"][0]["reservation_id"]])
    assert scene.world.sandbox.orders()[0].total == 21
    return End(orders=[(full.id, 1)])


@journey("A price that moved is told with the hold, and the person lets it lapse", at="museum")
async def moved_and_refused(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    scene.world.reprice(full.id, "77.00")
    answer = await try_to_hold(scene, full.times(1, slot))
    assert answer.data["price_moves"]
    await scene.later(21 * 60)
    return NOTHING_ORDERED


@journey(
    "A price that rises after the hold changes nothing: a hold guarantees its price", at="museum"
)
async def held_price(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    held = await hold(scene, full.times(2, slot))
    before = scene.world.sandbox.reservations()[0].total
    scene.world.reprice(full.id, "99.00")
    await order(scene, held)
    assert scene.world.sandbox.orders()[0].total == before
    return End(orders=[(full.id, 2)])


@journey("A price that fell makes the booking cheaper", at="museum", is_simple=True)
async def cheaper(scene: Scene) -> End:
    full, slot = await exhibition(scene)
    scene.world.reprice(full.id, "9.00")
    await order(scene, await hold(scene, full.times(2, slot), max_total=40))
    assert scene.world.sandbox.orders()[0].total == 18
    return End(orders=[(full.id, 2)])
