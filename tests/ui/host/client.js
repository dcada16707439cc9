/** A page that is an MCP client itself: the official SDK, over HTTP, from another origin than the server. */

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** How it went to connect, list the tools and call one: `{version, tools, answer}` or `{failed}`. */
window.use = async (url, mode, tool, args) => {
  const client = new Client({ name: "page", version: "1.0.0" }, { versionNegotiation: { mode } });
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const { tools } = await client.listTools();
    const answer = await client.callTool({ name: tool, arguments: args });
    const version = client.getNegotiatedProtocolVersion?.() ?? null;
    await client.close();
    return { version, tools: tools.map(({ name }) => name), answer };
  } catch (error) {
    return { failed: String(error) };
  }
};

/** What a page can read of one request: `{status, headers}` or `{failed}`. */
window.ask = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    await answer.body?.cancel();
    return { status: answer.status, headers: Object.fromEntries(answer.headers) };
  } catch (error) {
    return { failed: String(error) };
  }
};
