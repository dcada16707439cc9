"""A scripted model on loopback, which speaks the chat completions that frameworks know of OpenAI.

It reads what a framework sends to a model, and nothing else. Python's own library only.
"""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hosts.steps import Call, Script

Json = dict[str, Any]


class Model:
    """Books by the script of the row; `url` is where a framework finds it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._asked: str | None = None
        self._lock = threading.Lock()
        model = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                if not self.path.endswith("/chat/completions"):
                    self.send_error(404, "only chat completions are spoken here")
                    return
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                streamed = bool(asked.get("stream"))
                made = model.answer(asked)
                body = b"".join(_events(made)) if streamed else json.dumps(made).encode()
                self.send_response(200)
                kind = "text/event-stream" if streamed else "application/json"
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, asked: Json) -> Json:
        """What the model says next: a call of a tool, or words at the end."""
        with self._lock:
            if self._asked and (result := _result(self._asked, asked["messages"])) is not None:
                self._script.shown(result)
                self._asked = None
            tools = [tool["function"] for tool in asked.get("tools", ())]
            if self._asked is None and tools:
                message = self._next(tools)
            else:
                message = {"role": "assistant", "content": "Done."}
        reason = "tool_calls" if "tool_calls" in message else "stop"
        return {
            "id": "scripted",
            "object": "chat.completion",
            "created": 0,
            "model": asked.get("model", "scripted"),
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    def _next(self, tools: list[Json]) -> Json:
        if self._script.call:
            name, arguments = filled(self._script.call, tools)
            self._asked = f"call_{self._script.facts.calls}"
            identity = self._asked
        elif any(tool["name"] == "final_answer" for tool in tools):
            name, arguments, identity = "final_answer", {"answer": "Booked."}, "call_last"
        else:
            return {"role": "assistant", "content": "Booked."}
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"id": identity, "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}


def _result(asked: str, messages: list[Json]) -> str | None:
    """What was answered to a call: by its id, or else in what follows the call as it was told."""
    by_id = [m for m in messages if m.get("tool_call_id") == asked]
    called = [n for n, m in enumerate(messages) if re.search(rf"\b{asked}\b", json.dumps(m))]
    found = by_id[-1:] or (messages[called[-1] + 1 :] if called else [])
    return "\n".join(_text(m["content"]) for m in found) if found else None


def filled(call: Call, tools: list[Json]) -> Call:
    """The call by the name it has here, with every argument that its schema says is needed.

    Hosts put names of theirs before a tool's. Where one says that an optional argument is needed,
    a model has to send something: here what stands for nothing.
    """
    name, arguments = call
    tool = next((tool for tool in tools if _is_named(tool["name"], name)), None)
    if tool is None:
        raise LookupError(f"no tool {name} among {[tool['name'] for tool in tools]}")
    schema = tool.get("parameters") or {}
    return tool["name"], _with_needed(arguments, schema, schema.get("$defs", {}))


def _is_named(offered: str, name: str) -> bool:
    """Whether a host calls the tool so: with words before it, and cut, with a hash behind it, where
    that would be too long.
    """
    cut = re.fullmatch(r"(.+)_[0-9a-f]{8}", offered)
    kept = (name[:length] for length in range(len("get_x"), len(name)))
    return offered.endswith(name) or (cut is not None and cut[1].endswith(tuple(kept)))


def _with_needed(given: Any, schema: Json, shared: Json) -> Any:
    schema = shared.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if isinstance(given, list):
        return [_with_needed(each, schema.get("items", {}), shared) for each in given]
    if not isinstance(given, dict):
        return given
    members = schema.get("properties", {})
    needed = {name: _nothing(members.get(name, {})) for name in schema.get("required", ())}
    named = {k: _with_needed(v, members.get(k, {}), shared) for k, v in given.items()}
    return needed | named


def _nothing(schema: Json) -> Any:
    kinds = schema.get("type")
    listed = kinds if isinstance(kinds, list) else [kinds]
    if "null" in listed or any(part.get("type") == "null" for part in schema.get("anyOf", ())):
        return None
    nothing: Json = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return nothing.get(str(listed[0]), "")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "\n".join(
        part["text"] if isinstance(part, dict) and "text" in part else json.dumps(part)
        for part in parts
    )


def _events(made: Json) -> Iterator[bytes]:
    """The same answer as a stream."""
    choice = made["choices"][0]
    delta = dict(choice["message"])
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": 0, **call} for call in delta["tool_calls"]]
    head = {**made, "object": "chat.completion.chunk", "usage": None}
    yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield _event({**head, "choices": [last]})
    yield _event({**head, "choices": [], "usage": made["usage"]})
    yield b"data: [DONE]\n\n"


def _event(content: Json) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()
