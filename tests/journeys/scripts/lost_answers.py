"""Answers that are lost, late or broken: nothing is ordered twice, what was ordered is found."""

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import Delay, DropAfter, DropBefore
from tests.fixtures.assistant import CUSTOMER, Json
from tests.journeys.acts import (
    Offer,
    ask_person,
    base_of,
    fetch,
    find,
    hold,
    ids_of,
    named,
    offers,
    order,
    order_ids_of,
    sessions,
    try_to_hold,
)
from tests.journeys.journey import End, journey
from tests.journeys.scene import Scene

LOOK_UPS = ("getReservation", "listOrders")
LOOKS = 8
"""After a jump of its clock the API is asked a few times until the new time is believed."""


async def park_ticket(scene: Scene) -> Offer:
    """The ticket these conversations are about."""
    park = await base_of(scene, "lantern park dated ticket")
    return named(await offers(scene, park, days_count="1 day"), "Adult")


async def state_of(scene: Scene, reservation_id: str) -> Json:
    """What get_reservation says of a reservation."""
    seen = await scene.call("get_reservation", reservation_ids=[reservation_id])
    found: Json = seen["reservations"][0]
    return found


@journey("The answer to an order is lost, and the order is found by itself", at="park")
async def order_answer_lost(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = await ask_person(scene, await hold(scene, offer.times(2)))
    scene.world.faults.add(DropAfter(), "createOrders")
    made = await scene.call("place_order", **wish)
    assert made["state"] == "ordered"
    again = await scene.call("place_order", **wish)
    assert order_ids_of(again) == order_ids_of(made)
    await fetch(scene, order_ids_of(made)[0])
    return End(orders=[(offer.id, 2)])


@journey("An order stays in doubt while nobody can look, and is found later", at="park")
async def order_in_doubt(scene: Scene) -> End:
    offer = await park_ticket(scene)
    (held,) = await hold(scene, offer.times(2))
    wish = await ask_person(scene, [held])
    scene.world.faults.add(DropAfter(), "createOrders")
    scene.world.upstream.when("createOrders", lambda: blind(scene))
    made = await scene.call("place_order", **wish)
    assert made["state"] == "in_doubt"
    scene.world.faults.clear()
    seen = await state_of(scene, held)
    assert seen["state"] == "ordered"
    await fetch(scene, seen["order_id"])
    return End(orders=[(offer.id, 2)])


def blind(scene: Scene) -> None:
    """From now on no order can be looked up."""
    for operation in LOOK_UPS:
        scene.world.faults.add(Fault(status=503), operation, times=None)


@journey(
    "An order that never arrived stays in doubt, is not repeated, and has failed in the end",
    at="park",
)
async def order_never_arrived(scene: Scene) -> End:
    offer = await park_ticket(scene)
    (held,) = await hold(scene, offer.times(1))
    wish = await ask_person(scene, [held])
    scene.world.faults.add(DropBefore(), "createOrders")
    assert (await scene.call("place_order", **wish))["state"] == "in_doubt"
    assert (await state_of(scene, held))["state"] == "in_doubt"
    other = {**wish, "customer": {**CUSTOMER, "firstname": "Eve"}}
    assert (await scene.ask("place_order", other)).code == "ALREADY_BEING_ORDERED"
    await scene.later(2 * 3600)
    states = [(await state_of(scene, held))["state"] for _ in range(LOOKS)]
    assert states[-1] == "expired"
    assert (await scene.call("place_order", **wish))["state"] == "failed"
    anew = await hold(scene, offer.times(1))
    await order(scene, anew)
    return End(orders=[(offer.id, 1)], reserve_calls=2, order_calls=2)


@journey("The answer to a reserve call is lost: nothing is repeated until it has lapsed", at="park")
async def hold_answer_lost(scene: Scene) -> End:
    offer = await park_ticket(scene)
    scene.world.faults.add(DropAfter(), "createReservations")
    first = await try_to_hold(scene, offer.times(2))
    assert first.data["state"] == "in_doubt"
    again = await try_to_hold(scene, offer.times(2))
    assert again.data["state"] == "in_doubt"
    assert scene.world.arrived("createReservations") == 1
    await scene.later(3600)
    for _ in range(LOOKS):
        held = await try_to_hold(scene, offer.times(2))
        if held.data["state"] == "held":
            break
    await order(scene, ids_of(held.data))
    return End(orders=[(offer.id, 2)], reserve_calls=2)


@journey(
    "The answer to a reserve call is lost: a sole writer takes its own hold up",
    at="park",
    settings={"SOLE_WRITER": "true"},
)
async def hold_taken_up(scene: Scene) -> End:
    offer = await park_ticket(scene)
    scene.world.faults.add(DropAfter(), "createReservations")
    held = await hold(scene, offer.times(2))
    await order(scene, held)
    return End(orders=[(offer.id, 2)])


@journey("The issuer refuses the customer's data; corrected, they need a new yes", at="park")
async def customer_refused(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = await ask_person(scene, await hold(scene, offer.times(1)))
    scene.world.faults.add(Fault(status=422, body="problem"), "createOrders")
    assert (await scene.call("place_order", **wish))["state"] == "failed"
    corrected = {**CUSTOMER, "phone": "+33610203040"}
    unasked = await scene.ask("place_order", {**wish, "customer": corrected})
    assert unasked.code == "APPROVAL_REQUIRED"
    await order(scene, wish["reservation_ids"], customer=corrected)
    assert scene.world.sandbox.orders()[0].customer["phone"] == corrected["phone"]
    return End(orders=[(offer.id, 1)], order_calls=2)


@journey("A slow issuer is waited for", at="park", is_simple=True)
async def slow_issuer(scene: Scene) -> End:
    slow = ("getOfferAvailability", "createReservations", "createOrders")
    for operation in slow:
        scene.world.faults.add(Delay(seconds=1), operation, times=None, issuer="park")
    offer = await park_ticket(scene)
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey(
    "A gateway fails once while the catalog is read, and nobody notices", at="park", is_simple=True
)
async def one_bad_gateway(scene: Scene) -> End:
    for operation in ("listCatalogs", "listProductBases", "getProductBase", "listOffers"):
        scene.world.faults.add(Fault(status=502), operation)
    offer = await park_ticket(scene)
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey("The gateway is down for a while; the assistant says so, and tries again later", at="park")
async def gateway_down(scene: Scene) -> End:
    base = await find(scene, "lantern park dated ticket")
    scene.world.faults.add(Fault(status=502), "listOffers", times=None)
    asked = {"product_base_id": base["product_base_id"], "days_count": "1 day"}
    refused = await scene.ask("get_offers", asked)
    assert refused.code == "UPSTREAM_UNAVAILABLE"
    assert refused.error["effect"] == "none"
    scene.world.faults.clear()
    offer = (await offers(scene, **asked))[0]
    await order(scene, await hold(scene, offer.times(1)))
    return End(orders=[(offer.id, 1)])


@journey("The API is busy and says for how long", at="stadium", is_simple=True)
async def busy(scene: Scene) -> End:
    tour = await base_of(scene, "guided stadium tour")
    scene.world.faults.add(Fault(status=429, body="problem", retry_after="1"), "listOffers")
    offer = (await offers(scene, tour, limit=1))[0]
    slot = (await sessions(scene, offer))[0]["session_id"]
    await order(scene, await hold(scene, offer.times(1, slot)))
    return End(orders=[(offer.id, 1)])
