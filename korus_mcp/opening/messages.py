"""Reads the lines of a host, and says which requests are certain to be accepted.

The SDK judges by its models of the protocol. To load these is what takes so long, so here a request
counts as certain only if each part that they look at has the plainest of its forms.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

RequestId: TypeAlias = int | str
Object: TypeAlias = dict[str, Any]
_Check: TypeAlias = Callable[[Any], bool]

LONGEST: Final = 65_536
"""The most bytes of a line that is read here."""
_LONGEST_ID: Final = 256
_LARGEST_ID: Final = 2**53
_MOST_BRACKETS: Final = 150
"""The most objects and lists in a line: the SDK refuses those that are nested 200 deep."""
_PYTHONIC: Final = "progress_token"
"""The name by which one of the SDK's models knows the protocol's progressToken."""
_MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params"})
VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
CLIENT_KEY: Final = "io.modelcontextprotocol/clientInfo"
_LOG_LEVEL_KEY: Final = "io.modelcontextprotocol/logLevel"
"""Members of `_meta` in a request of the revisions without a handshake, its envelope."""


@dataclass(frozen=True)
class Message:
    """A request, or a notification if it has no id."""

    method: str
    id: RequestId | None
    params: Object

    @property
    def version(self) -> object:
        """The revision of the protocol that the request's envelope names; None without one."""
        meta = self.params.get("_meta")
        return meta.get(VERSION_KEY) if isinstance(meta, dict) else None

    @property
    def has_envelope(self) -> bool:
        """Whether the request is one of a revision without a handshake."""
        meta = self.params.get("_meta")
        return isinstance(meta, dict) and VERSION_KEY in meta

    @property
    def is_certain(self) -> bool:
        """Whether the SDK is certain to accept the parameters of this request."""
        if self.method == "initialize":
            return _INITIALIZE(self.params)
        return self.params.keys() <= _ASKED and (
            _ASK_WITH_ENVELOPE(self.params) if self.has_envelope else _ASK(self.params)
        )


def read_message(line: bytes) -> Message | None:
    """The request or notification in a line; None if it is anything else, or in any doubt."""
    if len(line) > LONGEST:
        return None
    try:
        text = line.decode().removesuffix("\n").removesuffix("\r")
        # A carriage return ends a line for the SDK; a lone half of a character is none for it.
        if "\r" in text or "\\ud" in text.lower():
            return None
        if text.count("{") + text.count("[") > _MOST_BRACKETS or _PYTHONIC in text:
            return None
        said = json.loads(
            text, object_pairs_hook=_each_once, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not said.keys() <= _MEMBERS or said.get("jsonrpc") != "2.0":
        return None
    method, params = said.get("method"), said.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        return None
    if "id" in said and not _is_id(said["id"]):
        return None
    return Message(method, said.get("id"), params)


def _each_once(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not a whole number")


def _is_id(given: object) -> bool:
    if isinstance(given, str):
        return len(given) <= _LONGEST_ID
    return type(given) is int and abs(given) < _LARGEST_ID


def _text(given: object) -> bool:
    return isinstance(given, str)


def _flag(given: object) -> bool:
    return isinstance(given, bool)


def _object(given: object) -> bool:
    return isinstance(given, dict)


def _objects(given: object) -> bool:
    return isinstance(given, dict) and all(map(_object, given.values()))


def _texts(given: object) -> bool:
    return isinstance(given, list) and all(map(_text, given))


def _token(given: object) -> bool:
    return isinstance(given, str) or type(given) is int


def _one_of(*words: str) -> _Check:
    return lambda given: given in words


def _each(check: _Check) -> _Check:
    return lambda given: isinstance(given, list) and all(map(check, given))


def _members(needed: Mapping[str, _Check], optional: Mapping[str, _Check]) -> _Check:
    """A check of an object: it has what is needed, and what it has of `optional` has its form or is
    null. Others of its members do not matter: the SDK ignores them.
    """

    def check(given: object) -> bool:
        return (
            isinstance(given, dict)
            and all(name in given and of(given[name]) for name, of in needed.items())
            and all(given.get(name) is None or of(given[name]) for name, of in optional.items())
        )

    return check


def _record(**optional: _Check) -> _Check:
    return _members({}, optional)


_ICON: Final = _members(
    {"src": _text}, {"mimeType": _text, "sizes": _texts, "theme": _one_of("light", "dark")}
)
_CLIENT: Final = _members(
    {"name": _text, "version": _text},
    {"title": _text, "description": _text, "websiteUrl": _text, "icons": _each(_ICON)},
)
_CAPABILITIES: Final = _record(
    elicitation=_record(form=_object, url=_object),
    experimental=_objects,
    extensions=_objects,
    roots=_record(listChanged=_flag),
    sampling=_record(context=_object, tools=_object),
    tasks=_record(
        list=_object,
        cancel=_object,
        requests=_record(
            elicitation=_record(create=_object), sampling=_record(createMessage=_object)
        ),
    ),
)
_LEVEL: Final = _one_of(
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
)
# Of any request; the SDK reads traces from there.
_TRACED: Final = {"progressToken": _token, "traceparent": _text, "tracestate": _text}
_META: Final = _members({}, {**_TRACED, "baggage": _text})
_ENVELOPE: Final = _members(
    {VERSION_KEY: _text, CAPABILITIES_KEY: _CAPABILITIES},
    {**_TRACED, "baggage": _text, CLIENT_KEY: _CLIENT, _LOG_LEVEL_KEY: _LEVEL},
)
_INITIALIZE: Final = _members(
    {"protocolVersion": _text, "capabilities": _CAPABILITIES, "clientInfo": _CLIENT},
    {"_meta": _META},
)
_ASKED: Final = frozenset({"_meta", "cursor"})
_ASK: Final = _members({}, {"_meta": _META, "cursor": _text})
_ASK_WITH_ENVELOPE: Final = _members({"_meta": _ENVELOPE}, {"cursor": _text})
