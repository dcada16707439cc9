#!/bin/sh
# Builds source archive and wheel into dist/, installs the wheel in an environment of its own, lists
# the tools from there, and writes down beside the wheel what that environment holds.
set -eu
python=$PWD/$1
dist=$PWD/dist
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
rm -rf "$dist"
"$python" -m hatchling build --directory "$dist"
# Whoever builds from the source archive gets the same wheel, byte for byte.
mkdir "$folder/sources"
tar -xzf "$dist"/korus_mcp-*.tar.gz -C "$folder/sources" --strip-components 1
(cd "$folder/sources" && "$python" -m hatchling build --target wheel --directory "$folder/again")
cmp "$dist"/korus_mcp-*.whl "$folder"/again/korus_mcp-*.whl
"$(dirname "$python")/uv" run --quiet --no-project --python "$python" --with check-wheel-contents==0.6.3 \
    check-wheel-contents "$dist"/korus_mcp-*.whl
"$python" -m venv --without-pip "$folder/env" # only what the wheel asks for goes into it
"$python" -m pip --quiet --disable-pip-version-check --python "$folder/env/bin/python" install "$dist"/korus_mcp-*.whl
"$python" -m cyclonedx_py environment "$folder/env/bin/python" --pyproject pyproject.toml \
    --output-reproducible --output-file "$dist/korus_mcp.cdx.json"
"$python" -m tests.docs.bill "$dist"
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
from korus_mcp.ui.pages import PAGES
from korus_mcp.seating.rasterize import png

drawn = png('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text y="15">Ag</text></svg>')
pages = {page.file.stat().st_size for page in PAGES.values()}
print(f"from the wheel: a picture of {len(drawn)} bytes, pages of {sorted(pages)} bytes")
PYTHON
ls -l "$dist"/korus_mcp-*.whl | awk '{print "wheel:", $5, "bytes"}'
env/bin/korus-mcp demo | tail -3
