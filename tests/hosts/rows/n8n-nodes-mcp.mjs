// The community node of n8n: its own execute(), in a program that stands for n8n.
import { createRequire } from "node:module";
import { note, play, row } from "../steps.mjs";

const require = createRequire(import.meta.url);
const { McpClient } = require("n8n-nodes-mcp/dist/nodes/McpClient/McpClient.node.js");
// The node throws out of a callback when it closes its own stream; n8n reports that and goes on.
process.on("uncaughtException", (error) => note("n8n would report", error.message));
const silent = () => {};
const setting = "the address of serve --http";

await row({ names: ["n8n-nodes-mcp", "n8n-workflow"], setting }, () =>
  play(async (toolName, toolParameters) => {
    const given = { operation: "executeTool", connectionType: "http", uriOverride: "", headersOverride: "", toolName,
      toolParameters: JSON.stringify(toolParameters) };
    const answer = await new McpClient().execute.call({
      getNodeParameter: (name) => given[name],
      getCredentials: async () => ({ httpStreamUrl: process.env.KORUS_HOSTS_HTTP, httpTimeout: 60_000 }),
      getNode: () => ({ name: "MCP Client", type: "mcpClient", typeVersion: 1 }),
      logger: { debug: silent, info: silent, warn: silent, error: silent },
    });
    return JSON.stringify(answer);
  }));
