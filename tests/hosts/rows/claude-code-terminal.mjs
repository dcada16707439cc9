// Claude Code at a terminal: a person who reads the question and says yes.
import { modelRow } from "../model.mjs";
import { WISH, korus, listed, note, write } from "../steps.mjs";
import { DOWN, ENTER, tellsTheMatter, terminal } from "../terminal.mjs";

const KEY = "scripted-key-of-no-account";

await modelRow({ names: ["@anthropic-ai/claude-code"] }, async (url, facts) => {
  const config = write("mcp.json", { mcpServers: { korus: { command: korus() } } });
  write(".claude.json", {
    hasCompletedOnboarding: true,
    theme: "dark",
    customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
    projects: { [process.cwd()]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  });
  const command = ["claude", "--mcp-config", config, "--allowedTools", "mcp__korus"];
  const screen = terminal(command, {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: KEY,
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    DISABLE_AUTOUPDATER: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  });
  try {
    await listed();
    await screen.keys(WISH, ENTER);
    const question = await screen.shows(/requests your input[\s\S]*?Accept/);
    note("the person reads", question);
    facts.question = tellsTheMatter(question) ? "yes" : "no";
    await screen.reads();
    await screen.keys(" ", DOWN, ENTER); // the box, then the button
    await screen.shows(/(Not )?[Bb]ooked: /);
  } finally {
    screen.end();
  }
});
