"""Of an order that is paid, whatever fails after it never leads to another purchase."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from korus_mcp.api import Booking
from korus_mcp.booking.tickets import Document, IssuedTickets, TicketService
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropAfter
from korus_mcp.tools.get_tickets import DOCUMENTED_PAGE, PAGE
from tests.fixtures.assistant import CUSTOMER, ERAS, HOLDER, Answer, Desk, Json, desk, settings_of
from tests.tools.test_get_tickets import files, on_http

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
LINK = "createOrderDocumentLink"
PATCH = "setTicketBeneficiary"
DAYS = 2 * 24 * 3600


def failing(status: int) -> Fault:
    return Fault(status=status, body="empty")


def leads_to_support(text: str) -> bool:
    """Whether it sends to support, forbids to buy again and proposes nothing that would."""
    said = text.casefold()
    return (
        "support" in said
        and "do not order again" in said
        and "search again" not in said
        and "call again later" not in said
    )


async def bought(each: Desk, landmark: str = "park_offer", quantity: int = 1) -> str:
    return str((await each.booked(each.handle(landmark), quantity))["order_id"])


# A file, or the list of files, that cannot be had


@BOTH_ERAS
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_file_that_is_not_given_sends_to_support(
    mode: str, status: int, tmp_path: Path
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), mode=mode, only=("park",)) as each:
        order_id = await bought(each)
        each.sandbox.faults.add(failing(status), "downloadDocument", times=None)
        answer = await files(each, order_id)
        assert leads_to_support(answer.text)
        assert "service account" not in answer.text, "no token is sent there"
        assert "again later" not in answer.text
        uri = f"korus://orders/{order_id}/documents/"
        told = await each.call("get_tickets", order_id=order_id)
        assert told["documents"][0]["uri"].startswith(uri)
        with pytest.raises(MCPError) as refused:
            await each.client.read_resource(told["documents"][0]["uri"])
        assert leads_to_support(str(refused.value))


@BOTH_ERAS
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "Do not order again"),
        (410, "support"),
        (403, "operator"),
        (500, "get_tickets again"),
        (429, "get_tickets again"),
    ],
)
async def test_tickets_are_told_where_their_documents_cannot_be_listed(
    mode: str, status: int, words: str
) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        order_id = await bought(each, quantity=2)
        each.sandbox.faults.add(failing(status), "listOrderDocuments", times=None)
        answer = await each.ask("get_tickets", {"order_id": order_id})
        assert len(answer.data["tickets"]) == 2
        assert words in answer.data["next"]
        assert "Do not order again" in answer.data["next"]
        assert "earch again" not in answer.text
        shown = await each.resource(f"korus://orders/{order_id}")
        assert len(shown["tickets"]) == 2


async def test_an_order_of_ones_own_that_is_not_shown_is_not_bought_again() -> None:
    async with desk(only=("park",)) as each:
        order_id = await bought(each)
        each.sandbox.faults.add(failing(404), "getOrder", times=None)
        early = await each.ask("get_tickets", {"order_id": order_id})
        assert early.code == "UPSTREAM_UNAVAILABLE"
        assert "does not show this order yet" in early.text
        assert "Do not order again" in early.text
        each.clock.advance(375)  # until it must be shown
        answer = await each.ask("get_tickets", {"order_id": order_id})
        assert answer.code == "NOT_FOUND"
        assert leads_to_support(answer.text)
        assert "known here" not in answer.text, "it was made here"
        foreign = await each.ask("get_tickets", {"order_id": "nobody-knows"})
        assert "known here" in foreign.text


@BOTH_ERAS
@pytest.mark.parametrize("scope", ["own", "account"])
async def test_an_order_is_known_by_the_references_it_was_shown_with(mode: str, scope: str) -> None:
    chosen = settings_of(SCOPE=scope)
    async with desk(chosen, mode=mode, only=("park",)) as each:
        order_id = await bought(each)
        other = await bought(each, quantity=2)
        row = next(o for o in each.sandbox.orders() if o.id == order_id)
        shown = (await each.call("get_tickets", order_id=order_id))["reference"]
        found = await each.call("find_orders", created_from="2026-05-30")
        (issuers,) = [o["issuer_reference"] for o in found["orders"] if o["order_id"] == order_id]
        assert row.reference == shown
        for name in (shown, shown.lower(), f" {shown}", issuers, order_id.upper()):
            told = await each.call("get_tickets", order_id=name)
            assert told["order_id"] == order_id
            rows = (await each.call("find_orders", reference=name))["orders"]
            assert [o["order_id"] for o in rows] == [order_id]
        assert other != order_id
        unknown = await each.ask("get_tickets", {"order_id": "KT-ORD-999999"})
        assert unknown.code == "NOT_FOUND"


@BOTH_ERAS
async def test_a_hold_that_is_not_shown_yet_is_neither_gone_nor_made_again(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        item = {"offer_id": each.handle("park_offer"), "quantity": 1}
        made = await each.call("reserve", items=[item])
        hold = made["reservations"][0]["reservation_id"]
        each.sandbox.faults.add(failing(404), "getReservation", times=None)
        told = await each.call("get_reservation", reservation_ids=[hold])
        assert [r["state"] for r in told["reservations"]] == ["in_doubt"]
        assert "Do not reserve it again" in told["next"]
        assert (await each.resource(f"korus://reservations/{hold}"))["state"] == "in_doubt"
        asked = {"reservation_ids": [hold], "customer": CUSTOMER}
        refused = await each.ask("place_order", asked)
        assert refused.code == "UPSTREAM_UNAVAILABLE"
        assert "just made; nothing was ordered now" in refused.text
        assert (await each.call("reserve", items=[item]))["state"] == "in_doubt"
        each.sandbox.faults.clear()
        assert (await each.order(hold))["state"] == "ordered"


@BOTH_ERAS
async def test_a_hold_that_is_gone_is_told_as_gone_though_it_was_asked_for_alone(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        item = {"offer_id": each.handle("park_offer"), "quantity": 1}
        made = await each.call("reserve", items=[item])
        hold = made["reservations"][0]["reservation_id"]
        each.clock.advance(375)  # until it must be shown
        each.sandbox.faults.add(failing(404), "getReservation", times=None)
        told = await each.call("get_reservation", reservation_ids=[hold])
        assert [r["state"] for r in told["reservations"]] == ["released"]
        assert "only if the person still wants it" in told["next"]
        shown = await each.resource(f"korus://reservations/{hold}")
        assert shown["state"] == "released"
        ordering = {"reservation_ids": [hold], "customer": CUSTOMER}
        refused = await each.ask("place_order", ordering)
        assert "gone" in refused.text
        assert "No such reservation" not in refused.text
        foreign = await each.ask("get_reservation", {"reservation_ids": ["nobody-knows"]})
        assert "No such reservation was made here" in foreign.text


# All files of a group


def with_documents(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The order has so many documents, each a small file of its own."""
    read = TicketService.of_order
    fetched: list[object] = []

    async def of_order(self: TicketService, *given: Any) -> IssuedTickets:
        issued = await read(self, *given)
        several = (Document(id=f"d-{i:02}", ready_at=None, is_ready=True) for i in range(number))
        return replace(issued, documents=tuple(several))

    async def link(self: object, order_id: str, document_id: str, language: str) -> str:
        return document_id

    async def download(self: object, link: str) -> bytes:
        fetched.append(link)
        return f"%PDF-1.7 {link}".encode()

    monkeypatch.setattr(TicketService, "of_order", of_order)
    monkeypatch.setattr(Booking, "create_order_document_link", link)
    monkeypatch.setattr(Booking, "download_document", download)


@BOTH_ERAS
async def test_all_files_of_a_group_are_saved_by_those_who_do_what_they_are_told(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), mode=mode, only=("park",)) as each:
        order_id = await bought(each, quantity=2)
        with_documents(monkeypatch, 20)
        first = await each.call("get_tickets", order_id=order_id, save=True)
        assert f"{DOCUMENTED_PAGE} of 20" in first["next"]
        assert "cursor and save: true" in first["next"]
        assert "nothing more" not in first["next"]
        last = first
        while cursor := last.get("next_cursor"):
            last = await each.call("get_tickets", order_id=order_id, save=True, cursor=cursor)
        assert "nothing more is needed" in last["next"]
        assert len(os.listdir(tmp_path)) == 20 + 1


@BOTH_ERAS
async def test_all_files_of_a_group_are_in_the_replies(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_http(mode) as (each, _):
        order_id = await bought(each, "beneficiary_offer")
        shown = await each.call("get_tickets", order_id=order_id)
        person = {**HOLDER, "ticket_id": shown["tickets"][0]["ticket_id"]}
        await each.call("name_beneficiaries", order_id=order_id, beneficiaries=[person])
        with_documents(monkeypatch, 20)
        first = await each.call("get_tickets", order_id=order_id, save=True)
        assert f"{DOCUMENTED_PAGE} of 20" in first["next"]
        assert "cursor and save: true" in first["next"]
        assert "nothing more" not in first["next"]
        links = await each.call("get_tickets", order_id=order_id)
        assert "cursor" in links["next"]


async def test_files_that_are_all_saved_do_not_hide_that_there_are_more_tickets(
    tmp_path: Path,
) -> None:
    async with desk(
        settings_of(DOWNLOAD_DIR=str(tmp_path), MAX_ORDER_AMOUNT="2000"), only=("park",)
    ) as each:
        order_id = await bought(each, quantity=30)
        saved = (await files(each, order_id)).data
        assert len(saved["tickets"]) == PAGE
        assert "cursor" in saved["next"]


# Files that are not given though their time has come


@BOTH_ERAS
@pytest.mark.parametrize("status", [400, 403, 404, 409, 410])
async def test_a_file_whose_time_is_long_past_is_not_waited_for(
    mode: str, status: int, tmp_path: Path
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), mode=mode, only=("park",)) as each:
        order_id = await bought(each)
        each.clock.advance(DAYS)
        each.sandbox.faults.add(failing(status), LINK, times=None)
        answer = await files(each, order_id)
        assert answer.code == "NOT_FOUND"
        assert leads_to_support(answer.text)
        assert "ready" not in answer.text
        assert "retry_after_seconds" not in answer.error


async def test_a_file_is_waited_for_some_minutes_after_its_time(tmp_path: Path) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        order_id = await bought(each)
        each.sandbox.faults.add(failing(404), LINK)
        each.clock.advance(60)
        early = await each.call("get_tickets", order_id=order_id, save=True)
        assert early["documents"][0]["ready"] is False
        assert "get_tickets again" in early["next"]
        assert "support" in early["next"], "not for ever"
        saved = await each.call("get_tickets", order_id=order_id, save=True)
        assert saved["documents"][0]["saved_to"]


async def test_one_file_that_is_not_given_is_told_beside_those_that_were_saved(
    tmp_path: Path,
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("ski",)) as each:
        order_id, wish = await group(each, 2)
        await each.call("name_beneficiaries", **wish)
        each.clock.advance(DAYS)
        each.sandbox.faults.add(failing(404), LINK)
        saved = (await files(each, order_id)).data
        assert sum("saved_to" in d for d in saved["documents"]) == 1
        assert "Do not order again" in saved["next"]
        assert "when the documents are ready" not in saved["next"]


# Names


async def group(each: Desk, number: int) -> tuple[str, Json]:
    """An order for so many, and the call that names them."""
    order_id = await bought(each, "beneficiary_offer", number)
    told = await each.call("get_tickets", order_id=order_id)
    people = [{**HOLDER, "ticket_id": t["ticket_id"]} for t in told["tickets"]]
    return order_id, {"order_id": order_id, "beneficiaries": people}


def outcomes(told: Json) -> list[str]:
    return [group["outcome"] for group in told["tickets"] for _ in group["ticket_ids"]]


@BOTH_ERAS
async def test_names_nobody_had_time_for_are_not_the_persons_fault(mode: str) -> None:
    async with desk(mode=mode, only=("ski",)) as each:
        _, wish = await group(each, 6)
        busy = Fault(status=429, retry_after="2")
        each.sandbox.faults.add(busy, PATCH, times=3)
        some = await each.call("name_beneficiaries", **wish)
        assert sorted(outcomes(some)) == ["named"] * 3 + ["not_sent"] * 3
        assert "in 2 s" in some["next"]
        assert "same arguments" in some["next"]
        assert "fields" not in some["next"]
        again = await each.call("name_beneficiaries", **wish)
        assert outcomes(again) == ["named"] * 6
        assert each.sent(PATCH) == 9, "what was named is not sent again"


@pytest.mark.parametrize(("status", "code"), [(401, "MISCONFIGURED"), (403, "NOT_ALLOWED")])
async def test_what_the_operator_has_to_mend_is_not_asked_of_the_person(
    status: int, code: str
) -> None:
    async with desk(only=("ski",)) as each:
        _, wish = await group(each, 2)
        each.sandbox.faults.add(failing(status), PATCH, times=None)
        refused = await each.ask("name_beneficiaries", wish)
        assert refused.code == code
        assert "operator" in refused.error["next"]
        assert "nothing was named" in refused.error["message"]
        assert refused.error["effect"] == "none"


async def test_a_name_that_may_not_be_set_is_told_beside_those_that_were() -> None:
    async with desk(only=("ski",)) as each:
        _, wish = await group(each, 3)
        each.sandbox.faults.add(failing(403), PATCH)
        told = await each.call("name_beneficiaries", **wish)
        assert sorted(outcomes(told)) == ["named", "named", "not_sent"]
        assert "operator" in told["next"]
        assert "fields" not in told["next"]


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_name_that_is_refused_is_checked_with_the_person(status: int) -> None:
    async with desk(only=("ski",)) as each:
        _, wish = await group(each, 2)
        each.sandbox.faults.add(failing(status), PATCH)
        each.sandbox.faults.add(Fault(status=429, retry_after="7"), PATCH)
        told = await each.call("name_beneficiaries", **wish)
        assert sorted(outcomes(told)) == ["not_sent", "refused"]
        assert "Check ticket_id and the fields" in told["next"]
        assert "in 7 s" in told["next"]


async def test_a_name_whose_answer_was_lost_is_looked_up() -> None:
    async with desk(only=("ski",)) as each:
        _, wish = await group(each, 1)
        each.sandbox.faults.add(DropAfter(), PATCH)
        assert outcomes(await each.call("name_beneficiaries", **wish)) == ["named"]


# Deadlines of names


async def later(each: Desk, wish: Json) -> Answer:
    each.clock.advance(400 * 24 * 3600)
    return await each.ask("get_tickets", {"order_id": wish["order_id"]})


@BOTH_ERAS
async def test_names_whose_deadline_is_over_are_not_asked_for(mode: str) -> None:
    async with desk(mode=mode, only=("ski",)) as each:
        _, wish = await group(each, 2)
        answer = await later(each, wish)
        assert [t["status"] for t in answer.data["tickets"]] == ["waiting_beneficiary_data"] * 2
        assert "name_beneficiaries" not in answer.data["next"]
        assert "support" in answer.data["next"]
        told = await each.call("name_beneficiaries", **wish)
        assert outcomes(told) == ["too_late"] * 2
        assert "support" in told["next"]
