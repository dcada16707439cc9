// A booking over Streamable HTTP, through a command that serves a stdio server there.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { play } from "./steps.mjs";

const WAITS = 240; // of a quarter of a second, until it listens

export async function overGateway(commandOn) {
  const port = await freePort();
  const [name, ...args] = commandOn(String(port));
  const gateway = spawn(`node_modules/.bin/${name}`, args, { stdio: ["ignore", 2, 2] });
  try {
    const client = await connected(new URL(`http://127.0.0.1:${port}/mcp`));
    await client.listTools();
    return await play(async (tool, given) => JSON.stringify(await client.callTool({ name: tool, arguments: given })));
  } finally {
    gateway.kill();
  }
}

async function connected(url) {
  for (let n = 0; ; n++) {
    const client = new Client({ name: "row", version: "1.0.0" });
    try {
      await client.connect(new StreamableHTTPClientTransport(url));
      return client;
    } catch (error) {
      if (n === WAITS) throw error;
      await new Promise((done) => setTimeout(done, 250));
    }
  }
}

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
