// The client of the TypeScript SDK 2, in either era.
import { Client, StreamableHTTPClientTransport as Transport, UnauthorizedError } from "@modelcontextprotocol/client";
import { relayed } from "./relay.mjs";

const client = (mode) => new Client({ name: "oauth-test", version: "1.0.0" }, { versionNegotiation: { mode } });
await relayed({ UnauthorizedError, Transport, client });
