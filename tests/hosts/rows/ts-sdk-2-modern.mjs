// The TypeScript SDK 2.x with the 2026 revision and a person who is asked, and agrees.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { korus, note, play, row } from "../steps.mjs";

await row({ names: ["@modelcontextprotocol/client"] }, async () => {
  const client = new Client(
    { name: "row", version: "1.0.0" },
    { capabilities: { elicitation: {} }, versionNegotiation: { mode: "auto" } },
  );
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    note("the person reads", JSON.stringify(params));
    const yes = Object.entries(params.requestedSchema.properties).filter(([, member]) => member.type === "boolean");
    return { action: "accept", content: Object.fromEntries(yes.map(([name]) => [name, true])) };
  });
  await client.connect(new StdioClientTransport({ command: korus() }));
  await client.listTools();
  try {
    return await play(async (name, args) => JSON.stringify(await client.callTool({ name, arguments: args })));
  } finally {
    await client.close();
  }
});
