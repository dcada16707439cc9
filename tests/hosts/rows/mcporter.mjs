// mcporter: each call of its command line starts a server.
import { korus, play, row, run, write } from "../steps.mjs";

await row({ names: ["mcporter"] }, async () => {
  write("config/mcporter.json", { mcpServers: { korus: { command: korus() } } });
  return await play(async (tool, args) =>
    (await run("mcporter", ["call", `korus.${tool}`, "--args", JSON.stringify(args)])).printed);
});
