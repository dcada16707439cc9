// LangChain.js: createAgent with ChatOpenAI, as its documentation has it.
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@langchain/mcp-adapters", "langchain", "@langchain/openai"] }, async (url) => {
  const client = new MultiServerMCPClient({ mcpServers: { korus: { transport: "stdio", command: korus(), args: [] } } });
  try {
    const agent = createAgent({
      model: new ChatOpenAI({ model: "scripted", apiKey: "scripted", configuration: { baseURL: `${url}/v1` } }),
      tools: await client.getTools(),
    });
    await agent.invoke({ messages: [{ role: "user", content: WISH }] }, { recursionLimit: 100 });
  } finally {
    await client.close();
  }
});
