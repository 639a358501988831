// A gateway in JavaScript, from the .proto files alone.
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
    service[name](request, metadata, { deadline: Date.now() + 20_000 }, (error, answer) => (error ? reject(error) : resolve(answer))));

const login = await call(tokens, 'Login', { username: USERNAME, password: PASSWORD });
assert.equal(login.token_type, 'Bearer');
assert.ok(login.expires_in > 0);

// The answer to the first attempt counts as lost: the same key brings the same successor.
const idempotency_key = randomUUID();
const first = await call(tokens, 'Refresh', { refresh_token: login.refresh_token, idempotency_key });
const again = await call(tokens, 'Refresh', { refresh_token: login.refresh_token, idempotency_key });
assert.equal(again.refresh_token, first.refresh_token);
assert.equal((await call(tokens, 'Introspect', { token: first.access_token })).active, true);

const minted = await call(tokens, 'Mint', {});
assert.equal(minted.subject, CLIENT_ID);

// What is wrong is a status with a reason.
await assert.rejects(call(tokens, 'Login', { username: USERNAME, password: 'wrong' }), (e) => e.code === grpc.status.UNAUTHENTICATED);
await assert.rejects(call(tokens, 'Mint', {}, basic(CLIENT_ID, 'wrong')), (e) => e.code === grpc.status.UNAUTHENTICATED);
await assert.rejects(call(tokens, 'Login', {}), (e) => e.code === grpc.status.INVALID_ARGUMENT);

// Log out everywhere.
assert.equal((await call(grants, 'ListGrants', { subject: login.subject })).grants.length, 1);
await call(grants, 'RevokeAllGrants', { subject: login.subject });
assert.equal((await call(tokens, 'Introspect', { token: first.access_token })).active, false);
await assert.rejects(call(tokens, 'Refresh', { refresh_token: first.refresh_token }), (e) => {
  const details = Buffer.concat(e.metadata.get('grpc-status-details-bin'));
  return e.code === grpc.status.UNAUTHENTICATED && details.includes('INVALID_GRANT');
});

const set = await call(new signet.v1.KeyService(GRPC, plain), 'GetKeySet', {}, new grpc.Metadata());
assert.ok(JSON.parse(set.jwks).keys.length > 0);

console.log('grpc-js: all as it should be');
process.exit(0);
