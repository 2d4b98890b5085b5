import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import {
  createDoor,
  createForeignResolver,
  createSpender,
  createTokenResolver,
  type Decision,
} from '../../src/access/index.ts';
import { createSessions, createSlowHashes, createWorkspaces } from '../../src/accounts/index.ts';
import { createKeyResolver, createKeyUsage } from '../../src/api-keys/index.ts';
import { systemActor } from '../../src/audit/index.ts';
import { createLivePlans, createMemoryLimiter, createQuotas } from '../../src/limits/index.ts';
import { createScopes } from '../../src/scopes/index.ts';
import { freshPostgres, manualClock, stopServers, type TestServer } from '../harness.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { claimsOf, end, mint, newUserId, startServer, verdictOf } from './issuing.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A door as `compose.ts` builds it, over the parts of a running server. */
async function doorOf(server: TestServer) {
  const { database, changes, tokens, signingKeys, trustedIssuers } = server.latchkey;
  const { clock, issuer } = server;
  const onError = (error: unknown) => {
    throw error;
  };
  const scopes = createScopes({ database, changes, clock, onError });
  const plans = createLivePlans({ database, changes, clock, onError });
  await Promise.all([scopes.load(), plans.load()]);
  const workspaceFacts = createWorkspaces(database, changes).facts;
  const shared = { database, changes, clock, catalogue: scopes.catalogue, plans: plans.current, workspaceFacts };
  const nobody = { clientWorkspaceId: null, plan: null, limits: null };
  const subjectOf = async (id: string | null) => ({ ...nobody, isActive: id !== DISABLED });
  const decisions: Decision[] = [];
  const door = createDoor({
    clock,
    keys: createKeyResolver({
      ...shared,
      issuer: () => issuer,
      verifySlowHash: createSlowHashes().verify,
      isPersonDisabled: async () => false,
    }),
    usage: createKeyUsage(database, clock),
    tokens: createTokenResolver({ ...shared, tokens, signingKeys, subjectOf, isOperator: async () => false }),
    foreign: createForeignResolver({ ...shared, trustedIssuers }),
    spender: createSpender({
      limiter: createMemoryLimiter({ clock }),
      quotas: createQuotas({ database, clock }),
      plans: plans.current,
    }),
    rootKeys: [],
    sessions: createSessions({ ...shared, firstWorkspaceId: async () => null, issuer: () => issuer }),
    issuer: () => issuer,
    onDecision: (decision) => void decisions.push(decision),
  });
  const pass = (token: string) =>
    door({
      request: { rawHeaders: ['Authorization', `Bearer ${token}`], headers: { authorization: `Bearer ${token}` } },
      address: '127.0.0.1',
      route: '/v1/somewhere',
      isFree: false,
      isAccount: false,
      allowsNobody: () => false,
      decide: () => {},
    });
  return { pass, decisions };
}

const DISABLED = newUserId();

test('a warm token passes without a promise, spends once, and is counted by its method', async () => {
  const server = await startServer();
  const { pass, decisions } = await doorOf(server);
  const subject = newUserId();
  const token = mint(server, { subject });
  const cold = pass(token);
  expect(cold).toBeInstanceOf(Promise);
  expect((await cold).principal.subject).toBe(subject);
  for (let call = 0; call < 10; call += 1) {
    const entry = pass(token);
    expect(entry).not.toBeInstanceOf(Promise);
    expect(entry).toMatchObject({ principal: { subject } });
  }
  expect(decisions.map(({ method, outcome }) => `${method} ${outcome}`)).toEqual(Array(11).fill('session allowed'));
  // Somebody else's end is looked at once, and changes nothing for this one.
  await end(server, 'user', newUserId());
  expect(pass(token)).not.toBeInstanceOf(Promise);
  await end(server, 'user', subject);
  expect(() => pass(token)).toThrow(expect.objectContaining({ code: 'token_revoked' }));
});

test('a token of somebody who is disabled is refused', async () => {
  const server = await startServer();
  const { pass } = await doorOf(server);
  await expect(pass(mint(server, { subject: DISABLED }))).rejects.toMatchObject({ code: 'invalid_token' });
  await expect(pass(mint(server))).resolves.toBeDefined();
});

test('without its database only what is in memory passes, and that not for long (I6)', async () => {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const clock = manualClock();
  const env = { LATCHKEY_DATABASE_URL: proxy.url, LATCHKEY_MAX_STALE: '10s' };
  const server = await startServer({ database: 'postgres', env, clock });
  const token = mint(server, { ttlSeconds: 3600 });
  expect(await verdictOf(server, token)).toBe('valid');
  proxy.cut();
  clock.advance(10_000);
  expect(await verdictOf(server, token)).toBe('valid');
  clock.advance(1);
  expect(await verdictOf(server, token)).toBe('503 unavailable');
  expect(await verdictOf(server, `${token.slice(0, -6)}AAAAAA`)).toBe('503 unavailable');
  proxy.mend();
  await vi.waitFor(async () => expect(await verdictOf(server, token)).toBe('valid'), { timeout: 15_000 });
});

test('a server that hears nothing asks the database what was ended elsewhere', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
  const clock = manualClock();
  const first = await startServer({ database: 'postgres', env, clock });
  const deaf = await startServer({ database: 'postgres', env, dataDir: first.dataDir, clock });
  const subject = newUserId();
  const [alone, ofUser, ofKey] = [mint(first), mint(first, { subject }), mint(first)];
  for (const token of [alone, ofUser, ofKey]) expect(await verdictOf(deaf, token)).toBe('valid');
  await deaf.latchkey.changes.stop();
  const { tokens, database } = first.latchkey;
  await database.write((tx) => tokens.revokeAccessToken(tx, { claims: claimsOf(alone), actor: systemActor }));
  await end(first, 'user', subject);
  clock.advance(5001);
  await vi.waitFor(() => expect(first.latchkey.changes.isFresh()).toBe(true), { timeout: 10_000 });
  expect(deaf.latchkey.changes.isFresh()).toBe(false);
  expect(await verdictOf(deaf, alone)).toBe('401 token_revoked');
  expect(await verdictOf(deaf, ofUser)).toBe('401 token_revoked');
  expect(await verdictOf(deaf, ofKey)).toBe('valid');
  await first.call('/v1/signing-keys/rotate', { key: first.rootKey, json: { emergency: true } });
  expect(await verdictOf(deaf, ofKey)).toBe('401 token_revoked');
  expect(await verdictOf(deaf, mint(first))).toBe('valid');
});

test('a server that may have missed what was ended trusts its memory only once it has read again', async () => {
  const url = await freshPostgres();
  const server = await startServer({ database: 'postgres', env: { LATCHKEY_DATABASE_URL: url } });
  const [denied, other] = [mint(server), mint(server)];
  for (const token of [denied, other]) expect(await verdictOf(server, token)).toBe('valid');
  const [holder, writer] = [new pg.Client(url), new pg.Client(url)];
  for (const client of [holder, writer]) {
    await client.connect();
    cleanups.push(() => client.end());
  }
  // Ended by a change that is pruned before this server has heard of it; and reading it all again takes long.
  const { jti, exp } = claimsOf(denied);
  await writer.query('insert into denied_tokens (jti, expires_at) values ($1, $2)', [jti, (exp + 300) * 1000]);
  await holder.query('begin');
  await holder.query('lock table denied_tokens in access exclusive mode');
  await writer.query('begin');
  await writer.query(`select setval(pg_get_serial_sequence('changes', 'seq'), (select max(seq) + 1000 from changes))`);
  await writer.query('delete from changes');
  await writer.query(`insert into changes (kind, ref, changed_at) values ('nothing', 'x', $1)`, [Date.now()]);
  await writer.query('commit');
  const { tokens, changes } = server.latchkey;
  await vi.waitFor(() => expect(tokens.knowsAllDenials()).toBe(false), { timeout: 10_000, interval: 20 });
  const answers: string[] = [];
  const verdict = verdictOf(server, denied).then((answer) => answers.push(answer));
  for (let round = 0; round < 20; round += 1) await server.call('/healthz', { key: null });
  expect([changes.isFresh(), answers]).toEqual([true, []]);
  await holder.query('commit');
  await verdict;
  expect(answers).toEqual(['401 token_revoked']);
  expect(await verdictOf(server, other)).toBe('valid');
  await vi.waitFor(() => expect(tokens.knowsAllDenials()).toBe(true), { timeout: 10_000 });
  expect(await verdictOf(server, denied)).toBe('401 token_revoked');
});

test('a key that leaked is refused by the other server within a second, and out of its JWKS', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
  const first = await startServer({ database: 'postgres', env });
  const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
  const token = mint(second, { workspaceId: first.workspaceId });
  expect([await verdictOf(first, token), await verdictOf(second, token)]).toEqual(['valid', 'valid']);
  const kid = second.latchkey.signingKeys.signer('ES256').kid;
  const rotated = await first.call('/v1/signing-keys/rotate', { key: first.rootKey, json: { emergency: true } });
  expect(await verdictOf(first, token)).toBe('401 token_revoked');
  await vi.waitFor(async () => expect(await verdictOf(second, token)).toBe('401 token_revoked'), {
    timeout: 3000,
    interval: 20,
  });
  expect(second.latchkey.signingKeys.signer('ES256').kid).toBe(rotated.json.id);
  const { keys } = (await second.call('/.well-known/jwks.json', { key: null })).json;
  expect(keys.map((key: { kid: string }) => key.kid)).not.toContain(kid);
});
