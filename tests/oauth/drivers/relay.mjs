// What the drivers in JavaScript share: a program on the TypeScript SDK, which keeps what its person's
// sign-in gave it, and finishes a sign-in that the SDK began. Calls come as lines of JSON, and so do
// their answers go.
import { execFileSync } from "node:child_process";
import { createInterface } from "node:readline";

const { url, mode, callback, fixed, document, browser } = JSON.parse(process.argv[2]);

class Memory {
  redirectUrl = callback;
  clientMetadataUrl = document ?? undefined;
  clientMetadata = {
    client_name: "oauth-test",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  known = fixed ? { client_id: fixed } : undefined;

  clientInformation() { return this.known; }
  saveClientInformation(known) { this.known = known; }
  tokens() { return this.kept; }
  saveTokens(tokens) { this.kept = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(address) { this.address = address; }
}

export async function relayed({ UnauthorizedError, Transport, client: made }) {
  const memory = new Memory();
  const underWay = new Set();
  let client, transport, signingIn, revision;

  // What it says on the wire: no two versions of the SDK tell it in the same way.
  function fetched(address, options) {
    if (String(address) === url) revision = new Headers(options?.headers).get("mcp-protocol-version") ?? revision;
    return fetch(address, options);
  }

  async function signIn() {
    // Each call that met a 401 began a sign-in of its own, and the last of them counts.
    await Promise.allSettled([...underWay]);
    const [program, ...args] = browser;
    const came = execFileSync(program, [...args, String(memory.address)], { encoding: "utf8" });
    const { searchParams } = new URL(came.trim());
    await transport.finishAuth(searchParams.get("code"), searchParams.get("iss") ?? undefined);
  }

  async function connect() {
    client = made(mode);
    transport = new Transport(new URL(url), { authProvider: memory, fetch: fetched });
    try {
      await client.connect(transport);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await signIn();
      await connect();
    }
  }

  async function once(name, args) {
    const call = client.callTool({ name, arguments: args });
    underWay.add(call);
    try {
      return await call;
    } finally {
      underWay.delete(call);
    }
  }

  async function answered({ id, tool, arguments: args }) {
    try {
      const told = await once(tool, args).catch(async (error) => {
        if (!(error instanceof UnauthorizedError)) throw error;
        signingIn ??= signIn().finally(() => { signingIn = undefined; });
        await signingIn;
        return once(tool, args);
      });
      return { id, structure: told.structuredContent ?? null, is_error: Boolean(told.isError) };
    } catch (error) {
      return { id, failed: `${error.name}: ${error.message}` };
    }
  }

  const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);
  await connect();
  await client.listTools();
  say({ id: 0, revision });
  for await (const line of createInterface({ input: process.stdin })) answered(JSON.parse(line)).then(say);
  await client.close();
}
