import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the program behind the proxy received it. */
export interface Received {
  method: string;
  url: string;
  /** Name and value in turn, as on the wire. */
  rawHeaders: string[];
  body: string;
}

/** The program behind the proxy: it records what reaches it, and is careless in whatever way a program may be. */
export interface Upstream {
  port: number;
  /** What it received since the last call. */
  taken(): Received[];
  close(): Promise<void>;
}

/** Under which name a program reads a header: CGI and WSGI tell no dashes and underscores apart, PHP also no dots. */
export const asRead = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

/** The values that a program finds under a name. */
export function valuesOf({ rawHeaders }: Received, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && asRead(rawHeaders[index - 1] ?? '') === asRead(name));
}

export async function startUpstream(): Promise<Upstream> {
  const received: Received[] = [];
  const record = (request: IncomingMessage, body: string) =>
    received.push({ method: request.method ?? '', url: request.url ?? '', rawHeaders: request.rawHeaders, body });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    record(request, Buffer.concat(chunks).toString());
    const text = `for ${request.headers['x-latchkey-credential-id'] ?? 'nobody'}`;
    // Public to every cache, though it is not: a proxy must not make that worse.
    response.setHeader('cache-control', 'public, max-age=600');
    response.setHeader('content-length', text.length);
    response.end(text);
  });
  server.on('upgrade', (request: IncomingMessage, socket) => {
    record(request, '');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.on('data', (data) => socket.write(`heard ${data}`));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => received.splice(0),
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
