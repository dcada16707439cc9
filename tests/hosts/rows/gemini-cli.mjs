// Gemini CLI without a terminal, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["@google/gemini-cli"], setting: '"trust": true' }, async (url) => {
  write(".gemini/settings.json", {
    mcpServers: { korus: { command: korus(), args: [], trust: true } },
    security: { auth: { selectedType: "gemini-api-key" } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false },
  });
  await run("gemini", ["-m", "gemini-2.5-pro", "-p", WISH], {
    env: { GEMINI_API_KEY: "scripted", GOOGLE_GEMINI_BASE_URL: url, GEMINI_CLI_TRUST_WORKSPACE: "true" },
  });
});
