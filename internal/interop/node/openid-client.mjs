// A back end that is configured with the issuer's URL only. openid-client discovers the endpoints.
import assert from 'node:assert/strict';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Issuer, errors } from 'openid-client';

const { ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, JWK } = process.env;

const issuer = await Issuer.discover(ISSUER);
assert.equal(issuer.metadata.issuer, ISSUER);
const client = new issuer.Client({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });

// A token in the name of the client, verified as an API verifies it.
const own = await client.grant({ grant_type: 'client_credentials', resource: AUDIENCE, scope: 'read' });
assert.equal(own.token_type, 'Bearer');
assert.equal(own.refresh_token, undefined);
const keys = createRemoteJWKSet(new URL(issuer.metadata.jwks_uri));
const { payload, protectedHeader } = await jwtVerify(own.access_token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' });
assert.equal(payload.sub, CLIENT_ID);
assert.equal(payload.scope, 'read');
assert.ok(protectedHeader.kid);

// The tokens of a login: refresh, introspect, revoke.
const fresh = await client.refresh(REFRESH_TOKEN);
assert.notEqual(fresh.refresh_token, REFRESH_TOKEN);
const introspected = await client.introspect(fresh.access_token, 'access_token');
assert.equal(introspected.active, true);
assert.equal(introspected.iss, ISSUER);
await client.revoke(fresh.refresh_token, 'refresh_token');
assert.equal((await client.introspect(fresh.access_token)).active, false);
await assert.rejects(client.refresh(fresh.refresh_token), (e) => e instanceof errors.OPError && e.error === 'invalid_grant');

// Invalid credentials, and a scope that the client does not have.
const invalid = new issuer.Client({ client_id: CLIENT_ID, client_secret: 'wrong' });
await assert.rejects(invalid.grant({ grant_type: 'client_credentials' }), (e) => e.error === 'invalid_client');
await assert.rejects(client.grant({ grant_type: 'client_credentials', scope: 'root' }), (e) => e.error === 'invalid_scope');

// Client authentication with a key instead of a secret.
const signer = new issuer.Client({ client_id: 'robot', token_endpoint_auth_method: 'private_key_jwt' }, { keys: [JSON.parse(JWK)] });
const robot = await signer.grant({ grant_type: 'client_credentials' });
assert.equal((await jwtVerify(robot.access_token, keys, { issuer: ISSUER })).payload.sub, 'robot');

console.log('openid-client: all checks passed');
