"""A server that FastMCP generates from a contract; it runs in an environment of its own."""

import json
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP

contract, origin, token = sys.argv[1:]
FastMCP.from_openapi(
    json.loads(Path(contract).read_text("utf-8")),
    client=httpx2.AsyncClient(base_url=origin, headers={"Authorization": f"Bearer {token}"}),
    name="korusticket",
).run(show_banner=False)
