"""Hosts that can ask: the person answers the server's question, not the assistant's."""

from mcp.client.session import ElicitationFnT
from mcp_types import ElicitRequestParams, ElicitResult

from tests.fixtures.assistant import CUSTOMER, Answer
from tests.fixtures.person import CLOSED, NO, UNTICKED, YES, Person, Said
from tests.journeys.acts import hold, ids_of, order_ids_of, waits_for_a_person
from tests.journeys.journey import End, journey
from tests.journeys.journey import Person as PersonOf
from tests.journeys.scene import Scene, World
from tests.journeys.scripts.agreeing import park_ticket

DATA = ElicitResult(action="accept", content={"order": True, "email": CUSTOMER["email"]})


def who_says(*answers: Said) -> PersonOf:
    """A person who answers in turn; a yes is to the totals that were shown when they were held."""

    def person(world: World) -> ElicitationFnT:
        answering = Person(list(answers))

        async def answer(context: object, params: ElicitRequestParams) -> Said:
            said = await answering(context, params)
            world.questions += 1
            is_yes = isinstance(said, ElicitResult) and (said.content or {}).get("order") is True
            if not is_yes:  # a yes counts whenever it comes
                await world.reading()
            else:
                world.agreed.update(world.shown)
            return said

        return answer

    return person


async def place(scene: Scene, reservation_ids: list[str], **more: object) -> Answer:
    """The answer to an order without any confirmation."""
    wish = {"reservation_ids": reservation_ids, "customer": CUSTOMER, **more}
    return await scene.ask("place_order", wish)


@journey("The host asks, the person says yes: ordered in one call", at="park", person=who_says(YES))
async def yes(scene: Scene) -> End:
    offer = await park_ticket(scene)
    made = (await place(scene, await hold(scene, offer.times(2)))).data
    (order_id,) = order_ids_of(made)
    await scene.call("get_tickets", order_id=order_id)
    return End(orders=[(offer.id, 2)])


@journey(
    "The operator wants a person, and the host can ask",
    at="park",
    person=who_says(YES),
    settings={"APPROVAL": "human"},
)
async def human(scene: Scene) -> End:
    offer = await park_ticket(scene)
    assert order_ids_of((await place(scene, await hold(scene, offer.times(1)))).data)
    return End(orders=[(offer.id, 1)])


@journey(
    "The operator wants a person, and the host cannot ask",
    at="park",
    settings={"APPROVAL": "human"},
)
async def nobody(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    assert waits_for_a_person(await place(scene, held))
    assert waits_for_a_person(await place(scene, held, confirmation="yes"))
    return End(held=[(offer.id, 1)], order_calls=0)


@journey(
    "The person says no, and a stubborn assistant gets nowhere", at="park", person=who_says(NO)
)
async def no(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(2))
    for more in ({}, {"confirmation": "yes"}, {"reference": "again"}):
        assert (await place(scene, held, **more)).code == "APPROVAL_DECLINED"
    return End(held=[(offer.id, 2)], order_calls=0)


@journey(
    "The person leaves the box empty, and takes fewer instead",
    at="park",
    person=who_says(UNTICKED, YES),
)
async def fewer(scene: Scene) -> End:
    offer = await park_ticket(scene)
    many = await hold(scene, offer.times(4))
    assert (await place(scene, many)).code == "APPROVAL_DECLINED"
    few = await hold(scene, offer.times(2))
    assert order_ids_of((await place(scene, few)).data)
    return End(orders=[(offer.id, 2)], held=[(offer.id, 4)], reserve_calls=2)


@journey(
    "The question is closed, and answered the second time", at="park", person=who_says(CLOSED, YES)
)
async def closed(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    assert (await place(scene, held)).code == "APPROVAL_REQUIRED"
    assert order_ids_of((await place(scene, held)).data)
    return End(orders=[(offer.id, 1)])


@journey(
    "The assistant does not know the e-mail; the person fills it in",
    at="park",
    person=who_says(DATA),
)
async def filled_in(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    known = {k: v for k, v in CUSTOMER.items() if k != "email"}
    assert order_ids_of((await place(scene, held, customer=known)).data)
    (made,) = scene.world.sandbox.orders()
    assert made.customer["email"] == CUSTOMER["email"]
    assert scene.world.questions == 1, "one form for the yes and the address"
    return End(orders=[(offer.id, 1)])


@journey(
    "Nobody can be asked by the host: the assistant asks once, for the yes and the e-mail",
    at="park",
)
async def asked_by_the_assistant(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(1))
    known = {k: v for k, v in CUSTOMER.items() if k != "email"}
    summary = (await place(scene, held, customer=known)).data
    assert summary["missing"] == "email"
    scene.world.agreed.update(scene.world.shown)
    made = await place(scene, held, confirmation=summary["confirmation"])
    assert order_ids_of(made.data)
    return End(orders=[(offer.id, 1)])


@journey(
    "The same order call comes again after the yes: nobody is asked twice",
    at="park",
    person=who_says(YES, NO),
)
async def again(scene: Scene) -> End:
    offer = await park_ticket(scene)
    held = await hold(scene, offer.times(2))
    first = (await place(scene, held)).data
    second = (await place(scene, held)).data
    assert second["replayed"]
    assert ids_of(first) == ids_of(second)
    assert order_ids_of(first) == order_ids_of(second)
    return End(orders=[(offer.id, 2)])
