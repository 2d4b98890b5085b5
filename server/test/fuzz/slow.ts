import { connect, type Socket } from 'node:net';

/** Connections that send next to nothing, for as long as they are let. */
export interface SlowClients {
  /** Waits until the server has ended them all; gives what is wrong when it does not in time. */
  ended(timeoutMs: number): Promise<string[]>;
  close(): void;
}

const STEP_MS = 1000;

interface Slow {
  name: string;
  beginning: string;
  drop: string;
}

/** Headers end within 10 s, a request within 30 s; a connection that never says a word is no request yet. */
const HEADERS: Slow[] = [
  { name: 'slow headers', beginning: 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n', drop: 'X-A: b\r\n' },
  { name: 'a slow request line', beginning: 'GET /', drop: 'a' },
];
const BODIES: Slow[] = [
  {
    name: 'a slow body',
    beginning:
      'POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n',
    drop: ' ',
  },
];

/** Opens `count` of each kind; slow bodies only where the run is long enough to see them end. */
export function openSlowClients(port: number, count: number, withBodies: boolean): SlowClients {
  const kinds = withBodies ? [...HEADERS, ...BODIES] : HEADERS;
  const open = new Map<Socket, string>();
  const closed = kinds.flatMap(({ name, beginning, drop }) =>
    Array.from({ length: count }, () => {
      const socket = connect(port, '127.0.0.1');
      open.set(socket, name);
      socket.on('error', () => {}).resume();
      socket.write(beginning);
      const timer = setInterval(() => socket.writable && socket.write(drop), STEP_MS);
      return new Promise<void>((resolve) => {
        socket.on('close', () => {
          clearInterval(timer);
          open.delete(socket);
          resolve();
        });
      });
    }),
  );
  const close = () => {
    for (const socket of open.keys()) socket.destroy();
  };
  return {
    close,
    ended: async (timeoutMs) => {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.all(closed), timeout]);
      clearTimeout(timer);
      const left = [...new Set(open.values())];
      close();
      return left.map((name) => `${name}: the server holds the connection open`);
    },
  };
}
