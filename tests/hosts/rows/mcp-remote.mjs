// A host that knows stdio only, and mcp-remote between it and korus-mcp serve --http.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { play, row } from "../steps.mjs";

await row({ names: ["mcp-remote", "@modelcontextprotocol/sdk"] }, async () => {
  const client = new Client({ name: "row", version: "1.0.0" });
  const args = [process.env.KORUS_HOSTS_HTTP, "--allow-http"];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  await client.connect(new StdioClientTransport({ command: "node_modules/.bin/mcp-remote", args, env }));
  await client.listTools();
  try {
    return await play(async (name, args) => JSON.stringify(await client.callTool({ name, arguments: args })));
  } finally {
    await client.close();
  }
});
