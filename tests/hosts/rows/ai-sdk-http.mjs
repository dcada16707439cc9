// The AI SDK against korus-mcp serve --http, without a setting.
import { createMCPClient } from "@ai-sdk/mcp";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs } from "ai";
import { modelRow } from "../model.mjs";
import { WISH } from "../steps.mjs";

await modelRow({ names: ["ai", "@ai-sdk/mcp", "@ai-sdk/openai"] }, async (url) => {
  const client = await createMCPClient({ transport: { type: "http", url: process.env.KORUS_HOSTS_HTTP } });
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
