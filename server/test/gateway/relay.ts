import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire between proxy and Latchkey that is read along and can be cut. */
export interface Relay {
  port: number;
  /** What the proxy wrote since the last call, one text for each connection. */
  taken(): string[];
  /** Nobody answers at the port, or with `mend` somebody does again. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function startRelay(targetPort: number): Promise<Relay> {
  const written: { text: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const entry = { text: '' };
    written.push(entry);
    const far = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    near.on('data', (data) => {
      entry.text += data.toString('latin1');
    });
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    // Connections stay open and are written to again, so their entries stay too.
    taken: () =>
      written.flatMap((entry) => {
        const { text } = entry;
        entry.text = '';
        return text === '' ? [] : [text];
      }),
    cut,
    mend: () => listen(port),
    close: async () => {
      if (server.listening) await cut();
    },
  };
}
