// supergateway: korus-mcp on stdio, served over Streamable HTTP, a process for each request.
import { overGateway } from "../gateway.mjs";
import { korus, row } from "../steps.mjs";

const names = ["supergateway", "@modelcontextprotocol/sdk"];

await row({ names }, () =>
  overGateway((port) =>
    ["supergateway", "--stdio", korus(), "--outputTransport", "streamableHttp", "--port", port]));
