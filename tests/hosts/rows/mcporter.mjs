// mcporter, which keeps the server alive between the calls of its command line.
import { korus, play, row, run, write } from "../steps.mjs";

await row({ names: ["mcporter"], setting: '"lifecycle": "keep-alive"' }, async () => {
  write("config/mcporter.json", { mcpServers: { korus: { command: korus(), lifecycle: "keep-alive" } } });
  try {
    return await play(async (tool, args) =>
      (await run("mcporter", ["call", `korus.${tool}`, "--args", JSON.stringify(args)])).printed);
  } finally {
    await run("mcporter", ["daemon", "stop"]);
  }
});
