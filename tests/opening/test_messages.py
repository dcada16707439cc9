"""What counts as certain here, the SDK accepts; whatever is odd is left to it."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import InitializeRequestParams, JSONRPCNotification, JSONRPCRequest
from mcp_types import jsonrpc_message_adapter as adapter
from mcp_types.methods import MONOLITH_REQUESTS, validate_client_request

from korus_mcp.opening.answers import LISTS
from korus_mcp.opening.messages import LONGEST, VERSION_KEY, read_message
from tests.docs.opening import CLIENT, ENVELOPE, INITIALIZE, LATEST, request

WORDS = st.text('aé\u2028\x7f😀"\\/\n', max_size=5)
_NAMES = (
    "name version title description websiteUrl icons src mimeType sizes theme light "
    "elicitation form url experimental extensions roots listChanged sampling context tools tasks "
    "list cancel requests create createMessage progressToken progress_token traceparent cursor x"
)
NAMES = st.sampled_from(_NAMES.split())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | WORDS | NAMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
ODD_META = st.dictionaries(NAMES | st.sampled_from(sorted(ENVELOPE)), ANYTHING, max_size=3)
ENVELOPE_VERSION = ENVELOPE[VERSION_KEY]
METHODS = ["initialize", "ping", "server/discover", *LISTS]


@st.composite
def _requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    method = draw(st.sampled_from(METHODS))
    params: dict[str, Any] = draw(st.dictionaries(NAMES, ANYTHING, max_size=1))
    if method == "initialize":
        params |= INITIALIZE | draw(
            st.fixed_dictionaries(
                {}, optional={"capabilities": ANYTHING, "clientInfo": ANYTHING, "_meta": ODD_META}
            )
        )
        params["clientInfo"] = draw(
            st.just(params["clientInfo"]) | st.builds(lambda more: CLIENT | more, ODD_META)
        )
    elif draw(st.booleans()):
        params["_meta"] = draw(st.just({}) | st.just(ENVELOPE)) | draw(ODD_META)
    return method, params


@given(_requests())
def test_what_is_certain_is_accepted_by_the_models_of_the_sdk(asked: tuple[str, Any]) -> None:
    method, params = asked
    message = read_message(request(1, method, params))
    if message is None or not message.is_certain:
        return
    version = ENVELOPE_VERSION if message.has_envelope and method != "initialize" else LATEST
    # Where a revision has no such request, it is not answered, however good its parameters are.
    with suppress(KeyError):
        validate_client_request(method, version, params)
    MONOLITH_REQUESTS[method].model_validate({"method": method, "params": params}, by_name=False)
    if method == "initialize":
        InitializeRequestParams.model_validate(params, by_name=False)


@given(st.integers(-(2**60), 2**60) | WORDS | st.none() | st.booleans() | st.floats(), ANYTHING)
def test_what_is_read_is_read_as_the_sdk_reads_it(number: Any, params: Any) -> None:
    line = f"{json.dumps({'jsonrpc': '2.0', 'id': number, 'method': 'x', 'params': params})}\n"
    message = read_message(line.encode())
    if message is None:
        return
    theirs = adapter.validate_json(line, by_name=False)
    assert isinstance(theirs, JSONRPCRequest)
    assert (theirs.method, theirs.params) == (message.method, message.params)
    assert theirs.id == message.id
    assert type(theirs.id) is type(message.id)


def test_a_notification_is_a_message_without_an_id() -> None:
    line = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\r\n'
    message = read_message(line)
    assert message is not None
    assert message.id is None
    assert isinstance(adapter.validate_json(line, by_name=False), JSONRPCNotification)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"garbage\n",
        b"[]\n",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping"\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r{"jsonrpc":"2.0","id":2,"method":"ping"}\n',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":"\\ud83d"}}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":1.5}}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":NaN}}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":"\xff"}}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","more":1}\n',
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":7}\n',
        b'{"jsonrpc":"2.0","id":1' + b"0" * 6_000 + b',"method":"ping"}\n',
        request(1, "ping", {"_meta": {"x": [[]] * 200}}),
        request("a" * 300, "ping"),
        request(1, "ping", {"_meta": {"x": "a" * LONGEST}}),
    ],
)
def test_what_is_odd_is_not_read(line: bytes) -> None:
    assert read_message(line) is None
