"""Write korus_mcp/api/contract.json from openapi.yaml: `python -m tests.contract.generate`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCE = HERE / "openapi.yaml"
TARGET = HERE.parents[1] / "korus_mcp" / "api" / "contract.json"
METHODS = ("get", "post", "patch")

Schema = Mapping[str, Any]


@cache
def load_contract() -> Schema:
    """The contract as parsed YAML."""
    contract: Schema = yaml.load(SOURCE.read_text("utf-8"), getattr(yaml, "CSafeLoader"))  # noqa: B009 - in C, which types-pyyaml does not know
    return contract


def operations(contract: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Method, path and description of every operation."""
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def contract_fields(contract: Schema) -> dict[str, dict[str, list[str]]]:
    """Operation id -> the keys of its success, documented and assumed."""
    fields = {}
    for _, _, operation in operations(contract):
        media = operation["responses"]["200"]["content"]
        schema = next(iter(media.values()))["schema"]
        evidence = dict(_keys(contract, schema, ""))
        fields[operation["operationId"]] = {
            mark: sorted(key for key, found in evidence.items() if found == mark)
            for mark in ("documented", "assumed")
        }
    return fields


def rendered() -> str:
    """The text contract.json must have."""
    return json.dumps(contract_fields(load_contract()), indent=1) + "\n"


def _keys(contract: Schema, schema: Schema, prefix: str) -> Iterator[tuple[str, str]]:
    for part in _alternatives(contract, schema):
        for name, member in part.get("properties", {}).items():
            key = f"{prefix}.{name}" if prefix else name
            yield key, member["x-evidence"]
            yield from _keys(contract, member, key)
        if "items" in part:
            yield from _keys(contract, part["items"], f"{prefix}[]")


def _alternatives(contract: Schema, schema: Schema) -> Iterator[Schema]:
    """The schema itself with all it refers to: `$ref`, `allOf`, `anyOf`, `oneOf`."""
    yield schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from _alternatives(contract, contract["components"]["schemas"][name])
    for combined in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(combined, ()):
            yield from _alternatives(contract, part)


if __name__ == "__main__":
    TARGET.write_text(rendered(), "utf-8")
