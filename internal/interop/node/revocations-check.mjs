// Runs revocations.mjs, which docs/verify.md shows, until it refuses a token that was revoked.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { CompactSign, SignJWT, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import { follow, merge, verify } from './revocations.mjs';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, TOKEN } = process.env;
const answer = await (await fetch(`${ISSUER}/revocations`)).json();
const { head, entries } = answer.segments[0];
const [header, payload] = head.split('.');
const { privateKey } = await generateKeyPair('ES256');
const forged = await new CompactSign(Buffer.from(payload, 'base64url'))
  .setProtectedHeader({ ...decodeProtectedHeader(head), alg: 'ES256' }).sign(privateKey);

for (const [name, segment, message] of [
  ['other entries', { head, entries: entries + 'A'.repeat(64) }, /the feed is not valid/],
  ['an access token instead of a head', { head: TOKEN, entries }, /the feed is not valid/],
  ['a head under another key', { head: forged, entries }, /signature|key/i],
  ['a head with an empty signature', { head: `${header}.${payload}.`, entries }, /signature|key/i],
]) {
  await assert.rejects(merge({ ...answer, segments: [segment] }, performance.now()), message, name);
}
await assert.rejects(verify(TOKEN), /stale/);

// An answer cannot be newer than its arrival, and without held_ms its age is not known.
const clock = performance.now;
for (const held_ms of [1e12, undefined]) {
  await merge({ ...answer, held_ms }, performance.now());
  performance.now = () => clock.call(performance) + 6000;
  await assert.rejects(verify(TOKEN), /stale/, `held_ms ${held_ms}`);
  performance.now = clock;
}
await checkLeakedKey();

const stop = new AbortController(), following = follow(stop.signal);
const begin = performance.now();
for (let claims; !claims;) {
  claims = await verify(TOKEN).catch(async (error) => {
    assert.match(error.message, /stale/);
    assert(performance.now() - begin < 20_000, 'the feed does not become fresh');
    await setTimeout(20);
  });
}

const revoked = await fetch(`${ISSUER}/oauth2/revoke`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa([CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':'))}` },
  body: new URLSearchParams({ token: TOKEN }),
});
assert.equal(revoked.status, 200);
const since = performance.now();
for (let refused = false; !refused;) {
  assert(performance.now() - since < 3000, 'the revoked token is still accepted after 3 s');
  await verify(TOKEN).catch((error) => { assert.equal(error.message, 'revoked'); refused = true; });
  await setTimeout(20);
}
stop.abort();
await following;
console.log(`refused after ${Math.round(performance.now() - since)} ms: all checks passed`);

// checkLeakedKey checks that a token under a key that leaked is refused, with its kid and without.
async function checkLeakedKey() {
  const leaked = await generateKeyPair('ES256'), good = await generateKeyPair('EdDSA');
  const keys = [];
  for (const [kid, { publicKey }] of Object.entries({ leaked, good })) keys.push({ ...await exportJWK(publicKey), kid });
  const server = createServer((_, response) => response.end(JSON.stringify({ keys })));
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  process.env.ISSUER = `http://127.0.0.1:${server.address().port}`;
  const service = await import('./revocations.mjs?leaked');

  const token = (header) => new SignJWT({ client_id: 'client' })
    .setProtectedHeader({ typ: 'at+jwt', alg: 'ES256', ...header }).setIssuer(process.env.ISSUER).setAudience(process.env.AUDIENCE).setSubject('eve').setJti('A'.repeat(22))
    .setIssuedAt().setExpirationTime('1m').sign(leaked.privateKey);
  const poll = async (entries, pair, header) => {
    const head = { iss: process.env.ISSUER, from: 1, to: 1, mark: 1, at: Date.now(), keep: 600, full: true,
      sum: createHash('sha256').update(entries).digest('base64url') };
    const signed = await new CompactSign(Buffer.from(JSON.stringify(head)))
      .setProtectedHeader({ typ: 'revocations+jwt', ...header }).sign(pair.privateKey);
    const segments = [{ head: signed, entries: entries.toString('base64url') }];
    await service.merge({ segments, held_ms: 0, age_ms: 0 }, performance.now());
  };
  for (const typ of ['at+jwt', 'JWT', undefined]) {
    await assert.rejects(poll(Buffer.alloc(0), good, { alg: 'EdDSA', kid: 'good', typ }), /not valid/, `typ ${typ}`);
  }
  await poll(Buffer.alloc(0), good, { alg: 'EdDSA', kid: 'good' });
  await service.verify(await token({ kid: 'leaked' }));

  const entry = createHash('sha256').update('\x03leaked').digest().subarray(0, 8);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Date.now()) * 1000n);
  await poll(Buffer.concat([entry, time]), good, { alg: 'EdDSA', kid: 'good' });
  for (const header of [{ kid: 'leaked' }, {}]) {
    const name = JSON.stringify(header);
    await assert.rejects(service.verify(await token(header)), undefined, `a token with the header ${name}`);
    await assert.rejects(poll(Buffer.alloc(0), leaked, { alg: 'ES256', ...header }), undefined, `a head with ${name}`);
  }
  server.closeAllConnections();
  server.close();
}
