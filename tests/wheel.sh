#!/bin/sh
# Builds the wheel, installs it in an environment of its own, and lists the tools from there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" .
"$1" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check "$folder"/korus_mcp-*.whl
cd "$folder"
env/bin/korus-mcp --version
env/bin/python - <<'PYTHON'
import anyio
from mcp import Client, StdioServerParameters


async def listed() -> None:
    async with Client(StdioServerParameters(command="env/bin/korus-mcp", env={})) as client:
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        print(f"from the wheel: {len(tools)} tools, {len(prompts)} prompts")


anyio.run(listed)
PYTHON
env/bin/python - <<'PYTHON'
from korus_mcp.pages import PAGES
from korus_mcp.seating.rasterize import png

drawn = png('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text y="15">Ag</text></svg>')
pages = {page.file.stat().st_size for page in PAGES.values()}
print(f"from the wheel: a picture of {len(drawn)} bytes, pages of {sorted(pages)} bytes")
PYTHON
ls -l korus_mcp-*.whl | awk '{print "wheel:", $5, "bytes"}'
env/bin/korus-mcp demo | tail -3
