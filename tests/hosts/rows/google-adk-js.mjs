// Google's ADK for JavaScript: it starts a process for each call.
import { InMemoryRunner, LlmAgent, MCPToolset } from "@google/adk";
import { modelRow } from "../model.mjs";
import { WISH, korus as command, note } from "../steps.mjs";

await modelRow({ names: ["@google/adk"] }, async (url) => {
  process.env.GOOGLE_GEMINI_BASE_URL = url;
  process.env.GEMINI_API_KEY = process.env.GOOGLE_API_KEY = "scripted";
  const korus = new MCPToolset({ type: "StdioConnectionParams", serverParams: { command: command() } });
  const agent = new LlmAgent({ name: "tickets", model: "gemini-2.5-pro", tools: [korus] });
  const runner = new InMemoryRunner({ agent, appName: "row" });
  const newMessage = { role: "user", parts: [{ text: WISH }] };
  const session = await runner.sessionService.createSession({ appName: "row", userId: "ada" });
  for await (const event of runner.runAsync({ userId: "ada", sessionId: session.id, newMessage }))
    if (event.errorMessage) note("the framework says", event.errorMessage);
  await korus.close();
});
