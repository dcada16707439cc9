"""After the order: documents, vouchers, cancellations, a service desk, and other people's eyes."""

from typing import Final

from tests.fixtures.assistant import CUSTOMER, HOLDER
from tests.journeys.acts import (
    DOCUMENTS_SECONDS,
    Offer,
    base_of,
    dearest_in,
    fetch,
    find,
    hold,
    named,
    offers,
    order,
    sessions,
    zones,
)
from tests.journeys.journey import End, journey
from tests.journeys.scene import Scene

DESK = {"PROFILE": "service-desk"}
UNTIL_THE_LIFTS_HAVE_OPENED: Final = 22 * 3600
"""In seconds, from the morning before. A server believes no clock that is a day off its own."""


async def bought(scene: Scene, **more: object) -> tuple[Offer, str]:
    """A ticket for the park, ordered."""
    base = await base_of(scene, "undated ticket one day")
    offer = named(await offers(scene, base), "Adult")
    (order_id,) = await order(scene, await hold(scene, offer.times(1)), **more)
    return offer, order_id


@journey(
    "Tickets are asked for before the documents are ready, and once more when they are", at="hall"
)
async def too_early(scene: Scene) -> End:
    hall = await base_of(scene, "symphony of the tides")
    pit = next(z for z in await zones(scene, hall, 1) if z["category"] == "Standing pit")
    offer = dearest_in(pit)
    evening = (await sessions(scene, offer))[-1]["session_id"]
    (order_id,) = await order(scene, await hold(scene, offer.times(1, evening)))
    early = await scene.call("get_tickets", order_id=order_id, save=True)
    assert not any(d["ready"] for d in early["documents"])
    assert not scene.world.downloads.exists()
    late = await fetch(scene, order_id, after=DOCUMENTS_SECONDS)
    assert all(d["saved_to"] for d in late["documents"])
    return End(orders=[(offer.id, 1)])


@journey("Tickets are asked for again after the seconds that were told", at="hall")
async def told_seconds(scene: Scene) -> End:
    hall = await base_of(scene, "symphony of the tides")
    pit = next(z for z in await zones(scene, hall, 1) if z["category"] == "Standing pit")
    offer = dearest_in(pit)
    evening = (await sessions(scene, offer))[-1]["session_id"]
    (order_id,) = await order(scene, await hold(scene, offer.times(1, evening)))
    early = await scene.call("get_tickets", order_id=order_id)
    (document,) = early["documents"]
    assert "uri" not in document, "there is nothing to read at it"
    assert f"in about {document['ready_in']} s" in early["next"]
    late = await fetch(scene, order_id, after=document["ready_in"])
    assert late["documents"][0]["saved_to"].endswith(document["name"])
    return End(orders=[(offer.id, 1)])


@journey("Voucher numbers are told on request only", at="park")
async def vouchers(scene: Scene) -> End:
    offer, order_id = await bought(scene)
    silent = await scene.ask("get_tickets", {"order_id": order_id})
    asked = await scene.ask("get_tickets", {"order_id": order_id, "vouchers": True})
    number = asked.data["tickets"][0]["voucher"]
    assert number not in silent.wire
    return End(orders=[(offer.id, 1)])


@journey("The issuer cancels an order later, and the tickets say so", at="park")
async def cancelled(scene: Scene) -> End:
    offer, order_id = await bought(scene)
    scene.world.sandbox.cancel_order(order_id)
    tickets = await scene.call("get_tickets", order_id=order_id)
    assert tickets["status"] == "cancelled"
    assert not tickets.get("documents")
    return End(cancelled=[(offer.id, 1)])


@journey("Tickets are found again by the buyer's own reference", at="park")
async def own_reference(scene: Scene) -> End:
    offer, order_id = await bought(scene, reference="Birthday of Grace")
    tickets = await fetch(scene, "Birthday of Grace")
    assert tickets["order_id"] == order_id
    return End(orders=[(offer.id, 1)])


@journey("A name on a bearer's ticket is not taken, and the ticket stays valid", at="ski")
async def locked(scene: Scene) -> End:
    base = await base_of(scene, "beginners bearer pass")
    offer = (await offers(scene, base, limit=1))[0]
    (order_id,) = await order(scene, await hold(scene, offer.times(1)))
    tickets = (await scene.call("get_tickets", order_id=order_id))["tickets"]
    person = {"ticket_id": tickets[0]["ticket_id"], "firstname": "Eve", "lastname": "Adams"}
    told = await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=[person])
    assert told["tickets"][0]["outcome"] == "locked"
    assert not scene.world.arrived("setTicketBeneficiary")
    assert (await fetch(scene, order_id, after=DOCUMENTS_SECONDS))["documents"]
    return End(orders=[(offer.id, 1)])


@journey("A name comes after the lifts have opened, and is too late", at="ski")
async def too_late(scene: Scene) -> End:
    base = await base_of(scene, "named ski pass")
    offer = (await offers(scene, base, days_count="1 day", price_type="Adult", limit=1))[0]
    (order_id,) = await order(scene, await hold(scene, offer.times(1)))
    ticket = (await scene.call("get_tickets", order_id=order_id))["tickets"][0]
    await scene.later(UNTIL_THE_LIFTS_HAVE_OPENED)
    person = {"ticket_id": ticket["ticket_id"]}
    person |= {field: HOLDER[field] for field in ticket["beneficiary_fields_needed"]}
    told = await scene.call("name_beneficiaries", order_id=order_id, beneficiaries=[person])
    assert told["tickets"][0]["outcome"] == "too_late"
    return End(orders=[(offer.id, 1)])


@journey("A service desk finds an order by the caller's reference", at="park", settings=DESK)
async def by_reference(scene: Scene) -> End:
    offer, order_id = await bought(scene, reference="CALL-77")
    found = await scene.ask("find_orders", {"reference": "CALL-77"})
    assert [o["order_id"] for o in found.data["orders"]] == [order_id]
    assert CUSTOMER["email"] not in found.wire
    await fetch(scene, order_id)
    return End(orders=[(offer.id, 1)])


@journey(
    "A service desk finds an order somebody else made, by the reference on the ticket", at="park"
)
async def by_korus_reference(scene: Scene) -> End:
    offer, order_id = await bought(scene)
    reference = (await scene.call("get_tickets", order_id=order_id))["reference"]
    async with scene.another(**DESK) as desk:
        days = {"created_from": str(scene.world.today())}
        found = await desk.call("find_orders", reference=reference, **days)
        assert [o["order_id"] for o in found["orders"]] == [order_id]
        tickets = await desk.call("get_tickets", order_id=order_id)
        assert tickets["reference"] == reference
    return End(orders=[(offer.id, 1)])


@journey("A service desk finds the day's orders, newest first", at="park", settings=DESK)
async def by_day(scene: Scene) -> End:
    offer, first = await bought(scene)
    (second,) = await once_more(scene, offer)
    found = await scene.call("find_orders", created_from=str(scene.world.today()), limit=1)
    assert found["total"] == 2
    more = await scene.call(
        "find_orders",
        created_from=str(scene.world.today()),
        limit=1,
        cursor=found["next_cursor"],
    )
    listed = [o["order_id"] for page in (found, more) for o in page["orders"]]
    assert listed == [second, first]
    return End(orders=[(offer.id, 1)] * 2, reserve_calls=2, order_calls=2)


async def once_more(scene: Scene, offer: Offer) -> list[str]:
    """The same once more, a minute later."""
    await scene.later(60)
    return await order(scene, await hold(scene, offer.times(1), again=True))


@journey("Somebody else of the same account sees neither the hold nor the order", at="park")
async def other_eyes(scene: Scene) -> End:
    base = await find(scene, "undated ticket one day")
    offer = (await offers(scene, base["product_base_id"]))[0]
    held = await hold(scene, offer.times(1))
    (order_id,) = await order(scene, held, reference="MINE")
    async with scene.another() as other:
        asked = {"reservation_ids": held, "customer": CUSTOMER}
        before = scene.world.asked()
        refused = [
            await other.ask("get_tickets", {"order_id": order_id}),
            await other.ask("get_tickets", {"order_id": "MINE"}),
            await other.ask("get_reservation", {"reservation_ids": held}),
            await other.ask("place_order", asked),
        ]
        assert {answer.code for answer in refused} == {"NOT_FOUND"}
        assert scene.world.asked() == before, "decided without asking"
    return End(orders=[(offer.id, 1)])


@journey("A hold of one assistant is not ordered by another of the same account", at="park")
async def other_hands(scene: Scene) -> End:
    base = await find(scene, "undated ticket one day")
    offer = (await offers(scene, base["product_base_id"]))[0]
    held = await hold(scene, offer.times(1))
    async with scene.another() as other:
        wish = {"reservation_ids": held, "customer": CUSTOMER}
        assert (await other.ask("place_order", wish)).code == "NOT_FOUND"
    return End(held=[(offer.id, 1)], order_calls=0)
