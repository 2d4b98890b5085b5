import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemActor } from '../../src/audit/index.ts';
import { DATABASES, freshPostgres, manualClock, stopServers } from '../harness.ts';
import {
  audienceOf,
  claimsOf,
  end,
  familyRequestOf,
  headerOf,
  mint,
  newClientId,
  newUserId,
  startFamily,
  startServer,
  verdictOf,
} from './issuing.ts';

afterEach(stopServers);

describe('an access token', () => {
  test('says what RFC 9068 wants, and holds no secret', async () => {
    const clock = manualClock(Date.UTC(2030, 0, 1) + 999);
    const server = await startServer({ clock });
    const text = mint(server, {
      subject: 'usr_1',
      clientId: 'app_1',
      grantId: 'grt_1',
      scopes: ['read', 'offline_access'],
    });
    const kid = server.latchkey.signingKeys.signer('ES256').kid;
    expect(headerOf(text)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid });
    const iat = Date.UTC(2030, 0, 1) / 1000;
    expect(claimsOf(text)).toEqual({
      iss: server.issuer,
      sub: 'usr_1',
      aud: `${server.issuer}/v1`,
      client_id: 'app_1',
      iat,
      exp: iat + 900,
      jti: expect.stringMatching(/^tok_[0-9A-Za-z]{24}$/),
      scope: 'read offline_access',
      workspace_id: server.workspaceId,
      environment: 'test',
      epoch: expect.any(Number),
      grant_id: 'grt_1',
    });
  });

  test('cannot be asked to say something else than it is', async () => {
    const server = await startServer();
    const text = mint(server, {
      extraClaims: { auth_time: 1, sub: 'usr_other', iss: 'https://evil.example', exp: 1e12 },
    });
    const { auth_time: authTime, iss, exp, iat } = claimsOf(text);
    expect([authTime, iss, exp - iat]).toEqual([1, server.issuer, 900]);
    for (const ttlSeconds of [0, -1, 0.5, 86_401, Number.NaN]) {
      expect(() => mint(server, { ttlSeconds })).toThrow(RangeError);
    }
    expect(claimsOf(mint(server, { ttlSeconds: 86_400 })).exp).toBeGreaterThan(exp);
  });

  test('is who calls: session, oauth and jwt', async () => {
    const server = await startServer({ clock: manualClock() });
    const userId = newUserId();
    const session = await server.call('/v1/auth/verify', {
      key: mint(server, { subject: userId, sessionId: 'ses_1' }),
    });
    expect(session.json).toEqual({
      authenticated: true,
      user_id: userId,
      subject: userId,
      subject_issuer: server.issuer,
      scopes: ['read', 'write'],
      expires_at: '2030-01-01T00:15:00.000Z',
      method: 'session',
      environment: 'test',
      workspace_id: server.workspaceId,
      client_id: null,
      credential_id: expect.stringMatching(/^tok_/),
    });
    const clientId = newClientId();
    const oauth = mint(server, { subject: userId, clientId, environment: 'live' });
    expect((await server.call('/v2/auth/test', { key: oauth })).json).toMatchObject({
      valid: true,
      user_id: userId,
      method: 'oauth',
      client_id: clientId,
      environment: 'live',
    });
    const service = mint(server, { subject: clientId, clientId, scopes: [] });
    expect((await server.call('/v1/auth/verify', { key: service })).json).toMatchObject({
      user_id: null,
      subject: clientId,
      method: 'jwt',
      client_id: clientId,
      scopes: [],
    });
  });

  test('opens the example API, the gate and management by its scopes', async () => {
    const server = await startServer();
    const reader = mint(server, { scopes: ['read'] });
    expect((await server.call('/v1/projects', { key: reader })).status).toBe(200);
    const refused = await server.call('/v1/projects', { key: reader, json: { name: 'Mine' } });
    expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
    const gate = await server.call('/v1/gate?scope=projects:read', { key: reader });
    expect([gate.status, gate.headers.get('x-latchkey-method'), gate.headers.get('x-latchkey-scopes')]).toEqual([
      200,
      'session',
      'read',
    ]);
    expect(await verdictOf(server, reader, '/v1/gate?scope=projects:write')).toBe('403 insufficient_scope');
    expect(await verdictOf(server, reader, '/v1/gate?environment=live')).toBe('403 wrong_environment');
    expect(await verdictOf(server, reader, '/v1/api-keys')).toBe('403 insufficient_scope');
    expect(await verdictOf(server, reader, '/v1/signing-keys')).toBe('403 forbidden');
    const manager = mint(server, { scopes: ['api_keys:read', 'api_keys:write', 'read'] });
    expect((await server.call('/v1/api-keys', { key: manager })).status).toBe(200);
    expect((await server.call('/v1/workspaces', { key: reader, json: { name: 'x' } })).status).toBe(403);
  });

  test('makes keys in the name of its user: a login lasting ones, an application none that outlive its token', async () => {
    const server = await startServer();
    const userId = newUserId();
    const scopes = ['api_keys:write', 'read'];
    const body = { name: 'mine', scopes: ['read'] };
    const login = mint(server, { subject: userId, scopes });
    const lasting = await server.call('/v1/api-keys', { key: login, json: body });
    expect([lasting.status, lasting.json.created_by, lasting.json.expires_at]).toEqual([201, userId, null]);
    const oauth = mint(server, { subject: userId, clientId: newClientId(), scopes });
    const brief = await server.call('/v1/api-keys', { key: oauth, json: body });
    expect(Date.parse(brief.json.expires_at)).toBe(claimsOf(oauth).exp * 1000);
    const longer = await server.call('/v1/api-keys', { key: oauth, json: { ...body, expires_in: '1d' } });
    expect([longer.status, longer.json.fields[0].path]).toEqual([422, 'expires_at']);
    const wider = await server.call('/v1/api-keys', { key: login, json: { name: 'x', scopes: ['admin'] } });
    expect(wider.status).toBe(403);
    const live = await server.call('/v1/api-keys', { key: login, json: { ...body, environment: 'live' } });
    expect(live.json.error).toBe('wrong_environment');
    const { data } = await server.latchkey.database.read
      .selectFrom('audit_events')
      .select(['actor_kind', 'actor_id'])
      .where('action', '=', 'api_key.created')
      .where('target_id', '=', lasting.json.id)
      .execute()
      .then((rows) => ({ data: rows }));
    expect(data).toEqual([{ actor_kind: 'user', actor_id: userId }]);
  });

  test('repeats a call safely for its user, whichever of their tokens comes', async () => {
    const server = await startServer();
    const userId = newUserId();
    const token = () => mint(server, { subject: userId, scopes: ['api_keys:read', 'api_keys:write', 'read'] });
    const make = (key: string) =>
      server.call('/v1/api-keys', {
        key,
        json: { name: 'once', scopes: ['read'] },
        headers: { 'idempotency-key': 'a' },
      });
    const first = token();
    const [made, again, refreshed] = [await make(first), await make(first), await make(token())];
    expect([made.status, again.status, again.json.id]).toEqual([201, 201, made.json.id]);
    // The secret is sealed for the token that it was shown to; a second key is not made for another one.
    expect([refreshed.status, refreshed.json.message]).toEqual([409, expect.stringContaining(made.json.id)]);
    const other = await make(mint(server, { scopes: ['api_keys:write', 'read'] }));
    expect([other.status, other.json.id === made.json.id]).toEqual([201, false]);
  });

  test('is for one resource', async () => {
    const server = await startServer();
    const mine = mint(server);
    const audience = encodeURIComponent(audienceOf(server));
    expect(await verdictOf(server, mine, `/v1/gate?resource=${audience}`)).toBe('valid');
    expect(await verdictOf(server, mine, '/v1/gate?resource=https%3A%2F%2Fapi.example.com')).toBe('401 invalid_token');
    const other = mint(server, { audience: 'https://api.example.com' });
    expect(await verdictOf(server, other)).toBe('401 invalid_token');
    // Keys are for every resource.
    expect(await verdictOf(server, server.key, '/v1/gate?resource=https%3A%2F%2Fapi.example.com')).toBe('valid');
  });

  test('of another principal than the key beside it is ambiguous, and is never taken as an API key', async () => {
    const server = await startServer();
    const token = mint(server);
    const both = await server.call('/v1/auth/verify', { key: token, headers: { 'x-api-key': server.key } });
    expect([both.status, both.json.error]).toEqual([400, 'ambiguous_credentials']);
    const asKey = await server.call('/v1/auth/verify', { key: null, headers: { 'x-api-key': token } });
    expect([asKey.status, asKey.json.message]).toEqual([401, expect.stringContaining('Authorization: Bearer')]);
    const query = await server.call(`/v1/auth/verify?access_token=${token}`, { key: null });
    expect([query.status, query.json.error]).toEqual([400, 'invalid_request']);
  });

  test('ends with the suspension of its workspace, and comes back with it', async () => {
    const server = await startServer();
    const token = mint(server);
    expect(await verdictOf(server, token)).toBe('valid');
    const state = (to: string) =>
      server.call(`/v1/workspaces/${server.workspaceId}`, {
        method: 'PATCH',
        key: server.rootKey,
        json: { state: to },
      });
    await state('suspended');
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
    await state('active');
    expect(await verdictOf(server, token)).toBe('valid');
    const stray = mint(server, { workspaceId: 'ws_000000000000000000000000' });
    expect(await verdictOf(server, stray)).toBe('401 invalid_token');
  });

  test('loses a scope that the catalogue loses, at once', async () => {
    const server = await startServer();
    const token = mint(server, { scopes: ['reports:read'] });
    const scope = { name: 'reports:read', description: 'Read reports' };
    expect(await verdictOf(server, token, '/v1/gate?scope=reports:read')).toBe('403 insufficient_scope');
    await server.call('/v1/scopes', { key: server.rootKey, json: scope });
    expect(await verdictOf(server, token, '/v1/gate?scope=reports:read')).toBe('valid');
    await server.call('/v1/scopes/reports:read', { method: 'DELETE', key: server.rootKey });
    expect(await verdictOf(server, token, '/v1/gate?scope=reports:read')).toBe('403 insufficient_scope');
  });
});

describe('the clock of an access token', () => {
  test('may differ by thirty seconds, and not by more', async () => {
    const clock = manualClock();
    const server = await startServer({ clock });
    const startMs = clock.nowMs();
    const token = mint(server);
    const at = async (offsetMs: number) => {
      clock.set(startMs + offsetMs);
      // Memory that has not heard anything for long is not asked; wait for the next poll.
      await delay(250);
      return verdictOf(server, token);
    };
    expect(await at(-31_000)).toBe('401 invalid_token');
    expect(await at(-29_000)).toBe('valid');
    expect(await at(900_000 + 29_000)).toBe('valid');
    expect(await at(900_000 + 30_000)).toBe('401 token_expired');
    expect(await at(900_000 + 3_600_000)).toBe('401 token_expired');
  });
});

describe.each(DATABASES)('an ended token on %s', (database) => {
  test('is refused by the next call, alone, and stays so after a restart', async () => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const server = await startServer({ database, env });
    const [token, other] = [mint(server), mint(server)];
    expect([await verdictOf(server, token), await verdictOf(server, other)]).toEqual(['valid', 'valid']);
    const { tokens, database: store } = server.latchkey;
    const revoke = () =>
      store.write((tx) => tokens.revokeAccessToken(tx, { claims: claimsOf(token), actor: systemActor }));
    expect([await revoke(), await revoke()]).toEqual([true, false]);
    expect([await verdictOf(server, token), await verdictOf(server, other)]).toEqual(['401 token_revoked', 'valid']);
    const events = await store.read
      .selectFrom('audit_events')
      .select('target_id')
      .where('action', '=', 'access_token.revoked')
      .execute();
    expect(events).toEqual([{ target_id: claimsOf(token).jti }]);
    await server.stop();
    const again = await startServer({ database, env, dataDir: server.dataDir });
    expect([await verdictOf(again, token), await verdictOf(again, other)]).toEqual(['401 token_revoked', 'valid']);
  });

  test.each(['user', 'client', 'grant', 'session'] as const)(
    'ends with its %s; what is given afterwards is good',
    async (kind) => {
      const server = await startServer({ database });
      const ids = { user: newUserId(), client: newClientId(), grant: 'grt_1', session: 'ses_1' };
      const request = { subject: ids.user, clientId: ids.client, grantId: ids.grant, sessionId: ids.session };
      const before = mint(server, request);
      const foreign = mint(server);
      const authorizedBefore = server.latchkey.tokens.epoch();
      expect(await verdictOf(server, before)).toBe('valid');
      await end(server, kind, ids[kind]);
      expect([await verdictOf(server, before), await verdictOf(server, foreign)]).toEqual([
        '401 token_revoked',
        'valid',
      ]);
      expect(await verdictOf(server, mint(server, request))).toBe('valid');
      // Allowed before, signed after: refused, in the same second and however late it is signed.
      expect(await verdictOf(server, mint(server, { ...request, epoch: authorizedBefore }))).toBe('401 token_revoked');
      await end(server, kind, ids[kind]);
      expect(await verdictOf(server, mint(server, request))).toBe('valid');
    },
  );

  test('is not given at all when its subject is ended while it is being given', async () => {
    const server = await startServer({ database });
    const userId = newUserId();
    const epoch = server.latchkey.tokens.epoch();
    await end(server, 'user', userId);
    await expect(startFamily(server, { userId, epoch })).rejects.toMatchObject({ code: 'token_revoked' });
    await expect(startFamily(server, { userId: newUserId(), epoch })).resolves.toBeDefined();
    await expect(startFamily(server, { userId })).resolves.toBeDefined();
    // A new password: everything ends, and who set it goes on with what the same transaction gives.
    const { database: store, tokens } = server.latchkey;
    const pair = await store.write(async (tx) => {
      const raised = await tokens.raiseWatermark(tx, { kind: 'user', id: userId, reason: 'password changed' });
      return tokens.startFamily(tx, familyRequestOf(server, { userId, epoch: raised.epoch }));
    });
    expect(await verdictOf(server, pair.accessToken.text)).toBe('valid');
  });

  test('falls out of memory and off the disk once nobody would take it any more, and not before', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const { tokens, database: store } = server.latchkey;
    const token = mint(server);
    const user = newUserId();
    await store.write((tx) => tokens.revokeAccessToken(tx, { claims: claimsOf(token), actor: systemActor }));
    await end(server, 'user', user);
    const rows = async () => [
      (await store.read.selectFrom('denied_tokens').select('jti').execute()).length,
      (await store.read.selectFrom('token_watermarks').select('subject').where('subject', 'like', 'user:%').execute())
        .length,
    ];
    clock.advance(900_000 + 5 * 60_000 - 1000);
    await tokens.prune();
    await tokens.sweep();
    expect(await rows()).toEqual([1, 1]);
    expect(await tokens.isDenied(claimsOf(token))).toBe(true);
    clock.advance(2000);
    await tokens.prune();
    expect(await rows()).toEqual([0, 1]);
    clock.advance(86_400_000);
    await tokens.prune();
    await tokens.sweep();
    expect(await rows()).toEqual([0, 0]);
    expect(tokens.epoch()).toBeGreaterThan(0);
  });
});

describe('two servers on one PostgreSQL database', () => {
  test('refuse within a second what one of them has ended', async () => {
    const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
    const first = await startServer({ database: 'postgres', env });
    const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
    const subject = newUserId();
    const [alone, ofUser, stays] = [mint(first), mint(first, { subject }), mint(first)];
    for (const token of [alone, ofUser, stays]) expect(await verdictOf(second, token)).toBe('valid');
    const { tokens, database } = first.latchkey;
    await database.write((tx) => tokens.revokeAccessToken(tx, { claims: claimsOf(alone), actor: systemActor }));
    await end(first, 'user', subject);
    await vi.waitFor(
      async () => {
        expect(await verdictOf(second, alone)).toBe('401 token_revoked');
        expect(await verdictOf(second, ofUser)).toBe('401 token_revoked');
      },
      { timeout: 3000, interval: 20 },
    );
    expect(await verdictOf(second, stays)).toBe('valid');
    // A new login on the other server is good everywhere at once.
    expect(await verdictOf(first, mint(second, { subject, workspaceId: first.workspaceId }))).toBe('valid');
  });
});

describe('a warm token', () => {
  test('needs no database; a cold one is refused with 503 when it is gone', async () => {
    const server = await startServer({ clock: manualClock() });
    const [warm, cold] = [mint(server), mint(server, { workspaceId: 'ws_000000000000000000000000' })];
    expect(await verdictOf(server, warm)).toBe('valid');
    await server.latchkey.database.close();
    for (let round = 0; round < 20; round += 1) {
      expect(await verdictOf(server, warm, round % 2 ? '/v2/auth/test' : '/v1/auth/verify')).toBe('valid');
    }
    expect(await verdictOf(server, cold)).toMatch(/^50[03]/);
    await server.stop().catch(() => {});
  });
});

describe('limits of tokens', () => {
  test('are those of the user, apart for logins and consents; of the application where no user is behind it', async () => {
    const server = await startServer({ limits: 'real' });
    const userId = newUserId();
    const [app, otherApp] = [newClientId(), newClientId()];
    const remaining = async (token: string) =>
      Number((await server.call('/v1/auth/verify', { key: token })).headers.get('x-ratelimit-remaining'));
    const login = () => mint(server, { subject: userId });
    expect([await remaining(login()), await remaining(login())]).toEqual([9999, 9998]);
    expect(await remaining(mint(server, { subject: userId, clientId: app }))).toBe(4999);
    expect(await remaining(mint(server, { subject: userId, clientId: otherApp }))).toBe(4998);
    const service = () => mint(server, { subject: app, clientId: app });
    expect([await remaining(service()), await remaining(service())]).toEqual([4999, 4998]);
    expect(await remaining(mint(server, { subject: newUserId() }))).toBe(9999);
    expect(await remaining(mint(server, { subject: userId, environment: 'live' }))).toBe(9999);
  });

  test('stop a user who is over them, with 429', async () => {
    const server = await startServer({ limits: 'real', clock: manualClock() });
    const login = { per_hour: 3, per_second: null };
    await server.call('/v1/plans/standard', { method: 'PATCH', key: server.rootKey, json: { login } });
    const userId = newUserId();
    const verdicts: string[] = [];
    for (let call = 0; call < 4; call += 1) verdicts.push(await verdictOf(server, mint(server, { subject: userId })));
    expect(verdicts).toEqual(['valid', 'valid', 'valid', '429 rate_limit_exceeded']);
  });

  test('are the workspace’s where it is pooled', async () => {
    const server = await startServer({ limits: 'real' });
    const pooled = { pooled: true };
    await server.call(`/v1/workspaces/${server.workspaceId}`, { method: 'PATCH', key: server.rootKey, json: pooled });
    const remaining = async (key: string) =>
      Number((await server.call('/v1/auth/verify', { key })).headers.get('x-ratelimit-remaining'));
    expect([await remaining(server.key), await remaining(mint(server)), await remaining(mint(server))]).toEqual([
      9999, 9998, 9997,
    ]);
  });

  test('a bad token spends from its address', async () => {
    const server = await startServer({ limits: 'real' });
    const reply = await server.call('/v1/auth/verify', { key: `${mint(server).slice(0, -4)}AAAA` });
    expect([reply.status, reply.headers.get('x-ratelimit-remaining')]).toEqual([401, '99']);
  });
});
