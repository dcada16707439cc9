"""Schemas that every host understands: no references, no null unions, no words nobody reads.

Pydantic makes them with all three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_REF_PREFIX: Final = "#/$defs/"
_NULL: Final = {"type": "null"}
_DROPPED: Final = frozenset(
    {"$defs", "title", "discriminator", "default", "examples", "pattern", "minLength", "maxLength"}
    | {"minimum", "maximum", "exclusiveMinimum", "minItems", "maxItems"}
)
"""Keywords that cost tokens and that a refusal teaches as well; the checks behind them stay."""
_NAMESPACES: Final = frozenset({"properties", "patternProperties"})
_ORDER: Final = ("type", "format", "enum", "description", "properties", "items", "required")
"""Of keywords: what a reader asks first comes first, and no version of pydantic changes it."""
_DECIDES: Final = "state"
"""The one key of an answer that a program may count on: how a booking stands."""


def portable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with references put in place, `X or null` as X, needless keywords dropped.

    A property may well be named `title`: only keywords are dropped. Docstrings of models are not
    descriptions.

    Raises:
        ValueError: a definition refers to itself.
    """
    root = {key: value for key, value in schema.items() if key != "description"}
    return dict(_Walk(schema.get("$defs", {}), _DROPPED).node(root, ()))


def lean(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A portable schema of answers, shorter still: nobody fills it in.

    Descriptions go, and what is required but for the state. Below the root also types that follow
    from the rest: what has neither properties nor items nor a type is a text.
    """
    walked = _Walk(schema.get("$defs", {}), _DROPPED | {"description"}).node(schema, ())
    properties = {name: _leaner(kind) for name, kind in walked.get("properties", {}).items()}
    lean = {"type": "object", "properties": properties}
    return {**lean, "required": [_DECIDES]} if _DECIDES in properties else lean


def _leaner(node: Mapping[str, Any]) -> dict[str, Any]:
    # A program that reads answers may count on little; each word here is paid for in every session.
    kept = {key: value for key, value in node.items() if key != "required"}
    if "properties" in kept:
        kept["properties"] = {name: _leaner(kind) for name, kind in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _leaner(kept["items"])
    if kept.get("type") == "string" or kept.keys() & {"properties", "items"}:
        kept.pop("type", None)
    return kept


@dataclass(frozen=True)
class _Walk:
    """A walk through a schema: each reference is replaced by its definition."""

    definitions: Mapping[str, Any]
    dropped: frozenset[str]

    def node(self, node: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [self.node(each, inside) for each in node]
        if not isinstance(node, Mapping):
            return node
        node = _without_null(node)
        if "$ref" in node:
            return self._referred(node, inside)
        known = {key: node[key] for key in sorted(node, key=_place) if key not in self.dropped}
        for key, value in known.items():
            # The names of properties are no keywords: one may well be called "title".
            if key in _NAMESPACES:
                known[key] = {name: self.node(each, inside) for name, each in value.items()}
            else:
                known[key] = self.node(value, inside)
        return known

    def _referred(self, node: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
        name = str(node["$ref"]).removeprefix(_REF_PREFIX)
        if name in inside:
            raise ValueError(f"{name} refers to itself")
        # The docstring of a model is for us; what stands beside the reference is for hosts.
        definition = {k: v for k, v in self.definitions[name].items() if k != "description"}
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return self.node({**definition, **siblings}, (*inside, name))


def _place(keyword: str) -> int:
    return _ORDER.index(keyword) if keyword in _ORDER else len(_ORDER)


def _without_null(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """`anyOf: [X, null]` becomes X: whoever leaves a key out says the same."""
    kinds = node.get("anyOf")
    if not isinstance(kinds, list) or _NULL not in kinds:
        return node
    rest = [kind for kind in kinds if kind != _NULL]
    # What stands around it is said for the whole, and goes before what the kind says of itself.
    outer = {key: value for key, value in node.items() if key != "anyOf"}
    return {**rest[0], **outer} if len(rest) == 1 else {**outer, "anyOf": rest}
