// supergateway: korus-mcp on stdio, served over Streamable HTTP, a process for each session.
import { overGateway } from "../gateway.mjs";
import { korus, row } from "../steps.mjs";

const names = ["supergateway", "@modelcontextprotocol/sdk"];

await row({ names, setting: "--stateful" }, () =>
  overGateway((port) =>
    ["supergateway", "--stdio", korus(), "--outputTransport", "streamableHttp", "--stateful", "--port", port]));
