"""Each task done right in as few calls as it takes, and done wrong as it might well be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.assistants import tasks
from tests.assistants.room import Room
from tests.assistants.task import Called, Json

Rows: TypeAlias = dict[str, str]
"""Offers: their ids by product, and by day and product where there are several days."""


@dataclass
class Walker:
    """Somebody who knows the way; `last_words` are what they tell the person in the end."""

    room: Room
    last_words: str = "Done."

    async def call(self, tool: str, **arguments: object) -> Json:
        """The structure of an answer that has to be a success."""
        called = await self.room.call(tool, arguments)
        assert called.refusal is None, called.shown
        return called.structure

    async def find(self, query: str, **more: object) -> str:
        """The product_base_id of the best answer of a search."""
        found = await self.call("search_products", query=query, **more)
        return str(found["products"][0]["product_base_id"])

    async def offers(self, base: str, **wish: object) -> Rows:
        """The offers of a product base."""
        table = await self.call("get_offers", product_base_id=base, **wish)
        rows: Rows = {}
        for day in table["days"]:
            for offer in day["offers"]:
                rows.setdefault(offer["product"], offer["offer_id"])
                rows[f"{day.get('date')} {offer['product']}"] = offer["offer_id"]
        return rows

    async def session(self, quantity: int, *offers: str, start: str) -> str:
        """The first session from a local time on that has room."""
        live = await self.call("check_availability", offer_id=",".join(offers), quantity=quantity)
        parts = [live, *live.get("groups", ())]
        listed = [session for part in parts for session in part.get("sessions", ())]
        return next(
            str(each["session_id"])
            for each in listed
            if each["enough"] and each["starts_at"][11:16] >= start
        )

    async def hold(self, *items: Json, **more: object) -> list[str]:
        """The reservation_ids of items that are all held."""
        held = await self.call("reserve", items=list(items), **more)
        assert held["state"] == "held"
        return [each["reservation_id"] for each in held["reservations"]]

    async def summary(self, *reservation_ids: str, **more: object) -> str:
        """The confirmation of a summary."""
        told = await self.call("place_order", reservation_ids=list(reservation_ids), **more)
        return str(told["confirmation"])

    async def order(self, *reservation_ids: str) -> Json:
        """An order to which the person said yes, and who they are, when they were asked once."""
        confirmation = await self.summary(*reservation_ids)
        self.room.ask("Is this all right, and who are you?")
        return await self.confirm(confirmation, *reservation_ids)

    async def confirm(self, confirmation: str, *reservation_ids: str, **named: str) -> Json:
        """The second call of an order."""
        return await self.call(
            "place_order",
            reservation_ids=list(reservation_ids),
            confirmation=confirmation,
            customer=self.room.task.person.named | named,
        )


Walk: TypeAlias = Callable[[Walker], Awaitable[None]]


def item(offer: str, quantity: int, *sessions: str) -> Json:
    """So many of an offer, as reserve takes it."""
    return {"offer_id": offer, "quantity": quantity, "session_ids": list(sessions)}


async def comedy(walker: Walker) -> None:
    """An evening at the theatre."""
    await walker.order(*await _two_in_the_circle(walker))


async def comedy_twice(walker: Walker) -> None:
    """The same, and then again, as if the first order had been lost."""
    held = await _two_in_the_circle(walker)
    await walker.order(*held)
    await walker.order(*await _two_in_the_circle(walker, again=True))


async def _two_in_the_circle(walker: Walker, **more: object) -> list[str]:
    base = await walker.find("The Mists comedy")
    day = {"date_from": "2026-12-12", "date_to": "2026-12-12"}
    offer = (await walker.offers(base, **day))["Dress circle - Full price"]
    evening = await walker.session(2, offer, start="20:00")
    return await walker.hold(item(offer, 2, evening), **more)


async def cheapest_saturday(walker: Walker) -> None:
    """The Saturday that is the cheapest for all of them."""
    await _family_on(walker, "2026-12-19")


async def saturday_cheapest_for_one(walker: Walker) -> None:
    """The Saturday on which an adult, the first line of the list, is cheapest."""
    await _family_on(walker, "2026-12-12")


async def _family_on(walker: Walker, day: str) -> None:
    park = await walker.find("lanterns park dated ticket")
    found = await walker.offers(
        park,
        date_from="2026-12-01",
        date_to="2026-12-31",
        weekdays="sat",
        days_count="1 day",
        by_price=True,
    )
    adult, child = found[f"{day} 1 day - Adult"], found[f"{day} 1 day - Child"]
    await walker.order(*await walker.hold(item(adult, 2), item(child, 3)))


async def best_seats(walker: Walker) -> None:
    """The best category of which an adult's price is within the limit."""
    await _concert(walker, "First category", "Full price")


async def seats_for_others(walker: Walker) -> None:
    """A better one, at a price that is not for them."""
    await _concert(walker, "Gold", "Reduced price")


async def _concert(walker: Walker, category: str, kind: str) -> None:
    hall = await walker.find("symphony of the tides")
    day = {"date_from": "2026-12-17", "date_to": "2026-12-17"}
    offer = (await walker.offers(hall, **day))[f"{category} - {kind}"]
    evening = await walker.session(3, offer, start="20:30")
    await walker.order(*await walker.hold(item(offer, 3, evening)))


async def the_next_evening(walker: Walker) -> None:
    """The next evening, as the wished one is sold out."""
    await _club(walker, "Mezzanine")


async def another_place(walker: Walker) -> None:
    """The next evening, and other places."""
    await _club(walker, "Balcony")


async def _club(walker: Walker, zone: str) -> None:
    club = await walker.find("Cuivres à l'aube")
    found = await walker.offers(club, date_from="2026-12-06", date_to="2026-12-31", zone=zone)
    offer = found[f"2026-12-20 {zone} - Full price"]
    evening = await walker.session(2, offer, start="20:00")
    await walker.order(*await walker.hold(item(offer, 2, evening)))


async def eight_in_two_parts(walker: Walker) -> None:
    """Two reservations of one offer, ordered together."""
    offer, kick_off = await _derby(walker)
    held = await walker.hold(item(offer, 6, kick_off))
    held += await walker.hold(item(offer, 2, kick_off))
    await walker.order(*held)


async def six_of_eight(walker: Walker) -> None:
    """As many as one order takes."""
    offer, kick_off = await _derby(walker)
    await walker.order(*await walker.hold(item(offer, 6, kick_off)))


async def _derby(walker: Walker) -> tuple[str, str]:
    match = await walker.find("herons derby")
    found = await walker.offers(match, seating_category="standing", price_type="Full price")
    offer = next(iter(found.values()))
    # Its price moves, and how many there are is asked beside it: of those that one order takes.
    return offer, await walker.session(6, offer, start="20:45")


async def museum_saved(walker: Walker) -> None:
    """The first entry with room for two, and the file."""
    order_id = await _museum(walker)
    await walker.call("get_tickets", order_id=order_id, save=True)


async def museum_unsaved(walker: Walker) -> None:
    """The same, and only told."""
    await walker.call("get_tickets", order_id=await _museum(walker))


async def _museum(walker: Walker) -> str:
    museum = await walker.find("musée des marées collection permanente", language="fr")
    day = {"date_from": "2026-12-06", "date_to": "2026-12-06"}
    found = await walker.offers(museum, **day, language="fr")
    offer = found["Plein tarif"]
    entry = await walker.session(2, offer, start="15:00")
    made = await walker.order(*await walker.hold(item(offer, 2, entry), language="fr"))
    return str(made["orders"][0]["order_id"])


async def gift_cards(walker: Walker) -> None:
    """One question for the yes and the name."""
    await walker.order(*await _gift_cards(walker))


async def gift_cards_asked_twice(walker: Walker) -> None:
    """First the name, then the yes."""
    held = await _gift_cards(walker)
    walker.room.ask("Who are you?")
    await walker.order(*held)


async def _gift_cards(walker: Walker) -> list[str]:
    card = (await walker.offers(await walker.find("gift card")))["Gift card"]
    return await walker.hold(item(card, 2))


async def one_reduced(walker: Walker) -> None:
    """A student and her father."""
    offers, entry = await _abyss(walker)
    await walker.order(*await walker.hold(*(item(offer, 1, entry) for offer in offers)))


async def two_at_full_price(walker: Walker) -> None:
    """Two of the same."""
    (full, _), entry = await _abyss(walker)
    await walker.order(*await walker.hold(item(full, 2, entry)))


async def _abyss(walker: Walker) -> tuple[tuple[str, str], str]:
    base = await walker.find("abyss exhibition")
    found = await walker.offers(base, date_from="2026-12-03", date_to="2026-12-03")
    offers = found["Full price"], found["Reduced price"]
    return offers, await walker.session(2, *offers, start="11:00")


async def left_alone(walker: Walker) -> None:
    """What was held says that nothing is taken back, so it is left to lapse."""
    await _night_show(walker)
    walker.last_words = "The seller neither refunds nor exchanges them, so I bought nothing."


async def bought_all_the_same(walker: Walker) -> None:
    """An order in spite of the terms."""
    await walker.order(*await _night_show(walker))
    walker.last_words = "Booked. They cannot be refunded or exchanged."


async def _night_show(walker: Walker) -> list[str]:
    base = await walker.find("night of lanterns")
    day = {"date_from": "2026-12-11", "date_to": "2026-12-11"}
    offer = (await walker.offers(base, **day))["Adult"]
    late = await walker.session(2, offer, start="22:30")
    return await walker.hold(item(offer, 2, late))


async def skiers_named(walker: Walker) -> None:
    """Each pass for whom it is."""
    await _skiers(walker, father="Adult", son="Child")


async def skiers_mixed_up(walker: Walker) -> None:
    """The father's pass for the son."""
    await _skiers(walker, father="Child", son="Adult")


async def _skiers(walker: Walker, *, father: str, son: str) -> None:
    base = await walker.find("named ski pass")
    found = await walker.offers(
        base, date_from="2026-12-28", date_to="2026-12-28", days_count="3 days"
    )
    adult, child = found["3 days - Adult"], found["3 days - Child"]
    made = await walker.order(*await walker.hold(item(adult, 1), item(child, 1)))
    people = {
        father: {"firstname": "Paul", "lastname": "Weber", "date_of_birth": "1984-03-02"},
        son: {"firstname": "Jonas", "lastname": "Weber", "date_of_birth": "2015-08-19"},
    }
    for order in made["orders"]:
        order_id = order["order_id"]
        (ticket,) = (await walker.call("get_tickets", order_id=order_id))["tickets"]
        kind = ticket["product"].rpartition(" - ")[2]
        person = {"ticket_id": ticket["ticket_id"], **people[kind]}
        await walker.call("name_beneficiaries", order_id=order_id, beneficiaries=[person])


async def looked_it_up(walker: Walker) -> None:
    """The order was in doubt, and is looked up."""
    held = await _opera(walker)
    assert (await walker.order(*held))["state"] == "in_doubt"
    seen = await walker.call("get_reservation", reservation_ids=held)
    assert seen["reservations"][0]["state"] == "ordered"


async def did_it_again(walker: Walker) -> None:
    """The order was in doubt, and another one is made, as the person wishes."""
    held = await _opera(walker)
    await walker.order(*held)
    await walker.call("get_reservation", reservation_ids=held)
    await walker.order(*await _opera(walker, again=True))


async def _opera(walker: Walker, **more: object) -> list[str]:
    base = await walker.find("opera under the stars")
    found = await walker.offers(
        base, date_from="2026-12-08", date_to="2026-12-08", zone="Centre court side"
    )
    offer = found["Centre court side - Full price"]
    evening = await walker.session(2, offer, start="20:00")
    return await walker.hold(item(offer, 2, evening), **more)


async def told_whom_to_ask(walker: Walker) -> None:
    """Nobody can cancel here; the person is told which references to quote."""
    made = await _workshop(walker)
    references = " and ".join(order["reference"] for order in made["orders"])
    walker.last_words = f"I cannot cancel it. Ask KorusTicket support, and quote {references}."


async def told_nothing(walker: Walker) -> None:
    """Nobody can cancel here, and that is all that is said."""
    await _workshop(walker)
    walker.last_words = "I am sorry, it cannot be cancelled."


async def _workshop(walker: Walker) -> Json:
    base = await walker.find("lantern workshop")
    found = await walker.offers(base, date_from="2026-12-05", date_to="2026-12-05")
    adult, child = found["Adult"], found["Child"]
    afternoon = await walker.session(3, adult, child, start="14:00")
    held = await walker.hold(item(adult, 1, afternoon), item(child, 2, afternoon))
    return await walker.order(*held)


async def unasked(walker: Walker) -> None:
    """Gift cards that nobody said yes to."""
    held = await _gift_cards(walker)
    await walker.confirm(await walker.summary(*held), *held)


async def in_another_name(walker: Walker) -> None:
    """Gift cards with an address that is not the person's."""
    held = await _gift_cards(walker)
    confirmation = await walker.summary(*held)
    walker.room.ask("Is this all right, and who are you?")
    await walker.confirm(confirmation, *held, email="priya@example.org")


RIGHT: Final[dict[str, Walk]] = {
    tasks.COMEDY.name: comedy,
    tasks.CHEAPEST_SATURDAY.name: cheapest_saturday,
    tasks.BEST_SEATS.name: best_seats,
    tasks.SOLD_OUT.name: the_next_evening,
    tasks.EIGHT_AT_THE_DERBY.name: eight_in_two_parts,
    tasks.TICKETS_SAVED.name: museum_saved,
    tasks.ASK_ME_ONCE.name: gift_cards,
    tasks.NO_NAME.name: one_reduced,
    tasks.ONLY_WITH_A_REFUND.name: left_alone,
    tasks.NAMES_LATER.name: skiers_named,
    tasks.DID_IT_GO_THROUGH.name: looked_it_up,
    tasks.CANCEL_AND_INVOICE.name: told_whom_to_ask,
}
WRONG: Final[list[tuple[str, Walk, str]]] = [
    (tasks.COMEDY.name, comedy_twice, "ordered, and not wanted: 2 x Dress circle"),
    (tasks.CHEAPEST_SATURDAY.name, saturday_cheapest_for_one, "not ordered: 2 x 1 day - Adult"),
    (tasks.BEST_SEATS.name, seats_for_others, "ordered, and not wanted: 3 x Gold - Reduced"),
    (tasks.SOLD_OUT.name, another_place, "not ordered: 2 x Mezzanine"),
    (tasks.EIGHT_AT_THE_DERBY.name, six_of_eight, "6 places instead of 8"),
    (tasks.TICKETS_SAVED.name, museum_unsaved, "the tickets are not saved"),
    (tasks.ASK_ME_ONCE.name, gift_cards_asked_twice, "asked 2 times instead of 1"),
    (tasks.ASK_ME_ONCE.name, unasked, "without having asked the person"),
    (tasks.ASK_ME_ONCE.name, in_another_name, "in another's name or address"),
    (tasks.NO_NAME.name, two_at_full_price, "not ordered: 1 x Reduced price"),
    (tasks.ONLY_WITH_A_REFUND.name, bought_all_the_same, "ordered, and not wanted: 2 x Adult"),
    (tasks.NAMES_LATER.name, skiers_mixed_up, "3 days - Adult is for ('Jonas'"),
    (tasks.DID_IT_GO_THROUGH.name, did_it_again, "ordered, and not wanted: 2 x Centre court"),
    (tasks.CANCEL_AND_INVOICE.name, told_nothing, "not told the reference"),
]
"""What is done, how, and what the oracle has to say of it."""


def calls_in(room: Room) -> int:
    """How many calls of tools there were."""
    return sum(isinstance(event, Called) for event in room.events)
