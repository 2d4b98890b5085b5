import { connectRedis } from './redis-connection.ts';

/** What a Redis says of itself. */
export interface RedisFacts {
  clockMs: number;
  /** Null where it may not be asked. */
  version: string | null;
}

/** Asks once. Rejects when it does not answer. */
export async function redisFacts(url: string): Promise<RedisFacts> {
  const connection = await connectRedis(url);
  try {
    const [seconds, micros] = (await connection.send(['TIME'])) as [string, string];
    const clockMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    const info = await connection.send(['INFO', 'server']).catch(() => '');
    const [, version = null] = /^(?:valkey|redis)_version:(\S+)/m.exec(String(info)) ?? [];
    return { clockMs, version };
  } finally {
    connection.close();
  }
}
