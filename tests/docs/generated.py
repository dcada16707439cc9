"""What is generated from the code: tools, snapshots, server.json, the bundle, docs, README.

`make readme` writes them; a test compares.
"""

import json
import re
import sys
from pathlib import Path
from typing import Final

import anyio
from mcp import Client
from mcp_types import Tool

from korus_mcp.access.introduction import instructions
from korus_mcp.access.policy import ALL_TOOLS, SAVING_TOOLS, SPENDING_TOOLS, tool_names
from korus_mcp.answers.explanations import ROWS, explained
from korus_mcp.api import ApiError
from korus_mcp.api.failures import STATUS_ERRORS
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.opening.answers import GENERATED
from korus_mcp.resources.help import errors
from korus_mcp.server.composition import build_server
from korus_mcp.settings import SETTINGS, Environment, Profile, Setting, Settings
from korus_mcp.tools.listing import LISTING
from tests.docs import hosts_page, icon, manifest, opening, registry
from tests.docs.listing import described
from tests.docs.settings_text import meaning
from tests.fixtures.assistant import ERAS
from tests.fixtures.tokens import counted
from tests.halls import sheet

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
TOOLS: Final = ROOT / "docs" / "tools.md"
ADDING: Final = ROOT / "docs" / "adding-a-tool.md"
SETTINGS_PAGE: Final = ROOT / "docs" / "settings.md"
ERRORS: Final = ROOT / "docs" / "errors.md"
SERVER_JSON: Final = ROOT / "server.json"
SNAPSHOTS: Final = ROOT / "tests" / "tools" / "snapshots"
MOST_TOKENS: Final = 3_000
MOST_WITHOUT_OUTPUTS: Final = 2_000
REVISIONS: Final = {"auto": "2026-07-28", "legacy": "2025-11-25"}
CAUSES: Final = """
What failed, and its code. After a booking call whose answer was lost the code is `OUTCOME_UNKNOWN`,
whatever the cause.

"""


def listing() -> str:
    """The list of tools, as a start reads it."""
    found = [described(name) for name in ALL_TOOLS]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def snapshots() -> dict[str, str]:
    """What a model reads of this server, by name of file: tools, instructions of profiles."""
    tools = {f"{tool.name}.json": tool_snapshot(tool) for tool in listed_tools()}
    said = {f"{p.value}.instructions.txt": said_to(p) for p in Profile}
    return tools | said


def tool_snapshot(tool: Tool) -> str:
    """A tool as a host sees it, for people who review a change of words."""
    return pretty(tool.model_dump(mode="json", by_alias=True, exclude_none=True))


def pretty(content: object) -> str:
    """JSON for people."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def said_to(profile: Profile) -> str:
    """The instructions of a profile, a line for each environment."""
    settings = [Settings(profile=profile, environment=each) for each in Environment]
    return "".join(f"{instructions(each, tool_names(each))}\n" for each in settings)


def settings_table() -> str:
    """The settings as a table."""
    rows = [f"| `{s.name}`{_file(s)} | {s.default} | {meaning(s)} |" for s in SETTINGS]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows])


def tools_table() -> str:
    """The tools as a table, with what the list costs."""
    tools = listed_tools()
    rows = [f"| `{t.name}` | {_effect(t)} | {t.description} |" for t in tools]
    whole, without = list_tokens(tools)
    cost = (
        f"The list of all {len(tools)} tools costs {whole:,} tokens (o200k), "
        f"{without:,} without output schemas."
    )
    return "\n".join(["| tool | effect | what it does |", "|---|---|---|", *rows, "", cost])


def room_table() -> str:
    """What the list of tools costs in each era, and how much more it may."""
    costs = zip(*(list_tokens(listed_tools(mode)) for mode in ERAS), strict=True)
    kinds = (("the whole list", MOST_TOKENS), ("without output schemas", MOST_WITHOUT_OUTPUTS))
    rows = [
        f"| {kind} | {' | '.join(f'{each:,}' for each in cost)} | {most:,} | {most - max(cost):,} |"
        for (kind, most), cost in zip(kinds, costs, strict=True)
    ]
    head = f"| | {' | '.join(REVISIONS[mode] for mode in ERAS)} | at most | room for |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def errors_page() -> str:
    """docs/errors.md: what an assistant can read of errors, and which code each failure has."""
    rows = [f"| {_cause(kind)} | `{code}` |" for kind, (code, _, _) in ROWS.items()]
    journal = [
        f"| the journal: {fault.value} | `{explained(JournalDown(fault)).code}` |"
        for fault in JournalFault
    ]
    table = "\n".join(["| what failed | code |", "|---|---|", *rows, *journal])
    return f"{errors()}{CAUSES}{table}\n"


def _cause(kind: type[ApiError]) -> str:
    statuses = [str(status) for status, each in STATUS_ERRORS.items() if each is kind]
    return f"KorusTicket: {kind.cause}{f' ({statuses[0]})' if statuses else ''}"


def listed_tools(mode: str = "auto") -> list[Tool]:
    """All tools, as a host of an era sees them."""

    async def listed() -> list[Tool]:
        server = build_server(Settings(profile=Profile.SERVICE_DESK))
        async with Client(server, mode=mode) as client:
            return (await client.list_tools()).tools

    return anyio.run(listed)


def list_tokens(tools: list[Tool]) -> tuple[int, int]:
    """Tokens of the list, with and without output schemas."""
    whole = [t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in tools]
    without = [{k: v for k, v in t.items() if k != "outputSchema"} for t in whole]
    return _tokens(whole), _tokens(without)


def pages() -> dict[Path, str]:
    """The pages with generated tables, with those renewed."""
    return {
        README: _renewed(README, "programs", hosts_page.programs_table()),
        TOOLS: _renewed(TOOLS, "tools", tools_table()),
        ADDING: _renewed(ADDING, "room", room_table()),
        SETTINGS_PAGE: _renewed(SETTINGS_PAGE, "settings", settings_table()),
    }


def _renewed(page: Path, mark: str, table: str) -> str:
    block = re.compile(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    text, count = block.subn(lambda m: f"{m[1]}{table}\n{m[2]}", page.read_text("utf-8"))
    if count != 1:
        raise ValueError(f"{page.name} has no place for the {mark} table")
    return text


def _tokens(content: object) -> int:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return counted(text)


def _effect(tool: Tool) -> str:
    hints = tool.annotations
    if hints is None or hints.read_only_hint:
        return "reads"
    if tool.name in SAVING_TOOLS:
        return "reads, saves files"
    return "**spends**" if tool.name in SPENDING_TOOLS else "writes"


def _file(setting: Setting) -> str:
    return " (or `_FILE`)" if setting.from_file else ""


def main() -> None:
    """Write them all."""
    SERVER_JSON.write_text(pretty(registry.server_json()), "utf-8")
    manifest.MANIFEST.write_text(pretty(manifest.manifest()), "utf-8")
    manifest.PROJECT.write_text(manifest.project_file(), "utf-8")
    LISTING.write_text(listing(), "utf-8")  # before docs/tools.md, which counts its tokens
    GENERATED.write_text(opening.answers(), "utf-8")
    for page, text in pages().items():
        page.write_text(text, "utf-8")
    write_snapshots()
    ERRORS.parent.mkdir(exist_ok=True)
    ERRORS.write_text(errors_page(), "utf-8")
    hosts_page.PAGE.write_text(hosts_page.page(), "utf-8")
    write_sheet()
    icon.PICTURE.write_bytes(icon.drawn())
    sys.stdout.write(
        "Tables of README.md, docs/tools.md, docs/settings.md, docs/errors.md, docs/hosts.md, "
        "docs/adding-a-tool.md, server.json, deploy/bundle, docs/pictures/halls.png, "
        "docs/icon.png, tools, first answers and snapshots are written.\n"
    )


def write_sheet() -> None:
    """Draw the halls of docs/seat-maps.md anew, unless they look as they did."""
    drawn = sheet.contact_sheet()
    if not (sheet.PLACE.exists() and sheet.looks_like(drawn, sheet.PLACE.read_bytes())):
        sheet.PLACE.write_bytes(drawn)


def write_snapshots() -> None:
    """Write those there are, and remove those of what is gone."""
    renewed = snapshots()
    SNAPSHOTS.mkdir(exist_ok=True)
    for file in SNAPSHOTS.iterdir():
        if file.name not in renewed:
            file.unlink()
    for name, text in renewed.items():
        (SNAPSHOTS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
