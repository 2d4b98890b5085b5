import { readSecret } from '@latchkey/protocol';
import { sql } from 'kysely';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemActor } from '../../src/audit/index.ts';
import { createRefreshTexts } from '../../src/tokens/families/index.ts';
import { DATABASES, freshPostgres, manualClock, stopServers, type TestServer } from '../harness.ts';
import {
  claimsOf,
  end,
  newClientId,
  newUserId,
  pairOf,
  randomBytes,
  refresh,
  refusalOf,
  startFamily,
  startServer,
  verdictOf,
} from './issuing.ts';

afterEach(stopServers);

const DAY_MS = 24 * 3_600_000;

const eventsOf = (server: TestServer, action: string) =>
  server.latchkey.database.read.selectFrom('audit_events').selectAll().where('action', '=', action).execute();

const familyRow = (server: TestServer, id: string) =>
  server.latchkey.database.read.selectFrom('refresh_families').selectAll().where('id', '=', id).executeTakeFirst();

/** Time goes on, and the server has heard of everything until then. */
async function pass(server: TestServer, ms: number): Promise<void> {
  (server.clock as ReturnType<typeof manualClock>).advance(ms);
  await vi.waitFor(() => expect(server.latchkey.changes.isFresh()).toBe(true), { timeout: 5000, interval: 20 });
}

describe.each(DATABASES)('refreshing on %s', (database) => {
  test('a login or public client gets another token each time, and one family lives on', async () => {
    const server = await startServer({ database });
    const first = await startFamily(server, { sessionId: 'ses_1', scopes: ['read', 'write'] });
    expect(readSecret(first.refreshToken.text)).toBe('refresh_token');
    expect(await verdictOf(server, first.accessToken.text)).toBe('valid');
    let token = first.refreshToken.text;
    const seen = new Set([token]);
    for (let turn = 0; turn < 5; turn += 1) {
      const pair = pairOf(await refresh(server, token));
      expect([pair.isRetry, pair.family.id]).toEqual([false, first.family.id]);
      expect(claimsOf(pair.accessToken.text)).toMatchObject({
        sub: first.family.userId,
        sid: 'ses_1',
        family_id: first.family.id,
        scope: 'read write',
      });
      expect(await verdictOf(server, pair.accessToken.text)).toBe('valid');
      token = pair.refreshToken.text;
      seen.add(token);
    }
    expect(seen.size).toBe(6);
    // One row, however often it is rotated.
    const rows = await server.latchkey.database.read.selectFrom('refresh_families').select('id').execute();
    expect(rows).toHaveLength(1);
  });

  test('a confidential client gets the same token back', async () => {
    const server = await startServer({ database });
    const clientId = newClientId();
    const { refreshToken } = await startFamily(server, { clientId, rotation: 'none' });
    const results = await Promise.all(
      Array.from({ length: 20 }, () => refresh(server, refreshToken.text, { clientId })),
    );
    for (const result of results) expect(pairOf(result).refreshToken.text).toBe(refreshToken.text);
    const access = new Set(results.map((result) => pairOf(result).accessToken.id));
    expect(access.size).toBe(20);
  });

  test('of twenty at once with one token all get the same successor, and their access tokens work', async () => {
    const server = await startServer({ database });
    const { refreshToken, family } = await startFamily(server);
    const results = await Promise.all(Array.from({ length: 20 }, () => refresh(server, refreshToken.text)));
    const pairs = results.map(pairOf);
    expect(new Set(pairs.map((pair) => pair.refreshToken.text)).size).toBe(1);
    expect(pairs.filter(({ isRetry }) => !isRetry)).toHaveLength(1);
    for (const { accessToken } of pairs) expect(await verdictOf(server, accessToken.text)).toBe('valid');
    expect(refusalOf(await refresh(server, pairs[0]?.refreshToken.text ?? ''))).toBe('refreshed');
    expect((await familyRow(server, family.id))?.revoked_at).toBeNull();
    expect(await eventsOf(server, 'token_family.reused')).toEqual([]);
  });

  test('a lost reply can be asked for again for thirty seconds; later the family ends, with one event', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const start = async () => {
      const { refreshToken, family, accessToken } = await startFamily(server);
      const next = pairOf(await refresh(server, refreshToken.text));
      return {
        parent: refreshToken.text,
        child: next.refreshToken.text,
        family,
        access: [accessToken, next.accessToken],
      };
    };
    const inTime = await start();
    await pass(server, 30_000);
    const again = pairOf(await refresh(server, inTime.parent));
    expect([again.isRetry, again.refreshToken.text]).toEqual([true, inTime.child]);

    const late = await start();
    await pass(server, 30_001);
    const results = await Promise.all(Array.from({ length: 10 }, () => refresh(server, late.parent)));
    for (const result of results) expect(['reused', 'revoked']).toContain(refusalOf(result));
    expect(refusalOf(await refresh(server, late.child))).toBe('revoked');
    for (const { text } of late.access) expect(await verdictOf(server, text)).toBe('401 token_revoked');
    const events = await eventsOf(server, 'token_family.reused');
    expect(events.map(({ target_id }) => target_id)).toEqual([late.family.id]);
    // The other family lives.
    expect(refusalOf(await refresh(server, inTime.child))).toBe('refreshed');
  });

  test('a lost reply can be asked for again also from a server that has new encryption keys by then', async () => {
    const [old, young] = ['old', 'young'].map((id) => `${id}:${Buffer.from(randomBytes(32)).toString('base64')}`);
    const env: Record<string, string> = { LATCHKEY_ENCRYPTION_KEYS: `${old}` };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const server = await startServer({ database, env });
    const { refreshToken } = await startFamily(server);
    const second = pairOf(await refresh(server, refreshToken.text));
    const third = pairOf(await refresh(server, second.refreshToken.text));
    await server.stop();
    const rotated = { ...env, LATCHKEY_ENCRYPTION_KEYS: `${young},${old}` };
    const again = await startServer({ database, env: rotated, dataDir: server.dataDir });
    const retried = pairOf(await refresh(again, second.refreshToken.text));
    expect(retried.refreshToken.text).toBe(third.refreshToken.text);
    const fourth = pairOf(await refresh(again, third.refreshToken.text));
    expect(refusalOf(await refresh(again, refreshToken.text))).toBe('reused');
    expect(refusalOf(await refresh(again, fourth.refreshToken.text))).toBe('revoked');
  });

  test('only the direct parent has that grace', async () => {
    const server = await startServer({ database });
    const { refreshToken, family } = await startFamily(server);
    const second = pairOf(await refresh(server, refreshToken.text));
    const third = pairOf(await refresh(server, second.refreshToken.text));
    expect(refusalOf(await refresh(server, refreshToken.text))).toBe('reused');
    expect(refusalOf(await refresh(server, third.refreshToken.text))).toBe('revoked');
    expect((await familyRow(server, family.id))?.revoke_reason).toBe('reused');
    expect(await verdictOf(server, third.accessToken.text)).toBe('401 token_revoked');
  });

  test('a token that was spent long ago still ends its family', async () => {
    const server = await startServer({ database });
    const { refreshToken } = await startFamily(server);
    let token = refreshToken.text;
    for (let turn = 0; turn < 50; turn += 1) token = pairOf(await refresh(server, token)).refreshToken.text;
    expect(refusalOf(await refresh(server, refreshToken.text))).toBe('reused');
    expect(refusalOf(await refresh(server, token))).toBe('revoked');
  });

  test('a token that somebody made up is refused and ends nothing', async () => {
    const server = await startServer({ database });
    const { refreshToken } = await startFamily(server);
    const { text } = refreshToken;
    // With the handle of a real family, a right checksum, and every other part guessed.
    const guesser = createRefreshTexts([randomBytes(32)], randomBytes);
    for (let turn = 0; turn < 20; turn += 1) {
      expect(refusalOf(await refresh(server, guesser.successor(text, String(turn))))).toBe('unknown');
    }
    expect(refusalOf(await refresh(server, guesser.first()))).toBe('unknown');
    for (const odd of [
      '',
      'lk_rt_',
      text.slice(0, -1),
      `${text}0`,
      text.replace('lk_rt_', 'lk_at_'),
      '\0'.repeat(52),
    ]) {
      expect(refusalOf(await refresh(server, odd))).toBe('unknown');
    }
    expect(refusalOf(await refresh(server, text))).toBe('refreshed');
  });

  test('another client is refused, current token or spent, and the token is unharmed', async () => {
    const server = await startServer({ database });
    const [clientId, other] = [newClientId(), newClientId()];
    const { refreshToken } = await startFamily(server, { clientId });
    expect(refusalOf(await refresh(server, refreshToken.text, { clientId: other }))).toBe('other_client');
    expect(refusalOf(await refresh(server, refreshToken.text))).toBe('other_client');
    const next = pairOf(await refresh(server, refreshToken.text, { clientId }));
    const later = pairOf(await refresh(server, next.refreshToken.text, { clientId }));
    expect(refusalOf(await refresh(server, refreshToken.text, { clientId: other }))).toBe('other_client');
    expect(refusalOf(await refresh(server, later.refreshToken.text, { clientId }))).toBe('refreshed');
  });

  test('a token bound to a key needs that key, also within the grace', async () => {
    const server = await startServer({ database });
    const { refreshToken } = await startFamily(server, { boundKey: 'thumb' });
    for (const boundKey of [null, 'other']) {
      expect(refusalOf(await refresh(server, refreshToken.text, { boundKey }))).toBe('other_key');
    }
    const next = pairOf(await refresh(server, refreshToken.text, { boundKey: 'thumb' }));
    expect(refusalOf(await refresh(server, refreshToken.text))).toBe('other_key');
    const again = pairOf(await refresh(server, refreshToken.text, { boundKey: 'thumb' }));
    expect(again.refreshToken.text).toBe(next.refreshToken.text);
    const unbound = await startFamily(server);
    expect(refusalOf(await refresh(server, unbound.refreshToken.text, { boundKey: 'thumb' }))).toBe('other_key');
  });

  test('never widens; narrowing is for once, and a refusal uses nothing up', async () => {
    const server = await startServer({ database });
    const { refreshToken } = await startFamily(server, { scopes: ['read', 'orders:write', 'made-up'] });
    const { text } = refreshToken;
    for (const scopes of [['write'], ['read', 'admin'], ['unknown'], ['delete:all']]) {
      expect(refusalOf(await refresh(server, text, { scopes }))).toBe('scope');
    }
    const narrow = pairOf(await refresh(server, text, { scopes: ['projects:read'] }));
    expect(claimsOf(narrow.accessToken.text).scope).toBe('projects:read');
    const wide = pairOf(await refresh(server, narrow.refreshToken.text));
    expect(claimsOf(wide.accessToken.text).scope).toBe('read orders:write made-up');
    const kept = pairOf(await refresh(server, wide.refreshToken.text, { scopes: ['made-up'] }));
    expect(kept.scopes).toEqual(['made-up']);
    const none = pairOf(await refresh(server, kept.refreshToken.text, { scopes: [] }));
    expect(claimsOf(none.accessToken.text).scope).toBe('');
  });

  test('ends after thirty days unused, and after a year however much it is used', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const startedAtMs = server.clock.nowMs();
    const idle = await startFamily(server);
    expect(idle.refreshToken.expiresAtMs).toBe(startedAtMs + 30 * DAY_MS);
    const busy = await startFamily(server);
    const confidential = await startFamily(server, { clientId: 'app_1', rotation: 'none' });
    let token = busy.refreshToken.text;
    for (let month = 0; month < 12; month += 1) {
      await pass(server, 30 * DAY_MS - (month === 0 ? 10 : 20));
      const pair = pairOf(await refresh(server, token));
      token = pair.refreshToken.text;
      expect(pair.refreshToken.expiresAtMs).toBe(
        Math.min(server.clock.nowMs() + 30 * DAY_MS, startedAtMs + 365 * DAY_MS),
      );
      pairOf(await refresh(server, confidential.refreshToken.text, { clientId: 'app_1' }));
      // Unlike those that were used a moment ago.
      if (month === 0) await pass(server, 10);
      if (month === 0) expect(refusalOf(await refresh(server, idle.refreshToken.text))).toBe('expired');
    }
    await pass(server, startedAtMs + 365 * DAY_MS - server.clock.nowMs());
    expect(refusalOf(await refresh(server, token))).toBe('expired');
    expect(refusalOf(await refresh(server, confidential.refreshToken.text, { clientId: 'app_1' }))).toBe('expired');
  });

  test.each(['user', 'client', 'grant', 'session'] as const)('ends with its %s', async (kind) => {
    const server = await startServer({ database });
    const ids = { user: newUserId(), client: newClientId(), grant: 'grt_1', session: 'ses_1' };
    const mine = { userId: ids.user, clientId: ids.client, grantId: 'grt_1', sessionId: 'ses_1' };
    const [one, two, foreign] = [
      await startFamily(server, mine),
      await startFamily(server, mine),
      await startFamily(server),
    ];
    expect(await end(server, kind, ids[kind])).toBe(2);
    for (const { refreshToken, accessToken } of [one, two]) {
      expect(refusalOf(await refresh(server, refreshToken.text, { clientId: ids.client }))).toBe('revoked');
      expect(await verdictOf(server, accessToken.text)).toBe('401 token_revoked');
    }
    expect(refusalOf(await refresh(server, foreign.refreshToken.text))).toBe('refreshed');
    expect(await end(server, kind, ids[kind])).toBe(0);
  });

  test('goes on when only the access tokens of its user are ended', async () => {
    const server = await startServer({ database });
    const { tokens, database: store } = server.latchkey;
    const { family, accessToken, refreshToken } = await startFamily(server);
    const ended = { kind: 'user', id: family.userId ?? '', reason: 'scopes changed', families: 'keep' } as const;
    await store.write((tx) => tokens.raiseWatermark(tx, ended));
    expect(await verdictOf(server, accessToken.text)).toBe('401 token_revoked');
    expect(await verdictOf(server, pairOf(await refresh(server, refreshToken.text)).accessToken.text)).toBe('valid');
  });
});

describe.each(DATABASES)('revoking a family on %s', (database) => {
  const revoke = (server: TestServer, family: { id: string } | { token: string; clientId: string }) =>
    server.latchkey.database.write((tx) =>
      server.latchkey.tokens.revokeFamily(tx, { family, reason: 'logout', actor: systemActor }),
    );

  test('ends it and its access tokens at once, and for good', async () => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const server = await startServer({ database, env });
    const { family, accessToken, refreshToken } = await startFamily(server);
    const next = pairOf(await refresh(server, refreshToken.text));
    expect((await revoke(server, { id: family.id }))?.id).toBe(family.id);
    expect((await revoke(server, { id: family.id }))?.revokedAtMs).not.toBeNull();
    for (const { text } of [accessToken, next.accessToken])
      expect(await verdictOf(server, text)).toBe('401 token_revoked');
    expect(refusalOf(await refresh(server, next.refreshToken.text))).toBe('revoked');
    expect(await eventsOf(server, 'token_family.revoked')).toHaveLength(1);
    await server.stop();
    const again = await startServer({ database, env, dataDir: server.dataDir });
    expect(refusalOf(await refresh(again, next.refreshToken.text))).toBe('revoked');
    expect(await verdictOf(again, next.accessToken.text)).toBe('401 token_revoked');
  });

  test('takes any of its tokens from its own client, and nothing from another', async () => {
    const server = await startServer({ database });
    const clientId = newClientId();
    const { accessToken, refreshToken, family } = await startFamily(server, { clientId });
    const { text } = refreshToken;
    expect(await revoke(server, { token: text, clientId: newClientId() })).toBeNull();
    expect(await revoke(server, { token: text.replace(/.{6}$/, '000000'), clientId })).toBeNull();
    expect(await revoke(server, { token: 'no token', clientId })).toBeNull();
    expect(await revoke(server, { id: 'fam_none' })).toBeNull();
    expect(await verdictOf(server, accessToken.text)).toBe('valid');
    const next = pairOf(await refresh(server, text, { clientId }));
    // The spent one will do: who logs out with it means the family.
    expect((await revoke(server, { token: text, clientId }))?.id).toBe(family.id);
    expect(await verdictOf(server, next.accessToken.text)).toBe('401 token_revoked');
  });

  test('at the same moment as a refresh leaves nothing alive', async () => {
    const server = await startServer({ database });
    for (let round = 0; round < 10; round += 1) {
      const { family, refreshToken } = await startFamily(server);
      const [, ...results] = await Promise.all([
        end(server, 'user', family.userId ?? ''),
        ...Array.from({ length: 4 }, () => refresh(server, refreshToken.text)),
      ]);
      for (const result of results) {
        if (result.outcome === 'refused') continue;
        expect(await verdictOf(server, result.accessToken.text)).toBe('401 token_revoked');
        expect(refusalOf(await refresh(server, result.refreshToken.text))).toBe('revoked');
      }
    }
  });
});

describe('a refresh that has begun when its family is ended on PostgreSQL', () => {
  const waiting = sql<{ count: number }>`select count(*) as count from pg_locks where not granted`;

  test.each(['each_use', 'none'] as const)('gives nothing (rotation: %s)', async (rotation) => {
    const server = await startServer({ database: 'postgres' });
    const { database, tokens } = server.latchkey;
    const { family, refreshToken } = await startFamily(server, { rotation });
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const ending = database.write(async (tx) => {
      await tokens.raiseWatermark(tx, { kind: 'user', id: family.userId ?? '', reason: 'test' });
      held.resolve();
      await release.promise;
    });
    await held.promise;
    // It has read the living family, and waits for the row.
    const refreshing = refresh(server, refreshToken.text);
    await vi.waitFor(async () => expect((await waiting.execute(database.read)).rows[0]?.count).toBeGreaterThan(0), {
      timeout: 10_000,
    });
    release.resolve();
    await ending;
    expect(refusalOf(await refreshing)).toBe('revoked');
  });
});

describe.each(DATABASES)('the rows of families on %s', (database) => {
  test('give no token away: neither one that works nor one that will', async () => {
    const server = await startServer({ database });
    const { refreshToken } = await startFamily(server);
    const next = pairOf(await refresh(server, refreshToken.text));
    const row = await server.latchkey.database.read
      .selectFrom('refresh_families')
      .selectAll()
      .executeTakeFirstOrThrow();
    const dump = JSON.stringify(row);
    for (const text of [refreshToken.text, next.refreshToken.text]) {
      const body = text.slice('lk_rt_'.length);
      for (const part of [text, body, body.slice(0, 12), body.slice(12, 34)]) expect(dump).not.toContain(part);
    }
    // Whoever has all of the row but no token cannot make one: not from the digests, not from the nonce.
    const thief = createRefreshTexts([randomBytes(32)], randomBytes);
    for (const seed of [row.current_hash, row.parent_hash, row.handle_hash, row.nonce]) {
      const made = thief.successor(`lk_rt_${seed}`, row.nonce ?? '');
      expect(refusalOf(await refresh(server, made))).toBe('unknown');
    }
    expect(refusalOf(await refresh(server, next.refreshToken.text))).toBe('refreshed');
  });

  test('stay until nobody could use them, and go then, a few at a time', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const { tokens, database: store } = server.latchkey;
    await Promise.all(Array.from({ length: 30 }, () => startFamily(server, { idleMs: DAY_MS })));
    const living = await startFamily(server);
    const count = async () => (await store.read.selectFrom('refresh_families').select('id').execute()).length;
    clock.advance(DAY_MS + 5 * 60_000 - 1);
    await tokens.prune();
    expect(await count()).toBe(31);
    clock.advance(2);
    await tokens.prune();
    expect(await count()).toBe(1);
    expect(refusalOf(await refresh(server, living.refreshToken.text))).toBe('refreshed');
  });
});

test('a refresh that could not be written down gives nothing, and uses nothing up', async () => {
  const server = await startServer();
  const { refreshToken } = await startFamily(server);
  const { database, tokens } = server.latchkey;
  const failing = database.write(async (tx) => {
    await tokens.refresh(tx, { token: refreshToken.text, clientId: 'latchkey', actor: systemActor });
    throw new Error('the disk is full');
  });
  await expect(failing).rejects.toThrow('the disk is full');
  const result = pairOf(await refresh(server, refreshToken.text));
  expect(result.isRetry).toBe(false);
});
