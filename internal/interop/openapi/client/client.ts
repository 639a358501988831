// A client with the types that openapi-typescript has generated from docs/openapi.yaml. The compiler checks that the
// parameters and members have these names and types.
import createClient from "openapi-fetch";
import type { components, paths } from "./signet.js";

declare const process: { env: Record<string, string | undefined> };
const { URL_OF_ISSUER, CLIENT, SECRET } = process.env;
const client = createClient<paths>({ baseUrl: URL_OF_ISSUER ?? "" });
const headers = {
  Authorization: "Basic " + btoa(`${CLIENT}:${SECRET}`), "Content-Type": "application/x-www-form-urlencoded",
};

function check(passed: boolean, what: string): asserts passed {
  if (!passed) throw new Error(what);
}

const metadata = await client.GET("/.well-known/openid-configuration");
check(metadata.data !== undefined, "metadata");
const keys = await client.GET("/.well-known/jwks.json");
check(keys.data?.keys.some((key: components["schemas"]["JWK"]) => key.alg === "ES256") === true, "JWK Set");

const token = await client.POST("/oauth2/token", {
  headers, body: { grant_type: "client_credentials", scope: "read" },
});
check(token.data?.token_type === "Bearer" && token.data.expires_in > 0, "token");
const body = { token: token.data.access_token };
const before = await client.POST("/oauth2/introspect", { headers, body });
check(before.data?.active === true && before.data.client_id === CLIENT, "introspection");
const revoked = await client.POST("/oauth2/revoke", { headers, body });
check(revoked.response.status === 200, "revocation");
const after = await client.POST("/oauth2/introspect", { headers, body });
check(after.data?.active === false, "introspection of a revoked token");

const refused = await client.POST("/oauth2/token", {
  headers, body: { grant_type: "refresh_token", refresh_token: "x" },
});
const code: components["schemas"]["TokenRequestError"]["error"] = "invalid_grant";
check(refused.error?.error === code, "error");
const feed = await client.GET("/revocations", { params: { query: { after: "0-0", wait: "0s" } } });
check(feed.data !== undefined && feed.data.segments.length > 0, "feed");
console.log("all checks passed");
