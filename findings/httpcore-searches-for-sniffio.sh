#!/usr/bin/env bash
# Seen with httpx 0.28.1, httpcore 1.0.9, anyio 4.16.0 and sniffio 1.3.1, Python 3.11, November 2026.
#
# httpcore asks at each asynchronous request which library runs the event loop: it imports sniffio, and takes
# asyncio where that fails. anyio once brought sniffio along and does so no more, so that a plain
# `pip install httpx` has none. A failed import is not remembered by Python: every request on a connection
# that is kept alive searches the whole path four times. Whoever installs sniffio has no search at all.
#
# Output seen (searches of the path for sniffio in 10 requests on one connection):
#   without sniffio: 40
#   with sniffio: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet 'httpx==0.28.1' 'httpcore==1.0.9' 'anyio==4.16.0'

cat >count.py <<'PYTHON'
import asyncio
import sys
from importlib.abc import MetaPathFinder

import httpx


class Counts(MetaPathFinder):
    searches = 0

    def find_spec(self, name, path=None, target=None):
        Counts.searches += name == "sniffio"
        return None


async def answer(reader, writer):
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{port}/")
        sys.meta_path.insert(0, Counts())
        for _ in range(10):
            await client.get(f"http://127.0.0.1:{port}/")
        print(Counts.searches)


asyncio.run(main())
PYTHON

without=$(env/bin/python count.py 2>errors.txt)
env/bin/pip install --quiet 'sniffio==1.3.1'
with=$(env/bin/python count.py 2>errors.txt)
echo "without sniffio: $without"
echo "with sniffio: $with"
[ "$without" = 40 ] && [ "$with" = 0 ]
