// Codex at a terminal: a person who allows each call that writes, reads the question and says yes.
import { readFileSync } from "node:fs";
import { modelRow } from "../model.mjs";
import { WISH, korus, listed, note, write } from "../steps.mjs";
import { ENTER, tellsTheMatter, terminal } from "../terminal.mjs";

await modelRow({ names: ["@openai/codex"] }, async (url, facts) => {
  write(".codex/config.toml", `
model = "scripted"
model_provider = "loopback"
check_for_update_on_startup = false
[model_providers.loopback]
name = "loopback"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "LOOPBACK_KEY"
[projects."${process.cwd()}"]
trust_level = "trusted"
[mcp_servers.korus]
command = "${korus()}"
`);
  const screen = terminal(["codex"], { LOOPBACK_KEY: "scripted" });
  try {
    await listed();
    await screen.keys(WISH, ENTER);
    for (;;) {
      const shown = await screen.shows(/(run tool "\w+"\?|Field 1\/1|ooked: )[\s\S]*/);
      if (/ooked: /.test(shown)) break;
      note("the person reads", shown);
      if (/run tool/.test(shown)) await screen.keys(ENTER); // Allow
      else {
        facts.question = tellsTheMatter(shown) ? "yes" : "no";
        await screen.reads();
        await screen.keys("1", ENTER);
      }
    }
  } finally {
    screen.end();
    for (const name of ["daemon-updater", "daemon"]) { // they outlive the terminal
      const { pid } = JSON.parse(readFileSync(`.codex/app-server-daemon/${name}.pid`, "utf8"));
      process.kill(pid);
    }
  }
});
