// mcp-proxy for Node: korus-mcp on stdio, served over Streamable HTTP, one process for all.
import { overGateway } from "../gateway.mjs";
import { korus, row } from "../steps.mjs";

await row({ names: ["mcp-proxy", "@modelcontextprotocol/sdk"] }, () =>
  overGateway((port) => ["mcp-proxy", "--port", port, korus()]));
