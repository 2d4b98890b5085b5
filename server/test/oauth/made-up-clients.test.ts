import { afterEach, expect, test } from 'vitest';
import { UNKNOWN_CLIENTS_PER_HOUR } from '../../src/applications/index.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { basic } from './client-auth.ts';

afterEach(stopServers);

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const ask = (server: TestServer, path: string, params: Record<string, string>, headers: Record<string, string> = {}) =>
  server.call(path, { key: null, body: new URLSearchParams(params).toString(), headers: { ...FORM, ...headers } });

const unsigned = (iss: string) =>
  ['{"alg":"ES256"}', JSON.stringify({ iss }), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** One of each way to name a client that there is none of. */
async function nameSome(server: TestServer, name: string): Promise<number[]> {
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const replies = [
    await ask(server, '/oauth/token', { grant_type: 'client_credentials', client_id: name, client_secret: 'x' }),
    await ask(server, '/oauth/token', { client_id: name }),
    await ask(server, '/oauth/token', { grant_type: 'client_credentials' }, { authorization: basic(name, 'x') }),
    await ask(server, '/oauth/token', { grant_type: 'client_credentials' }, { authorization: basic(`${name}\0`, 'x') }),
    await ask(server, '/oauth/revoke', { token: 'x', client_id: name }),
    await ask(server, '/oauth/introspect', {
      token: 'x',
      client_assertion: unsigned(name),
      client_assertion_type: type,
    }),
  ];
  return replies.map(({ status }) => status);
}

test('C10, M5: made-up clients are counted as one, however many there are', async () => {
  const server = await startServer({ database: 'postgres' });
  const buckets = async () => {
    const all = await server.latchkey.database.read.selectFrom('limit_buckets').select('bucket').execute();
    return all.map(({ bucket }) => bucket).filter((bucket) => bucket.startsWith('ip:'));
  };
  expect(await nameSome(server, 'nobody')).toEqual([401, 400, 401, 401, 401, 401]);
  const few = await buckets();
  expect(few.length).toBeGreaterThan(0);
  for (let turn = 0; turn < 20; turn += 1) {
    await nameSome(server, `nobody-${turn}`);
    await nameSome(server, `app_${String(turn).padStart(24, '0')}`);
    await nameSome(server, `https://client-${turn}.example/metadata.json`);
  }
  expect((await buckets()).filter((bucket) => !bucket.startsWith('ip:document:')).sort()).toEqual(few.sort());
});

test('C10: who makes up clients without end is told to wait; people sign in all the while', async () => {
  const server = await startServer();
  const made = (turn: number) =>
    ask(server, '/oauth/revoke', { token: 'x', client_id: `nobody-${turn}`, client_secret: 'x' });
  const replies = await Promise.all(Array.from({ length: UNKNOWN_CLIENTS_PER_HOUR + 5 }, (_, turn) => made(turn)));
  expect(replies.filter(({ status }) => status === 401)).toHaveLength(UNKNOWN_CLIENTS_PER_HOUR);
  expect(replies.filter(({ status }) => status === 429)).toHaveLength(5);
  const { email = '', password = '' } = server.firstStart?.owner ?? {};
  const login = await server.call('/v1/auth/login', { key: null, json: { username: email, password } });
  expect(login.status).toBe(200);
});
