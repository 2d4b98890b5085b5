import { afterEach, describe, expect, test } from 'vitest';
import { PUBLISHED_FIRST_MS } from '../../src/signing-keys/key.ts';
import { DATABASES, freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson } from '../people/browser.ts';
import { codeFor, consented, newClient, refusal, token, withCode, withRefresh } from './clients.ts';
import { own, PUBLIC, registered } from './registering.ts';

afterEach(stopServers);

const RS256 = { id_token_signed_response_alg: 'RS256' };
const algOf = (text: string) => JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).alg;

async function kinds(server: TestServer): Promise<string[]> {
  const { keys } = (await server.call('/.well-known/jwks.json', { key: null })).json;
  return [...new Set<string>(keys.map(({ kty }: { kty: string }) => kty))];
}

describe.each(DATABASES)('id_token_signed_response_alg on %s', (database) => {
  test('RS256: a key is published first, signs then, and is there again after the keys were lost', async () => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const clock = manualClock();
    const server = await startServer({ database, env, clock });
    expect(await kinds(server)).toEqual(['EC']);
    const client = await newClient(server, RS256);
    expect(await kinds(server)).toEqual(['EC', 'RSA']);
    const person = await newPerson(server);
    const code = await codeFor(person, client);
    const early = await token(server, client, withCode(code));
    expect([early.status, early.json.error]).toEqual([503, 'temporarily_unavailable']);
    expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(300);
    // What needs no ID token does not wait for it, and the code was not used up.
    expect((await consented(server, person, client, { scope: 'read' })).access_token).toMatch(/^eyJ/);
    clock.advance(PUBLISHED_FIRST_MS);
    await server.latchkey.signingKeys.maintain();
    const given = await consented(server, person, client);
    expect([algOf(given.id_token), algOf(given.access_token)]).toEqual(['RS256', 'ES256']);
    expect(algOf((await token(server, client, withRefresh(given.refresh_token))).json.id_token)).toBe('RS256');
    // It names the person at the other endpoints as well as any.
    const out = await person.call(`/oauth/logout?id_token_hint=${given.id_token}`);
    expect(out.status).toBe(303);
    await server.latchkey.database.write((tx) =>
      tx.query.deleteFrom('signing_keys').where('algorithm', '=', 'RS256').execute(),
    );
    await server.stop();
    const again = await startServer({ database, env, clock, dataDir: server.dataDir });
    expect(await kinds(again)).toEqual(['EC', 'RSA']);
  });

  test('changes by PATCH, from the next token on', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const client = await newClient(server);
    const person = await newPerson(server);
    const set = async (id_token_signed_response_alg: string) => {
      const json = { id_token_signed_response_alg, workspace_id: server.workspaceId };
      const path = `/v1/applications/${client.id}`;
      const reply = await server.call(path, { method: 'PATCH', key: server.rootKey, json });
      expect([reply.status, reply.json.id_token_signed_response_alg]).toEqual([200, id_token_signed_response_alg]);
    };
    expect(algOf((await consented(server, person, client)).id_token)).toBe('ES256');
    await set('RS256');
    clock.advance(PUBLISHED_FIRST_MS);
    await server.latchkey.signingKeys.maintain();
    expect(algOf((await consented(server, person, client)).id_token)).toBe('RS256');
    await set('ES256');
    expect(algOf((await consented(server, person, client)).id_token)).toBe('ES256');
  });
});

test('a client that registers itself says it too, and is told which it got', async () => {
  const server = await startServer();
  const usual = await registered(server);
  expect(usual.id_token_signed_response_alg).toBe('ES256');
  const { client_id: id, registration_access_token: rat, ...made } = await registered(server, { ...PUBLIC, ...RS256 });
  expect(made.id_token_signed_response_alg).toBe('RS256');
  expect(await kinds(server)).toEqual(['EC', 'RSA']);
  const put = (more: object) => own(server, id, rat, 'PUT', { ...PUBLIC, client_id: id, ...more });
  expect((await put({})).json.id_token_signed_response_alg).toBe('ES256');
  expect(refusal(await put({ id_token_signed_response_alg: 'none' }))).toEqual([400, 'invalid_client_metadata']);
});
