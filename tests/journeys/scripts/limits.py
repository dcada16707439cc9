"""Limits of the operator: checked by the server, whatever the assistant says."""

from tests.fixtures.assistant import CUSTOMER
from tests.journeys.acts import Offer, base_of, find, hold, named, offers, order
from tests.journeys.journey import NOTHING_SENT, End, journey
from tests.journeys.scene import Scene


async def park_ticket(scene: Scene) -> Offer:
    """A ticket for 52 euros."""
    return named(await offers(scene, await base_of(scene, "undated ticket one day")), "Adult")


@journey(
    "An order above the operator's amount is refused, a smaller one goes through",
    at="park",
    settings={"MAX_ORDER_AMOUNT": "150"},
)
async def amount_of_an_order(scene: Scene) -> End:
    offer = await park_ticket(scene)
    refused = await scene.ask("reserve", {"items": [offer.times(3)]})
    assert refused.code == "LIMIT_EXCEEDED"
    assert "150.00 EUR" in refused.text
    await order(scene, await hold(scene, offer.times(2)))
    return End(orders=[(offer.id, 2)])


@journey(
    "An order of more tickets than the operator allows is refused",
    at="park",
    settings={"MAX_TICKETS": "4"},
)
async def tickets_of_an_order(scene: Scene) -> End:
    offer = await park_ticket(scene)
    many = [*await hold(scene, offer.times(4)), *await hold(scene, offer.times(1))]
    refused = await scene.ask("place_order", {"reservation_ids": many, "customer": CUSTOMER})
    assert refused.code == "LIMIT_EXCEEDED"
    assert "5 tickets" in refused.text
    assert refused.error["effect"] == "none"
    return End(held=[(offer.id, 1), (offer.id, 4)], order_calls=0, reserve_calls=2)


@journey(
    "The day's amount is used up by the first order, the second has to wait",
    at="park",
    settings={"MAX_DAY_AMOUNT": "120"},
)
async def amount_of_a_day(scene: Scene) -> End:
    offer = await park_ticket(scene)
    await order(scene, await hold(scene, offer.times(2)))
    later = await hold(scene, offer.times(1))
    wish = {"reservation_ids": later, "customer": CUSTOMER}
    summary = await scene.call("place_order", **wish)
    refused = await scene.ask("place_order", {**wish, "confirmation": summary["confirmation"]})
    assert refused.code == "LIMIT_EXCEEDED"
    return End(orders=[(offer.id, 2)], held=[(offer.id, 1)], reserve_calls=2)


@journey(
    "A server for one catalog finds and sells nothing of another",
    at="park",
    settings={"CATALOGS": "mw3kfv"},
)
async def one_catalog(scene: Scene) -> End:
    found = await scene.call("search_products", query="herons")
    assert not found.get("products")
    base = await find(scene, "balloon ride")
    balloon = (await offers(scene, base["product_base_id"], limit=1))[0]
    await order(scene, await hold(scene, balloon.times(1)))
    return End(orders=[(balloon.id, 1)])


@journey("Quantities nobody can mean are refused before anything is asked", at="park")
async def senseless(scene: Scene) -> End:
    offer = await park_ticket(scene)
    before = scene.world.asked()
    for quantity in (0, -1, 51, "many", 2.5, True):
        items = [{"offer_id": offer.id, "quantity": quantity}]
        assert (await scene.ask("reserve", {"items": items})).code == "INVALID_ARGUMENTS"
    wrong = {"items": [offer.times(1)], "price": 1}
    assert (await scene.ask("reserve", wrong)).code == "INVALID_ARGUMENTS"
    assert scene.world.asked() == before
    return NOTHING_SENT
