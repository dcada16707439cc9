"""What an assistant does in a conversation, so that a script reads like one.

Every id an act passes on comes out of an earlier reply.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import anyio

from tests.fixtures.assistant import CUSTOMER, HOLDER, Answer, Json
from tests.journeys.scene import Scene
from tests.journeys.walk import FOLLOWING

DOCUMENTS_SECONDS = 150
"""By then the slowest issuer has made its files."""


@dataclass(frozen=True)
class Offer:
    """An offer as get_offers or get_seat_map shows it."""

    id: str
    product: str
    price: str
    day: str | None = None

    @property
    def amount(self) -> float:
        """The price as a figure, to compare."""
        return float(self.price.removesuffix(" EUR"))

    def times(self, quantity: int, *session_ids: str) -> Json:
        """So many of it, as reserve takes it."""
        chosen = {"session_ids": list(session_ids)} if session_ids else {}
        return {"offer_id": self.id, "quantity": quantity, **chosen}


async def find(scene: Scene, query: str | None = None, **more: object) -> Json:
    """The best answer of a search."""
    asked = {"query": query, **more} if query else more
    found = await scene.call("search_products", **asked)
    best: Json = found["products"][0]
    return best


async def base_of(scene: Scene, query: str, **more: object) -> str:
    """The product_base_id of the best answer of a search."""
    return str((await find(scene, query, **more))["product_base_id"])


async def offers(scene: Scene, product_base_id: str, **wish: object) -> list[Offer]:
    """The first page of a price table."""
    table = await scene.call("get_offers", product_base_id=product_base_id, **wish)
    return [
        Offer(o["offer_id"], o["product"], o["price"], day.get("date"))
        for day in table.get("days", ())
        for o in day["offers"]
    ]


def named(found: Iterable[Offer], *words: str) -> Offer:
    """The first offer whose name has these words."""
    return next(o for o in found if all(word in o.product for word in words))


async def zones(
    scene: Scene, product_base_id: str, quantity: int, **wish: object
) -> Sequence[Json]:
    """The zones of a venue, best first."""
    plan = await scene.call(
        "get_seat_map", product_base_id=product_base_id, quantity=quantity, **wish
    )
    found: Sequence[Json] = plan["zones"]
    return found


def dearest_in(zone: Json) -> Offer:
    """The offer at the full price of a zone."""
    best = zone["offers"][0]
    return Offer(best["offer_id"], best["product"], best["price"])


async def sessions(scene: Scene, offer: Offer, quantity: int = 1) -> list[Json]:
    """The sessions of an offer with enough places."""
    live = await scene.call("check_availability", offer_id=offer.id, quantity=quantity)
    return [s for s in live.get("sessions", ()) if s["enough"]]


async def try_to_hold(scene: Scene, *items: Json, **more: object) -> Answer:
    """What reserve answers, a refusal too; totals of holds were shown to the person then."""
    answer = await scene.ask("reserve", {"items": list(items), **more})
    for reservation in answer.structure.get("reservations", ()):
        scene.world.shown[reservation["reservation_id"]] = reservation["total"]
    return answer


async def hold(scene: Scene, *items: Json, **more: object) -> list[str]:
    """The reservation_ids of items that are all held."""
    held = (await try_to_hold(scene, *items, **more)).data
    assert held["state"] == "held"
    return ids_of(held)


def ids_of(held: Json) -> list[str]:
    """The reservation_ids of a reply."""
    return [r["reservation_id"] for r in held.get("reservations", ())]


async def ask_person(
    scene: Scene, reservation_ids: Sequence[str], *, is_named: bool = True, **more: object
) -> Json:
    """The arguments of an order whose summary the person has read and agreed to.

    Where they had not been named, they say who they are with their yes: they are asked once.
    """
    wish: Json = {"reservation_ids": list(reservation_ids), "customer": CUSTOMER, **more}
    known = wish if is_named else {k: v for k, v in wish.items() if k != "customer"}
    summary = await scene.call("place_order", **known)
    assert summary["state"] == "confirmation_needed"
    assert ("missing" in summary) is not is_named
    scene.world.questions += 1
    for reservation in summary["summary"]:
        scene.world.agreed[reservation["reservation_id"]] = reservation["total"]
    return {**wish, "confirmation": summary["confirmation"]}


async def order(scene: Scene, reservation_ids: Sequence[str], **more: object) -> list[str]:
    """The order_ids of reservations that were all ordered; the person was asked once."""
    wish = await ask_person(scene, reservation_ids, is_named=False, **more)
    made = await scene.call("place_order", **wish)
    assert made["state"] == "ordered"
    return order_ids_of(made)


def waits_for_a_person(answer: Answer) -> bool:
    """Whether an order is not made without a person: over stdio they may answer beside the host,
    elsewhere there is no way to ask them.
    """
    is_asked = answer.structure.get("state") == "approval_needed"
    return is_asked or answer.code == "APPROVAL_UNAVAILABLE"


def order_ids_of(made: Json) -> list[str]:
    """The order_ids of a reply."""
    return [o["order_id"] for o in made.get("orders", ())]


async def fetch(scene: Scene, order_id: str, *, after: float = 0, **more: object) -> Json:
    """The tickets of an order with its files saved; the person has waited so many seconds."""
    await scene.later(after)
    answer = await scene.ask(
        "get_tickets", {"order_id": order_id, "save": True, **more}, **FOLLOWING
    )
    for document in answer.data.get("documents", ()):
        assert await anyio.Path(document["saved_to"]).is_file()
    return answer.data


def people_for(tickets: Iterable[Json], *firstnames: str) -> list[Json]:
    """A person for each ticket, with the fields it needs and no more."""
    names = iter(firstnames)
    return [
        {"ticket_id": ticket["ticket_id"]}
        | {field: HOLDER[field] for field in ticket["beneficiary_fields_needed"]}
        | {"firstname": next(names, HOLDER["firstname"])}
        for ticket in tickets
    ]
