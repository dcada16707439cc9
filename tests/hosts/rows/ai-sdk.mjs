// The AI SDK over stdio: ToolLoop of generateText, with OpenAI's provider.
import { createMCPClient } from "@ai-sdk/mcp";
import { StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs } from "ai";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

const names = ["ai", "@ai-sdk/mcp", "@ai-sdk/openai"];

await modelRow({ names }, async (url) => {
  const client = await createMCPClient({
    transport: new StdioMCPTransport({ command: korus() }),
  });
  try {
    await generateText({
      model: createOpenAI({ baseURL: `${url}/v1`, apiKey: "scripted" })("scripted"),
      system: client.instructions,
      prompt: WISH,
      tools: await client.tools(),
      stopWhen: stepCountIs(50),
    });
  } finally {
    await client.close();
  }
});
