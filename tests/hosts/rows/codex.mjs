// Codex without a terminal: codex exec, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

const setting = 'default_tools_approval_mode = "approve"';

await modelRow({ names: ["@openai/codex"], setting }, async (url) => {
  write(".codex/config.toml", `
model = "scripted"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "LOOPBACK_KEY"
[mcp_servers.korus]
command = "${korus()}"
default_tools_approval_mode = "approve"
`);
  await run("codex", ["exec", "--skip-git-repo-check", WISH], { env: { LOOPBACK_KEY: "scripted" } });
});
