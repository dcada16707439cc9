// mcp-use: its MCPAgent with ChatOpenAI.
import { ChatOpenAI } from "@langchain/openai";
import { MCPAgent, MCPClient } from "mcp-use";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

process.env.MCP_USE_ANONYMIZED_TELEMETRY = "false";

await modelRow({ names: ["mcp-use"] }, async (url) => {
  const client = new MCPClient({ mcpServers: { korus: { command: korus(), args: [] } } });
  const llm = new ChatOpenAI({ model: "scripted", apiKey: "scripted", configuration: { baseURL: `${url}/v1` } });
  const agent = new MCPAgent({ llm, client, maxSteps: 50 });
  try {
    await agent.run(WISH);
  } finally {
    await client.closeAllSessions();
  }
});
