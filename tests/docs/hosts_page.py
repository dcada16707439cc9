"""docs/hosts.md: its tables and recipes, from the table of hosts and what was run."""

import json
import re
from pathlib import Path
from typing import Any, Final

from korus_mcp import __version__
from korus_mcp.hosts import links
from korus_mcp.hosts.blocks import key_of
from korus_mcp.hosts.links import (
    PUBLISHED,
    REPOSITORY,
    TODAY,
    UNPUBLISHED,
    Start,
    from_address,
)
from korus_mcp.hosts.table import Host, Kind, hosts

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "hosts.md"
RESULTS: Final = ROOT / "tests" / "hosts" / "results.json"
HEADINGS: Final = {
    Kind.TERMINAL: "Assistants in a terminal",
    Kind.PYTHON: "Python",
    Kind.NODE: "JavaScript and TypeScript",
    Kind.BRIDGE: "Bridges and proxies",
    Kind.ELSEWHERE: "Applications: format checked, not run",
}


def page() -> str:
    """docs/hosts.md with its generated parts renewed."""
    text = PAGE.read_text("utf-8")
    for mark, made in (("ways", ways()), ("results", results_table()), ("recipes", recipes())):
        block = re.compile(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        found = block.search(text)
        if found is None:
            raise ValueError(f"docs/hosts.md has no place for the {mark}")
        text = f"{text[: found.end(1)]}{made}\n{text[found.start(2) :]}"
    return text


IN_README: Final = (
    "claude-desktop",
    "claude-code-terminal",
    "vscode",
    "cursor",
    "codex-terminal",
    "goose",
)
"""Programs that most people have; README says of each where the command goes."""
_USUAL: Final = "mcpServers"


def programs_table() -> str:
    """README's table of programs: where the command goes, and whether that was run."""
    known = json.loads(RESULTS.read_text("utf-8"))
    of = {host.id: host for host in hosts()}
    rows = [
        f"| [{of[each].name}]({REPOSITORY}/blob/main/docs/hosts.md#{anchor(of[each].name)}) "
        f"| {of[each].file}{_form(of[each])} | {'run' if each in known else 'format checked'} |"
        for each in IN_README
    ]
    return "\n".join(["| program | where it goes | |", "|---|---|---|", *rows])


def anchor(heading: str) -> str:
    """The end of GitHub's link to a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def _form(host: Host) -> str:
    """How a program's form differs from the usual one."""
    if host.language in ("toml", "yaml"):
        return f" ({host.language.upper()})"
    key = key_of(host)
    return "" if key in (None, _USUAL) else f" (`{key}`, not `{_USUAL}`)"


def ways(today: Start = TODAY) -> str:
    """The commands that start the server: those that work today, and the one that will."""
    wheel = from_address(f"/full/path/of/korus_mcp-{__version__}-py3-none-any.whl")
    from_wheel = ("today, from a wheel (`make build` puts one into dist/)", " ".join(wheel.parts))
    published = " ".join(PUBLISHED.parts)
    several = links.add_mcp(today, ["claude-code", "codex", "cursor", "vscode"])
    if today is PUBLISHED:
        rows = [("today, from PyPI", published), from_wheel]
    else:
        repository = ("today, from the repository", " ".join(UNPUBLISHED.parts))
        rows = [repository, from_wheel, ("once it is on PyPI", published)]
    rows.append(("today, into the files of several programs at once (Node)", several))
    told = [f"| {when} | `{command}` |" for when, command in rows]
    return "\n".join(["| when | command |", "|---|---|", *told])


def results_table() -> str:
    """What was run, a row each."""
    known: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text("utf-8"))
    rows = [_result(host, known[host.id]) for host in hosts() if host.id in known]
    heads = "| host | versions | booked | with | calls | refusal read | question seen |"
    return "\n".join([heads, "|---|---|---|---|---|---|---|", *rows])


def _result(host: Host, result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["version"].items())
    booked = "yes" if result["booked"] else f"no: {result['why']}"
    refusal = "yes" if result["refusal_read"] else "no"
    setting = f"`{result['setting']}`" if result["setting"] else "as it comes"
    cells = [host.name, versions, booked, setting, result["calls"], refusal, result["question"]]
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def recipes() -> str:
    """All recipes, a section for each kind."""
    parts = []
    for kind, heading in HEADINGS.items():
        rows = [host for host in hosts() if host.kind is kind]
        if rows:
            parts.append("\n\n".join([f"## {heading}", *map(_recipe, rows)]))
    return "\n\n".join(parts)


def _recipe(host: Host) -> str:
    needs = [
        f"`{_install(host)}`" if host.packages else "",
        f"{_language(host)} {host.runtime}" if host.runtime else "",
        "`korus-mcp serve --http --port 8765` first" if host.http else "",
        "starts a process for each call" if host.process_per_call else "",
    ]
    told = ", ".join(need for need in needs if need)
    matters = f"What matters: `{host.setting}`, since {host.reason}." if host.setting else ""
    lines = [
        f"### {host.name}",
        f"Needs: {told}." if told else "",
        f"In {host.file}:",
        f"```{host.language}\n{host.block.strip()}\n```",
        *_by_link(host),
        matters,
        host.note,
    ]
    return "\n\n".join(line for line in lines if line)


def _by_link(host: Host) -> list[str]:
    """The shorter ways of a program to the same, if it has one."""
    what = "Find, hold, order and fetch KorusTicket tickets"
    addresses = {
        "vscode": (links.vscode(TODAY), links.vscode(TODAY, insiders=True)),
        "cursor": (links.cursor(TODAY),),
        "lm-studio": (links.lm_studio(TODAY),),
        "goose": (links.goose(TODAY, what),),
    }
    pages = {
        "vscode": f"[VS Code]({links.vscode_page(TODAY)}), "
        f"[Insiders]({links.vscode_page(TODAY, insiders=True)})",
        "cursor": f"[Cursor]({links.cursor_page(TODAY)})",
    }
    lines = {"claude-code-terminal": links.claude_code(TODAY), "codex-terminal": links.codex(TODAY)}
    told = []
    if host.id in addresses:
        page = f" (or from a page: {pages[host.id]})" if host.id in pages else ""
        told += [
            f"Or open an address with it{page}:",
            "```text\n" + "\n".join(addresses[host.id]) + "\n```",
        ]
    if host.id in lines:
        told += ["Or by its own command:", f"```sh\n{lines[host.id]}\n```"]
    if host.id == "claude-desktop":
        told.append(
            "Or open a bundle with it: `make bundle` packs one into dist/, with a field for each "
            "setting. It needs [uv](https://docs.astral.sh/uv/)."
        )
    return told


def _language(host: Host) -> str:
    return "Node" if host.script.endswith(".mjs") else "Python"


def _install(host: Host) -> str:
    if _language(host) == "Node":
        return f"npm install {' '.join(host.packages)}"
    quoted = (f"'{p}'" if set(p) & set("[<>") else p for p in host.packages)
    return f"pip install {' '.join(quoted)}"
