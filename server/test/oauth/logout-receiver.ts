import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { expect, vi } from 'vitest';
import type { TestServer } from '../harness.ts';

/** What a receiver was sent. */
export interface Received {
  token: string;
  contentType: string | undefined;
  path: string;
}

/** An application's server, which is told of logouts. */
export interface LogoutReceiver {
  /** Where it listens, `http://127.0.0.1:…`. */
  url: string;
  received: Received[];
  /** How it answers from now on: a status, or not at all. */
  answer: number | 'never';
  /** Waits until it was sent this many. */
  got(count: number): Promise<Received[]>;
  /** How many of its connections are open and not answered. */
  hanging(): number;
  close(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<LogoutReceiver> {
  const open = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = new URLSearchParams(body).get('logout_token') ?? '';
    receiver.received.push({ token, contentType: request.headers['content-type'], path: request.url ?? '' });
    open.add(response);
    response.once('close', () => open.delete(response));
    if (receiver.answer !== 'never') response.writeHead(receiver.answer).end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const receiver: LogoutReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: 200,
    got: async (count) => {
      await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThanOrEqual(count), { timeout: 20_000 });
      return receiver.received;
    },
    hanging: () => open.size,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** As an application verifies it (Back-Channel Logout §2.6), by a library and the published keys. */
export function verifyLogout(server: TestServer, token: string, audience: string) {
  return jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`)), {
    typ: 'logout+jwt',
    issuer: server.issuer,
    audience,
    requiredClaims: ['iat', 'exp', 'jti', 'events', 'sub', 'sid'],
    currentDate: new Date(server.clock.nowMs()),
  });
}
