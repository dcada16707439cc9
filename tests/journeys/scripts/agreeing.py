"""A yes is for exactly these lines, this total, this customer, once."""

from tests.fixtures.assistant import CUSTOMER
from tests.journeys.acts import (
    Offer,
    ask_person,
    base_of,
    find,
    hold,
    ids_of,
    named,
    offers,
    order,
    try_to_hold,
    waits_for_a_person,
)
from tests.journeys.journey import NOTHING_SENT, End, journey
from tests.journeys.scene import Scene


async def park_ticket(scene: Scene) -> Offer:
    """The ticket these conversations are about."""
    park = await base_of(scene, "lantern park dated ticket")
    return named(await offers(scene, park, days_count="1 day"), "Adult")


@journey("The customer changes after the summary: a new yes is needed", at="park")
async def other_customer(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = await ask_person(scene, await hold(scene, offer.times(1)))
    changed = {**wish, "customer": {**CUSTOMER, "firstname": "Augusta"}}
    refused = await scene.ask("place_order", changed)
    assert refused.code == "APPROVAL_REQUIRED"
    assert not scene.world.arrived("createOrders")
    await order(scene, wish["reservation_ids"], customer=changed["customer"])
    (made,) = scene.world.sandbox.orders()
    assert made.customer["firstname"] == "Augusta"
    return End(orders=[(offer.id, 1)])


@journey("A yes for one basket orders no other", at="park")
async def other_basket(scene: Scene) -> End:
    offer = await park_ticket(scene)
    first = await hold(scene, offer.times(1))
    second = await hold(scene, offer.times(4))
    wish = await ask_person(scene, first)
    refused = await scene.ask("place_order", {**wish, "reservation_ids": second})
    assert refused.code == "APPROVAL_REQUIRED"
    refused = await scene.ask("place_order", {**wish, "reservation_ids": [*first, *second]})
    assert refused.code == "APPROVAL_REQUIRED"
    made = await scene.call("place_order", **wish)
    assert made["state"] == "ordered"
    return End(orders=[(offer.id, 1)], held=[(offer.id, 4)], reserve_calls=2)


@journey("A yes that comes too late is asked for again", at="park")
async def late_yes(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = await ask_person(scene, await hold(scene, offer.times(2)))
    await scene.later(11 * 60)
    refused = await scene.ask("place_order", wish)
    assert refused.code == "APPROVAL_EXPIRED"
    await order(scene, wish["reservation_ids"])
    return End(orders=[(offer.id, 2)])


@journey("The same reserve call twice holds once", at="park")
async def reserve_twice(scene: Scene) -> End:
    offer = await park_ticket(scene)
    first = await try_to_hold(scene, offer.times(2))
    again = await try_to_hold(scene, offer.times(2))
    assert "replayed" not in first.data
    assert again.data["replayed"]
    assert ids_of(again.data) == ids_of(first.data)
    await order(scene, ids_of(again.data))
    return End(orders=[(offer.id, 2)])


@journey("Two families want the same: a second hold is asked for in so many words", at="park")
async def two_families(scene: Scene) -> End:
    offer = await park_ticket(scene)
    one = await hold(scene, offer.times(4))
    other = await hold(scene, offer.times(4), again=True)
    assert one != other
    await order(scene, one)
    await order(scene, other, customer={**CUSTOMER, "firstname": "Grace"})
    return End(orders=[(offer.id, 4)] * 2, reserve_calls=2, order_calls=2)


@journey("The same order call twice orders once", at="park")
async def order_twice(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = await ask_person(scene, await hold(scene, offer.times(2)))
    first = await scene.call("place_order", **wish)
    again = await scene.call("place_order", **wish)
    assert again["replayed"]
    assert again["orders"] == first["orders"]
    return End(orders=[(offer.id, 2)])


@journey("What is ordered is not ordered again with other data", at="park")
async def ordered_already(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    await order(scene, held)
    other = {"reservation_ids": held, "customer": {**CUSTOMER, "firstname": "Eve"}}
    refused = await scene.ask("place_order", other)
    assert refused.code == "ALREADY_ORDERED"
    assert refused.error["effect"] == "ordered"
    return End(orders=[(offer.id, 1)])


@journey(
    "A host that cannot ask agrees in two steps",
    at="park",
    settings={"APPROVAL": "two_step"},
    is_simple=True,
)
async def two_steps(scene: Scene) -> End:
    offer = await park_ticket(scene)
    await order(scene, await hold(scene, offer.times(1)), notes="By the entrance, please")
    (made,) = scene.world.sandbox.orders()
    assert made.notes == "By the entrance, please"
    return End(orders=[(offer.id, 1)])


@journey(
    "The operator wants a person asked, and the host cannot",
    at="park",
    settings={"APPROVAL": "human"},
)
async def nobody_to_ask(scene: Scene) -> End:
    offer = await park_ticket(scene)
    wish = {"reservation_ids": await hold(scene, offer.times(1)), "customer": CUSTOMER}
    refused = await scene.ask("place_order", wish)
    assert waits_for_a_person(refused)
    assert "confirmation" not in refused.structure
    return End(held=[(offer.id, 1)], order_calls=0)


@journey(
    "A profile that only reads finds and compares, and has nothing that holds or orders",
    at="park",
    settings={"PROFILE": "browse"},
)
async def read_only(scene: Scene) -> End:
    offer = await park_ticket(scene)
    assert (await scene.call("check_availability", offer_id=offer.id))["bookable"]
    listed = {t.name for t in (await scene.client.list_tools()).tools}
    for tool, arguments in (
        ("reserve", {"items": [offer.times(1)]}),
        ("place_order", {"reservation_ids": ["r"], "customer": CUSTOMER}),
        ("name_beneficiaries", {"order_id": "o", "beneficiaries": []}),
    ):
        assert tool not in listed
        assert (await scene.ask(tool, arguments)).result.is_error
    return NOTHING_SENT


@journey(
    "A server narrowed to three tools holds, and cannot order",
    at="park",
    tools="search_products,get_offers,reserve",
)
async def narrowed(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    assert len((await scene.client.list_tools()).tools) == 3
    refused = await scene.ask("place_order", {"reservation_ids": held, "customer": CUSTOMER})
    assert refused.result.is_error
    return End(held=[(offer.id, 1)], order_calls=0)


@journey(
    "Missing customer data are asked for in one go with the yes, then it is ordered", at="park"
)
async def customer_missing(scene: Scene) -> End:
    base = await find(scene, "gift card")
    (card,) = await offers(scene, base["product_base_id"])
    held = await hold(scene, card.times(1))
    asked = {"reservation_ids": held, "customer": {"firstname": "Ada"}}
    summary = await scene.call("place_order", **asked)
    assert summary["missing"] == "lastname, email"
    scene.world.agreed.update(scene.world.shown)
    yes = {**asked, "confirmation": summary["confirmation"]}
    refused = await scene.ask("place_order", {**yes, "customer": {**CUSTOMER, "firstname": "Eve"}})
    assert refused.code == "APPROVAL_REQUIRED", "Ada was shown"
    made = await scene.call("place_order", **{**yes, "customer": CUSTOMER})
    assert made["state"] == "ordered"
    return End(orders=[(card.id, 1)])


@journey("A person who gave no name is asked once, for the yes and the name", at="park")
async def asked_once(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await try_to_hold(scene, offer.times(2))
    assert "place_order now for the words to show" in held.data["next"]
    assert "Show" not in held.data["next"], "that would be a first question"
    (order_id,) = await order(scene, ids_of(held.data))
    assert scene.world.questions == 1
    (made,) = scene.world.sandbox.orders()
    assert (made.id, made.customer["email"]) == (order_id, CUSTOMER["email"])
    return End(orders=[(offer.id, 2)])


@journey("The host's own question for permission shows what is bought", at="park")
async def readable_permission(scene: Scene) -> End:
    offer = await park_ticket(scene)
    (held,) = await hold(scene, offer.times(2))
    wish = await ask_person(scene, [held])
    said, _, code = wish["confirmation"].rpartition(" - ")
    assert said.startswith("2 x ")
    for fact in ("Adult", offer.day, scene.world.shown[held]):
        assert str(fact) in said
    other = said.replace("2 x ", "1 x ")
    refused = await scene.ask("place_order", {**wish, "confirmation": f"{other} - {code}"})
    assert (refused.code, refused.error["effect"]) == ("APPROVAL_REQUIRED", "none")
    rewritten = f"{said.upper().replace('-', chr(8211))} {chr(8212)} {code}"
    made = await scene.call("place_order", **{**wish, "confirmation": rewritten})
    assert made["state"] == "ordered"
    return End(orders=[(offer.id, 2)])


@journey("A hold made in French is ordered in French", at="park")
async def language_goes_on(scene: Scene) -> End:
    (card,) = await offers(scene, await base_of(scene, "gift card"), language="fr")
    held = await try_to_hold(scene, card.times(1), language="fr")
    (line,) = held.data["reservations"][0]["lines"]
    wish = await ask_person(scene, ids_of(held.data))
    assert line["product"] in wish["confirmation"]
    made = await scene.call("place_order", **wish)
    assert made["state"] == "ordered"
    return End(orders=[(card.id, 1)])
