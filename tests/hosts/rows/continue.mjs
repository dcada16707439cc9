// Continue's command line, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["@continuedev/cli"] }, async (url) => {
  const config = write(".continue/config.yaml", `
name: tickets
version: 1.0.0
schema: v1
models:
  - name: scripted
    provider: openai
    model: scripted
    apiBase: ${url}/v1
    apiKey: scripted
    roles: [chat]
    capabilities: [tool_use]
mcpServers:
  - name: korus
    command: ${korus()}
    args: []
`);
  await run("cn", ["--config", config, "--auto", "-p", WISH], { env: { CONTINUE_TELEMETRY_ENABLED: "0" } });
});
