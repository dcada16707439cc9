"""Which keys the OpenAPI contract gives an answer, and how a live answer differs from them.

`contract.json` is generated from the contract by `python -m tests.contract.generate`; it lists for
each operation the keys of a success, nested ones with dots, members of lists with `[]`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Fields:
    """The keys of a successful answer of one operation: those published, and those we assume."""

    documented: frozenset[str]
    assumed: frozenset[str]


@dataclass(frozen=True)
class Drift:
    """Documented keys that an answer lacks, and keys in it that the contract does not know."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@cache
def contract() -> Mapping[str, Fields]:
    """Operation id -> the keys of its success."""
    listed = json.loads((files("korus_mcp.api") / "contract.json").read_text("utf-8"))
    return {
        operation: Fields(frozenset(keys["documented"]), frozenset(keys["assumed"]))
        for operation, keys in listed.items()
    }


def drift(operation_id: str, body: Mapping[str, object]) -> Drift:
    """How a live answer differs from the contract.

    Keys of an object that the answer does not hold, such as those of the members of an empty list,
    do not count as missing; nor do `@context`, `view` and `search`, which no client reads (T4).

    Raises:
        KeyError: No such operation.
    """
    known = contract()[operation_id]
    documented, listed = _by_place(known.documented), _by_place(known.documented | known.assumed)
    seen: dict[str, set[str]] = {}
    # The members of a list are taken together: one may leave out a key that another has (T7).
    for place, names in _objects(body, ""):
        seen.setdefault(place, set()).update(names)
    missing = (
        _key(at, name)
        for at in seen
        if at not in _IDLE
        for name in documented.get(at, set()) - seen[at] - _IDLE
    )
    # Only objects whose keys the contract lists: another one may hold any keys.
    unknown = (_key(at, name) for at in seen if at in listed for name in seen[at] - listed[at])
    return Drift(tuple(sorted(missing)), tuple(sorted(unknown)))


# What JSON-LD adds around an answer and no client reads (T4).
_IDLE = frozenset({"@context", "view", "search"})


def _objects(value: object, place: str) -> Iterator[tuple[str, list[str]]]:
    """Each object in an answer: its place (a dotted path) and its keys."""
    if isinstance(value, Mapping):
        yield place, [str(name) for name in value]
        for name, nested in value.items():
            yield from _objects(nested, _key(place, str(name)))
    elif isinstance(value, list):
        for entry in value:
            yield from _objects(entry, f"{place}[]")


def _by_place(keys: frozenset[str]) -> dict[str, set[str]]:
    places: dict[str, set[str]] = {}
    for key in keys:
        place, _, name = key.rpartition(".")
        places.setdefault(place, set()).add(name)
    return places


def _key(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
