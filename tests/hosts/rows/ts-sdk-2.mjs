// The TypeScript SDK 2.x as it comes: the 2025 handshake, nobody to ask.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { korus, play, row } from "../steps.mjs";

await row({ names: ["@modelcontextprotocol/client"] }, async () => {
  const client = new Client({ name: "row", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: korus() }));
  await client.listTools();
  try {
    return await play(async (name, args) => JSON.stringify(await client.callTool({ name, arguments: args })));
  } finally {
    await client.close();
  }
});
