// cline's command line, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["cline"], setting: '"timeout": 60' }, async (url) => {
  write(".cline/data/settings/cline_mcp_settings.json", {
    mcpServers: { korus: { command: korus(), args: [], timeout: 60 } },
  });
  await run("cline", ["auth", "-p", "openai-compatible", "-k", "scripted", "-m", "scripted", "-b", `${url}/v1`]);
  await run("cline", ["--auto-approve", "true", "-P", "openai-compatible", "-m", "scripted", "-t", "200", WISH]);
});
