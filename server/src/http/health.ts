import { Type } from 'typebox';
import { Failure } from '../failure.ts';
import { type Route, route } from './route.ts';

export interface HealthOptions {
  /** One check per dependency; rejects when it is not there. */
  checks: Record<string, () => Promise<void>>;
  /** The same for what the server works on without. */
  spareChecks: Record<string, () => Promise<void>>;
  isStopping(): boolean;
  /** Whether the server works with less than it should have. */
  isDegraded(): boolean;
}

const CHECK_TIMEOUT_MS = 2000;

async function outcome(check: () => Promise<void>): Promise<'ok' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), timeout]);
    return 'ok';
  } catch {
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}

/** `/healthz`: the process answers. `/readyz`: it can serve; 503 while a dependency is down or the server stops. */
export function healthRoutes({ checks, spareChecks, isStopping, isDegraded }: HealthOptions): Route[] {
  const shared = { method: 'GET', mounts: ['bare'], access: 'public', tag: 'meta' } as const;
  return [
    route({
      ...shared,
      path: '/healthz',
      summary: 'Whether the process answers',
      reply: Type.Object({ status: Type.Literal('ok') }),
      handler: () => ({ status: 'ok' as const }),
    }),
    route({
      ...shared,
      path: '/readyz',
      summary: 'Whether the server can do its work',
      reply: Type.Object({
        status: Type.Literal('ready'),
        degraded: Type.Boolean(),
        checks: Type.Record(Type.String(), Type.Union([Type.Literal('ok'), Type.Literal('down')])),
      }),
      handler: async () => {
        if (isStopping()) throw new Failure('unavailable', 'The server is stopping.');
        const all = { ...checks, ...spareChecks };
        const names = Object.keys(all);
        const results = await Promise.all(Object.values(all).map(outcome));
        const down = names.filter((name, index) => name in checks && results[index] === 'down');
        if (down.length > 0) {
          throw new Failure('unavailable', `Not ready: ${down.join(', ')} cannot be reached.`, {
            retryAfterSeconds: 1,
          });
        }
        return {
          status: 'ready' as const,
          degraded: isDegraded(),
          checks: Object.fromEntries(names.map((name, index) => [name, results[index] ?? 'down'])),
        };
      },
    }),
  ];
}
