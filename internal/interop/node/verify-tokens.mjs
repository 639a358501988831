// Holds verify.mjs, which docs/verify.md shows, against tokens that are good and such that are not.
import assert from 'node:assert/strict';
import { verify } from './verify.mjs';

for (const token of JSON.parse(process.env.GOOD)) {
  assert.equal((await verify(token)).client_id, 'gateway');
}
for (const token of JSON.parse(process.env.BAD)) {
  await assert.rejects(verify(token));
}
console.log('verify: all as it should be');
