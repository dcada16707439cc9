// Claude Code without a terminal: claude -p, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["@anthropic-ai/claude-code"] }, async (url) => {
  const config = write("mcp.json", { mcpServers: { korus: { command: korus() } } });
  await run("claude", ["-p", WISH, "--mcp-config", config, "--allowedTools", "mcp__korus"], {
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "scripted",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      DISABLE_AUTOUPDATER: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
  });
});
