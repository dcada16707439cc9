"""The sandbox stands alone, starts fast, and answers like the documented exchanges."""

import ast
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import korus_mcp.sandbox
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from tests.sandbox.caller import CATALOGS, ORDERS, RESERVATIONS, Caller, Json

pytestmark = pytest.mark.anyio

PACKAGE = Path(korus_mcp.sandbox.__file__).parent
EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_sandbox_imports_nothing_of_ours_but_the_clock() -> None:
    """It is an independent reading of the documentation."""
    foreign: set[str] = set()
    for source in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                modules = [each.name for each in node.names]
            foreign |= {name for name in modules if name.startswith("korus_mcp")}
    ours = {name for name in foreign if not name.startswith("korus_mcp.sandbox")}
    assert ours == {"korus_mcp.foundation.clock"}


def test_importing_the_package_loads_neither_a_web_framework_nor_a_pdf_library() -> None:
    program = (
        "import sys, korus_mcp.sandbox; "
        "print([name for name in ('starlette', 'pypdf', 'uvicorn') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_every_public_name_can_be_had_and_no_other() -> None:
    assert all(hasattr(korus_mcp.sandbox, name) for name in korus_mcp.sandbox.__all__)
    assert not hasattr(korus_mcp.sandbox, "nothing")


def test_a_world_is_made_in_a_moment() -> None:
    Sandbox(clock=ManualClock())
    started = time.perf_counter()
    Sandbox(SandboxOptions(seed=2), clock=ManualClock())
    assert time.perf_counter() - started < 0.05


def test_an_id_of_no_address_is_unknown() -> None:
    sandbox = Sandbox(clock=ManualClock())
    for identifier in ("nothing", "", "0" * 36, sandbox.landmarks["sold_out_session"]):
        with pytest.raises(KeyError):
            sandbox.iri(identifier)


async def test_answers_have_the_keys_and_types_of_the_documented_ones(caller: Caller) -> None:
    offer = caller.iri("timed_offer")
    addresses = {
        "catalogs.list": CATALOGS,
        "product_bases.list": f"{caller.iri('stadium_catalog')}/product_bases",
        "offer.availability": f"{offer}/availability",
        "offer.price": f"{caller.iri('park_offer')}/price",
    }
    for name, address in addresses.items():
        documented = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))["response"]
        assert _missing(documented, await caller.read(address)) == []
    token = json.loads((EXAMPLES / "token.json").read_text("utf-8"))["response"]
    assert _missing(token, await caller.log_in()) == []


async def test_documented_bodies_are_understood(caller: Caller) -> None:
    """Their ids are not ours; their shape is."""

    def documented(name: str) -> Json:
        body: Json = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))["request"]["body"]
        return body

    body = documented("reservations.bulk")
    answer = await caller.send("POST", f"{RESERVATIONS}/_bulk", body)
    assert [each["propertyPath"] for each in answer.json()["violations"]] == ["items[0].offer"]
    hold = await caller.hold("park_offer")
    body = {**documented("orders.bulk"), "reservations": [hold["@id"]]}
    order = (await caller.send("POST", f"{ORDERS}/_bulk", body)).json()["orders"][0]
    assert order["externalReference"] == "YOUR-CUSTOM-REFERENCE"
    ticket = order["items"][0]["tickets"][0]
    named = await caller.send("PATCH", ticket["@id"], documented("order_item_ticket.patch"))
    assert named.json()["beneficiary"]["placeOfBirth"] == "string"


def _missing(documented: Any, given: Any, path: str = "") -> list[str]:
    """Where the given value lacks a key or has another type."""
    if type(documented) is not type(given):
        return [path]
    if isinstance(documented, list):
        return _missing(documented[0], given[0], f"{path}[]") if documented else []
    if not isinstance(documented, dict):
        return []
    return [
        wrong
        for key, value in documented.items()
        for wrong in (
            _missing(value, given[key], f"{path}.{key}") if key in given else [f"{path}.{key}"]
        )
    ]
