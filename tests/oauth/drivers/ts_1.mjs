// The client of the TypeScript SDK 1.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { relayed } from "./relay.mjs";

const client = () => new Client({ name: "oauth-test", version: "1.0.0" });
await relayed({ UnauthorizedError, Transport, client });
