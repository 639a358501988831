// A gateway in JavaScript that is written from the .proto files only.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const { GRPC, PROTO, CLIENT_ID, CLIENT_SECRET, USERNAME, PASSWORD } = process.env;

const files = ['signet/v1/token.proto', 'signet/v1/key.proto', 'signet/v1/grant.proto'];
const definition = await loader.load(files, { includeDirs: [PROTO], keepCase: true, longs: Number, defaults: true });
const { signet } = grpc.loadPackageDefinition(definition);
const plain = grpc.credentials.createInsecure();
const tokens = new signet.v1.TokenService(GRPC, plain);
const grants = new signet.v1.GrantService(GRPC, plain);

const basic = (id, secret) => {
  const metadata = new grpc.Metadata();
  const pair = [id, secret].map(encodeURIComponent).join(':');
  metadata.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  return metadata;
};
const call = (service, name, request, metadata = basic(CLIENT_ID, CLIENT_SECRET)) =>
  new Promise((resolve, reject) =>
    service[name](request, metadata, { deadline: Date.now() + 20_000 }, (error, response) => (error ? reject(error) : resolve(response))));

const login = await call(tokens, 'Login', { username: USERNAME, password: PASSWORD });
assert.equal(login.token_type, 'Bearer');
assert.ok(login.expires_in > 0);

// If the response of the first attempt is lost, the same key returns the same successor.
const idempotency_key = randomUUID();
const first = await call(tokens, 'Refresh', { refresh_token: login.refresh_token, idempotency_key });
const retry = await call(tokens, 'Refresh', { refresh_token: login.refresh_token, idempotency_key });
assert.equal(retry.refresh_token, first.refresh_token);
assert.equal((await call(tokens, 'Introspect', { token: first.access_token })).active, true);

const minted = await call(tokens, 'Mint', {});
assert.equal(minted.subject, CLIENT_ID);

// Errors have a status code.
await assert.rejects(call(tokens, 'Login', { username: USERNAME, password: 'wrong' }), (e) => e.code === grpc.status.UNAUTHENTICATED);
await assert.rejects(call(tokens, 'Mint', {}, basic(CLIENT_ID, 'wrong')), (e) => e.code === grpc.status.UNAUTHENTICATED);
await assert.rejects(call(tokens, 'Login', {}), (e) => e.code === grpc.status.INVALID_ARGUMENT);

// Revoke all grants of the user.
assert.equal((await call(grants, 'ListGrants', { subject: login.subject })).grants.length, 1);
await call(grants, 'RevokeAllGrants', { subject: login.subject });
assert.equal((await call(tokens, 'Introspect', { token: first.access_token })).active, false);
await assert.rejects(call(tokens, 'Refresh', { refresh_token: first.refresh_token }), (e) => {
  const details = Buffer.concat(e.metadata.get('grpc-status-details-bin'));
  return e.code === grpc.status.UNAUTHENTICATED && details.includes('INVALID_GRANT');
});

const set = await call(new signet.v1.KeyService(GRPC, plain), 'GetKeySet', {}, new grpc.Metadata());
assert.ok(JSON.parse(set.jwks).keys.length > 0);

console.log('grpc-js: all checks passed');
process.exit(0);
