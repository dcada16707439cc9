// The OpenAI Agents SDK for JavaScript.
import { Agent, MCPServerStdio, run, setDefaultOpenAIClient, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";
import { modelRow } from "../model.mjs";
import { WISH, korus } from "../steps.mjs";

await modelRow({ names: ["@openai/agents"], setting: "clientSessionTimeoutSeconds: 60" }, async (url) => {
  setTracingDisabled(true);
  setDefaultOpenAIClient(new OpenAI({ apiKey: "scripted", baseURL: `${url}/v1` }));
  const server = new MCPServerStdio({ name: "korus", command: korus(), clientSessionTimeoutSeconds: 60 });
  await server.connect();
  try {
    const agent = new Agent({ name: "tickets", model: "scripted", mcpServers: [server] });
    await run(agent, WISH, { maxTurns: 50 });
  } finally {
    await server.close();
  }
});
