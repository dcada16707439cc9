// The TypeScript SDK 1.x: a client without anything opted in.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { korus, play, row } from "../steps.mjs";

await row({ names: ["@modelcontextprotocol/sdk"] }, async () => {
  const client = new Client({ name: "row", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: korus() }));
  await client.listTools(); // from here on it holds results against their output schemas
  try {
    return await play(async (name, args) => {
      const { content, structuredContent } = await client.callTool({ name, arguments: args });
      return JSON.stringify({ content, structuredContent });
    });
  } finally {
    await client.close();
  }
});
