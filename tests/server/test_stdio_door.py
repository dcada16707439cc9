"""Lines on stdin that cannot be read are answered all the same; nothing of them is repeated."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

from korus_mcp.server.stdio_door import UNREADABLE, AnsweredLines, top_level
from tests.fixtures.hosts import child_environment, raw_host
from tests.fixtures.wording import sentence_faults, word_faults
from tests.tools.samples import ARGUMENTS

HALF = "\\ud83d"
"""Half of an emoji, as a host writes it that passes on a text cut in its middle."""
DEEP = "[" * 5_000 + "1" + "]" * 5_000
ODD = {
    "half a character": f'"{HALF}"',
    "the other half": '"a\\udc80b"',
    "a deep list": DEEP,
    "a deep object": '{"a":' * 900 + "1" + "}" * 900,
    "a number of 6,000 digits": "1" + "0" * 6_000,
    "a text that ends nowhere": '"abc',
}
ASKED = [
    *(("tools/call", f'{{"name":"{tool}","arguments":{{"x":ODD}}}}') for tool in ARGUMENTS),
    ("tools/call", '{"name":"reserve","arguments":{"items":[{"offer_id":ODD,"id":7}]}}'),
    ("tools/call", '{"name":ODD}'),
    ("prompts/get", '{"name":"plan_outing","arguments":{"wish":ODD}}'),
    ("resources/read", '{"uri":ODD}'),
    ("completion/complete", '{"ref":{"type":"ref/prompt","name":"plan_outing"},"argument":ODD}'),
    ("ping", '{"_meta":{"x":ODD}}'),
]
ORDERS = {
    "id first": '{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}',
    "id last": '{{"method":"{method}","params":{params},"jsonrpc":"2.0","id":{id}}}',
}


@pytest.mark.anyio
async def test_each_request_that_cannot_be_read_is_answered_and_the_next_one_too(
    tmp_path: Path,
) -> None:
    async with raw_host(child_environment(tmp_path)) as host:
        assert host.process.stdin is not None
        number = 1_000
        for odd in ODD.values():
            for method, params in ASKED:
                for order in ORDERS.values():
                    if odd == '"abc' and order == ORDERS["id last"]:
                        continue  # its id is within the text
                    number += 1
                    asked = params.replace("ODD", odd)
                    line = order.format(id=number, method=method, params=asked)
                    await host.process.stdin.send(line.encode() + b"\n")
                    with anyio.fail_after(60):
                        answer = json.loads(await host.receive_line(number))
                    assert answer["error"] == {"code": -32700, "message": UNREADABLE}
        assert await host.receive(await host.send("ping")) == {}


@pytest.mark.anyio
async def test_a_message_of_the_wrong_shape_is_answered_and_what_has_no_id_is_passed_over(
    tmp_path: Path,
) -> None:
    async with raw_host(child_environment(tmp_path)) as host:
        assert host.process.stdin is not None
        for line in (
            "garbage",
            DEEP,
            f'{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"x":"{HALF}"}}}}',
            f'{{"jsonrpc":"2.0","id":"{HALF}","method":"ping"}}',
            '{"jsonrpc":"2.0","id":"seven","method":"ping","params":[1]}',
        ):
            await host.process.stdin.send(line.encode() + b"\n")
        with anyio.fail_after(60):
            line = (await host.lines.receive_until(b"\n", 100_000)).decode()
        answer = json.loads(line)
        assert (answer["id"], answer["error"]["code"]) == ("seven", -32600)
        assert await host.receive(await host.send("ping")) == {}


@pytest.mark.anyio
async def test_an_answer_of_the_host_that_cannot_be_read_ends_the_wait_for_it() -> None:
    to_us, lines = anyio.create_memory_object_stream[Any](3)
    to_host, answers = anyio.create_memory_object_stream[Any](3)
    with to_us, lines, to_host, answers:
        for line in (
            f'{{"jsonrpc":"2.0","id":4,"result":{{"content":{{"firstname":"{HALF}"}}}}}}',
            '{"jsonrpc":"2.0","id":5,"result":7}',
        ):
            with pytest.raises(ValidationError) as caught:
                jsonrpc_message_adapter.validate_json(line, by_name=False)
            await to_us.send(caught.value)
        read = AnsweredLines(lines, to_host)
        for number in (4, 5):
            item = await read.receive()
            assert not isinstance(item, Exception)
            assert isinstance(item.message, JSONRPCError)
            assert item.message.id == number
        assert answers.statistics().current_buffer_used == 0


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ('{"id":1,"params":{"id":2}}', "1"),
        ('{"params":{"id":2,"x":[{"id":3}]},"id":1}', "1"),
        ('{"params":"{\\"id\\":2}","id":1}', "1"),
        ('{"a":"id","id":1}', "1"),
        ('{"params":"\\ud83d\\\\","id":"x y"}', '"x y"'),
        ('[{"id":1}]', None),
        ("", None),
        ("}}}{", None),
        ('{"id":1,"a":"' + '\\"' * 500_000, "1"),
    ],
)
def test_the_id_is_found_beside_whatever_stands_around_it(line: str, number: str | None) -> None:
    assert top_level(line).get("id") == number


def test_the_refusal_is_worded_as_others() -> None:
    code, _, said = UNREADABLE.partition(": ")
    assert code == "INVALID_ARGUMENTS"
    assert not [*sentence_faults(said, most=2), *word_faults(said)]
