"""Does an answer fit the contract? Status, media type and body, by operation."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from korus_mcp.sandbox.operations import operation_named

SOURCE = Path(__file__).parents[1] / "contract" / "openapi.yaml"
UNDOCUMENTED = {415: "T15, T16: a wrong or missing body type", 405: "no such method"}


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The contract as parsed YAML."""
    contract: dict[str, Any] = yaml.load(SOURCE.read_text("utf-8"), getattr(yaml, "CSafeLoader"))  # noqa: B009
    return contract


@lru_cache(maxsize=1)
def operations() -> dict[str, dict[str, Any]]:
    """Operation id to its description."""
    items = (each for item in load()["paths"].values() for each in item.values())
    return {each["operationId"]: each for each in items if isinstance(each, dict)}


def check(response: httpx.Response) -> None:
    """Fail with the differences when an answer breaks the contract."""
    request = response.request
    name = operation_named(request.method, request.url.path)
    if name is None or response.status_code in UNDOCUMENTED:
        return
    documented = operations()[name]["responses"]
    status = str(response.status_code)
    assert status in documented, f"{name} answered {status}, which is not documented"
    content = documented[status].get("content", {})
    media_type = response.headers.get("content-type", "").partition(";")[0]
    assert not content or media_type in content, f"{name} answered {media_type}"
    if content:
        errors = list(_validator(name, status, media_type).iter_errors(response.json()))
        assert not errors, f"{name} {status}: {errors[:3]}"


@lru_cache(maxsize=256)
def _validator(name: str, status: str, media_type: str) -> Draft202012Validator:
    whole = Resource.from_contents(load(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:contract", whole)
    schema = operations()[name]["responses"][status]["content"][media_type]["schema"]
    reference = {"$ref": f"urn:contract{schema['$ref']}"}
    return Draft202012Validator(
        reference, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
