"""mcpo, through which Open WebUI reaches tools: each one is an address."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.hosts.steps import Row, bridge

with Row("mcpo", "fastapi") as row, bridge("mcpo", "--port", "{port}", "--", row.command) as url:
    # What it says of each tool: a model is given this.
    urlopen(f"{url}/openapi.json").read()

    def ask(tool: str, arguments: dict) -> str:
        request = Request(f"{url}/{tool}", json.dumps(arguments).encode())
        request.add_header("content-type", "application/json")
        try:
            with urlopen(request) as answer:
                return answer.read().decode()
        except HTTPError as refused:
            return refused.read().decode()

    row.play(ask)
