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
ls -l korus_mcp-*.whl | awk '{print "wheel:", $5, "bytes"}'
env/bin/korus-mcp demo | tail -3
