// A real OpenID provider on loopback, for `make oauth-test`. Who signs in is said by the browser, in
// the header x-person; staff alone is given what staff may do.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { folder, port, resource, other, life, registers, fixed, document } = JSON.parse(process.argv[2]);
const require = createRequire(`${folder}/`);
const { default: Provider, errors } = await import(pathToFileURL(require.resolve("oidc-provider")));
const STAFF_ONLY = "korus:orders:read.tenant";
const SCOPES = ["korus:browse", "korus:book", STAFF_ONLY];
const counts = {};
// What a program is that did not register itself: known beforehand, or described at an address.
const PROGRAM = {
  client_name: "oauth-test",
  application_type: "native", // of which any port on loopback is the same address
  redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback", "http://localhost/oauth/callback"],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
  scope: ["openid", "offline_access", ...SCOPES].join(" "),
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  scopes: ["openid", "offline_access", ...SCOPES],
  clients: registers ? [] : [{ ...PROGRAM, client_id: fixed }],
  // The document is on no server: whoever asks for it gets it here.
  fetch: (address, options) =>
    String(address) === document
      ? Promise.resolve(Response.json({ ...PROGRAM, client_id: document }))
      : globalThis.fetch(address, options),
  claims: { openid: ["sub"] },
  cookies: { keys: ["of the test"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: () => ({ org: "one" }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Three calls at once may each refresh with the same token; rotation would end the sign-in.
  rotateRefreshToken: false,
  ttl: {
    // Whoever's name begins so shall see a token end.
    AccessToken: (_, token) => (token.accountId.startsWith("short-") ? life : 3600),
    Grant: 3600,
    Session: 3600,
    Interaction: 600,
    RefreshToken: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: registers },
    clientIdMetadataDocument: { enabled: !registers, ack: "draft-02" },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, asked) => {
        if (asked !== resource && asked !== other) throw new errors.InvalidTarget();
        return {
          scope: SCOPES.join(" "),
          audience: asked,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        };
      },
    },
  },
});

async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const person = request.headers["x-person"] ?? "ada";
  if (prompt.name === "login") {
    await provider.interactionFinished(request, response, { login: { accountId: person } });
    return;
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(" "));
  for (const [asked, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    for (const scope of scopes) {
      const may = session.accountId === "browser" ? scope === SCOPES[0] : scope !== STAFF_ONLY;
      if (may || session.accountId === "staff") grant.addResourceScope(asked, scope);
      else grant.rejectResourceScope(asked, scope);
    }
  }
  await provider.interactionFinished(
    request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true },
  );
}

const callback = provider.callback();
http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  counts[pathname] = (counts[pathname] ?? 0) + 1;
  if (pathname === "/counts") {
    response.end(JSON.stringify(counts));
  } else if (pathname.startsWith("/interaction/")) {
    interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
  } else {
    callback(request, response);
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
