// Qwen Code without a terminal, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["@qwen-code/qwen-code"], setting: '"trust": true' }, async (url) => {
  write(".qwen/settings.json", {
    mcpServers: { korus: { command: korus(), args: [], trust: true } },
    security: { auth: { selectedType: "openai" } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false },
  });
  await run("qwen", ["-p", WISH], {
    env: { OPENAI_API_KEY: "scripted", OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: "scripted" },
  });
});
