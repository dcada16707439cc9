"""Nobody learns anything of others' bookings: what is foreign answers as what does not exist.

The matrix is made of the tools and resources there are: a new one, or a new argument that names
something, fails here until somebody has said what it is of.
"""

import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, Final

import anyio
import httpx
import pytest
import sqlalchemy as sa
from mcp import MCPError

from korus_mcp.access.policy import ALL_TOOLS, NEEDED, TokenScope
from korus_mcp.access.principal import Caller, person_of, signed_in_as
from korus_mcp.foundation.refusals import Refusal
from korus_mcp.journal.tables import AUDIT
from korus_mcp.tools.listing import LISTING
from tests.fixtures.assistant import CUSTOMER, ERAS, HOLDER, Assistant, Json
from tests.fixtures.provider import BUYING, EVERYTHING
from tests.fixtures.signed_in import House, Person, house

pytestmark = pytest.mark.anyio
PEOPLE: Final = tuple(
    Person(name, tenant) for tenant in ("one", "other") for name in ("ada", "bob", "eve")
)
GUESSES: Final = 2_000
CALLED_GUESSES: Final = 60
MIXED_CALLS: Final = 60
"""Calls of each of two people in each era; `make isolation-test` makes more of all three."""


@dataclass(frozen=True)
class Booked:
    """All that has a name in what a person booked."""

    held: str
    ordered: str
    order: str
    reference: str
    email: str
    document: str
    ticket: str
    confirmation: str
    quantity: int


UNKNOWN: Final = Booked(
    held="0197c5bd-b47b-78c5-b610-00000000dead",
    ordered="0197c5bd-b47b-78c5-b610-00000001dead",
    order="0197c5bd-b47b-78c5-b610-00000002dead",
    reference="NO-SUCH-REFERENCE",
    email="nobody@example.org",
    document="0197c5bd-b47b-78c5-b610-00000003dead",
    ticket="0197c5bd-b47b-78c5-b610-00000004dead",
    confirmation="made-up-confirmation",
    quantity=0,
)
BY_ID: Final = ("get_tickets", "get_reservation", "name_beneficiaries", "place_order")
"""Tools that take the id of something booked."""
OF_THE_CATALOG: Final = {"product_base_id", "offer_id", "session_id", "session_ids"}
"""Arguments that name what everybody may see."""
Arguments = Callable[[Booked, Booked], Json]
NOTHING_OF_OTHERS: Final[tuple[Arguments, ...]] = ()
ASKED: Final[Mapping[str, tuple[Arguments, ...]]] = {
    "search_products": NOTHING_OF_OTHERS,
    "get_offers": NOTHING_OF_OTHERS,
    "check_availability": NOTHING_OF_OTHERS,
    "get_seat_map": NOTHING_OF_OTHERS,
    "reserve": NOTHING_OF_OTHERS,
    "place_order": (
        lambda its, _: {"reservation_ids": [its.held], "customer": CUSTOMER},
        lambda its, own: {"reservation_ids": [own.held, its.held], "customer": CUSTOMER},
        lambda its, _: {
            "reservation_ids": [its.held],
            "customer": CUSTOMER,
            "confirmation": its.confirmation,
        },
        lambda its, own: {
            "reservation_ids": [own.held],
            "customer": CUSTOMER,
            "confirmation": its.confirmation,
        },
    ),
    "get_tickets": (
        lambda its, _: {"order_id": its.order},
        lambda its, _: {"order_id": its.order, "save": True},
        lambda its, _: {"order_id": its.held},
        lambda its, _: {"order_id": its.order.upper()},
    ),
    "name_beneficiaries": (
        lambda its, _: {"order_id": its.order, "beneficiaries": [_named(its.ticket)]},
        lambda its, own: {"order_id": own.order, "beneficiaries": [_named(its.ticket)]},
    ),
    "get_reservation": (
        lambda its, _: {"reservation_ids": [its.held]},
        lambda its, _: {"reservation_ids": [its.ordered]},
        lambda its, _: {"reservation_ids": [its.order]},
        lambda its, own: {"reservation_ids": [own.held, its.held]},
    ),
    "find_orders": (
        lambda its, _: {"reference": its.reference},
        lambda its, _: {"reference": its.order},
        lambda its, _: {"cursor": its.order},
        lambda its, _: {"reference": its.email},
    ),
}
"""What is asked of each tool, with the ids of another person and one's own."""
ASKS_UPSTREAM: Final = {
    ("find_orders", 0),
    ("find_orders", 1),
    ("name_beneficiaries", 1),
    ("place_order", 3),
}
"""Calls that read one's own bookings beside a name that is foreign, or made up."""
READ: Final[Mapping[str, Callable[[Booked], str]]] = {
    "korus://reservations/{reservation_id}": lambda its: f"korus://reservations/{its.held}",
    "korus://orders/{order_id}": lambda its: f"korus://orders/{its.order}",
    "korus://orders/{order_id}/documents/{document_id}": lambda its: (
        f"korus://orders/{its.order}/documents/{its.document}"
    ),
    "korus://orders/{order_id}/calendar.ics": lambda its: (
        f"korus://orders/{its.order}/calendar.ics"
    ),
}
"""The address of each resource that is somebody's."""


def _email(person: Person) -> str:
    return f"{person.name}@{person.tenant}.example.org"


def _named(ticket_id: str) -> Json:
    return {**HOLDER, "ticket_id": ticket_id}


def _ids_in(schema: object, name: str = "") -> set[str]:
    """The arguments within a schema that name something."""
    if isinstance(schema, list):
        return set().union(*(_ids_in(each, name) for each in schema))
    if not isinstance(schema, dict):
        return set()
    own = {name} if re.search(r"(_ids?|confirmation|reference|cursor)$", name) else set()
    inner = (_ids_in(each, key) for key, each in (schema.get("properties") or {}).items())
    rest = (_ids_in(each) for key, each in schema.items() if key != "properties")
    return own.union(*inner, *rest)


def test_each_tool_has_a_scope_and_each_argument_that_names_something_is_asked() -> None:
    assert set(NEEDED) == set(ASKED) == set(ALL_TOOLS)
    for described in json.loads(LISTING.read_bytes()):
        names = _ids_in(described["inputSchema"]) - OF_THE_CATALOG
        asked = str([ask(UNKNOWN, UNKNOWN) for ask in ASKED[described["name"]]])
        # Where pages begin in the catalog, and a caller's own name for an order, are nobody's.
        free = {"cursor"} if described["name"] != "find_orders" else set()
        free |= {"reference"} if described["name"] == "place_order" else set()
        assert not [name for name in names - free if f"'{name}'" not in asked], described["name"]


async def test_each_resource_says_who_may_read_it() -> None:
    async with house() as here:
        owned = {
            uri
            for uri, offered in here.server.offering.offered.items()
            if offered.needs == NEEDED["get_tickets"]
        }
        assert owned == set(READ)
        # What says nothing of itself is nobody's: the catalog, help, pages.
        rest = set(here.server.offering.offered) - owned
        assert not [uri for uri in rest if re.search(r"order|reservation|document|ticket", uri)]


@pytest.fixture
async def here() -> AsyncIterator[House]:
    async with house() as made:
        yield made


async def booked(
    assistant: Assistant, offer_id: str, quantity: int, email: str = CUSTOMER["email"]
) -> Booked:
    """One order, and a hold beside it that is not ordered."""
    customer = {**CUSTOMER, "email": email}
    items = [{"offer_id": offer_id, "quantity": quantity}]
    first = (await assistant.call("reserve", items=items))["reservations"][0]["reservation_id"]
    order = (await assistant.order(first, customer=customer))["orders"][0]
    more = await assistant.call("reserve", items=items, again=True)
    held = more["reservations"][0]["reservation_id"]
    asked = await assistant.call("place_order", reservation_ids=[held], customer=CUSTOMER)
    told = await assistant.resource(f"korus://orders/{order['order_id']}")
    return Booked(
        held=held,
        ordered=first,
        order=order["order_id"],
        reference=order["reference"],
        email=email,
        document=next(iter(re.findall(r'documents/([^/."]+)', json.dumps(told))), held),
        ticket=told["tickets"][0]["ticket_id"],
        confirmation=asked["confirmation"],
        quantity=quantity,
    )


async def _read(assistant: Assistant, uri: str) -> str:
    try:
        return (await assistant.client.read_resource(uri)).model_dump_json()
    except MCPError as error:
        return str(error.error).replace(uri, "")


async def test_what_is_foreign_answers_as_what_does_not_exist(here: House) -> None:
    leaks: list[str] = []
    cells = 0
    async with AsyncExitStack() as opened:
        assistants = {
            person: await opened.enter_async_context(here.assistant(person)) for person in PEOPLE
        }
        theirs = {
            person: await booked(assistant, here.offer_id, number, _email(person))
            for number, (person, assistant) in enumerate(assistants.items(), start=1)
        }
        for reader, assistant in assistants.items():
            own = theirs[reader]
            for tool, asks in ASKED.items():
                for number, ask in enumerate(asks):
                    seen = await _seen(here, assistant, tool, ask(UNKNOWN, own), UNKNOWN)
                    for person in PEOPLE:
                        # Staff sees the orders of its tenant, in short.
                        is_shown = tool == "find_orders" and person.tenant == reader.tenant
                        if person == reader or is_shown:
                            continue
                        its = theirs[person]
                        told = await _seen(here, assistant, tool, ask(its, own), its)
                        cells += 1
                        is_quiet = told[1] == 0 or (tool, number) in ASKS_UPSTREAM
                        if told[0] != seen[0] or not is_quiet:
                            leaks.append(f"{tool} {number}: {told} and not {seen}")
            for address in READ.values():
                before = here.requests()
                unknown = await _read(assistant, address(UNKNOWN))
                for person in PEOPLE:
                    if person != reader:
                        cells += 1
                        said = await _read(assistant, address(theirs[person]))
                        if said != unknown or "NOT_FOUND" not in said:
                            leaks.append(f"{address(theirs[person])}: {said} and not {unknown}")
                assert here.requests() == before
        # The matrix can fail: each sees their own.
        for reader, assistant in assistants.items():
            mine = await assistant.call("get_tickets", order_id=theirs[reader].order)
            assert len(mine["tickets"]) == theirs[reader].quantity
    assert not leaks, "\n".join(leaks[:3])
    others, elsewhere = len(PEOPLE) - 1, sum(p.tenant != PEOPLE[0].tenant for p in PEOPLE)
    of_staff = len(ASKED["find_orders"])
    rest = sum(map(len, ASKED.values())) - of_staff + len(READ)
    assert cells == len(PEOPLE) * (others * rest + elsewhere * of_staff)


async def _seen(
    here: House, assistant: Assistant, tool: str, arguments: Json, its: Booked
) -> tuple[str, int]:
    """What a caller sees of an answer but the names they sent, and how many requests it took."""
    before = here.requests()
    wire = (await assistant.ask(tool, arguments)).wire
    for name in (str(each) for each in vars(its).values() if isinstance(each, str)):
        wire = wire.replace(name, "NAME")
    return wire, here.requests() - before


async def test_guessed_ids_find_nothing_and_ask_nobody(here: House) -> None:
    assert await guessed(here, GUESSES) == (GUESSES, 0)


async def guessed(here: House, guesses: int) -> tuple[int, int]:
    """Ids like one that exists, and that one: how many were tried, and how many were told of."""
    async with here.assistant(Person("ada")) as assistant:
        real = (await booked(assistant, here.offer_id, 2)).order
    services = here.server.running.app

    async def told(guess: str) -> tuple[str | None, str | None, int]:
        key, before = services.principal.key, here.requests()
        order = await _refusal(services.booking.orders.order(key, guess))
        hold = await _refusal(services.booking.holds.check_known(key, [guess]))
        return order, hold, here.requests() - before

    with signed_in_as(_caller(here, Person("bob"))):
        unknown = await told(UNKNOWN.order)
        assert None not in unknown
        said = [await told(guess) for guess in _guesses(real, guesses)]
    return len(said), sum(each != unknown for each in said)


async def _refusal(look: Awaitable[object]) -> str | None:
    try:
        await look
    except Refusal as refused:
        return str(refused)
    return None


async def test_guesses_in_calls_answer_as_what_does_not_exist(here: House) -> None:
    assert await guessed_in_calls(here, CALLED_GUESSES) == (CALLED_GUESSES, 0)


async def guessed_in_calls(here: House, guesses: int) -> tuple[int, int]:
    """The same through the tools that take an id, one after the other."""
    asks = [(tool, ASKED[tool][0]) for tool in BY_ID]
    async with here.assistant(Person("ada")) as assistant:
        real = (await booked(assistant, here.offer_id, 2)).order
    leaks = 0
    async with here.assistant(Person("bob")) as assistant:
        seen = {
            tool: await _seen(here, assistant, tool, ask(UNKNOWN, UNKNOWN), UNKNOWN)
            for tool, ask in asks
        }
        for (tool, ask), guess in zip(cycle(asks), _guesses(real, guesses), strict=False):
            its = replace(UNKNOWN, held=guess, ordered=guess, order=guess, ticket=guess)
            leaks += await _seen(here, assistant, tool, ask(its, its), its) != seen[tool]
    assert {requests for _, requests in seen.values()} == {0}
    return guesses, leaks


def _guesses(real: str, number: int) -> Iterator[str]:
    pick = random.Random(7)
    yield real
    for _ in range(number - 1):
        yield _mutated(real, pick)


def _mutated(real: str, pick: random.Random) -> str:
    letters = list(real)
    for _ in range(pick.randint(1, 3)):
        place = pick.randrange(len(letters))
        if letters[place] != "-":
            letters[place] = pick.choice("0123456789abcdef")
    guess = "".join(letters)
    return guess if guess != real else f"{real[:-4]}dead"


def _caller(here: House, person: Person) -> Caller:
    return Caller(
        principal=person_of(here.provider.issuer, person.tenant, person.name),
        scopes=frozenset(),
        issuer=here.provider.issuer,
        subject=person.name,
        client=person.program,
        expires_at=0,
    )


async def interleaved(here: House, calls: int) -> tuple[int, int]:
    """Two people who call at once in both eras: how many calls, and how many saw the other's."""
    made = mixed = 0
    pick = random.Random(11)
    theirs: dict[str, Booked] = {}

    async def one(person: Person, mode: str) -> None:
        nonlocal made, mixed
        own, others = theirs[person.name], theirs["bob" if person.name == "ada" else "ada"]
        async with here.assistant(person, mode) as assistant:
            for _ in range(calls):
                await anyio.sleep(pick.random() / 200)
                if pick.random() < 0.5:
                    told: Any = await assistant.call("get_tickets", order_id=own.order)
                    is_own = len(told["tickets"]) == own.quantity
                else:
                    told = await assistant.ask("get_reservation", {"reservation_ids": [own.held]})
                    is_own = not told.result.is_error
                made += 1
                mixed += not is_own or others.order in str(told) or others.held in str(told)
                refused = await assistant.ask("get_tickets", {"order_id": others.order})
                made += 1
                mixed += refused.code != "NOT_FOUND"

    for number, name in enumerate(("ada", "bob"), start=2):
        async with here.assistant(Person(name)) as assistant:
            theirs[name] = await booked(assistant, here.offer_id, number)
    async with anyio.create_task_group() as people:
        for name in theirs:
            for mode in ERAS:
                people.start_soon(one, Person(name), mode)
    return made, mixed


async def test_two_people_who_call_at_once_never_see_each_other(here: House) -> None:
    made, mixed = await interleaved(here, MIXED_CALLS // 2)
    assert (made, mixed) == (MIXED_CALLS * 4, 0)


async def test_staff_sees_the_orders_of_its_tenant_masked_and_no_tickets(
    here: House,
) -> None:
    ada, other = Person("ada", scope=BUYING), Person("ada", "other", scope=BUYING)
    staff = Person("staff", scope=EVERYTHING)
    async with here.assistant(ada) as one, here.assistant(other) as two:
        theirs = await booked(one, here.offer_id, 2)
        elsewhere = await booked(two, here.offer_id, 3)
    async with here.assistant(staff) as assistant:
        own = await booked(assistant, here.offer_id, 1)
        found = await assistant.call("find_orders")
        assert [row["order_id"] for row in found["orders"]] == [own.order, theirs.order]
        assert CUSTOMER["email"] not in str(found)
        named = await assistant.call("find_orders", reference=theirs.reference)
        assert [row["order_id"] for row in named["orders"]] == [theirs.order]
        assert (await assistant.call("find_orders", reference=elsewhere.reference))["shown"] == 0
        # The tickets, with the names on them, are their buyer's.
        refused = await assistant.ask("get_tickets", {"order_id": theirs.order})
        assert refused.code == "NOT_FOUND"


async def test_staff_finds_an_order_by_the_address_of_its_buyer_in_its_tenant_alone(
    here: House,
) -> None:
    ada, other = Person("ada", scope=BUYING), Person("ada", "other", scope=BUYING)
    address, elsewhere = "Ada.Lovelace@Example.org", "ada@other.example.org"
    async with here.assistant(ada) as one, here.assistant(other) as two:
        theirs = await booked(one, here.offer_id, 2, address)
        await booked(two, here.offer_id, 3, elsewhere)
    journal = here.server.running.app.booking.journal

    async def looks() -> list[tuple[str, Any]]:
        """Who looked, and what the audit says of it."""
        rows = sa.select(AUDIT.c.owner, AUDIT.c.detail).where(AUDIT.c.event == "orders_told")
        read = await journal._read(lambda tx: tx.run(rows.order_by(AUDIT.c.row)).all())
        return [(row.owner, json.loads(row.detail)) for row in read]

    for nobody in (ada, Person("eve", scope=TokenScope.BROWSE)):
        async with here.assistant(nobody) as assistant:
            before = here.requests()
            with pytest.raises((MCPError, httpx.HTTPError, ExceptionGroup)):
                await assistant.call("find_orders", reference=address)
            assert here.requests() == before
    assert await looks() == []
    async with here.assistant(Person("staff", scope=TokenScope.READ_TENANT)) as assistant:
        for written in (address, " ada.lovelace@example.ORG "):
            found = await assistant.call("find_orders", reference=written)
            assert [row["order_id"] for row in found["orders"]] == [theirs.order]
            assert "lovelace@" not in str(found).lower()
        before, told = here.requests(), set[str]()
        for unknown in (elsewhere, "nobody@example.org", "ada.lovelace@example.or"):
            told.add((await assistant.ask("find_orders", {"reference": unknown})).wire)
        assert here.requests() == before
        assert len(told) == 1
    staff = person_of(here.provider.issuer, "one", "staff").key
    found_here = {"by": "email", "order_ids": [theirs.order], "orders": 1}
    nothing = {"by": "email", "order_ids": [], "orders": 0}
    assert await looks() == [(staff, found_here)] * 2 + [(staff, nothing)] * 3
