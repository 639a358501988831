// Runs verify.mjs, which docs/verify.md shows, with the tokens of its input.
import { createInterface } from 'node:readline';
import { verify } from './verify.mjs';

for await (const token of createInterface({ input: process.stdin })) {
  console.log(await verify(token).then(() => 'ok', (e) => `${e.name}: ${e.message}`));
}
