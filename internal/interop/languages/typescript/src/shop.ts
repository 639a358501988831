// A client of Signet: it logs a user in, refreshes the tokens, and logs the user out.
import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from './gen/google/rpc/error_details_pb.js';
import { TokenService } from './gen/signet/v1/token_pb.js';

const { GRPC, CLIENT_ID = '', CLIENT_SECRET = '', USERNAME = '', PASSWORD = '' } = process.env;

// The authorization of a client with a secret (RFC 6749 section 2.3.1).
function basic(id: string, secret: string): string {
  const pair = new URLSearchParams([[id, secret]]).toString().replace('=', ':');
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

// The reason of an error of Signet, or undefined.
function reason(error: ConnectError): string | undefined {
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === 'signet')?.reason;
}

// http: is for a loopback address only.
const signet = createClient(TokenService, createGrpcTransport({ baseUrl: `http://${GRPC}` }));
const options = { headers: { authorization: basic(CLIENT_ID, CLIENT_SECRET) }, timeoutMs: 10_000 };

const login = await signet.login({ username: USERNAME, password: PASSWORD }, options);
const refreshed = await signet.refresh({ refreshToken: login.refreshToken, idempotencyKey: randomUUID() }, options);
console.log('logged in:', refreshed.subject);
await signet.revoke({ token: refreshed.refreshToken }, options);

try {
  await signet.refresh({ refreshToken: refreshed.refreshToken, idempotencyKey: randomUUID() }, options);
} catch (e) {
  const error = ConnectError.from(e);
  if (error.code === Code.Unauthenticated && reason(error) === 'INVALID_GRANT') {
    console.log('logged out:', reason(error));
  }
}
