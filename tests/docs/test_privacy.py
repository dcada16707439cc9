"""docs/privacy.md is true of what is asked for, kept and logged."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.api import CustomerInput
from korus_mcp.commands.journal import LEAST_DAYS
from korus_mcp.journal.tables import METADATA
from korus_mcp.settings import SETTINGS
from tests.docs import generated
from tests.docs.test_directories import PEOPLE, files_in, members_of
from tests.fixtures.shop import Shop, shop

pytestmark = pytest.mark.anyio
TEXT: Final = (generated.ROOT / "docs" / "privacy.md").read_text("utf-8")
HEADINGS: Final = {
    "kinds of data, and purposes": "Data of people, and what for",
    "recipients": "Who gets it",
    "how long it stays": "What stays on the machine",
    "the log": "The log",
    "what people can do, and whom they ask": "Deletion, and questions",
}
"""What both directories want a policy to have, and where it has it."""
BUYER: Final = {"firstname": "Zenobia", "lastname": "Quillfeather", "email": "zenobia@example.org"}
NOTE: Final = "by the window, please"
OF_THE_BUYER: Final = ("zenobia", "quillfeather", "by the window")
KEPT: Final = (
    r"downloads/tickets-[\w-]+\.ics",
    r"journal\.db(-wal|-shm)?",
    r"cache/[\w.-]+\.(sqlite(-wal|-shm)?|lock)",
)
"""The files that privacy.md tells of, beside tickets, under the folders of `shop`."""


def parts() -> dict[str, str]:
    """The parts of the policy by their headings."""
    found = re.split(r"^## (.+)$", TEXT, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_the_policy_has_what_directories_ask_for() -> None:
    assert parts().keys() == set(HEADINGS.values())
    assert all(len(text.split()) > 30 for text in parts().values())
    readme = generated.README.read_text("utf-8")
    assert re.search(r"^## Privacy\n\n[^#]*\(\S+/docs/privacy\.md\)", readme, re.MULTILINE)


def test_the_policy_names_every_field_of_a_person() -> None:
    told = parts()[HEADINGS["kinds of data, and purposes"]]
    asked = {
        path.rpartition(".")[2]
        for tool in generated.listed_tools()
        for path, _ in members_of(tool.input_schema)
    }
    for name in asked & PEOPLE:
        assert f"`{name}`" in told
    assert asked >= PEOPLE


def test_every_name_in_the_policy_is_one_of_ours() -> None:
    settings = {setting.name for setting in SETTINGS}
    assert set(re.findall(r"KORUS_\w+", TEXT)) <= settings
    tools = {name for name in re.findall(r"`([a-z]+_[a-z]+)`", TEXT) if name not in PEOPLE}
    assert tools <= {*ALL_TOOLS}
    assert f"{LEAST_DAYS} at least" in TEXT


def test_nobody_is_signed_up_for_advertising() -> None:
    buyer = CustomerInput(BUYER["firstname"], BUYER["lastname"], email=BUYER["email"])
    sent: Any = buyer.body()
    assert sent["optin"] is False


def test_no_column_of_the_journal_is_for_data_of_a_person() -> None:
    columns = {column.name for table in METADATA.tables.values() for column in table.columns}
    assert not columns & {*PEOPLE, "customer", "notes", "voucher", "document"}


async def ordered(one: Shop) -> None:
    """A whole booking of somebody with a rare name, with a PDF saved and one refusal."""
    hold = await one.held()
    asked = {"reservation_ids": [hold], "customer": BUYER, "notes": NOTE}
    summary = await one.call("place_order", **asked)
    assert "Quillfeather" in summary["customer"]
    made = await one.call("place_order", **asked, confirmation=summary["confirmation"])
    order_id = made["orders"][0]["order_id"]
    one.sandbox.clock.advance(3600)
    tickets = await one.call("get_tickets", order_id=order_id, save=True)
    assert tickets["documents"][0]["saved_to"]
    again = {**asked, "customer": BUYER | {"firstname": "Zenobia II"}}
    refused = await one.ask("place_order", again)
    assert refused.result.is_error


async def test_a_buyer_is_in_no_file_but_the_tickets_and_in_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="korus_mcp")
    async with shop(tmp_path) as one:
        await ordered(one)
        tickets, others = set[str](), []
        for file in files_in(tmp_path):
            place = str(file.relative_to(tmp_path))
            if re.fullmatch(r"downloads/tickets-[\w-]+\.pdf", place):
                tickets.add(place)
                continue
            assert any(re.fullmatch(kind, place) for kind in KEPT), f"{place} is told of nowhere"
            others.append(file.read_bytes().lower())
        assert tickets
        assert len(others) > 1
        for each in OF_THE_BUYER:
            assert not [content for content in others if each.encode() in content]
    for each in OF_THE_BUYER:
        assert each not in caplog.text.lower()
