// Runs revocations.mjs, which docs/verify.md shows, until it refuses a token that was revoked.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { CompactSign, decodeProtectedHeader, generateKeyPair } from 'jose';
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
  headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
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
