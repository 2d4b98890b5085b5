import { mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const mint = (kind: SecretKind) => mintSecret(kind, (count) => crypto.getRandomValues(new Uint8Array(count)));
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { LATCHKEY_LOG_LEVEL: 'trace' } });
});

const verify = async (headers: Record<string, string>) => {
  const { status, json } = await server.call('/v1/auth/verify', { key: null, headers });
  return [status, json.error];
};
const verifyRaw = async (...headers: string[]) => {
  const [reply] = await sendRaw(server, request('GET /v1/auth/verify', headers));
  return [reply?.status, reply?.json.error];
};

describe('one credential', () => {
  test.each(['Bearer KEY', 'bearer KEY', 'BEARER KEY', 'Bearer   KEY', 'Bearer KEY   '])(
    'as Authorization: %s',
    async (value) => {
      expect(await verifyRaw(`Authorization: ${value.replace('KEY', server.key)}`)).toEqual([200, undefined]);
    },
  );

  test('as X-API-Key, in any case', async () => {
    for (const name of ['X-API-Key', 'x-api-key', 'X-Api-KEY']) {
      expect(await verifyRaw(`${name}: ${server.key}`)).toEqual([200, undefined]);
    }
  });

  test('as root, by either header', async () => {
    expect(await verify({ authorization: `Bearer ${server.rootKey}` })).toEqual([200, undefined]);
    expect(await verify({ 'x-api-key': server.rootKey })).toEqual([200, undefined]);
  });

  test('none at all', async () => {
    expect(await verify({})).toEqual([401, 'missing_token']);
  });

  test.each([
    ['Basic', () => `Basic ${Buffer.from(`user:${server.key}`).toString('base64')}`],
    ['Basic with the key itself', () => `Basic ${server.key}`],
    ['DPoP', () => `DPoP ${server.key}`],
    ['no scheme', () => server.key],
    ['a scheme alone', () => 'Bearer'],
    ['two words', () => `Bearer ${server.key} ${server.key}`],
    ['a list', () => `Bearer ${server.key}, Bearer ${server.key}`],
    ['a colon', () => `Bearer: ${server.key}`],
    ['quotes', () => `Bearer "${server.key}"`],
    ['nothing', () => ''],
  ])('%s is no credential of ours', async (_, value) => {
    expect(await verifyRaw(`Authorization: ${value()}`)).toEqual([401, 'invalid_token']);
  });

  test.each([
    ['a wrong checksum', () => `${server.key.slice(0, -1)}${server.key.endsWith('0') ? '1' : '0'}`],
    ['one letter missing', () => server.key.slice(0, -1)],
    ['one letter too many', () => `${server.key}0`],
    ['padding', () => `${server.key}====`],
    ['another case', () => server.key.toUpperCase()],
    ['the other environment', () => server.key.replace('sk_test_', 'sk_live_')],
    ['a lookalike letter', () => server.key.replace('sk_', 'ѕk_')],
    ['well formed and unknown', () => mint('secret_test')],
    ['well formed and live', () => mint('restricted_live')],
    ['another maker', () => 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'],
    ['a JWT', () => 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.'],
    ['a root key that is not ours', () => mint('root')],
    ['SQL', () => "'OR'1'='1"],
    ['one letter', () => 'x'],
    ['15 KiB', () => 'x'.repeat(15 * 1024)],
    ['15 KiB behind our prefix', () => `sk_test_${'0'.repeat(15 * 1024)}`],
    ['letters of Latin-1', () => 'sk_test_äöü'],
  ])('%s is invalid_token by either header', async (_, text) => {
    const latin1 = Buffer.from(text()).toString('latin1');
    expect(await verifyRaw(`Authorization: Bearer ${latin1}`)).toEqual([401, 'invalid_token']);
    expect(await verifyRaw(`X-API-Key: ${latin1}`)).toEqual([401, 'invalid_token']);
  });

  test('a key of 1 MB ends the connection before anything reads it', async () => {
    for (const header of ['Authorization: Bearer ', 'X-API-Key: ']) {
      const [reply] = await sendRaw(server, request('GET /v1/auth/verify', [header + 'a'.repeat(1024 * 1024)]));
      expect([reply?.status, reply?.json.error.reason]).toEqual([413, 'payload_too_large']);
    }
    expect(await verify({ authorization: `Bearer ${server.key}` })).toEqual([200, undefined]);
  });

  test.each([
    ['client_secret', 'exchange it for a token first'],
    ['refresh_token', 'exchange it for an access token first'],
    ['registration_token', 'A registration token does not call the API'],
  ] as const)('a %s is told from a key', async (kind, hint) => {
    const reply = await server.call('/v1/auth/verify', { key: mint(kind) });
    expect([reply.status, reply.json.error]).toEqual([401, 'invalid_token']);
    expect(reply.json.message).toContain(hint);
    const malformed = await server.call('/v1/auth/verify', { key: `${SECRET_PREFIXES[kind]}${'0'.repeat(46)}` });
    expect(malformed.json.message).toBe('Invalid API key provided');
  });

  test('a wrong checksum is refused without asking the database', async () => {
    const cut = await startServer();
    await cut.latchkey.database.write(({ query }) => query.schema.alterTable('api_keys').renameTo('hidden').execute());
    expect((await cut.call('/v1/auth/verify', { key: mint('secret_test') })).status).toBe(500);
    const reply = await cut.call('/v1/auth/verify', { key: `sk_test_${'0'.repeat(46)}` });
    expect([reply.status, reply.json.error]).toEqual([401, 'invalid_token']);
    await cut.latchkey.database.write(({ query }) => query.schema.alterTable('hidden').renameTo('api_keys').execute());
  });
});

describe('two credentials', () => {
  const bearer = (key = server.key) => `Authorization: Bearer ${key}`;

  test('of one line each', async () => {
    const other = mint('secret_test');
    expect(await verifyRaw(bearer(), bearer())).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(bearer(), bearer(other))).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(bearer(other), bearer())).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(bearer(), 'authorization: Basic eDp5')).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(bearer(), 'Authorization:')).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(`X-API-Key: ${server.key}`, `x-api-key: ${server.key}`)).toEqual([
      400,
      'ambiguous_credentials',
    ]);
    expect(await verifyRaw(bearer(), `X-API-Key: ${server.key}`, `X-API-Key: ${server.key}`)).toEqual([
      400,
      'ambiguous_credentials',
    ]);
  });

  test('in both headers are one when they are the same, else ambiguous', async () => {
    const authorization = `Bearer ${server.key}`;
    expect(await verify({ authorization, 'x-api-key': server.key })).toEqual([200, undefined]);
    for (const key of [server.rootKey, mint('secret_test'), server.key.toLowerCase(), 'x', '']) {
      expect(await verify({ authorization, 'x-api-key': key })).toEqual([400, 'ambiguous_credentials']);
    }
  });

  test('and the choice is not made by the order of headers', async () => {
    const key = `X-API-Key: ${mint('secret_test')}`;
    expect(await verifyRaw(key, bearer())).toEqual([400, 'ambiguous_credentials']);
    expect(await verifyRaw(bearer(), key)).toEqual([400, 'ambiguous_credentials']);
  });
});

describe('a credential in the URL', () => {
  const encode = (text: string) =>
    [...text].map((char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
  const SECRET = mint('secret_live');
  const queries = [
    'access_token=x',
    'api_key=x',
    'API_KEY=x',
    'access_token',
    '%61ccess_token=x',
    'a=1&api%5Fkey=',
    `key=${SECRET}`,
    `x=${encode(SECRET)}`,
    `x=${SECRET.replaceAll('_', '%5F')}`,
    `${SECRET}`,
    `${SECRET}=1`,
    `next=https://example.com/?k=${SECRET}`,
    `a=1;${SECRET}`,
    `x=${mint('root')}`,
    `x=${mint('refresh_token')}`,
    `x=Bearer+${SECRET}`,
  ];

  test.each(queries.map((query) => [query.slice(0, 20), query]))(
    '?%s… is refused, whatever the header says',
    async (_, query) => {
      for (const key of [server.key, null]) {
        for (const path of ['/v1/auth/verify', '/v1/api-keys', '/v1/projects']) {
          const reply = await server.call(`${path}?${query}`, { key });
          expect([reply.status, reply.json.error]).toEqual([400, 'invalid_request']);
          expect(reply.json.message).toContain('header');
          expect(reply.text).not.toContain(SECRET);
        }
      }
      const posted = await server.call(`/v1/projects?${query}`, { json: { name: 'by-url' } });
      expect(posted.status).toBe(400);
    },
  );

  test('nor is it in any log line, whole or encoded, also on paths that nobody serves', async () => {
    for (const query of queries) await server.call(`/nowhere/${SECRET}?${query}`);
    for (const query of queries) await server.call(`/%zz${SECRET}?${query}`);
    await server.call(`/v1/projects/${SECRET}`);
    expect(server.logLines.length).toBeGreaterThan(50);
    const log = server.logLines.join('\n');
    for (const text of [SECRET, SECRET.slice(8, 54), encode(SECRET), SECRET.replaceAll('_', '%5F')]) {
      expect(log).not.toContain(text);
    }
  });

  test('is not seen where there is none', async () => {
    for (const query of ['external_id=sk_test_short', 'external_id=api_key', 'external_id=access_token']) {
      expect((await server.call(`/v1/api-keys?${query}`)).status).toBe(200);
    }
  });
});
