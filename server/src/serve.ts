import type { AddressInfo, Server, Socket } from 'node:net';
import type { FirstStart } from './bootstrap.ts';
import { compose, type Latchkey, MIGRATIONS, openDatabase, SEALED_COLUMNS } from './compose.ts';
import { type Config, ConfigError } from './config/index.ts';
import { createEnvelope } from './crypto/index.ts';
import { type Database, type ServingLock, takeServingLock } from './database/index.ts';
import { encryptionKeysProblem } from './sealed-values/index.ts';
import type { Surroundings } from './surroundings.ts';

/** A server that listens. */
export interface RunningServer {
  url: string;
  issuer: string;
  firstStart: FirstStart | null;
  latchkey: Latchkey;
  /** Stops accepting, finishes what is in flight (10 s at most), writes down counters, closes everything. */
  stop(): Promise<void>;
}

const GRACE_MS = 10_000;

function lockDatabase({ database }: Config): ServingLock | null {
  if (database.kind !== 'sqlite') return null;
  const lock = takeServingLock(database.path);
  if (!('heldBy' in lock)) return lock;
  throw new ConfigError([
    {
      setting: 'LATCHKEY_DATA_DIR',
      problem: `holds a database that another process serves already: ${lock.heldBy}`,
      cure: 'stop that process, name another data dir, or use PostgreSQL, which many processes can share',
    },
  ]);
}

/** A missing or wrong encryption key shows at the start, not when a value is to be read. */
async function checkEncryptionKeys(config: Config, { randomBytes }: Surroundings, database: Database): Promise<void> {
  const keys = config.encryptionKeys;
  const envelope = createEnvelope(keys, randomBytes);
  const found = await encryptionKeysProblem(database.read, SEALED_COLUMNS, { keys, envelope });
  if (found) throw new ConfigError([{ setting: 'LATCHKEY_ENCRYPTION_KEYS', ...found }]);
}

const LISTEN_CURES: Record<string, (config: Config) => [string, string, string]> = {
  EADDRINUSE: ({ port }) => [
    'PORT',
    `${port} is in use`,
    `stop what listens there, or set PORT, such as PORT=${port + 1}`,
  ],
  EACCES: ({ port }) => ['PORT', `${port} may not be used by this user`, 'set PORT to a number above 1023'],
  EADDRNOTAVAIL: ({ host }) => ['HOST', `${host} is no address of this machine`, 'set HOST to one, or to 127.0.0.1'],
  ENOTFOUND: ({ host }) => ['HOST', `${host} cannot be resolved`, 'set HOST to an address, such as 127.0.0.1'],
};

async function listen({ http }: Latchkey, config: Config): Promise<number> {
  try {
    await http.app.listen({ host: config.host, port: config.port });
    return (http.app.server.address() as AddressInfo).port;
  } catch (error) {
    const cure = LISTEN_CURES[(error as NodeJS.ErrnoException).code ?? '']?.(config);
    if (!cure) throw error;
    const [setting, problem, what] = cure;
    throw new ConfigError([{ setting, problem, cure: what }]);
  }
}

const SWEEP_MS = 50;

/** Every open connection, for the end: no request is worth more than the grace. */
function trackConnections({ http }: Latchkey): Set<Socket> {
  const server: Server = http.app.server;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/**
 * Node's own `close` waits for two kinds of connection that hold no request: those that never sent anything, and those
 * whose last request ended after it was called.
 */
async function closeHttp({ http }: Latchkey, sockets: ReadonlySet<Socket>): Promise<void> {
  const force = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, GRACE_MS);
  const closed = http.app.close();
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  // An import would load Node's WebSocket and fetch with it, a twentieth of a start.
  const { closeIdleConnections } = process.getBuiltinModule('node:http').Server.prototype;
  const sweep = setInterval(() => closeIdleConnections.call(http.app.server), SWEEP_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(force);
}

interface Parts {
  latchkey: Latchkey;
  sockets: ReadonlySet<Socket>;
  lock: ServingLock | null;
  log: Surroundings['log'];
}

async function stopAll({ latchkey, sockets, lock, log }: Parts): Promise<void> {
  latchkey.markStopping();
  await closeHttp(latchkey, sockets);
  await latchkey.jobs.stop();
  await latchkey.flush().catch((err: unknown) => log.error({ err }, 'counters could not be written'));
  await latchkey.closeCounting();
  await latchkey.changes.stop();
  await latchkey.database.close();
  lock?.release();
}

/** Opens the database, brings it up to date, listens. Throws `ConfigError` for what the operator can mend. */
export async function serve(config: Config, surroundings: Surroundings): Promise<RunningServer> {
  const lock = lockDatabase(config);
  try {
    const database = openDatabase(config, surroundings.log);
    await database.migrate(MIGRATIONS, { dryRun: false, nowMs: surroundings.clock.nowMs() });
    await checkEncryptionKeys(config, surroundings, database);
    const latchkey = await compose(config, surroundings, database);
    await latchkey.changes.start();
    const sockets = trackConnections(latchkey);
    const port = await listen(latchkey, config);
    latchkey.setBoundPort(port);
    const url = `${config.tls ? 'https' : 'http'}://${hostInUrl(config.host)}:${port}`;
    lock?.describe({ pid: process.pid, url });
    const firstStart = await latchkey.bootstrap();
    latchkey.jobs.start();
    return {
      url,
      issuer: latchkey.issuer(),
      firstStart,
      latchkey,
      stop: () => stopAll({ latchkey, sockets, lock, log: surroundings.log }),
    };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/** Where to reach a server that listens on this host from the same machine. */
function hostInUrl(host: string): string {
  if (host === '127.0.0.1' || host === '0.0.0.0' || host === '::' || host === '::1') return 'localhost';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
