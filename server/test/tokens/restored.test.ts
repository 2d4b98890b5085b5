import { afterEach, expect, test } from 'vitest';
import { type Aftermath, settleRestored } from '../../src/backup/aftermath.ts';
import type { RecordedEvent } from '../../src/backup/index.ts';
import { MIGRATIONS, openDatabase } from '../../src/compose.ts';
import type { Database } from '../../src/database/index.ts';
import { createLog } from '../../src/log.ts';
import { DATABASES, freshPostgres, manualClock, stopServers, type TestServer } from '../harness.ts';
import { codeFor, newClient, refusal, token, withCode } from '../oauth/clients.ts';
import { newPerson } from '../people/browser.ts';
import { ISSUER, register, SECRET, signJwt } from '../trusted-issuers/issuing.ts';
import { mint, randomBytes, refresh, refusalOf, startFamily, startServer, verdictOf } from './issuing.ts';

afterEach(stopServers);

/** What a restore does last, before a server may start. */
function settle({ clock, config }: TestServer, restored: Database, events: RecordedEvent[] = []): Promise<Aftermath> {
  const deps = {
    clock,
    randomBytes,
    version: 'test',
    environment: {},
    keys: config.encryptionKeys,
    envelope: null,
    migrations: MIGRATIONS,
    sealedColumns: [],
    openDatabase: async () => restored,
  };
  const manifest = { id: 'backup', created_at: '2030-01-01T00:00:00Z' } as Parameters<typeof settleRestored>[2];
  return settleRestored(deps, restored, manifest, { events, disableKeys: false });
}

test.each(DATABASES)(
  'after a restore on %s no token of before is worth anything, and new ones are',
  async (database) => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const clock = manualClock();
    const server = await startServer({ database, env, clock });
    const { refreshToken, accessToken } = await startFamily(server);
    const opaque = { name: 'Orders', audience: 'https://orders.example', token_format: 'opaque' };
    expect((await server.call('/v1/resources', { key: server.rootKey, json: opaque })).status).toBe(201);
    const other = await startFamily(server, { audience: opaque.audience });
    expect(other.accessToken.text).toMatch(/^lk_at_/);
    const kids = server.latchkey.signingKeys.current().rows.map(({ kid }) => kid);
    await server.stop();
    const restored = openDatabase(server.config, createLog('error', { write: () => {} }));
    await settle(server, restored);
    await restored.close();
    const again = await startServer({ database, env, clock, dataDir: server.dataDir });
    expect(await verdictOf(again, accessToken.text)).toBe('401 invalid_token');
    expect(await verdictOf(again, other.accessToken.text)).toBe('401 invalid_token');
    expect(await again.latchkey.database.read.selectFrom('opaque_tokens').selectAll().execute()).toEqual([]);
    expect(refusalOf(await refresh(again, refreshToken.text))).toBe('revoked');
    for (const { kid } of again.latchkey.signingKeys.current().rows) expect(kids).not.toContain(kid);
    expect(await verdictOf(again, mint(again, { workspaceId: server.workspaceId }))).toBe('valid');
  },
);

const BY_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

test.each(DATABASES)(
  'after a restore on %s no code of before is redeemed, and no assertion that was used after the backup is used again',
  async (database) => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const clock = manualClock();
    const server = await startServer({ database, env, clock });
    const web = await newClient(server);
    const person = await newPerson(server);
    const code = await codeFor(person, web);
    const other = await newPerson(server);
    const byJwt = { type: 'service', token_endpoint_auth_method: 'client_secret_jwt', self_signed_jwt: true };
    const service = await newClient(server, byJwt);
    await register(server, { secret: SECRET });
    let count = 0;
    const sign = (from: Record<string, unknown>, key: string) => {
      count += 1;
      const iat = Math.floor(clock.nowMs() / 1000);
      const claims = { aud: server.issuer, iat, exp: iat + 120, jti: `j${count}`, ...from };
      return signJwt(key, { alg: 'HS256', typ: 'JWT' }, claims);
    };
    const own = (more: object = {}) => sign({ iss: service.id, sub: service.id, ...more }, service.secret ?? '');
    const theirs = (more: object = {}) => sign({ iss: ISSUER, sub: 'robot', ...more }, SECRET);
    const prove = (at: TestServer, client_assertion: string, more: object = {}) =>
      token(at, null, {
        grant_type: 'client_credentials',
        client_assertion_type: BY_ASSERTION,
        client_assertion,
        ...more,
      });
    const exchange = (at: TestServer, assertion: string) => prove(at, own(), { grant_type: JWT_BEARER, assertion });
    const [proof, grant] = [own(), theirs()];
    expect([(await prove(server, proof)).status, (await exchange(server, grant)).status]).toEqual([200, 200]);
    const lasting = theirs({ iat: undefined, exp: Math.floor(clock.nowMs() / 1000) + 3600 });
    await server.stop();
    const restored = openDatabase(server.config, createLog('error', { write: () => {} }));
    // The backup is from before those were used.
    for (const table of ['client_assertions', 'used_assertions'] as const) {
      await restored.write((tx) => tx.query.deleteFrom(table).execute());
    }
    const [allowed] = await restored.read.selectFrom('grants').select('id').execute();
    const targetId = allowed?.id ?? '';
    const withdrawn = { id: 'evt_later', action: 'grant.revoked', targetId, atMs: clock.nowMs(), data: {} };
    const gone = { ...withdrawn, id: 'evt_last', action: 'user.disabled', targetId: person.userId };
    const settled = await settle(server, restored, [withdrawn, gone]);
    expect(settled).toMatchObject({ endedGrants: 1, disabledPeople: 1, otherChanges: 0 });
    await restored.close();
    const again = await startServer({ database, env, clock, dataDir: server.dataDir });
    expect((await again.call('/v1/grants', { key: server.rootKey })).json.data).toEqual([]);
    const account = await again.call(`/v1/users/${person.userId}`, { key: server.rootKey });
    expect(account.json.state).toBe('disabled');
    const cookie = [...other.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    expect((await again.call('/v1/account', { key: null, headers: { cookie } })).status).toBe(401);
    expect(refusal(await token(again, web, withCode(code)))).toEqual([400, 'invalid_grant']);
    expect(refusal(await prove(again, proof))).toEqual([401, 'invalid_client']);
    expect(refusal(await prove(again, own()))).toEqual([401, 'invalid_client']);
    clock.advance(31_000);
    expect(refusal(await prove(again, proof))).toEqual([401, 'invalid_client']);
    expect(refusal(await exchange(again, grant))).toEqual([400, 'invalid_grant']);
    expect(refusal(await exchange(again, lasting))).toEqual([400, 'invalid_grant']);
    // Made after it, they work, and once.
    const fresh = own();
    expect((await prove(again, fresh)).status).toBe(200);
    expect(refusal(await prove(again, fresh))).toEqual([401, 'invalid_client']);
    expect((await exchange(again, theirs())).status).toBe(200);
    // Without a time of its making: once none of before can be left.
    const unsaid = () => own({ iat: undefined, exp: Math.floor(clock.nowMs() / 1000) + 60 });
    expect(refusal(await prove(again, unsaid()))).toEqual([401, 'invalid_client']);
    clock.advance(300_000);
    expect((await prove(again, unsaid())).status).toBe(200);
  },
);
