"""The calendar file beside the PDFs: when, where and which places, as calendars take it in."""

import re
import stat
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import vobject
from mcp_types import EmbeddedResource, TextResourceContents

from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.tools import get_tickets
from tests.fixtures.assistant import ERAS, Desk, Json, desk, settings_of
from tests.tools.test_get_tickets import files, group, on_http, seated

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)


def entries(content: str) -> list[Any]:
    """The entries of a calendar file, read by another library than the one that wrote it."""
    assert re.search(r"(?<!\r)\n", content) is None, "lines end in CR LF"
    assert all(len(line.encode()) <= 75 for line in content.split("\r\n"))
    (calendar,) = vobject.readComponents(content)
    calendar.validate(raiseException=True)
    return list(calendar.vevent_list)


def in_file(told: Json) -> list[Any]:
    """The entries in the file that an answer names, which only its owner can read."""
    path = Path(told["calendar"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return entries(path.read_bytes().decode())


def calendars_in(folder: Path) -> list[str]:
    """The names of the calendar files in a folder."""
    return sorted(path.name for path in folder.glob("*.ics"))


async def saved(each: Desk, order_id: str) -> tuple[Json, list[Any]]:
    """The answer of get_tickets that saved the files, and the entries in its calendar file."""
    answer = await files(each, order_id)
    assert f"Calendar: {answer.data['calendar']}" in answer.text
    return answer.data, in_file(answer.data)


@BOTH_ERAS
async def test_a_seat_at_a_concert_is_an_entry_with_place_door_and_zone(
    mode: str, tmp_path: Path
) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, mode=mode, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        told, (entry,) = await saved(each, order_id)
        assert Path(told["calendar"]).name == f"tickets-{told['reference']}.ics"
        assert Path(told["documents"][0]["saved_to"]).stem == f"tickets-{told['reference']}"
        ticket = told["tickets"][0]
        starts = datetime.fromisoformat(ticket["when"])
        assert entry.dtstart.value == starts
        assert entry.dtstart.value.utcoffset() == UTC.utcoffset(None)
        assert entry.dtend.value > starts
        assert entry.summary.value == ticket["product"]
        assert entry.location.value.startswith("La Grande Verrière, 8 quai des Souffleurs, ")
        said = entry.description.value
        assert said.startswith("2 tickets\n")
        seat = ticket["seat"]
        assert f"one {seat['zone']}" in said
        assert f"row {seat['row']}" in said
        assert told["reference"] in said
        assert "issuer: GV-" in said


async def test_places_without_numbers_name_their_door(tmp_path: Path) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, only=("stadium",)) as each:
        told, (entry,) = await saved(each, await seated(each, "stadium_offer", 6))
    seat = told["tickets"][0]["seat"]
    said = entry.description.value
    assert said.startswith("6 tickets\n")
    assert f"Zone {seat['zone']}" in said
    assert f"entrance {seat['entrance']}" in said


@BOTH_ERAS
async def test_a_ticket_for_a_day_fills_it_and_a_show_has_its_hour(
    mode: str, tmp_path: Path
) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, mode=mode, only=("park",)) as each:
        told, (day, show) = await saved(each, await seated(each, "night_show_offer", 2))
    when = {ticket["admits_to"]: ticket["when"] for ticket in told["tickets"]}
    assert day.dtstart.value == date.fromisoformat(when["entry"])
    assert not isinstance(day.dtstart.value, datetime)
    assert not hasattr(day, "dtend"), "one day"
    assert show.dtstart.value == datetime.fromisoformat(when["session"])
    assert day.uid.value != show.uid.value
    assert all(each.description.value.startswith("2 tickets") for each in (day, show))


async def test_a_ticket_for_any_day_has_no_entry(tmp_path: Path) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        order = await each.booked(each.handle("undated_offer"))
        answer = await files(each, order["order_id"])
        assert answer.data["documents"][0]["saved_to"]
        assert "calendar" not in answer.data
        assert "Calendar" not in answer.text
        assert not calendars_in(tmp_path)
        with pytest.raises(Exception, match="nothing for a calendar"):
            await each.client.read_resource(f"korus://orders/{order['order_id']}/calendar.ics")


async def test_the_same_order_gives_the_same_file_and_entries_keep_their_name(
    tmp_path: Path,
) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        first, (entry,) = await saved(each, order_id)
        second, (again,) = await saved(each, order_id)
        assert first["calendar"] == second["calendar"]
        assert len(calendars_in(tmp_path)) == 1
        assert entry.uid.value == again.uid.value
        # Without the reservation nobody knows the end; the rest is told all the same.
        each.sandbox.faults.add(Fault(status=500), "getReservation", times=None)
        third, (open_ended,) = await saved(each, order_id)
        assert open_ended.uid.value == entry.uid.value
        assert not hasattr(open_ended, "dtend")
        assert not hasattr(open_ended, "duration")
        assert third["calendar"] != first["calendar"], "nothing is overwritten"


async def test_a_calendar_that_cannot_be_made_loses_no_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> bytes:
        raise Refusal(Code.UPSTREAM_UNAVAILABLE, "No venue can be read.", "Call again later.")

    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        monkeypatch.setattr(get_tickets, "calendar_of", fails)
        answer = await files(each, order_id)
        saved_to = [Path(document["saved_to"]) for document in answer.data["documents"]]
        assert saved_to
        assert all(path.exists() for path in saved_to)
        assert "calendar" not in answer.data


async def test_no_file_is_written_and_nothing_is_said_of_one_where_nothing_was_saved(
    tmp_path: Path,
) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 1)
        early = await each.ask("get_tickets", {"order_id": order_id, "save": True})
        each.clock.advance(600)
        listed = await each.ask("get_tickets", {"order_id": order_id})
        for answer in (early, listed):
            assert "calendar" not in answer.data
            assert "alendar" not in answer.text
        assert not calendars_in(tmp_path)


@BOTH_ERAS
async def test_over_http_it_comes_with_the_files_and_can_be_read(mode: str) -> None:
    async with on_http(mode) as (each, _):
        order_id, naming = await group(each, 2)
        await each.call("name_beneficiaries", **naming)
        answer = await files(each, order_id)
        blocks = [b for b in answer.result.content if isinstance(b, EmbeddedResource)]
        assert len(blocks) == len(answer.data["documents"]) + 1
        resource = blocks[-1].resource
        assert isinstance(resource, TextResourceContents)
        assert resource.mime_type == "text/calendar"
        assert str(resource.uri) == answer.data["calendar"]
        assert f"Calendar: {resource.uri}" in answer.text
        (entry,) = entries(resource.text)
        assert entry.dtstart.value == date.fromisoformat(answer.data["tickets"][0]["when"])
        (content,) = (await each.client.read_resource(str(resource.uri))).contents
        assert isinstance(content, TextResourceContents)
        assert (content.mime_type, content.text) == ("text/calendar", resource.text)


async def test_a_french_answer_has_a_french_file(tmp_path: Path) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 2)
        each.clock.advance(600)
        told = await each.call("get_tickets", order_id=order_id, save=True, language="fr")
        (entry,) = in_file(told)
    assert entry.description.value.startswith("2 billets\n")
    assert "rang " in entry.description.value
    assert f"Commande {told['reference']}" in entry.description.value


async def test_an_order_that_does_not_stand_is_in_no_calendar(tmp_path: Path) -> None:
    settings = settings_of(DOWNLOAD_DIR=str(tmp_path))
    async with desk(settings, only=("hall",)) as each:
        order_id = await seated(each, "seated_offer", 1)
        each.sandbox.cancel_order(order_id)
        answer = await files(each, order_id)
        assert "calendar" not in answer.data
        with pytest.raises(Exception, match="nothing for a calendar"):
            await each.client.read_resource(f"korus://orders/{order_id}/calendar.ics")
