"""A caller of the sandbox that knows the call order of a booking and checks every answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from korus_mcp.sandbox import Sandbox
from korus_mcp.sandbox.operations import TOKEN_PATH
from tests.sandbox import contract

LD_JSON = {"Content-Type": "application/ld+json"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
CATALOGS = "/v1/ticketing/catalogs"
RESERVATIONS = "/v1/booking/reservations"
ORDERS = "/v1/booking/orders"
CUSTOMER = {"firstname": "Ada", "lastname": "Byron", "email": "ada@example.com"}
HOLDER = {"firstname": "Ada", "lastname": "Byron", "dateOfBirth": "1990-12-10"}

Json = dict[str, Any]
Query = Mapping[str, str | int | Sequence[str]]


@asynccontextmanager
async def calling(sandbox: Sandbox, *, as_newcomer: bool = False) -> AsyncIterator["Caller"]:
    """A caller with a token."""
    transport = httpx.ASGITransport(app=sandbox.app)
    async with httpx.AsyncClient(
        transport=transport, base_url=sandbox.options.api_origin
    ) as client:
        caller = Caller(sandbox, client)
        await caller.log_in(as_newcomer=as_newcomer)
        yield caller


class Caller:
    """Calls by address; each answer has to fit the contract."""

    def __init__(self, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.client = client
        self.places = sandbox.landmarks

    async def log_in(self, *, as_newcomer: bool = False) -> Json:
        """Fetch a token and use it from now on."""
        sandbox = self.sandbox
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.empty_client_id if as_newcomer else sandbox.client_id,
            "client_secret": (
                sandbox.empty_client_secret if as_newcomer else sandbox.client_secret
            ),
        }
        answer = await self.token(form)
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        body: Json = answer.json()
        return body

    async def token(self, form: Mapping[str, str]) -> httpx.Response:
        """Ask the token endpoint."""
        return _checked(await self.client.post(TOKEN_PATH, data=dict(form)))

    async def get(
        self, path: str, query: Query | None = None, *, language: str = "fr"
    ) -> httpx.Response:
        """Read an address."""
        headers = {"Accept-Language": language}
        return _checked(await self.client.get(path, params=query, headers=headers))

    async def read(self, path: str, query: Query | None = None, *, language: str = "fr") -> Json:
        """Read an address that has something."""
        answer = await self.get(path, query, language=language)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def members(self, path: str, query: Query | None = None) -> list[Json]:
        """The members of a list, at most one page of 50."""
        found: list[Json] = (await self.read(path, {"itemsPerPage": 50, **(query or {})}))["member"]
        return found

    async def send(
        self,
        method: str,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a JSON body under the right media type unless told otherwise."""
        usual = MERGE_PATCH if method == "PATCH" else LD_JSON
        sent = {**usual, **(headers or {})}
        return _checked(await self.client.request(method, path, json=body, headers=sent))

    def iri(self, landmark: str) -> str:
        """The address of a landmark."""
        return self.sandbox.iri(self.places[landmark])

    async def item(self, offer: str, quantity: int = 1, *, slot: int | None = None) -> Json:
        """An item for a reservation of an offer, with the first free sessions."""
        choices: list[Json] = []
        for ticket in await self.members(f"{offer}/tickets"):
            choice = {"ticket": ticket["@id"]}
            if not ticket["dateAccess"]:
                choice["session"] = await self._session(ticket["@id"], slot)
            choices.append(choice)
        return {"offer": offer, "quantity": quantity, "ticketSessions": choices}

    async def reserve(self, *items: Json) -> Json:
        """Reserve items; the answer has both lists."""
        answer = await self.send("POST", f"{RESERVATIONS}/_bulk", {"items": list(items)})
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def hold(self, landmark: str, quantity: int = 1, *, slot: int | None = None) -> Json:
        """Hold units of a landmark's offer."""
        outcome = await self.reserve(await self.item(self.iri(landmark), quantity, slot=slot))
        assert not outcome["failedReservations"], outcome
        held: Json = outcome["reservations"][0]
        return held

    async def order(self, *holds: Json, reference: str = "REF-1") -> Json:
        """Order holds; the answer has both lists."""
        body = {
            "reservations": [hold["@id"] for hold in holds],
            "customer": CUSTOMER,
            "externalReference": reference,
        }
        answer = await self.send("POST", f"{ORDERS}/_bulk", body)
        assert answer.status_code == 200, answer.text
        outcome: Json = answer.json()
        return outcome

    async def booked(self, landmark: str, quantity: int = 1, *, reference: str = "REF-1") -> Json:
        """A confirmed order of a landmark's offer."""
        outcome = await self.order(await self.hold(landmark, quantity), reference=reference)
        assert not outcome["failedOrders"], outcome
        made: Json = outcome["orders"][0]
        return made

    async def _session(self, ticket: str, slot: int | None) -> str:
        sessions = await self.members(f"{ticket}/sessions")
        free = [each for each in sessions if each["availableQuantity"] != 0]
        chosen = (free or sessions)[0] if slot is None else sessions[slot]
        return str(chosen["@id"])


def _checked(response: httpx.Response) -> httpx.Response:
    contract.check(response)
    return response
