// Genkit: generate with the tools of an MCP host.
import { openAICompatible } from "@genkit-ai/compat-oai";
import { createMcpHost } from "@genkit-ai/mcp";
import { genkit } from "genkit";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@genkit-ai/mcp", "genkit"] }, async (url) => {
  const ai = genkit({ plugins: [openAICompatible({ name: "loopback", apiKey: "scripted", baseURL: `${url}/v1` })] });
  const host = createMcpHost({ name: "tickets", mcpServers: { korus: { command: korus() } } });
  try {
    await ai.generate({ model: "loopback/scripted", prompt: WISH, tools: await host.getActiveTools(ai), maxTurns: 50 });
  } finally {
    await host.close();
  }
});
