// Runs verify.mjs, which docs/verify.md shows, with valid and invalid tokens.
import assert from 'node:assert/strict';
import { verify } from './verify.mjs';

for (const token of JSON.parse(process.env.VALID)) {
  assert.equal((await verify(token)).client_id, 'gateway');
}
for (const token of JSON.parse(process.env.INVALID)) {
  await assert.rejects(verify(token));
}
console.log('verify: all checks passed');
