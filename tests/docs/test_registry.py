"""server.json is what the settings make of it, and what the registry takes."""

import copy
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from korus_mcp import __version__
from korus_mcp.hosts.links import REPOSITORY
from korus_mcp.settings import SETTINGS, Settings, read_settings
from tests.docs import generated, icon, registry
from tests.docs.test_directories import size_of
from tests.halls.sheet import looks_like

Broken = Callable[[dict[str, Any]], object]


@pytest.fixture
def server_json() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(generated.SERVER_JSON.read_text("utf-8"))
    return found


def test_server_json_is_what_the_settings_and_the_version_make_of_it(
    server_json: dict[str, Any],
) -> None:
    assert server_json == registry.server_json(), "run `make readme`"


def test_server_json_is_taken_by_the_registry(server_json: dict[str, Any]) -> None:
    assert list(registry.faults(server_json)) == []


def _with(**changed: object) -> Broken:
    return lambda found: found.update(changed)


def _in_package(**changed: object) -> Broken:
    return lambda found: found["packages"][0].update(changed)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(_with(description="x" * 101), id="a long description"),
        pytest.param(_with(description=""), id="no description"),
        pytest.param(_with(name="korus-mcp"), id="a name without an owner"),
        pytest.param(_with(name="io.github.a/b/c"), id="two slashes"),
        pytest.param(_with(name="io.git_hub/korus-mcp"), id="a low line in the owner"),
        pytest.param(_with(version="^0.1.0"), id="a range"),
        pytest.param(_with(version="latest"), id="latest"),
        pytest.param(_with(licence="MIT"), id="an unknown key"),
        pytest.param(_with(repository={"url": REPOSITORY}), id="no source"),
        pytest.param(_with(icons=[{"mimeType": "image/png"}]), id="an icon without an address"),
        pytest.param(_in_package(registryType="cargo"), id="an unknown registry"),
        pytest.param(_in_package(registryType="mcpb"), id="a bundle without its digest"),
        pytest.param(_in_package(version="1.x"), id="a range of a package"),
        pytest.param(
            _in_package(environmentVariables=[{"name": "A", "default": 5}]), id="a number"
        ),
    ],
)
def test_what_the_registry_would_refuse_is_found(
    broken: Broken, server_json: dict[str, Any]
) -> None:
    changed = copy.deepcopy(server_json)
    broken(changed)
    assert len(list(registry.faults(changed))) >= 1


def test_server_json_names_each_setting_once_and_marks_the_secrets(
    server_json: dict[str, Any],
) -> None:
    variables = server_json["packages"][0]["environmentVariables"]
    assert [v["name"] for v in variables] == [s.name for s in SETTINGS]
    secrets = {v["name"] for v in variables if v.get("isSecret")}
    addresses = {"KORUS_DATABASE_URL", "KORUS_HTTP_PROXY"}  # they may hold a password
    own = {"KORUS_CLIENT_SECRET", "KORUS_JOURNAL_KEY", "KORUS_AUTH_CLIENT_SECRET"}
    assert own | addresses == secrets


def test_a_program_that_fills_in_the_defaults_changes_nothing(server_json: dict[str, Any]) -> None:
    variables = server_json["packages"][0]["environmentVariables"]
    defaults = {v["name"]: v["default"] for v in variables if "default" in v}
    assert len(defaults) > 10
    assert read_settings(defaults) == Settings()
    assert not any(v["isRequired"] for v in variables)
    formats = {v["name"]: v["format"] for v in variables}
    assert formats["KORUS_MAX_TICKETS"] == "number"
    assert formats["KORUS_SOLE_WRITER"] == "boolean"
    assert formats["KORUS_CACHE_DIR"] == "filepath"
    assert formats["KORUS_CLIENT_ID"] == "string"


def test_one_version_and_one_name_stand_everywhere(server_json: dict[str, Any]) -> None:
    project = tomllib.loads((generated.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__ == server_json["version"]
    assert server_json["packages"][0]["version"] == __version__
    readme = generated.README.read_text("utf-8")
    # The byte after the name may not be one of a name.
    assert re.findall(r"mcp-name: (\S+)(?=[^\w./-])", readme) == [server_json["name"]]


def test_one_address_stands_everywhere(server_json: dict[str, Any]) -> None:
    project = tomllib.loads((generated.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    owner, _, name = server_json["name"].removeprefix("io.github.").partition("/")
    address = f"https://github.com/{owner}/{name}"
    assert server_json["repository"]["url"] == address == REPOSITORY
    assert all(url.startswith(address) for url in project["urls"].values())
    maintainers = json.loads((generated.ROOT / "glama.json").read_text("utf-8"))["maintainers"]
    assert maintainers == [owner]


def test_the_icon_is_that_of_its_drawing_and_of_the_size_that_is_told(
    server_json: dict[str, Any],
) -> None:
    (told,) = server_json["icons"]
    assert told["sizes"] == ["{}x{}".format(*size_of(icon.PICTURE))]
    assert told["src"].endswith("/main/docs/icon.png")
    assert looks_like(icon.drawn(), icon.PICTURE.read_bytes()), "run `make readme`"
