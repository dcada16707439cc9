"""server.json: how the registry of MCP servers is told of this one, and what it asks of that."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

from jsonschema import Draft7Validator

from korus_mcp import __version__
from korus_mcp.hosts.links import REPOSITORY
from korus_mcp.settings import SETTINGS, Setting, Settings
from tests.docs import icon

NAME: Final = "io.github.korus-mcp/korus-mcp"
SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
COPY: Final = Path(__file__).with_name("server.schema.json")
SUMMARY: Final = "Search, hold, order and fetch KorusTicket tickets in conversation, never twice."
_TYPES: Final = get_type_hints(Settings)
_EXACT: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?")
_KINDS: Final = frozenset({"pypi", "npm", "oci", "nuget", "mcpb"})


def server_json() -> dict[str, Any]:
    """The registry's description of this server."""
    picture = icon.PICTURE.relative_to(icon.PICTURE.parents[1]).as_posix()
    raw = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
    return {
        "$schema": SCHEMA,
        "name": NAME,
        "title": "KorusTicket",
        "description": SUMMARY,
        "version": __version__,
        "repository": {"url": REPOSITORY, "source": "github"},
        "websiteUrl": REPOSITORY,
        "icons": [
            {
                "src": f"{raw}/main/{picture}",
                "mimeType": "image/png",
                "sizes": [f"{icon.SIZE}x{icon.SIZE}"],
            }
        ],
        "packages": [
            {
                "registryType": "pypi",
                "identifier": "korus-mcp",
                "version": __version__,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [_variable(setting) for setting in SETTINGS],
            }
        ],
    }


def _variable(setting: Setting) -> dict[str, Any]:
    variable: dict[str, Any] = {
        "name": setting.name,
        "description": setting.meaning,
        "isRequired": False,  # without any the embedded sandbox is served
        "format": _format(setting),
    }
    # A default that depends on others has words in `told`, and no value to fill in.
    if not setting.told and setting.value not in (None, "", ()):
        variable["default"] = setting.default
    if setting.secret:
        variable["isSecret"] = True
    if setting.choices:
        variable["choices"] = list(setting.choices)
    return variable


def _format(setting: Setting) -> str:
    if isinstance(setting.value, bool):
        return "boolean"
    if setting.most:
        return "number"
    return "filepath" if Path in getattr(_TYPES[setting.field], "__args__", ()) else "string"


def faults(found: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with it: what the registry's schema says, and what that lets pass."""
    schema = json.loads(COPY.read_text("utf-8"))
    yield from (error.message for error in Draft7Validator(schema).iter_errors(dict(found)))
    known = schema["definitions"]["ServerDetail"]["properties"].keys()
    yield from (f"{key} is no key" for key in found.keys() - known - {"$schema"})
    if found.get("name", "").count("/") != 1:
        yield "the name has one slash"
    for holder in (found, *found.get("packages", ())):
        if not _EXACT.fullmatch(str(holder.get("version", ""))):
            yield f"{holder.get('version')} is no exact version"
    for package in found.get("packages", ()):
        if package.get("registryType") not in _KINDS:
            yield f"{package.get('registryType')} is no registry"
        if package.get("registryType") == "mcpb" and "fileSha256" not in package:
            yield "a bundle needs its digest"
