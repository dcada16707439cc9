// The Inspector's command line: one process for each call.
import { korus, play, row, run } from "../steps.mjs";

await row({ names: ["@modelcontextprotocol/inspector"] }, () =>
  play(async (tool, args) => {
    const given = Object.entries(args).flatMap(([name, value]) =>
      ["--tool-arg", `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`]);
    const target = ["--cli", korus(), "--method", "tools/call", "--tool-name", tool];
    return (await run("mcp-inspector", [...target, ...given])).printed;
  }));
