import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A wire between a server and its PostgreSQL that hears every statement, and can be cut and mended. */
export interface PostgresProxy {
  readonly url: string;
  /** The text of every statement that went to PostgreSQL so far. */
  readonly statements: readonly string[];
  /** Breaks every connection and takes no new one. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

const PARSE = 0x50;
const QUERY = 0x51;

/** Reads frontend messages: a type, a length, a body (https://www.postgresql.org/docs/current/protocol.html). */
function listener(heard: (statement: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let hasStarted = false;
  const textAt = (from: number) => rest.toString('utf8', from, rest.indexOf(0, from));
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      // The first message of a connection has no type.
      const head = hasStarted ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return;
      const type = hasStarted ? rest[0] : undefined;
      if (type === QUERY) heard(textAt(5));
      if (type === PARSE) heard(textAt(rest.indexOf(0, 5) + 1));
      hasStarted = true;
      rest = rest.subarray(end);
    }
  };
}

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target);
  const statements: string[] = [];
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    const upstream = createConnection({ host: hostname, port: Number(port) });
    const hear = listener((statement) => statements.push(statement));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    if (isCut) client.destroy();
    client.on('data', (chunk) => {
      hear(chunk);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    statements,
    cut,
    mend: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
