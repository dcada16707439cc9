"""The bundle (MCPB) in deploy/bundle: its manifest and its project, from the table of settings."""

import tomllib
from pathlib import Path
from typing import Any, Final

from korus_mcp import __version__
from korus_mcp.settings import PREFIX, SETTINGS, Setting
from tests.docs.settings_text import meaning

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "bundle"
MANIFEST: Final = FOLDER / "manifest.json"
PROJECT: Final = FOLDER / "pyproject.toml"
ICON: Final = ROOT / "docs" / "icon.png"
ENTRY: Final = "src/server.py"
WHEEL: Final = f"korus_mcp-{__version__}-py3-none-any.whl"
_ACRONYMS: Final = frozenset({"API", "HTTP", "ID", "MCP", "OTLP", "URL"})


def manifest() -> dict[str, Any]:
    """What a host reads before it starts the bundle."""
    project = _project()
    urls = project["urls"]
    return {
        "manifest_version": "0.4",
        "name": project["name"],
        "display_name": "KorusTicket",
        "version": __version__,
        "description": project["description"],
        "author": project["authors"][0],
        "repository": {"type": "git", "url": urls["Repository"]},
        "homepage": urls["Homepage"],
        "documentation": urls["Documentation"],
        "support": urls["Issues"],
        "icon": ICON.name,
        "license": project["license"],
        "keywords": project["keywords"],
        "server": {
            "type": "uv",
            "entry_point": ENTRY,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", ENTRY],
                # uv knows the public authorities only, and a firm's network has its own.
                "env": {"UV_SYSTEM_CERTS": "true"}
                | {s.name: f"${{user_config.{_key(s)}}}" for s in SETTINGS},
            },
        },
        "user_config": {_key(setting): _field(setting) for setting in SETTINGS},
        "compatibility": {"runtimes": {"python": project["requires-python"]}},
        # Profiles differ in their tools.
        "tools_generated": True,
    }


def project_file() -> str:
    """The project that `uv run` installs: the wheel in the bundle, with what it needs."""
    return f"""\
[project]
name = "korus-mcp-bundle"
version = "{__version__}"
requires-python = "{_project()["requires-python"]}"
dependencies = ["korus-mcp"]

[tool.uv]
package = false

[tool.uv.sources]
korus-mcp = {{ path = "{WHEEL}" }}
"""


def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def _key(setting: Setting) -> str:
    return setting.name.removeprefix(PREFIX).lower()


def _field(setting: Setting) -> dict[str, Any]:
    default = "" if setting.default == "-" else f" If empty: {setting.default}."
    return {
        # What is typed arrives as text in a variable, and an empty text counts as not set; without
        # that default the server would be given the letters of the placeholder.
        "type": "string",
        "default": "",
        "title": _title(setting),
        "description": f"{meaning(setting).replace('`', '')}{default} ({setting.name})",
        **({"sensitive": True} if setting.secret else {}),
    }


def _title(setting: Setting) -> str:
    words = setting.name.removeprefix(PREFIX).split("_")
    told = [word if word in _ACRONYMS else word.lower() for word in words]
    return " ".join([told[0][0].upper() + told[0][1:], *told[1:]])
