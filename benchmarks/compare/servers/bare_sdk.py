"""The floor: tools by hand on the bare SDK, which pass on what the API answers, and no more.

They are named as the operations of the contract, so that the same script books through them.
"""

import sys
from typing import Annotated, Any

import httpx
from mcp.server.mcpserver import MCPServer
from pydantic import Field

POST, PATCH = "application/ld+json", "application/merge-patch+json"
TICKETING = "/v1/ticketing/catalogs"
BOOKING = "/v1/booking"
Page = Annotated[int, Field(description="From 1")]


def bare_server(origin: str, token: str) -> MCPServer[None]:
    """The server, for an API at an origin."""
    server: MCPServer[None] = MCPServer("bare", log_level="WARNING")
    api = httpx.AsyncClient(base_url=origin, headers={"Authorization": f"Bearer {token}"})

    async def read(path: str, **query: str | int) -> str:
        return (await api.get(path, params=query)).raise_for_status().text

    async def send(method: str, path: str, kind: str, body: dict[str, Any]) -> str:
        headers = {"Content-Type": kind}
        answer = await api.request(method, path, json=body, headers=headers)
        return answer.raise_for_status().text

    @server.tool(description="Catalogs", structured_output=False)
    async def listCatalogs(page: Page = 1) -> str:  # noqa: N802 - the operation's name
        return await read(TICKETING, page=page)

    @server.tool(description="Product bases of a catalog, 50 a page", structured_output=False)
    async def listProductBases(  # noqa: N802 - the operation's name
        catalogId: str,  # noqa: N803 - the contract's name
        page: Page = 1,
        itemsPerPage: int = 50,  # noqa: N803 - the contract's name
    ) -> str:
        path = f"{TICKETING}/{catalogId}/product_bases"
        return await read(path, page=page, itemsPerPage=itemsPerPage)

    @server.tool(description="A product base", structured_output=False)
    async def getProductBase(catalogId: str, id: str) -> str:  # noqa: A002, N802, N803 - as above
        return await read(f"{TICKETING}/{catalogId}/product_bases/{id}")

    @server.tool(description="Offers of a product base", structured_output=False)
    async def listOffers(catalogId: str, productBaseId: str) -> str:  # noqa: N802, N803 - as above
        return await read(f"{TICKETING}/{catalogId}/offers", productBaseId=productBaseId)

    @server.tool(description="Live stock of an offer", structured_output=False)
    async def getOfferAvailability(catalogId: str, id: str) -> str:  # noqa: A002, N802, N803 - as above
        return await read(f"{TICKETING}/{catalogId}/offers/{id}/availability")

    @server.tool(description="Tickets of an offer", structured_output=False)
    async def listOfferTickets(catalogId: str, offerId: str) -> str:  # noqa: N802, N803 - as above
        return await read(f"{TICKETING}/{catalogId}/offers/{offerId}/tickets")

    @server.tool(description="Sessions of a ticket of an offer", structured_output=False)
    async def listOfferTicketSessions(  # noqa: N802 - the operation's name
        catalogId: str,  # noqa: N803 - the contract's name
        offerId: str,  # noqa: N803 - the contract's name
        offerTicketId: str,  # noqa: N803 - the contract's name
    ) -> str:
        path = f"{TICKETING}/{catalogId}/offers/{offerId}/tickets/{offerTicketId}/sessions"
        return await read(path)

    @server.tool(description="A seat map", structured_output=False)
    async def getSeatMap(catalogId: str, productBaseId: str, id: str) -> str:  # noqa: A002, N802, N803 - as above
        return await read(f"{TICKETING}/{catalogId}/product_bases/{productBaseId}/seat_maps/{id}")

    @server.tool(
        description="Hold offers: offer IRI, quantity, ticketSessions of ticket and session IRIs",
        structured_output=False,
    )
    async def createReservations(items: list[dict[str, Any]]) -> str:  # noqa: N802 - the operation's name
        return await send("POST", f"{BOOKING}/reservations/_bulk", POST, {"items": items})

    @server.tool(description="A reservation", structured_output=False)
    async def getReservation(id: str) -> str:  # noqa: A002, N802 - as above
        return await read(f"{BOOKING}/reservations/{id}")

    @server.tool(
        description="Order reservations (IRIs) for a customer: firstname, lastname, email",
        structured_output=False,
    )
    async def createOrders(  # noqa: N802 - the operation's name
        reservations: list[str],
        customer: dict[str, str],
        externalReference: str,  # noqa: N803 - the contract's name
    ) -> str:
        body = {
            "reservations": reservations,
            "customer": customer,
            "externalReference": externalReference,
        }
        return await send("POST", f"{BOOKING}/orders/_bulk", POST, body)

    @server.tool(description="An order with its tickets", structured_output=False)
    async def getOrder(id: str) -> str:  # noqa: A002, N802 - as above
        return await read(f"{BOOKING}/orders/{id}")

    @server.tool(description="Files of an order", structured_output=False)
    async def listOrderDocuments(orderId: str) -> str:  # noqa: N802, N803 - as above
        return await read(f"{BOOKING}/orders/{orderId}/documents")

    @server.tool(description="The address of a file", structured_output=False)
    async def createOrderDocumentLink(orderId: str, id: str) -> str:  # noqa: A002, N802, N803 - as above
        return await send("PATCH", f"{BOOKING}/orders/{orderId}/documents/{id}", PATCH, {})

    return server


if __name__ == "__main__":
    bare_server(*sys.argv[1:]).run()
