import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { compactVerify, createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, AUDIENCE } = process.env; // https://login.example.com, https://api.example
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), { cooldownDuration: 1000 });
const moments = new Map(); // of each entry: the latest moment, in microseconds
let position, next = 1, asOf = -Infinity;

const digest = (data) => createHash('sha256').update(data);
const moment = (kind, ...texts) =>
  moments.get(digest(Buffer.from(String.fromCharCode(kind) + texts.join('\0'))).digest('hex').slice(0, 16)) ?? 0;

// merge adds the entries of an answer to a request that was sent at that time.
export async function merge(answer, sent) {
  for (const { head, entries } of answer.segments) {
    const { payload, protectedHeader: { typ, kid } } = await compactVerify(head, keys);
    const h = JSON.parse(Buffer.from(payload)), bytes = Buffer.from(entries, 'base64url');
    const signed = typ === 'revocations+jwt' && h.iss === ISSUER && h.sum === digest(bytes).digest('base64url');
    if (!signed || !kid || moment(3, kid) || !(h.full || h.from <= next)) throw new Error('the feed is not valid');
    for (let i = 0; i < bytes.length; i += 16) {
      const key = bytes.toString('hex', i, i + 8), time = Number(bytes.readBigUInt64BE(i + 8));
      moments.set(key, Math.max(time, moments.get(key) ?? 0));
    }
    for (const [key, time] of moments) if (time / 1000 < h.at - h.keep * 1000) moments.delete(key);
    [position, next] = [`${h.to}-${h.mark}`, h.to + 1];
    if (h.at > Date.now() - 35_000) { // not an old answer again
      asOf = Math.min(sent + answer.held_ms - answer.age_ms, performance.now());
    }
  }
}

// follow polls the feed until the signal aborts it.
export async function follow(signal) {
  while (!signal?.aborted) {
    const sent = performance.now(), query = position ? `?after=${position}&wait=2s` : '';
    const limit = AbortSignal.timeout(5000);
    try {
      const answer = await (await fetch(`${ISSUER}/revocations${query}`, { signal: limit })).json();
      await merge(answer, sent);
      await setTimeout(answer.delay_ms ?? 0);
    } catch { await setTimeout(500); }
  }
}

// verify returns the claims of an access token. It throws an error if the token is not valid or revoked, and while
// the last answer of the issuer is older than five seconds.
export async function verify(token) {
  const { payload: p, protectedHeader: { kid } } = await jwtVerify(token, keys, {
    issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'],
    requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
  });
  if (!kid) throw new Error('the token has no kid'); // an entry about its key could not be found
  if (!(performance.now() - asOf <= 5000)) throw new Error('the feed of revocations is stale');
  const id = Buffer.from(p.jti, 'base64url'); // a UUID of version 7, with microseconds
  let minted = id.readUIntBE(0, 6) * 1000 + Math.ceil((id.readUInt16BE(6) & 0xfff) * 1000 / 4096);
  if (!(Math.abs(minted / 1e6 - p.iat) < 60)) minted = p.iat * 1e6; // of a server of an earlier version
  const spared = p.sid ? moment(8, p.sid) : 0;
  const before = Math.max(moment(6, p.client_id), moment(9, p.iss), ...[p.aud].flat().map((a) => moment(7, a)),
    ...[moment(4, p.sub), moment(5, p.sub, p.client_id)].filter((m) => m > spared));
  if (p.sid && moment(1, p.sid) || moment(2, p.jti) || moment(3, kid) || minted < before) throw new Error('revoked');
  return p;
}
