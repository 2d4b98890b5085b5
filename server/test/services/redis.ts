import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from './find-binary.ts';
import { externalService, type Service, startService } from './service.ts';

const variable = 'LATCHKEY_TEST_REDIS_URL';

export interface RedisOptions {
  own?: boolean;
  /** A configuration file that is read first. */
  configuration?: string;
}

/**
 * A Redis for tests: the one that LATCHKEY_TEST_REDIS_URL names, else our own, which keeps nothing on disk. `own` is for
 * tests that kill it.
 */
export async function startRedis({ own = false, configuration }: RedisOptions = {}): Promise<Service> {
  const external = process.env[variable];
  if (!own && external !== undefined && external !== '') return externalService('Redis', external);
  const binary = findBinary({
    name: 'redis-server',
    also: ['/usr/bin', '/usr/local/bin'],
    debianPackage: 'redis-server',
    insteadOf: variable,
  });
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  return startService({
    name: 'Redis',
    folder,
    binary,
    args: (port) => [...(configuration ? [configuration] : []), '--port', String(port), ...settings],
    url: (port) => `redis://127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    ping,
  });
}

function ping(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 5_000 });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => {
      socket.destroy();
      // One that wants its password is there too.
      if (/^(?:\+PONG|-NOAUTH)/.test(reply.toString())) resolve();
      else reject(new Error(`Redis answered ${reply.toString().trim()}`));
    });
    socket.once('timeout', () => socket.destroy(new Error('Redis did not answer')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('Redis closed the connection')));
  });
}
