import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import korus_mcp.api as api
from korus_mcp.api import ApiConfig
from tests.api.wire import config


def test_everything_public_is_exported_in_order_from_where_type_checkers_see_it() -> None:
    seen: dict[str, object] = {}
    for node in ast.walk(ast.parse(Path(api.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("korus_mcp.api."):
            assert [each.name for each in node.names] == ["*"]
            own = vars(import_module(str(node.module))).items()
            seen |= {n: each for n, each in own if getattr(each, "__module__", "") == node.module}
    assert api.__all__ == sorted(set(api.__all__))
    for name in api.__all__:
        assert getattr(api, name) is seen[name]


def test_what_is_not_exported_is_not_there() -> None:
    assert not hasattr(api, "Wire")


@pytest.mark.parametrize("names", ["ApiError, NotFound, Outcome", "KorusApi, ApiConfig"])
def test_errors_and_a_client_that_is_not_called_cost_no_http_and_no_models(names: str) -> None:
    code = f"import sys; from korus_mcp.api import {names}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"httpx", "pydantic", "korus_mcp.api.models.catalog"} & set(run.stdout.split())


def test_the_client_works_without_mcp_and_without_the_rest_of_us() -> None:
    code = (
        "import sys; from korus_mcp.api import *; "
        "print([m for m in sys.modules if m.split('.')[0] == 'mcp' "
        "or m.startswith('korus_mcp') and not m.startswith("
        "('korus_mcp.api', *('korus_mcp.foundation.' + m "
        "for m in ('clock', 'ids', 'lanes', 'measures', 'origins', 'text', 'unread'))))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['korus_mcp', 'korus_mcp.foundation']"


@pytest.mark.parametrize(
    "changes",
    [
        {"api_url": "http://api.example.test"},
        {"api_url": "ftp://api.example.test"},
        {"api_url": "https://"},
        {"api_url": "https://api.example.test/v1"},
        {"api_url": "https://user@api.example.test"},
        {"api_url": "https://api.example.test?x=1"},
        {"token_url": "http://auth.example.test/token"},
        {"token_url": "https://auth.example.test/token#x"},
        {"document_hosts": frozenset({"documents.example.test:8443"})},
        {"document_hosts": frozenset({"Documents.example.test"})},
        {"document_hosts": frozenset({"*.example.test"})},
        {"document_hosts": frozenset({""})},
        {"document_hosts": frozenset({"https://documents.example.test"})},
        {"language": "fr\r\nx: y"},
        {"language": ""},
    ],
)
def test_a_configuration_that_could_leak_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        config(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"api_url": "http://127.0.0.1:8000/", "token_url": "http://localhost:8000/token"},
        {"api_url": "http://[::1]:8000"},
        {"document_hosts": frozenset({"127.0.0.1:8001", "localhost:1", "[::1]:8001"})},
        {"document_hosts": frozenset({"storage.googleapis.com"})},
    ],
)
def test_loopback_and_https_are_accepted(changes: dict[str, object]) -> None:
    assert isinstance(config(**changes), ApiConfig)


def test_an_origin_loses_its_trailing_slash() -> None:
    assert config(api_url="https://api.example.test/").api_url == "https://api.example.test"


def test_the_name_of_this_machine_is_asked_of_no_name_server() -> None:
    assert config(token_url="http://localhost.:80/token").token_url == "http://localhost/token"
