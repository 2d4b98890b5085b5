import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { type App, allow, answerOf, decide, newApp, personAtBrowser, REDIRECT, requestPath } from './authorizing.ts';
import { codeFor, consented, newClient, post, type TestClient, token, withCode, withRefresh } from './clients.ts';

const clock = manualClock();
let server: TestServer;
let app: App;
let web: TestClient;
let service: TestClient;
let person: Person;
beforeAll(async () => {
  server = await startServer({ clock });
  app = await newApp(server);
  web = await newClient(server);
  service = await newClient(server, { type: 'service' });
  person = await newPerson(server);
});
afterAll(stopServers);

const revoke = (client: TestClient, text: string) => post(server, '/oauth/revoke', { token: text }, { client });
const ask = (params: Record<string, string>) => person.call(requestPath(app, params));

async function withdrawn(): Promise<void> {
  const { client, person: owner } = await personAtBrowser(server);
  await allow(client, app);
  const { json } = await owner.call(`/v1/grants?user_id=${owner.userId}`);
  const headers = { origin: server.issuer, 'content-type': 'application/json' };
  expect((await owner.call(`/v1/grants/${json.data[0].id}`, { method: 'DELETE', headers })).status).toBe(204);
}

/** What is done; what counts it; what the audit log says of it. Client credentials and refusals change nothing to tell of. */
const CASES: [what: string, act: () => Promise<unknown>, series: string, event: string | null][] = [
  [
    'a code for who said yes before',
    () => codeFor(person, web),
    'latchkey_authorizations_total{outcome="code"}',
    'grant.created',
  ],
  [
    'yes at the page',
    async () => allow((await personAtBrowser(server)).client, app),
    'latchkey_authorizations_total{outcome="code"}',
    'grant.created',
  ],
  [
    'no at the page',
    async () => {
      const { client } = await personAtBrowser(server);
      const reply = await decide(client, await client.visit(requestPath(app)), 'deny');
      expect(answerOf(reply)).toMatchObject({ error: 'access_denied' });
    },
    'latchkey_authorizations_total{outcome="access_denied"}',
    'authorization.denied',
  ],
  [
    'a request that the application is told is wrong',
    async () => expect(answerOf(await ask({ scope: 'nothing' }))).toMatchObject({ error: 'invalid_scope' }),
    'latchkey_authorizations_total{outcome="invalid_scope"}',
    null,
  ],
  [
    'a request that nobody can be told of',
    async () => expect((await ask({ redirect_uri: `${REDIRECT}/elsewhere` })).status).toBe(400),
    'latchkey_authorizations_total{outcome="invalid_request"}',
    null,
  ],
  [
    'a code redeemed',
    async () => token(server, web, withCode(await codeFor(person, web))),
    'latchkey_token_grants_total{grant_type="authorization_code",outcome="granted"}',
    'access_token.issued',
  ],
  [
    'a code that never was',
    () => token(server, web, withCode('x'.repeat(43))),
    'latchkey_token_grants_total{grant_type="authorization_code",outcome="invalid_grant"}',
    null,
  ],
  [
    'a refresh',
    async () => token(server, web, withRefresh((await consented(server, person, web)).refresh_token)),
    'latchkey_token_grants_total{grant_type="refresh_token",outcome="granted"}',
    'access_token.issued',
  ],
  [
    'a refresh refused',
    () => token(server, web, withRefresh('lk_rt_unknown')),
    'latchkey_refresh_failures_total',
    null,
  ],
  [
    'an application for itself',
    () => token(server, service, { grant_type: 'client_credentials', scope: 'read' }),
    'latchkey_token_grants_total{grant_type="client_credentials",outcome="granted"}',
    null,
  ],
  [
    'a client that is not who it says',
    () => token(server, { ...service, secret: 'wrong' }, { grant_type: 'client_credentials' }),
    'latchkey_token_grants_total{grant_type="client_credentials",outcome="invalid_client"}',
    null,
  ],
  [
    'an assertion refused',
    () => token(server, service, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'x' }),
    'latchkey_token_grants_total{grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",outcome="invalid_grant"}',
    null,
  ],
  [
    'a token revoked',
    async () => revoke(web, (await consented(server, person, web)).refresh_token),
    'latchkey_token_revocations_total{token_type="refresh_token"}',
    'token_family.revoked',
  ],
  [
    'nothing to revoke',
    () => revoke(web, 'lk_rt_unknown'),
    'latchkey_token_revocations_total{token_type="none"}',
    null,
  ],
  ['a grant withdrawn', withdrawn, 'latchkey_grants_withdrawn_total', 'grant.revoked'],
];

async function counted(series: string): Promise<number> {
  const { text } = await server.call('/metrics', { key: server.rootKey });
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

async function told(): Promise<string[]> {
  const { read } = server.latchkey.database;
  return (await read.selectFrom('audit_events').select('action').orderBy('seq').execute()).map(({ action }) => action);
}

test.each(CASES)('%s is counted, and told where something has changed', async (_what, act, series, event) => {
  clock.advance(1000);
  const [before, toldBefore] = [await counted(series), await told()];
  await act();
  expect(await counted(series)).toBe(before + 1);
  const since = (await told()).slice(toldBefore.length);
  if (event !== null) expect(since).toContain(event);
  else expect(since.filter((action) => /^(grant|access_token|token_family|authorization)\./.test(action))).toEqual([]);
});
