// Mastra: an agent with the tools of an MCPClient.
import { Agent } from "@mastra/core/agent";
import { MCPClient } from "@mastra/mcp";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@mastra/mcp", "@mastra/core"] }, async (url) => {
  const mcp = new MCPClient({ servers: { korus: { command: korus() } } });
  try {
    const agent = new Agent({
      id: "tickets",
      name: "tickets",
      instructions: "You book tickets.",
      model: { id: "loopback/scripted", url: `${url}/v1`, apiKey: "scripted" },
      tools: await mcp.listTools(),
    });
    await agent.generate(WISH, { maxSteps: 50 });
  } finally {
    await mcp.disconnect();
  }
});
