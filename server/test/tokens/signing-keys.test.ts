import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DATABASES, manualClock, stopServers, type TestServer } from '../harness.ts';
import { claimsOf, mint, startServer, verdictOf } from './issuing.ts';

afterEach(stopServers);

const CACHE_MS = 300_000;
const LEAD_MS = 360_000;
const DAY_MS = 24 * 3_600_000;

const jwks = (server: TestServer, headers: Record<string, string> = {}) =>
  server.call('/.well-known/jwks.json', { key: null, headers });

const kidsOf = async (server: TestServer): Promise<string[]> =>
  (await jwks(server)).json.keys.map(({ kid }: { kid: string }) => kid);

const keysOf = async (server: TestServer) =>
  (await server.call('/v1/signing-keys', { key: server.rootKey })).json.data as Record<string, string>[];

const stateOf = async (server: TestServer, kid: string) => (await keysOf(server)).find(({ id }) => id === kid)?.state;

const rotate = (server: TestServer, json: object = {}, headers: Record<string, string> = {}) =>
  server.call('/v1/signing-keys/rotate', { key: server.rootKey, json, headers });

const kidThatSigns = (server: TestServer) => server.latchkey.signingKeys.signer('ES256').kid;

const eventsOf = async (server: TestServer, action: string) =>
  (
    await server.latchkey.database.read
      .selectFrom('audit_events')
      .selectAll()
      .where('action', '=', action)
      .orderBy('seq')
      .execute()
  ).map(({ target_id, data, actor_kind }) => ({ target_id, actor_kind, ...JSON.parse(data) }));

describe('/.well-known/jwks.json', () => {
  test('holds the public members of the active and the next key, and nothing else', async () => {
    const server = await startServer();
    const { status, headers, json } = await jwks(server);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(json).toEqual({
      keys: Array(2).fill({
        kty: 'EC',
        crv: 'P-256',
        x: expect.stringMatching(/^[\w-]{43}$/),
        y: expect.stringMatching(/^[\w-]{43}$/),
        kid: expect.stringMatching(/^[\w-]{43}$/),
        alg: 'ES256',
        use: 'sig',
      }),
    });
    for (const key of json.keys) {
      expect(await calculateJwkThumbprint(key)).toBe(key.kid);
      expect(createPublicKey({ key, format: 'jwk' }).type).toBe('public');
    }
    expect(json.keys[0].kid).toBe(kidThatSigns(server));
  });

  test('may be cached for five minutes, by anybody, and asked again by its ETag', async () => {
    const server = await startServer();
    const first = await jwks(server, { origin: 'https://app.example.com' });
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('max-age=300');
    expect(first.headers.get('access-control-allow-origin')).toBe('*');
    expect(first.headers.get('access-control-allow-credentials')).toBeNull();
    expect(first.headers.get('set-cookie')).toBeNull();
    for (const named of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await jwks(server, { 'if-none-match': named });
      expect([again.status, again.text, again.headers.get('etag'), again.headers.get('cache-control')]).toEqual([
        304,
        '',
        etag,
        'max-age=300',
      ]);
    }
    for (const named of ['"other"', etag.slice(1, -1), `${etag}x`]) {
      expect((await jwks(server, { 'if-none-match': named })).status).toBe(200);
    }
    const head = await server.call('/.well-known/jwks.json', { method: 'HEAD', key: null });
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', etag]);
    await rotate(server, { emergency: true });
    const changed = await jwks(server, { 'if-none-match': etag });
    expect([changed.status, changed.headers.get('etag') === etag]).toEqual([200, false]);
  });

  test('answers a preflight, and no credential and no limit is asked for', async () => {
    const server = await startServer({ limits: 'real' });
    const preflight = await server.call('/.well-known/jwks.json', {
      method: 'OPTIONS',
      key: null,
      headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    const replies = await Promise.all(Array.from({ length: 150 }, () => jwks(server)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(replies[0]?.headers.get('x-ratelimit-limit')).toBeNull();
    expect((await server.call('/.well-known/jwks.json', { method: 'POST', key: null, json: {} })).status).toBe(405);
  });
});

describe('/v1/signing-keys', () => {
  test('shows the operator each key with its PEM, and never a private half', async () => {
    const server = await startServer({ clock: manualClock() });
    const { json, text } = await server.call('/v1/signing-keys', { key: server.rootKey });
    expect(json.next_cursor).toBeNull();
    const active = json.data.find(({ state }: { state: string }) => state === 'active');
    expect(active).toEqual({
      id: kidThatSigns(server),
      algorithm: 'ES256',
      state: 'active',
      created_at: '2030-01-01T00:00:00.000Z',
      active_at: '2030-01-01T00:00:00.000Z',
      retired_at: null,
      expires_at: null,
      pem: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/),
      jwk: expect.objectContaining({ kid: kidThatSigns(server), kty: 'EC' }),
    });
    const published = (await jwks(server)).json.keys[0];
    expect(createPublicKey(active.pem).equals(createPublicKey({ key: published, format: 'jwk' }))).toBe(true);
    expect(json.data.map(({ state }: { state: string }) => state).sort()).toEqual(['active', 'next']);
    expect(text).not.toMatch(/PRIVATE|"d"|sealed/);
    const one = await server.call(`/v1/signing-keys/${active.id}`, { key: server.rootKey });
    expect(one.json).toEqual(active);
    expect((await server.call('/v1/signing-keys/none', { key: server.rootKey })).status).toBe(404);
  });

  test('is the operator’s alone', async () => {
    const server = await startServer();
    const admin = { name: 'admin', scopes: ['admin'] };
    const { key } = (await server.call('/v1/api-keys', { key: server.rootKey, json: admin })).json;
    for (const credential of [key, mint(server, { scopes: ['admin'] })]) {
      expect((await server.call('/v1/signing-keys', { key: credential })).status).toBe(403);
      expect((await server.call(`/v1/signing-keys/${kidThatSigns(server)}`, { key: credential })).status).toBe(403);
      const rotating = await server.call('/v1/signing-keys/rotate', { key: credential, json: {} });
      expect(rotating.status).toBe(403);
    }
    expect((await server.call('/v1/signing-keys', { key: null })).status).toBe(401);
  });

  test('refuses what it does not know', async () => {
    const server = await startServer();
    for (const json of [{ algorithm: 'HS256' }, { algorithm: 'none' }, { emergency: 'yes' }, { kid: 'x' }]) {
      expect((await rotate(server, json)).status).toBe(422);
    }
    expect((await rotate(server, { algorithm: 'RS256' })).status).toBe(404);
  });
});

describe('private keys', () => {
  test('lie sealed, each bound to its row, and are gone once they sign no more', async () => {
    const server = await startServer();
    const { database } = server.latchkey;
    await rotate(server, { emergency: true });
    const rows = await database.read.selectFrom('signing_keys').selectAll().execute();
    expect(rows.map(({ state }) => state).sort()).toEqual(['active', 'next', 'revoked']);
    for (const row of rows) {
      expect(JSON.parse(row.public_jwk)).not.toHaveProperty('d');
      if (row.state === 'revoked') expect(row.private_key_sealed).toBeNull();
      else expect(row.private_key_sealed).toMatch(/^[\w-]+:[\w-]{200,}$/);
    }
    const [active, next] = ['active', 'next'].map((state) => rows.find((row) => row.state === state));
    await database.write((tx) =>
      tx.query
        .updateTable('signing_keys')
        .set({ private_key_sealed: next?.private_key_sealed ?? null })
        .where('kid', '=', active?.kid ?? '')
        .execute(),
    );
    await expect(server.latchkey.signingKeys.load()).rejects.toThrow(/does not open/);
    // It goes on with what it has, and a restart says what is wrong.
    expect(await verdictOf(server, mint(server))).toBe('valid');
    await server.stop();
    await expect(startServer({ dataDir: server.dataDir })).rejects.toThrow(/LATCHKEY_ENCRYPTION_KEYS|does not open/);
  });
});

describe.each(DATABASES)('rotation on %s', (database) => {
  test('waits until verifiers had time to see the next key', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const madeAtMs = clock.nowMs();
    const old = kidThatSigns(server);
    const [, next] = await kidsOf(server);
    clock.advance(60_000);
    const scheduled = await rotate(server);
    expect([scheduled.status, scheduled.json.id, scheduled.json.state]).toEqual([202, next, 'next']);
    expect(Date.parse(scheduled.json.active_at)).toBe(madeAtMs + LEAD_MS);
    expect(LEAD_MS).toBeGreaterThan(CACHE_MS);
    const again = await rotate(server);
    expect([again.status, again.json]).toEqual([202, scheduled.json]);
    clock.set(madeAtMs + LEAD_MS - 1);
    await server.latchkey.signingKeys.maintain();
    expect(kidThatSigns(server)).toBe(old);
    clock.advance(1);
    // The job of the server does it.
    await vi.waitFor(() => expect(kidThatSigns(server)).toBe(next), { timeout: 5000, interval: 50 });
    expect((await kidsOf(server)).slice(0, 1)).toEqual([next]);
    expect(await stateOf(server, old)).toBe('previous');
    expect(await eventsOf(server, 'signing_key.scheduled')).toEqual([
      expect.objectContaining({ target_id: next, actor_kind: 'root' }),
    ]);
    expect(await eventsOf(server, 'signing_key.rotated')).toEqual([
      expect.objectContaining({ target_id: next, previous: old, emergency: false, actor_kind: 'system' }),
    ]);
  });

  test('is done at once when the next key was published for long, and no valid token fails by it', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    clock.advance(DAY_MS);
    await vi.waitFor(async () => expect(await verdictOf(server, mint(server))).toBe('valid'), { timeout: 10_000 });
    const before = mint(server, { ttlSeconds: 86_400 });
    const [old, next] = await kidsOf(server);
    const rotated = await rotate(server);
    expect([rotated.status, rotated.json.id, rotated.json.state]).toEqual([201, next, 'active']);
    const after = mint(server);
    expect([await verdictOf(server, before), await verdictOf(server, after)]).toEqual(['valid', 'valid']);
    const kids = await kidsOf(server);
    expect([kids[0], kids.length, kids.includes(old ?? '')]).toEqual([next, 3, true]);
    // The previous key stays until its last token has expired for every verifier, and goes then.
    clock.advance(86_400_000 + 20_000);
    await vi.waitFor(async () => expect(await verdictOf(server, before)).toBe('valid'), { timeout: 10_000 });
    expect(await kidsOf(server)).toContain(old);
    clock.advance(300_000 + 60_000);
    await vi.waitFor(async () => expect(await keysOf(server)).toHaveLength(2), { timeout: 5000, interval: 50 });
    expect(await kidsOf(server)).not.toContain(old);
    expect(await verdictOf(server, before)).toBe('401 invalid_token');
  });

  test('comes by itself after thirty days', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const [old, next] = await kidsOf(server);
    clock.advance(30 * DAY_MS - 1);
    await server.latchkey.signingKeys.maintain();
    expect(kidThatSigns(server)).toBe(old);
    clock.advance(1);
    await vi.waitFor(() => expect(kidThatSigns(server)).toBe(next), { timeout: 5000, interval: 50 });
    const kids = await kidsOf(server);
    expect(new Set(kids).size).toBe(3);
    clock.advance(30 * DAY_MS);
    await vi.waitFor(() => expect(kidThatSigns(server)).toBe(kids[1]), { timeout: 5000, interval: 50 });
  });

  test('in an emergency waits for nobody, and what the old keys signed is refused at once', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    clock.advance(LEAD_MS);
    await vi.waitFor(() => expect(server.latchkey.changes.isFresh()).toBe(true), { timeout: 10_000 });
    const mintTwo = () => [mint(server, { ttlSeconds: 86_400 }), mint(server, { ttlSeconds: 86_400 })] as const;
    const [ofPrevious, coldOfPrevious] = mintTwo();
    const [previous] = await kidsOf(server);
    expect((await rotate(server)).status).toBe(201);
    const [ofActive, coldOfActive] = mintTwo();
    const [active, next] = await kidsOf(server);
    for (const token of [ofPrevious, ofActive]) expect(await verdictOf(server, token)).toBe('valid');
    const emergency = await rotate(server, { emergency: true });
    expect([emergency.status, emergency.json.id, emergency.json.state]).toEqual([201, next, 'active']);
    // Whether they are remembered or were never seen.
    for (const token of [ofPrevious, coldOfPrevious, ofActive, coldOfActive]) {
      expect(await verdictOf(server, token)).toBe('401 token_revoked');
      // Whoever asks `tokens` itself, as introspection will, hears the same.
      const verify = () => server.latchkey.tokens.verifyAccessToken(token);
      expect(verify).toThrow(expect.objectContaining({ code: 'token_revoked' }));
    }
    // Told only to who holds what we have signed.
    const forged = `${ofActive.slice(0, -8)}AAAAAAAA`;
    expect(await verdictOf(server, forged)).toBe('401 invalid_token');
    expect(await verdictOf(server, mint(server))).toBe('valid');
    const kids = await kidsOf(server);
    expect([kids[0], kids.length, kids.includes(active ?? ''), kids.includes(previous ?? '')]).toEqual([
      next,
      2,
      false,
      false,
    ]);
    const [, event] = await eventsOf(server, 'signing_key.rotated');
    expect(event).toMatchObject({ target_id: next, emergency: true, actor_kind: 'root' });
    expect(event.revoked.sort()).toEqual([active, previous].sort());
    // Twice, should the next key have leaked too.
    expect((await rotate(server, { emergency: true })).json.id).toBe(kids[1]);
  });

  test('by several calls at once happens once', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const old = kidThatSigns(server);
    clock.advance(DAY_MS);
    await vi.waitFor(async () => expect(await verdictOf(server, mint(server))).toBe('valid'), { timeout: 10_000 });
    const replies = await Promise.all(Array.from({ length: 8 }, () => rotate(server)));
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses[0]).toBe(201);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    for (const status of statuses.slice(1)) expect([202, 409]).toContain(status);
    expect(await stateOf(server, old)).toBe('previous');
    const states = (await keysOf(server)).map(({ state }) => state).sort();
    expect(states).toEqual(['active', 'next', 'previous']);
    expect(await eventsOf(server, 'signing_key.rotated')).toHaveLength(1);
  });

  test('is repeated safely with an Idempotency-Key, planned or done', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const planned = () => rotate(server, {}, { 'idempotency-key': 'planned' });
    const [first, second] = [await planned(), await planned()];
    expect([first.status, second.status, second.json]).toEqual([202, 202, first.json]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const done = () => rotate(server, { emergency: true }, { 'idempotency-key': 'done' });
    const [third, fourth] = [await done(), await done()];
    expect([third.status, fourth.status, fourth.json]).toEqual([201, 201, third.json]);
    expect(kidThatSigns(server)).toBe(third.json.id);
  });
});

describe('another algorithm', () => {
  test.each(['RS256', 'EdDSA'] as const)('%s is published before its first key signs', async (algorithm) => {
    const clock = manualClock();
    const server = await startServer({ clock });
    const { signingKeys } = server.latchkey;
    expect(() => signingKeys.signer(algorithm)).toThrow(expect.objectContaining({ code: 'unavailable' }));
    const prepared = await Promise.all(Array.from({ length: 5 }, () => signingKeys.prepare(algorithm)));
    expect(new Set(prepared.map(({ activeAtMs }) => activeAtMs))).toEqual(new Set([clock.nowMs() + LEAD_MS]));
    const published = (await jwks(server)).json.keys.filter(({ alg }: { alg: string }) => alg === algorithm);
    expect(published).toHaveLength(1);
    expect(() => mint(server, { algorithm })).toThrow(
      expect.objectContaining({ code: 'unavailable', details: { retryAfterSeconds: 360 } }),
    );
    clock.advance(LEAD_MS);
    await signingKeys.maintain();
    const token = mint(server, { algorithm });
    expect(signingKeys.signer(algorithm).kid).toBe(published[0].kid);
    await vi.waitFor(async () => expect(await verdictOf(server, token)).toBe('valid'), { timeout: 10_000 });
    expect((await signingKeys.prepare(algorithm)).activeAtMs).toBeLessThanOrEqual(clock.nowMs());
    expect(claimsOf(token).aud).toBe(`${server.issuer}/v1`);
    expect((await rotate(server, { algorithm })).status).toBe(202);
  });
});
