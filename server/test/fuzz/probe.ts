// Loaded into the server with `--import` while it is fuzzed: tells the fuzzer, over IPC, what the process holds.
import { setImmediate } from 'node:timers/promises';

/** What the server's process holds after a forced collection. */
export interface Holdings {
  heapBytes: number;
  residentBytes: number;
  /** Open sockets: listening, and of clients. */
  sockets: number;
  timers: number;
}

/** Connections of the pool come and go with the load. */
const databasePort = Number(URL.parse(process.env.LATCHKEY_DATABASE_URL ?? '')?.port ?? 0);

/** Handles, for only they say where a socket leads to. */
function toDatabase(): number {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): { remotePort?: number }[] };
  return databasePort === 0 ? 0 : handles().filter(({ remotePort }) => remotePort === databasePort).length;
}

const collect = (globalThis as { gc?: () => void }).gc;

process.on('message', async () => {
  // Twice: the first lets finalizers run that free more.
  collect?.();
  await setImmediate();
  collect?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (kind: RegExp) => resources.filter((name) => kind.test(name)).length;
  const holdings: Holdings = {
    heapBytes: heapUsed + external,
    residentBytes: rss,
    sockets: count(/^TCP/) - toDatabase(),
    timers: count(/^(?:Timeout|Immediate)$/),
  };
  process.send?.(holdings);
});
