// A real OpenID provider (npm oidc-provider, certified) for tests: `node provider.mjs <folder of node_modules>`.
// Settings are one JSON object on stdin: {"accounts": {login: {email, name, groups, ...}}}. Any password is right.
// Clients register themselves (RFC 7591). Everything lives in memory and listens on 127.0.0.1 only.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const HOST = "127.0.0.1";
const require = createRequire(`${process.argv[2]}/package.json`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const { accounts } = JSON.parse(await text(process.stdin));

const server = createServer();
await new Promise((open) => server.listen(0, HOST, open));
const issuer = `http://${HOST}:${server.address().port}`;
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: "tests", alg: "RS256", use: "sig" }] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  scopes: ["openid", "offline_access", "email", "profile", "groups"],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "groups"],
    groups: ["groups"],
  },
  conformIdTokenClaims: false, // the id token itself says who somebody is, as most company providers have it
  pkce: { required: () => true },
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true, initialAccessToken: false },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
  },
  clientDefaults: { grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] },
  ttl: { AccessToken: 600, IdToken: 600, Interaction: 600, Session: 3600, Grant: 3600, RefreshToken: 3600 },
  // Its own guard refuses to tell a client on this machine of a sign-out.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  // Nobody is asked for consent: it is the company's own portal.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid offline_access email profile groups");
    await grant.save();
    return grant;
  },
});
for (const trouble of ["server_error", "backchannel.error", "authorization.error", "grant.error"]) {
  provider.on(trouble, (...said) => console.error(trouble, said.find((one) => one instanceof Error)));
}
server.on("request", provider.callback());
console.log(`provider ready on ${issuer}`);
