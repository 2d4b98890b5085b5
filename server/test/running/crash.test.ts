import { afterAll, describe, expect, test } from 'vitest';
import { DATABASES, freshPostgres } from '../harness.ts';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from './program.ts';

afterAll(stopPrograms);

interface Made {
  id: string;
  key: string;
}

/**
 * Starts all calls at once; kills the program with SIGKILL the moment that `enough` of them were acknowledged, while the
 * others are still under way. Returns what was acknowledged.
 */
async function killDuring<T>(program: Program, calls: (() => Promise<T | null>)[], enough: number): Promise<T[]> {
  const acknowledged: T[] = [];
  await Promise.allSettled(
    calls.map(async (call) => {
      const result = await call();
      if (result === null) return;
      acknowledged.push(result);
      if (acknowledged.length === enough) process.kill(program.pid, 'SIGKILL');
    }),
  );
  expect(acknowledged.length).toBeGreaterThanOrEqual(enough);
  expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' });
  return acknowledged;
}

describe.concurrent.each(DATABASES)('kill -9 on %s', (database) => {
  test('undoes no key and no revocation that was acknowledged', { timeout: 60_000 }, async () => {
    const dataDir = newDataDir();
    const env: Record<string, string> = {};
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const first = await startProgram({ dataDir, env });
    const testKey = first.ready.test_key;
    const creations = Array.from({ length: 60 }, (_, index) => async () => {
      const { status, json } = await first.call('/v1/api-keys', { json: { name: `key ${index}`, scopes: ['read'] } });
      return status === 201 ? (json as Made) : null;
    });
    const made = await killDuring(first, creations, 25);

    const second = await startProgram({ dataDir, env });
    expect(Object.keys(second.ready).sort()).toEqual(['first_start', 'issuer', 'url']);
    expect(second.ready.first_start).toBe(false);
    const seen = await Promise.all(made.map(({ key }) => second.call('/v1/auth/verify', { key })));
    expect(seen.map(({ status, json }) => [status, json.credential_id])).toEqual(made.map(({ id }) => [200, id]));
    const revocations = made.map((each) => async () => {
      const path = `/v1/api-keys/${each.id}/revoke`;
      const { status } = await second.call(path, { key: testKey ?? null, json: {} });
      return status === 200 ? each : null;
    });
    const revoked = await killDuring(second, revocations, 10);

    const third = await startProgram({ dataDir, env });
    for (const { key } of revoked) {
      const { json } = await third.call('/v1/api-keys/verify', { key: testKey ?? null, json: { key } });
      expect([json.valid, json.code]).toEqual([false, 'revoked']);
    }
    const listed = await third.call('/v1/api-keys?limit=100', { key: testKey ?? null });
    const states = new Map((listed.json.data as { id: string; state: string }[]).map(({ id, state }) => [id, state]));
    for (const { id } of made) expect(states.has(id)).toBe(true);
    for (const { id } of revoked) expect(states.get(id)).toBe('revoked');
    expect(await third.end('SIGTERM')).toEqual({ code: 0, signal: null });

    const audit = await runProgram(['audit', 'verify', '--json'], { dataDir, env });
    expect([audit.code, JSON.parse(audit.stdout).problems]).toEqual([0, []]);
    for (const { stdout, stderr } of [second, third]) {
      for (const secret of [testKey ?? '', first.ready.root_key ?? '', first.ready.owner?.password ?? '']) {
        expect(secret).not.toBe('');
        expect(stdout() + stderr()).not.toContain(secret);
      }
    }
  });
});
