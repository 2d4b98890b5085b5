import { afterEach, describe, expect, test } from 'vitest';
import type { CodeRedemption } from '../../src/oauth/index.ts';
import { DATABASES, freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsOf, startFamily, verdictOf as tokenVerdict } from '../tokens/issuing.ts';
import { runTogether } from '../workers/run-together.ts';
import { type App, allow, codesOf, newApp, personAtBrowser, redeem, requestPath, verdictOf } from './authorizing.ts';
import type { CodesResult, CodesWork } from './codes-worker.ts';

afterEach(stopServers);

type Redeemed = Extract<CodeRedemption, { outcome: 'redeemed' }>['code'];

/** Redeems a code and gives tokens for it, in one transaction, as the token endpoint does. */
async function redeemForTokens(server: TestServer, app: App, text: string, isFamily: boolean) {
  const { code } = (await redeem(server, app, text)) as { code: Redeemed };
  const { tokens, database } = server.latchkey;
  const { userId, clientId, grantId, workspaceId, environment, audience, scopes } = code;
  const shared = { clientId, grantId, workspaceId, environment, audience, scopes, epoch: tokens.epoch() };
  const pair = isFamily ? await startFamily(server, { ...shared, userId, rotation: 'none' }) : null;
  const access = pair?.accessToken ?? tokens.mintAccessToken({ ...shared, subject: userId });
  const given = {
    codeHash: code.codeHash,
    familyId: pair?.family.id ?? null,
    accessTokenId: claimsOf(access.text).jti,
    accessTokenExpMs: access.expiresAtMs,
  };
  await database.write((tx) => codesOf(server).noteGiven(tx, given));
  return { access: access.text, refresh: pair?.refreshToken.text };
}

async function newCode(server: TestServer) {
  const app = await newApp(server);
  const { client, person } = await personAtBrowser(server);
  return { app, client, person, text: await allow(client, app) };
}

const reuses = async (server: TestServer) =>
  (
    await server.latchkey.database.read
      .selectFrom('audit_events')
      .select('target_id')
      .where('action', '=', 'authorization_code.reused')
      .execute()
  ).length;

describe.each(DATABASES)('codes on %s', (database) => {
  test('C11: a second use ends what the first gave, once told, however often it is tried', async () => {
    const server = await startServer({ database });
    for (const isFamily of [true, false]) {
      const { app, text } = await newCode(server);
      const { access } = await redeemForTokens(server, app, text, isFamily);
      expect(await tokenVerdict(server, access)).toBe('valid');
      expect(verdictOf(await redeem(server, app, text))).toBe('used');
      expect(await tokenVerdict(server, access)).toBe('401 token_revoked');
      expect(verdictOf(await redeem(server, app, text))).toBe('used');
    }
    expect(await reuses(server)).toBe(2);
  });

  test('C12: of fifty at once one gets it, and what it gave ends', async () => {
    const server = await startServer({ database });
    const { app, text } = await newCode(server);
    const all = await Promise.all(Array.from({ length: 50 }, () => redeem(server, app, text)));
    const verdicts = all.map(verdictOf);
    expect(verdicts.filter((verdict) => verdict === 'redeemed')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'used')).toHaveLength(49);
  });

  test('C13 to C16: what does not fit is refused, and the code is unharmed', async () => {
    const server = await startServer({ database });
    const { app, text } = await newCode(server);
    const other = await newApp(server);
    expect(verdictOf(await redeem(server, other, text))).toBe('other_client');
    expect(verdictOf(await redeem(server, app, `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`))).toBe(
      'unknown',
    );
    for (const redirectUri of ['https://app.example/cb2', null]) {
      expect(verdictOf(await redeem(server, app, text, { redirectUri }))).toBe('redirect_uri');
    }
    for (const verifier of [null, '', 'short', 'a'.repeat(43), `${'a'.repeat(43)}=`]) {
      expect(verdictOf(await redeem(server, app, text, { verifier })), verifier ?? 'none').toBe('verifier');
    }
    expect(verdictOf(await redeem(server, app, text))).toBe('redeemed');
    expect(await reuses(server)).toBe(0);

    const { client } = await personAtBrowser(server);
    const plain = await allow(client, app, { code_challenge: null, code_challenge_method: null });
    for (const verifier of ['a'.repeat(43), 'short', '']) {
      expect(verdictOf(await redeem(server, app, plain, { verifier })), verifier).toBe('verifier');
    }
    expect(verdictOf(await redeem(server, app, plain, { verifier: null }))).toBe('redeemed');
  });

  test('sixty seconds, and not one more', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const { app, text, client } = await newCode(server);
    clock.advance(59_999);
    expect(verdictOf(await redeem(server, app, text))).toBe('redeemed');
    const another = new URL((await client.get(requestPath(app))).headers.get('location') ?? '');
    clock.advance(60_000);
    expect(verdictOf(await redeem(server, app, another.searchParams.get('code') ?? ''))).toBe('expired');
  });

  test('C17: what is a code is nothing else, and nothing else is a code', async () => {
    const server = await startServer({ database });
    const { app, text, client } = await newCode(server);
    expect((await client.get(`/oauth/consent?request=${text}`)).status).toBe(410);
    const page = await client.visit(requestPath(app, { prompt: 'consent' }));
    const request = /name="request" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    expect(verdictOf(await redeem(server, app, request))).toBe('unknown');
    expect(verdictOf(await redeem(server, app, client.cookies.get('latchkey_session') ?? ''))).toBe('unknown');
  });

  test('a grant that is withdrawn takes its codes along', async () => {
    const server = await startServer({ database });
    const { app, text, person } = await newCode(server);
    const { json } = await person.call(`/v1/grants?user_id=${person.userId}`);
    const headers = { origin: server.issuer, 'content-type': 'application/json' };
    const gone = await person.call(`/v1/grants/${json.data[0].id}`, { method: 'DELETE', headers });
    expect(gone.status, gone.text).toBe(204);
    expect(verdictOf(await redeem(server, app, text))).toBe('withdrawn');
  });

  test('O13: pruning leaves what can still be redeemed or used twice', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const { app, text } = await newCode(server);
    const count = async () =>
      (await server.latchkey.database.read.selectFrom('authorization_codes').select('code_hash').execute()).length;
    await redeem(server, app, text);
    clock.advance(5 * 60_000);
    await codesOf(server).prune();
    expect(await count()).toBe(1);
    expect(verdictOf(await redeem(server, app, text))).toBe('used');
    clock.advance(2 * 60_000);
    await codesOf(server).prune();
    expect(await count()).toBe(0);
  });
});

test('C12: of fifty in two processes on PostgreSQL one gets it', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
  const server = await startServer({ database: 'postgres', env });
  const { app, text } = await newCode(server);
  const work: CodesWork = {
    url: env.LATCHKEY_DATABASE_URL,
    dataDir: server.dataDir,
    calls: 25,
    clientId: app.id,
    text,
  };
  const results = await runTogether<CodesResult>('../oauth/codes-worker.ts', [work, work]);
  const verdicts = results.flatMap(({ answers }) => answers);
  expect(verdicts.filter((verdict) => verdict === 'redeemed')).toHaveLength(1);
  expect(verdicts.filter((verdict) => verdict === 'used')).toHaveLength(49);
  const ended = await server.latchkey.database.read.selectFrom('denied_tokens').select('jti').execute();
  expect(ended).toHaveLength(1);
  expect(await reuses(server)).toBe(1);
});
