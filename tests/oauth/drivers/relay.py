"""What the drivers in Python share: calls come as lines of JSON, and so do their answers go.

Python's own library only: it runs in the environment of a client, beside the driver.
"""

import asyncio
import json
import sys
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

ASKED = SimpleNamespace(**json.loads(sys.argv[1]))
"""The server's address, the era, where the browser is sent back to, and what the client is to the
provider beforehand: nothing (it registers itself), `fixed`, an id, or `document`, an address."""


class Person:
    """Who is sent to the provider, and comes back with what it told the program."""

    def __init__(self):
        self.told = {}

    async def visit(self, address):
        browser = await asyncio.create_subprocess_exec(
            *ASKED.browser, str(address), stdout=asyncio.subprocess.PIPE
        )
        came, _ = await browser.communicate()
        query = parse_qs(urlsplit(came.decode().strip()).query)
        self.told = {name: values[0] for name, values in query.items()}


class Memory:
    """What a program keeps of its registration and of its person's tokens."""

    def __init__(self, registered=None):
        self.tokens = None
        self.registered = registered

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.registered

    async def set_client_info(self, client_info):
        self.registered = client_info


def fixed_client(kind):
    """A client that the provider knows, as the SDK keeps it; None where it registers itself."""
    if not ASKED.fixed:
        return None
    return kind(
        client_id=ASKED.fixed, redirect_uris=[ASKED.callback], token_endpoint_auth_method="none"
    )


async def relayed(call, revision):
    """Say which revision was agreed on, and answer each line of stdin.

    `call(tool, arguments)` gives the structure of a result and whether it is an error; all that
    wait at once are called at once.
    """

    async def answer(asked):
        try:
            structure, is_error = await call(asked["tool"], asked["arguments"])
            told = {"structure": structure, "is_error": bool(is_error)}
        except Exception as error:
            told = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": asked["id"], **told}), flush=True)

    print(json.dumps({"id": 0, "revision": revision}), flush=True)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as calls:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            calls.create_task(answer(json.loads(line)))
