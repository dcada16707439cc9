// The Inspector's command line: one process for each call, so it talks to a served korus-mcp.
import { play, row, run } from "../steps.mjs";

await row({ names: ["@modelcontextprotocol/inspector"], setting: "the address of serve --http" }, () =>
  play(async (tool, args) => {
    const given = Object.entries(args).flatMap(([name, value]) =>
      ["--tool-arg", `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`]);
    const target = ["--cli", process.env.KORUS_HOSTS_HTTP, "--method", "tools/call", "--tool-name", tool];
    return (await run("mcp-inspector", [...target, ...given])).printed;
  }));
