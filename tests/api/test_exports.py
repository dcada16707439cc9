import subprocess
import sys
import types

import pytest

import korus_mcp.api as api
from korus_mcp.api import ApiConfig
from tests.api.wire import config


def test_everything_public_is_exported_in_order() -> None:
    public = {
        name
        for name, value in vars(api).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert api.__all__ == sorted(public)


def test_the_client_works_without_mcp_and_without_the_rest_of_us() -> None:
    code = (
        "import sys, korus_mcp.api; "
        "print([m for m in sys.modules if m.split('.')[0] in ('mcp', 'stamina') "
        "or m.startswith('korus_mcp') and not m.startswith(('korus_mcp.api', 'korus_mcp.clock'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['korus_mcp']"


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
