import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, AUDIENCE } = process.env; // https://login.example.com, https://api.example
// Cached for five minutes. An unknown kid triggers a new fetch, at most every 30 seconds.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
  cacheMaxAge: 300_000, cooldownDuration: 30_000,
});

export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['exp', 'sub', 'client_id'],
  });
  return payload;
}
