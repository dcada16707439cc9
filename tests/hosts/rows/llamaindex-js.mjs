// LlamaIndex.TS: an agent with the tools of an MCP server.
import { OpenAI } from "@llamaindex/openai";
import { mcp } from "@llamaindex/tools";
import { agent } from "@llamaindex/workflow";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@llamaindex/tools", "llamaindex"] }, async (url) => {
  const server = mcp({ command: korus(), args: [] });
  try {
    const llm = new OpenAI({ model: "gpt-4.1", apiKey: "scripted", baseURL: `${url}/v1`, supportToolCall: true });
    await agent({ llm, tools: await server.tools() }).run(WISH);
  } finally {
    await server.cleanup();
  }
});
