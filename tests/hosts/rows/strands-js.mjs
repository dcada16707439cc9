// Strands for TypeScript: an agent with the tools of an MCP client.
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Agent, McpClient } from "@strands-agents/sdk";
import { OpenAIModel } from "@strands-agents/sdk/models/openai";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@strands-agents/sdk", "@modelcontextprotocol/sdk"] }, async (url) => {
  const client = new McpClient({ transport: new StdioClientTransport({ command: korus() }) });
  const model = new OpenAIModel({
    api: "chat",
    modelId: "scripted",
    apiKey: "scripted",
    clientConfig: { baseURL: `${url}/v1` },
  });
  try {
    await new Agent({ model, tools: [client] }).invoke(WISH);
  } finally {
    await client.disconnect();
  }
});
