"""The contract as a generated server is given it: without the marks that only we read."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

CONTRACT: Final = Path(__file__).parents[2] / "tests" / "contract" / "openapi.yaml"


def write_contract(path: Path) -> None:
    """The contract as JSON, which all of them read, without its `x-` keys."""
    plain = without_marks(_contract())
    # Statuses and versions are text to every reader of JSON.
    path.write_text(json.dumps(plain, ensure_ascii=False), "utf-8")


def without_marks(node: Any) -> Any:
    """The same without keys that begin with `x-`."""
    if isinstance(node, Mapping):
        return {k: without_marks(v) for k, v in node.items() if not str(k).startswith("x-")}
    if isinstance(node, list):
        return [without_marks(each) for each in node]
    return node


@cache
def operations() -> Mapping[tuple[str, str], str]:
    """The name of each operation, by method and path."""
    return {
        (method.upper(), path): spoken["operationId"]
        for path, methods in _contract()["paths"].items()
        for method, spoken in methods.items()
        if isinstance(spoken, Mapping) and "operationId" in spoken
    }


@cache
def _contract() -> Any:
    # It takes a second to read, and is needed for each start.
    return yaml.safe_load(CONTRACT.read_text("utf-8"))
