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
UNTOLD: Final = frozenset({"note", "yours"})
"""Members that a schema of answers leaves out."""
_NAMESPACES: Final = frozenset({"properties", "patternProperties"})
_ORDER: Final = ("type", "format", "enum", "description", "properties", "items", "required")
"""Of keywords: what a reader asks first comes first, and no version of pydantic changes it."""


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
    """The portable schema of a tool's answers, refusals among them, as short as can be.

    Nobody fills it in: it names the members of an answer and their types, requires none and
    describes none. Of the rows of the first list it tells the id, which later calls take. A `note`,
    which any answer may have and no call takes, is not told, nor is what of a map is the caller's.

    Raises:
        ValueError: a definition refers to itself, or a member has no type.
    """
    walked = _Walk(schema.get("$defs", {}), _DROPPED | {"description"}).node(schema, ())
    members = walked["properties"]
    told = {name: _brief(kind, name) for name, kind in members.items() if name not in UNTOLD}
    for name, kind in members.items():
        rows = kind.get("items", {}).get("properties", {})
        if ids := [each for each in rows if each.endswith("_id")]:
            told[name]["items"]["properties"] = {ids[0]: _brief(rows[ids[0]], ids[0])}
            break
    return {"type": "object", "properties": {**told, "error": {"type": "object"}}}


def _brief(node: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What kind of value it is, without its members."""
    if "type" not in node:
        raise ValueError(f"{place} has no type")
    brief = {key: node[key] for key in ("type", "enum") if key in node}
    return brief | {"items": _brief(node["items"], f"{place}[]")} if "items" in node else brief


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
